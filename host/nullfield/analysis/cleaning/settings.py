"""Which steps of cleaning run, and how."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

External = Literal["auto", "references", "homogeneous", "none"]
Gradiometers = Literal["none", "references", "pairs"]
HomogeneousMethod = Literal["guarded", "orthogonal"]


@dataclass(frozen=True)
class CleaningSettings:
    """Which steps of cleaning run, and how; stored with the result.

    Attributes
    ----------
    bad_channels : bool
        Find dead, stuck, clipped, noisy and unlike channels; later steps leave them out.
    mains : bool
        Remove mains and harmonics.
    mains_hz : float or None
        None: 50 or 60, found out from the data.
    mains_harmonics : int
        Most lines that are looked for, the fundamental counted.
    jumps : bool
        Take steps of single sensors away, and mark movements of the whole array.
    external : str
        ``"auto"``: reference heads where there are any, else the homogeneous field where the
        geometry allows. ``"references"``, ``"homogeneous"`` or ``"none"`` ask for one of them.
    least_gain_db : float
        A step against outer fields that would remove less between the beats is left out.
    reference_delays : int
        Samples of delay, to either side, that the regression may use; 0: none.
    reference_search : bool
        Find the delays, up to 8 samples to either side, and the ridge by cross-validation instead.
    homogeneous_order : int or None
        1 (uniform field, 3 terms), 2 (and gradients, 8) or 3 (and curvatures, 15). None: of those
        that leave the heart, the one that removes most between the beats.
    homogeneous_method : str
        ``"guarded"`` estimates the outer field with the heart's covariance as noise, so that the
        heart stays as it is; ``"orthogonal"`` is the projection of Tierney et al. 2021.
    gradiometers : str
        Synthetic gradiometers from ``"references"`` or ``"pairs"`` of chest channels.
    separation : bool
        Signal-space separation.
    separation_inner_order, separation_outer_order : int
        Highest degree of the inner expansion that is tried, and degree of the outer one.
    components : bool
        Independent components; needs scikit-learn.
    drift : bool
        Take the level between the beats away.
    """

    bad_channels: bool = True
    mains: bool = True
    mains_hz: float | None = None
    mains_harmonics: int = 8
    jumps: bool = True
    external: External = "auto"
    least_gain_db: float = 0.5
    reference_delays: int = 0
    reference_search: bool = False
    homogeneous_order: int | None = None
    homogeneous_method: HomogeneousMethod = "guarded"
    gradiometers: Gradiometers = "none"
    separation: bool = False
    separation_inner_order: int = 8
    separation_outer_order: int = 1
    components: bool = False
    drift: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values, in the order of the attributes."""
        return asdict(self)
