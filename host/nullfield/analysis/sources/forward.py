"""What a forward model is: the field that channels see of unit dipoles in some conductor.

Models are in the working frame of the analysis (x right to left, y toward the head, z out of the
chest; metres). Where a model has a boundary, dipoles outside it, or too near to it to be computed
well, are refused; a search asks `clearance_m` how far it may go.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from nullfield.dsp.gaps import BoolArray, FloatArray
from nullfield.errors import AnalysisError

MU0_OVER_4PI_PT_M_PER_NA = 1e-7 * 1e12 * 1e-9
"""mu0/(4 pi) = 1e-7 T m/A, here for fields in pT and currents in nA."""


class ForwardModel(Protocol):
    """A conductor in which current dipoles lie."""

    @property
    def name(self) -> str:
        """For reports, for instance ``"half-space"``."""
        ...

    @property
    def is_normal_silent(self) -> bool:
        """True if a dipole along z makes no field anywhere outside."""
        ...

    def lead_field(
        self,
        positions_m: npt.ArrayLike,
        orientations: npt.ArrayLike,
        sources_m: npt.ArrayLike,
        *,
        is_checked: bool = True,
    ) -> FloatArray:
        """What channels see of unit dipoles along x, y and z.

        Parameters
        ----------
        positions_m, orientations : array_like, shape ``(n_channels, 3)``
        sources_m : array_like, shape ``(3,)`` or ``(n_sources, 3)``
        is_checked : bool
            False: sources outside the conductor get some number instead of an error.

        Returns
        -------
        numpy.ndarray, shape ``(n_channels, 3)`` or ``(n_sources, n_channels, 3)``
            pT/(nA m).

        Raises
        ------
        AnalysisError
            If a source or a channel is where the model does not hold.
        """
        ...

    def clearance_m(self, sources_m: npt.ArrayLike) -> FloatArray:
        """How far each source lies inside the part where the model holds, shape ``(n_sources,)``.

        Negative outside; infinite for a model without a boundary of its own.
        """
        ...


def project(field_lead: FloatArray, orientations: npt.ArrayLike) -> FloatArray:
    """From the three components, ``(..., n, 3, 3)``, to those along the channels, ``(..., n, 3)``."""
    along = np.asarray(orientations, dtype=np.float64)
    return np.asarray((field_lead * along[:, :, None]).sum(axis=-2))


def refuse_outside(model: ForwardModel, sources_m: npt.ArrayLike) -> None:
    """Refuse sources where a model does not hold.

    Raises
    ------
    AnalysisError
        Naming the worst source.
    """
    sources = np.atleast_2d(np.asarray(sources_m, dtype=np.float64))
    clearance = model.clearance_m(sources)
    worst = int(np.argmin(clearance))
    if clearance[worst] < 0.0:
        place = ", ".join(f"{1e3 * value:.1f}" for value in sources[worst])
        raise AnalysisError(
            f"the source at ({place}) mm is outside the {model.name}, or too near to its surface"
            f" (by {-1e3 * clearance[worst]:.1f} mm)",
            "move the source inward, or check where the conductor lies and its unit",
        )


def refuse_inside(model: ForwardModel, is_inside: BoolArray, hint: str) -> None:
    """Refuse channels inside the conductor.

    Parameters
    ----------
    model : ForwardModel
    is_inside : numpy.ndarray of bool, shape ``(n_channels,)``
    hint : str
        What mends it for this model.

    Raises
    ------
    AnalysisError
        Naming how many.
    """
    if is_inside.any():
        raise AnalysisError(
            f"{int(is_inside.sum())} of {len(is_inside)} channels lie inside the {model.name}", hint
        )
