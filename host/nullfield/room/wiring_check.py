"""Coils and heads that are not what the rig file says, found by what the coils do at the heads.

Of a coil the whole column of the response is compared with the drawings of all coils: too small
(open, weak), of the wrong sign (reversed), or like another's (swapped). Of a head the response to
all coils is compared with what the coils make at every head's place: gradient coils tell places apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from nullfield.room.harmonics import field_basis

FloatArray = npt.NDArray[np.float64]
Kind = Literal["open", "weak", "reversed", "swapped", "unlike", "heads swapped", "head turned"]

OPEN_SHARE = 0.05
WEAK_SHARE = 0.5
"""Of the drawn field; walls make a coil stronger by some 20 %, errors change it by 10 % at most."""
ALIKE = 0.8
"""Correlation with a drawing above which a coil counts as that one."""
TURNED_RAD = np.deg2rad(30.0)
LEAST_GAIN = 60.0
"""Twice the log likelihood that an exchange must gain: by chance once in 1e12 pairs."""
_MATRIX_TOLERANCE = 0.03
_FREE_TOLERANCE = 3.0
_REWEIGHTED = 25
_HEADS_FOR_GRADIENTS = 8
"""With fewer heads the coils' errors are one factor each, not uniform and gradient terms."""


@dataclass(frozen=True)
class WiringFault:
    """Something that is not as the rig file says.

    Attributes
    ----------
    kind : str
    names : tuple of str
        Coils or heads.
    text : str
        One line that names them.
    hint : str
        The fix.
    """

    kind: Kind
    names: tuple[str, ...]
    text: str
    hint: str


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
    is_open = (size < OPEN_SHARE * full) | (size < 2.0 * np.linalg.norm(sigma, axis=0))
    alike = (measured / np.maximum(size, 1e-30)).T @ (drawn / full)
    return alike, np.asarray(is_open), size[:, None] / full


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
    faults = []
    for k in np.flatnonzero(is_open):
        faults.append(
            WiringFault(
                "open", (names[k],),
                f"coil {names[k]} does nothing at the heads ({strength_of[k, k]:.1%} of its field)",
                "check its plug and wire, and the rig's channel",
            )
        )  # fmt: skip
    working = np.flatnonzero(~is_open)
    if not len(working):
        return tuple(faults)
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


def check_heads(
    response_pt_per_ma: FloatArray,
    uncertainty_pt_per_ma: FloatArray,
    field_pt_per_ma: FloatArray,
    position_m: FloatArray,
    axes: FloatArray,
    names: Sequence[str],
) -> tuple[WiringFault, ...]:
    """Name heads that are at each other's place, or turned.

    The coils must be in order (`check_coils`). Their errors are smooth: one factor of each and, with
    enough heads, uniform and gradient terms are fitted over all heads first.

    Parameters
    ----------
    response_pt_per_ma, uncertainty_pt_per_ma : numpy.ndarray, shape ``(n_heads, 3, n_coils)``
    field_pt_per_ma : numpy.ndarray, shape ``(n_heads, 3, n_coils)``
        What the coils make at the heads' places by their drawings, head frame.
    position_m : numpy.ndarray, shape ``(n_heads, 3)``
    axes : numpy.ndarray, shape ``(n_heads, 3, 3)``
    names : sequence of str

    Returns
    -------
    tuple of WiringFault
    """
    seen = np.isfinite(response_pt_per_ma).all(axis=(1, 2))
    seen &= np.isfinite(uncertainty_pt_per_ma).all(axis=(1, 2))
    index = np.flatnonzero(seen)
    if len(index) < 3:
        return ()
    measured, sigma = response_pt_per_ma[index], uncertainty_pt_per_ma[index]
    field, place, turn = field_pt_per_ma[index], position_m[index], axes[index]
    field = _corrected(measured, field, place, turn)
    local = np.einsum("nak,nkc->nac", turn, field)
    left = measured - np.stack(
        [_fitted(m, x, 1.0, _MATRIX_TOLERANCE) for m, x in zip(measured, local, strict=True)]
    )
    # The middle rest of all heads, so that those out of place do not hide themselves.
    noise = np.maximum(np.median(np.abs(left), axis=(0, 1)) / 0.6745, np.median(sigma, axis=(0, 1)))
    # What the drawings miss grows with the distance: references are near the windings.
    distance = np.linalg.norm(place, axis=1)
    far = np.maximum(distance / np.median(distance), 1.0)
    each = noise * far[:, None]
    free = np.stack(
        [_matrix(m, x, e, _FREE_TOLERANCE) for m, x, e in zip(measured, local, each, strict=True)]
    )
    faults = list(_turned(free, [names[i] for i in index]))
    is_turned = {fault.names[0] for fault in faults}
    cost = np.array([[_cost(m, x, e) for x, e in zip(local, each, strict=True)] for m in measured])
    for k, i in enumerate(index):
        if names[i] in is_turned:
            cost[k], cost[:, k] = 1e12, 1e12
            cost[k, k] = 0.0
    faults.extend(_exchanged(cost, [names[i] for i in index]))
    return tuple(faults)


