"""Coils and heads that are not what the rig file says, found by what the coils do at the heads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nullfield.room.coil_check import check_coils, coil_order
from nullfield.room.head_check import check_heads
from nullfield.room.wiring_fault import WiringFault

__all__ = ["WiringFault", "check_coils", "check_heads", "check_wiring", "coil_order"]

FloatArray = npt.NDArray[np.float64]


def check_wiring(
    response_pt_per_ma: FloatArray,
    uncertainty_pt_per_ma: FloatArray,
    field_pt_per_ma: FloatArray,
    position_m: FloatArray,
    axes: FloatArray,
    head_names: Sequence[str],
    coil_names: Sequence[str],
) -> tuple[WiringFault, ...]:
    """Name all coils and heads that are not as the rig file says.

    A head out of place makes coils look odd, and the other way round: coils are put into order,
    heads judged by them, and the coils again without the heads that were found.

    Parameters
    ----------
    response_pt_per_ma, uncertainty_pt_per_ma : numpy.ndarray, shape ``(n_heads, 3, n_coils)``
        Along the heads' axes; a head that is not finite throughout does not count.
    field_pt_per_ma : numpy.ndarray, shape ``(n_heads, 3, n_coils)``
        What the coils make at the heads' places by their drawings, head frame.
    position_m : numpy.ndarray, shape ``(n_heads, 3)``
    axes : numpy.ndarray, shape ``(n_heads, 3, 3)``
    head_names, coil_names : sequence of str

    Returns
    -------
    tuple of WiringFault
        Coils first; empty if all is well.
    """
    drawn = np.einsum("nak,nkc->nac", axes, field_pt_per_ma)
    order, sign = coil_order(response_pt_per_ma, uncertainty_pt_per_ma, drawn)
    # Column k of the drawings is made by the coil that stands at order[k].
    response = response_pt_per_ma[:, :, order] * sign
    sigma = uncertainty_pt_per_ma[:, :, order]
    heads = check_heads(response, sigma, field_pt_per_ma, position_m, axes, head_names)
    place = {name: number for number, name in enumerate(head_names)}
    odd = [place[name] for fault in heads for name in fault.names]
    sound = np.setdiff1d(np.arange(len(head_names)), odd)
    coils = check_coils(
        response_pt_per_ma[sound], uncertainty_pt_per_ma[sound], drawn[sound], coil_names
    )
    return (*coils, *heads)
