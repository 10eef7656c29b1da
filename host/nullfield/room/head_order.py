"""Two heads that stand at each other's place in the rig file, found by what the coils do at them.

A gradient coil tells places apart. Each coil's response is fitted over the heads by its nominal shape
and low harmonic terms; if exchanging two heads' readings makes the fit so much better that chance
cannot, they are swapped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nullfield.room.harmonics import field_basis, term_count

FloatArray = npt.NDArray[np.float64]

LEAST_GAIN = 60.0
"""Twice the log likelihood to be gained: by chance once in 1e12 pairs and less."""
_AS_GOOD = 0.5
_AXES = {"x": 0, "y": 1, "z": 2}


def nominal_shape(kind: str, position_m: FloatArray) -> FloatArray:
    """Field of a coil near the middle by its kind, per its nominal constant, shape ``(n, 3)``.

    ``uniform_k`` makes B_k alone, ``gradient_kl`` the gradient dB_k/dx_l and what goes with it.
    """
    shape, letters = kind.split("_")
    first, second = _AXES[letters[0]], _AXES[letters[-1]]
    field = np.zeros((len(position_m), 3))
    if shape == "uniform":
        field[:, first] = 1.0
    elif first == second:
        field = -0.5 * position_m
        field[:, first] = position_m[:, first]
    else:
        field[:, first] = position_m[:, second]
        field[:, second] = position_m[:, first]
    return field


def swapped_heads(
    position_m: FloatArray,
    axes: FloatArray,
    response: FloatArray,
    uncertainty: FloatArray,
    kinds: Sequence[str],
) -> tuple[tuple[int, int], ...]:
    """Pairs of heads whose readings belong to each other's place.

    Parameters
    ----------
    position_m, axes : numpy.ndarray, shapes ``(n_heads, 3)`` and ``(n_heads, 3, 3)``
        As the rig file says.
    response, uncertainty : numpy.ndarray, shape ``(n_heads, 3, n_coils)``
        Along the heads' local axes.
    kinds : sequence of str
        Kind of each coil, ``uniform_x``, ``gradient_xy``, ...

    Returns
    -------
    tuple of pairs of int
        Heads, the surest pair first. Empty for fewer than four heads: too few to tell.
    """
    found: list[tuple[int, int]] = []
    if len(position_m) < 4:
        return ()
    values = response.copy()
    for _ in range(len(position_m) // 2):
        pair = _best_pair(position_m, axes, values, uncertainty, kinds)
        if pair is None or pair in found:
            break
        found.append(pair)
        values[list(pair)] = values[list(pair[::-1])]
    return tuple(found)


def _best_pair(
    position_m: FloatArray,
    axes: FloatArray,
    response: FloatArray,
    uncertainty: FloatArray,
    kinds: Sequence[str],
) -> tuple[int, int] | None:
    n = len(position_m)
    readings = 3 * n
    degree = max((d for d in (1, 2, 3) if 2 * term_count(d) <= readings), default=1)
    common = np.einsum("nak,nkt->nat", axes, field_basis(position_m, degree))
    common = common.reshape(readings, -1)
    gain = np.zeros((n, n))
    for coil, kind in enumerate(kinds):
        own = np.einsum("nak,nk->na", axes, nominal_shape(kind, position_m)).reshape(-1, 1)
        basis = _orthonormal(np.hstack([common, own]))
        value = response[:, :, coil].reshape(-1)
        projector = np.eye(readings) - basis @ basis.T
        rest = projector @ value
        freedom = readings - basis.shape[1]
        # The middle rest, so that the swapped ones do not hide themselves, and never below what the
        # measurement says of itself.
        middle = np.median(np.abs(rest)) / 0.6745 * np.sqrt(readings / max(freedom, 1))
        noise = max(float(middle), float(np.median(uncertainty[:, :, coil])))
        block = projector.reshape(n, 3, n, 3)
        readout = value.reshape(n, 3)
        for i in range(n):
            for j in range(i + 1, n):
                change = readout[j] - readout[i]
                linear = change @ (rest[3 * i : 3 * i + 3] - rest[3 * j : 3 * j + 3])
                square = change @ (block[i, :, i] + block[j, :, j] - 2 * block[i, :, j]) @ change
                gain[i, j] -= (2.0 * linear + square) / noise**2
    largest = float(gain.max())
    if largest < LEAST_GAIN:
        return None
    # In a small square array another pair may fit as well with the coils' polarity turned round.
    pairs = [(int(i), int(j)) for i, j in np.argwhere(gain > _AS_GOOD * largest)]
    upright = [_upright(position_m, axes, response, kinds, pair) for pair in pairs]
    return max(zip(upright, pairs, strict=True), key=lambda told: (told[0], gain[told[1]]))[1]


def _upright(
    position_m: FloatArray,
    axes: FloatArray,
    response: FloatArray,
    kinds: Sequence[str],
    pair: tuple[int, int],
) -> int:
    """How many coils have the polarity of their kind, once a pair of heads is exchanged."""
    values = response.copy()
    values[list(pair)] = values[list(pair[::-1])]
    count = 0
    for coil, kind in enumerate(kinds):
        shape = np.einsum("nak,nk->na", axes, nominal_shape(kind, position_m))
        count += int(np.sum(shape * values[:, :, coil]) > 0.0)
    return count


def _orthonormal(columns: FloatArray) -> FloatArray:
    """Orthonormal basis of the span of columns, shape ``(n, rank)``."""
    scaled = columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-30)
    left, size, _ = np.linalg.svd(scaled, full_matrices=False)
    return np.asarray(left[:, size > 1e-6 * size[0]])