def _corrected(
    measured: FloatArray, field: FloatArray, place: FloatArray, turn: FloatArray
) -> FloatArray:
    """Drawn field of each coil with a factor and, with enough heads, smooth terms fitted."""
    out = field.copy()
    count = len(place)
    basis = field_basis(place, 2) if count >= _HEADS_FOR_GRADIENTS else None
    for c in range(field.shape[2]):
        columns = field[:, :, c][..., None]
        if basis is not None:
            columns = np.concatenate([columns, basis], axis=2)
        rows = np.einsum("nak,nkt->nat", turn, columns).reshape(3 * count, -1)
        target = measured[:, :, c].reshape(-1)
        out[:, :, c] = columns @ _least_absolute(rows, target)
    return out


def _least_absolute(rows: FloatArray, target: FloatArray) -> FloatArray:
    """Solution of the least sum of absolute rests (reweighted squares): a few bad heads do no harm."""
    weight = np.ones(len(target))
    solution = np.zeros(rows.shape[1])
    least = 1e-6 * float(np.abs(target).max()) + 1e-9
    for _ in range(_REWEIGHTED):
        root = np.sqrt(weight)
        solution = np.linalg.lstsq(rows * root[:, None], target * root, rcond=1e-9)[0]
        weight = 1.0 / np.maximum(np.abs(target - rows @ solution), least)
        weight /= weight.max()
    return solution


def _matrix(
    measured: FloatArray, local: FloatArray, noise: FloatArray | float, tolerance: float
) -> FloatArray:
    """E of ``measured = (1 + E) local``, near zero, shape ``(3, 3)``."""
    weighted = local / noise
    normal = weighted @ weighted.T + np.eye(3) / tolerance**2
    return np.asarray(np.linalg.solve(normal, weighted @ ((measured - local) / noise).T).T)


def _fitted(
    measured: FloatArray, local: FloatArray, noise: FloatArray | float, tolerance: float
) -> FloatArray:
    return np.asarray(local + _matrix(measured, local, noise, tolerance) @ local)


def _cost(measured: FloatArray, local: FloatArray, noise: FloatArray) -> float:
    errors = _matrix(measured, local, noise, _MATRIX_TOLERANCE)
    left = (measured - local - errors @ local) / noise
    return float(np.sum(left**2) + np.sum((errors / _MATRIX_TOLERANCE) ** 2))


def _turned(errors: FloatArray, names: Sequence[str]) -> list[WiringFault]:
    faults = []
    for name, one in zip(names, errors, strict=True):
        matrix = np.eye(3) + one
        along = np.diag(matrix) / np.maximum(np.linalg.norm(matrix, axis=1), 1e-30)
        worst = int(along.argmin())
        if along[worst] < np.cos(TURNED_RAD):
            angle = np.degrees(np.arccos(np.clip(along[worst], -1.0, 1.0)))
            faults.append(
                WiringFault(
                    "head turned", (name,),
                    f"head {name}: its {'xyb'[worst]} axis points {angle:.0f} degrees away from where"
                    " the rig file says",
                    "seat it anew, or correct its axes in the rig file",
                )
            )  # fmt: skip
    return faults


def _exchanged(cost: FloatArray, names: Sequence[str]) -> list[WiringFault]:
    """Heads that fit other places better by more than chance."""
    place = linear_sum_assignment(cost)[1]
    faults, done = [], set()
    for i, j in enumerate(place):
        if i == j or i in done:
            continue
        ring = [i]
        while place[ring[-1]] != i:
            ring.append(int(place[ring[-1]]))
        done.update(ring)
        gained = sum(cost[k, k] - cost[k, place[k]] for k in ring)
        if gained < LEAST_GAIN:
            continue
        members = tuple(names[k] for k in ring)
        text = (
            f"heads {members[0]} and {members[1]} are at each other's place"
            if len(ring) == 2
            else "heads " + ", ".join(f"{names[k]} (at {names[place[k]]})" for k in ring)
            + " are at others' places"
        )  # fmt: skip
        faults.append(
            WiringFault(
                "heads swapped", members, text,
                "exchange their plugs, or their board and slot in the rig file",
            )
        )  # fmt: skip
    return faults
