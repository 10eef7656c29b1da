"""How a recording is analysed; stored with the result."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from nullfield.analysis.cleaning.settings import CleaningSettings
from nullfield.analysis.data import UNCALIBRATED, SensorUncertainty
from nullfield.analysis.sources.model_choice import ModelChoice

ImageMethod = Literal["none", "minimum-norm", "sloreta", "sparse"]


@dataclass(frozen=True)
class AnalysisSettings:
    """How a recording is analysed; stored with the result.

    Attributes
    ----------
    low_pass_hz : float
        Of the averaged beat and all that follows from it.
    cleaning : CleaningSettings
        Which steps of cleaning run.
    noise_band_hz : (float, float)
    outward : (float, float, float) or None
        Direction away from the body in device coordinates; None: told from the array.
    model : ModelChoice
        Conductor that the body is taken for.
    image : str
        Current on the heart's surface at R: ``"none"``, ``"minimum-norm"``, ``"sloreta"`` or
        ``"sparse"``.
    uncertainty : SensorUncertainty
        How well gains, places and axes are known; it widens the confidence region of dipoles.
    resamples : int
        Of the bootstrap that gives features their intervals; 0 leaves the intervals out.
    seed : int
        Of that bootstrap.
    """

    low_pass_hz: float = 100.0
    cleaning: CleaningSettings = field(default_factory=CleaningSettings)
    noise_band_hz: tuple[float, float] = (10.0, 100.0)
    outward: tuple[float, float, float] | None = None
    model: ModelChoice = field(default_factory=ModelChoice)
    image: ImageMethod = "none"
    uncertainty: SensorUncertainty = field(default_factory=lambda: UNCALIBRATED)
    resamples: int = 200
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values, in the order of the attributes."""
        plain = {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }
        return {**plain, "model": self.model.to_json()}
