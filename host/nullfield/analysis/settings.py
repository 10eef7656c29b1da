"""How a recording is analysed; stored with the result."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from nullfield.analysis.data import UNCALIBRATED, SensorUncertainty


@dataclass(frozen=True)
class AnalysisSettings:
    """How a recording is analysed; stored with the result.

    Attributes
    ----------
    low_pass_hz : float
        Of the averaged beat and all that follows from it.
    mains_hz : float or None
        None: found out from the data.
    use_references : bool
        Regress reference heads out of the chest channels where that helps.
    least_reference_gain_db : float
        Least reduction on unseen quiet samples for the regression to be kept.
    noise_band_hz : (float, float)
    outward : (float, float, float) or None
        Direction away from the body in device coordinates; None: told from the array.
    uncertainty : SensorUncertainty
        How well gains, places and axes are known; it widens the confidence region of dipoles.
    resamples : int
        Of the bootstrap that gives features their intervals; 0 leaves the intervals out.
    seed : int
        Of that bootstrap.
    """

    low_pass_hz: float = 100.0
    mains_hz: float | None = None
    use_references: bool = True
    least_reference_gain_db: float = 0.5
    noise_band_hz: tuple[float, float] = (10.0, 100.0)
    outward: tuple[float, float, float] | None = None
    uncertainty: SensorUncertainty = field(default_factory=lambda: UNCALIBRATED)
    resamples: int = 400
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values, in the order of the attributes."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }
