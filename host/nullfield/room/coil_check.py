"""Coils that are not what the rig file says, found by what they do at the heads.

The whole column of a coil's response is compared with the drawings of all coils: too small (open,
weak), of the wrong sign (reversed), or like another's (swapped).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from nullfield.room.wiring_fault import WiringFault

FloatArray = npt.NDArray[np.float64]

OPEN_SHARE = 0.05
WEAK_SHARE = 0.5
"""Of the drawn field; walls make a coil stronger by some 20 %, errors change it by 10 % at most."""
ALIKE = 0.8
"""Correlation with a drawing above which a coil counts as that one."""


def coil_order(
    response_pt_per_ma: FloatArray, uncertainty_pt_per_ma: FloatArray, drawn_pt_per_ma: FloatArray
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Which coil makes each drawing's field, and with which sign.

    Parameters
    ----------
    response_pt_per_ma, uncertainty_pt_per_ma, drawn_pt_per_ma : numpy.ndarray
        Shape ``(n_heads, 3, n_coils)``, as for `check_coils`.

    Returns
    -------
    order : numpy.ndarray of int, shape ``(n_coils,)``
    sign : numpy.ndarray, shape ``(n_coils,)``
        +1 or -1, of each drawing's coil.
    """
    alike, is_open, _ = _compare(response_pt_per_ma, uncertainty_pt_per_ma, drawn_pt_per_ma)
    match = _matches(np.abs(alike), is_open)
    order = np.argsort(match)
    likeness = alike[order, np.arange(len(order))]
    return order, np.where((likeness < 0.0) & ~is_open[order], -1.0, 1.0)


def _compare(
    response_pt_per_ma: FloatArray, uncertainty_pt_per_ma: FloatArray, drawn_pt_per_ma: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_], FloatArray]:
    """Likeness of every coil to every drawing, which are open, and their strength against each."""
    n_coils = response_pt_per_ma.shape[2]
    measured = response_pt_per_ma.reshape(-1, n_coils)
    sigma = uncertainty_pt_per_ma.reshape(-1, n_coils)
    drawn = drawn_pt_per_ma.reshape(-1, n_coils)
    usable = np.isfinite(measured).all(axis=1) & np.isfinite(sigma).all(axis=1)
    measured, sigma, drawn = measured[usable], sigma[usable], drawn[usable]
    size, full = np.linalg.norm(measured, axis=0), np.linalg.norm(drawn, axis=0)
    alike = (measured / np.maximum(size, 1e-30)).T @ (drawn / full)
    strength = size[:, None] / full
    is_unseen = size < 2.0 * np.linalg.norm(sigma, axis=0)
    # Over a small array a gradient coil makes a few per cent of a uniform one's field: little on
    # the uniform coil's channel may be all of the gradient coil's.
    others = ~np.eye(n_coils, dtype=np.bool_)
    is_anothers = ((np.abs(alike) > ALIKE) & (strength > WEAK_SHARE) & others).any(axis=1)
    is_open = is_unseen | ((size < OPEN_SHARE * full) & ~is_anothers)
    return alike, np.asarray(is_open), strength


def check_coils(
    response_pt_per_ma: FloatArray,
    uncertainty_pt_per_ma: FloatArray,
    drawn_pt_per_ma: FloatArray,
    names: Sequence[str],
) -> tuple[WiringFault, ...]:
    """Name coils that are open, weak, reversed, swapped or like no drawing.

    Parameters
    ----------
    response_pt_per_ma, uncertainty_pt_per_ma : numpy.ndarray, shape ``(n_heads, 3, n_coils)``
        Along the heads' axes; what is not finite does not count.
    drawn_pt_per_ma : numpy.ndarray, shape ``(n_heads, 3, n_coils)``
        The same by the drawings.
    names : sequence of str

    Returns
    -------
    tuple of WiringFault
    """
    alike, is_open, strength_of = _compare(
        response_pt_per_ma, uncertainty_pt_per_ma, drawn_pt_per_ma
    )
    faults: list[WiringFault] = []
    for k in np.flatnonzero(is_open).tolist():
        faults.append(
            WiringFault(
                "open", (names[k],),
                f"coil {names[k]} does nothing at the heads ({strength_of[k, k]:.1%} of its field)",
                "check its plug and wire, and the rig's channel",
            )
        )  # fmt: skip
    working = np.flatnonzero(~is_open).tolist()
    match = _matches(np.abs(alike), is_open)
    for k in working:
        other, likeness = int(match[k]), float(alike[k, match[k]])
        if abs(likeness) < ALIKE:
            faults.append(
                WiringFault(
                    "unlike", (names[k],),
                    f"coil {names[k]} makes a field like no coil's drawing (best: {likeness:+.2f}"
                    f" with {names[other]})",
                    "check that it is wired whole, and its kind in the rig file",
                )
            )  # fmt: skip
            continue
        if other != k and match[other] == k and k < other:
            pair = (names[k], names[other])
            faults.append(
                WiringFault(
                    "swapped", pair, f"coils {pair[0]} and {pair[1]} are swapped",
                    "exchange their plugs, or their channels in the rig file",
                )
            )  # fmt: skip
        elif other != k and match[other] != k:
            faults.append(
                WiringFault(
                    "swapped", (names[k], names[other]),
                    f"coil {names[k]} makes the field of {names[other]}",
                    "compare the plugs with the rig's channels",
                )
            )  # fmt: skip
        if likeness < 0.0:
            faults.append(
                WiringFault(
                    "reversed", (names[k],), f"coil {names[k]} is reversed",
                    "exchange its two wires",
                )
            )  # fmt: skip
        strength = float(strength_of[k, other])
        if strength < WEAK_SHARE:
            faults.append(
                WiringFault(
                    "weak", (names[k],),
                    f"coil {names[k]} has {strength:.0%} of its field",
                    "look for a short between its turns or past it, and check its constant",
                )
            )  # fmt: skip
    return tuple(faults)


def _matches(alike: FloatArray, is_open: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Drawing that each coil is most like, one to one; its own where that is as good."""
    score = alike.copy()
    # Errors of a few per cent must not exchange two coils that are alike.
    score[np.arange(len(score)), np.arange(len(score))] += 0.1
    score[is_open] = np.eye(len(score))[is_open]
    return np.asarray(linear_sum_assignment(-score)[1], dtype=np.int64)
