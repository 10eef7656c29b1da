"""Heads at each other's place, or turned, found by what the coils do at them.

The response of a head to all coils is compared with what the coils make at every head's place:
gradient coils tell places apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from nullfield.room.harmonics import field_basis
from nullfield.room.wiring_fault import WiringFault

FloatArray = npt.NDArray[np.float64]

TURNED_RAD = np.deg2rad(30.0)
LEAST_GAIN = 60.0
"""Twice the log likelihood that an exchange must gain: by chance once in 1e12 pairs."""
_MATRIX_TOLERANCE = 0.03
_FREE_TOLERANCE = 3.0
_REWEIGHTED = 25
_HEADS_FOR_GRADIENTS = 8
"""With fewer heads the coils' errors are one factor each, not uniform and gradient terms."""


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
    own = [names[i] for i in index.tolist()]
    cost = np.array([[_cost(m, x, e) for x, e in zip(local, each, strict=True)] for m in measured])
    # Heads of different axes that were exchanged look turned, both; at each other's place they are not.
    moved = np.stack(
        [
            _matrix(measured[k], local[j], each[j], _FREE_TOLERANCE)
            for k, j in enumerate(linear_sum_assignment(cost)[1].tolist())
        ]
    )
    turned_there = {fault.names[0] for fault in _turned(moved, own)}
    explained = {
        name
        for fault in _exchanged(cost, own)
        if not turned_there.intersection(fault.names)
        for name in fault.names
    }
    faults = [fault for fault in _turned(free, own) if fault.names[0] not in explained]
    is_turned = {fault.names[0] for fault in faults}
    for k, name in enumerate(own):
        if name in is_turned:
            cost[k], cost[:, k] = 1e12, 1e12
            cost[k, k] = 0.0
    faults.extend(_exchanged(cost, own))
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
        solution = np.asarray(np.linalg.lstsq(rows * root[:, None], target * root, rcond=1e-9)[0])
        reach = np.maximum(np.abs(target - rows @ solution), least)
        weight = reach.min() / reach
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
    faults: list[WiringFault] = []
    done: set[int] = set()
    for i, j in enumerate(place.tolist()):
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
