"""Wires from a stream function: its contour lines at equal steps, each with its sense of current.

Between two contours flows the difference of their values, so lines a step apart stand for the sheet
when each carries one step of current. Levels lie half a step off zero, where the edge of the plane
is: no wire runs along the edge, and lobes of either sign get lines by the same rule.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import contourpy
import numpy as np
import numpy.typing as npt

from nullfield.errors import InputError
from nullfield.room.coil_design.request import CoilRequest
from nullfield.room.coil_design.stream_function import stream_function

FloatArray = npt.NDArray[np.float64]

_GRID = 501
_CHORD_M = 2e-4
"""A wire may leave its contour by this much where its points are thinned out."""
_NEIGHBOURS = 12
_LEAST_TURN_M = 0.06
"""A shorter loop does nothing that a hand could wind."""


@dataclass(frozen=True)
class WireLoop:
    """One closed turn.

    Attributes
    ----------
    points_m : (n, 3) array
        In the direction of a positive current; the last point is the first.
    plane : int
        0 for the one on the negative side of the normal, 1 for the other.
    sense : int
        1 if a positive current runs counter-clockwise as seen from the normal's tip, -1 if clockwise.
    level : float
        Value of the stream function over its highest, -1..1.
    """

    points_m: FloatArray
    plane: int
    sense: int
    level: float

    @property
    def length_m(self) -> float:
        """Length of wire."""
        return float(np.linalg.norm(np.diff(self.points_m, axis=0), axis=1).sum())


def cut_into_wires(
    request: CoilRequest, coefficients_a: FloatArray
) -> tuple[tuple[WireLoop, ...], float]:
    """Contours of the stream function.

    Returns
    -------
    loops : tuple of WireLoop
        By plane, then from the edge inwards.
    step_a : float
        Current of each wire that makes the field the stream function stands for.

    Raises
    ------
    InputError
        If there is no line, or lines lie closer than the wire is thick.
    """
    u, v, psi = stream_function(request, coefficients_a, _GRID)
    top = float(np.abs(psi).max())
    step_a = top / request.turns
    loops = []
    for plane in range(2):
        cutter = contourpy.contour_generator(u, v, psi[plane], line_type="Separate")
        for turn in range(-request.turns, request.turns):
            level = (turn + 0.5) * step_a
            for line in cutter.lines(level):
                loop = _loop(request, plane, np.asarray(line), level / top, psi[plane], u, v)
                if loop is not None:
                    loops.append(loop)
    if not loops:
        raise InputError("no wire came out of the contours", "ask for more turns")
    loops.sort(key=lambda one: (one.plane, one.level < 0, abs(one.level), -one.length_m))
    return tuple(loops), step_a


def _loop(
    request: CoilRequest,
    plane: int,
    line: FloatArray,
    level: float,
    psi: FloatArray,
    u: FloatArray,
    v: FloatArray,
) -> WireLoop | None:
    if np.linalg.norm(np.diff(line, axis=0), axis=1).sum() < _LEAST_TURN_M:
        return None
    if not np.allclose(line[0], line[-1]):
        # The function is zero on the edge, and so no other level can end there.
        raise InputError(
            "a contour does not close on its plane", "this is a mistake of the program: report it"
        )
    line = _thinned(line)
    area = 0.5 * float(np.sum(line[:-1, 0] * line[1:, 1] - line[1:, 0] * line[:-1, 1]))
    # K = grad(psi) x n runs along a contour with the higher values on its left.
    sense = -1 if _is_higher_on_left(line, psi, u, v) != (area > 0) else 1
    if (area > 0) != (sense > 0):
        line = line[::-1]
    points = np.empty((len(line), 3))
    points[:, request.normal_index] = (plane - 0.5) * request.spacing_m
    first, second = request.plane_axes
    points[:, first], points[:, second] = line.T
    points[-1] = points[0]
    return WireLoop(points, plane, sense, level)


def _is_higher_on_left(line: FloatArray, psi: FloatArray, u: FloatArray, v: FloatArray) -> bool:
    """Whether the stream function rises to the left of a line, by its slope along the way."""
    middle = 0.5 * (line[1:] + line[:-1])
    move = np.diff(line, axis=0)
    i = np.clip(np.searchsorted(u, middle[:, 0]), 1, len(u) - 1)
    j = np.clip(np.searchsorted(v, middle[:, 1]), 1, len(v) - 1)
    along_u = 0.5 * (psi[j, i] - psi[j, i - 1] + psi[j - 1, i] - psi[j - 1, i - 1])
    along_v = 0.5 * (psi[j, i] - psi[j - 1, i] + psi[j, i - 1] - psi[j - 1, i - 1])
    along_u, along_v = along_u / (u[1] - u[0]), along_v / (v[1] - v[0])
    return bool(np.sum(-move[:, 1] * along_u + move[:, 0] * along_v) > 0)


def _thinned(line: FloatArray) -> FloatArray:
    """Points that a polygon needs to stay within `_CHORD_M` of the line (Douglas and Peucker)."""
    keep = np.zeros(len(line), dtype=bool)
    far = int(np.argmax(np.linalg.norm(line - line[0], axis=1)))
    keep[[0, far, -1]] = True
    waiting = [(0, far), (far, len(line) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        chord = line[last] - line[first]
        between = line[first + 1 : last] - line[first]
        length = max(float(np.hypot(*chord)), 1e-12)
        off = np.abs(between[:, 0] * chord[1] - between[:, 1] * chord[0]) / length
        worst = int(np.argmax(off))
        if off[worst] > _CHORD_M:
            middle = first + 1 + worst
            keep[middle] = True
            waiting += [(first, middle), (middle, last)]
    return np.asarray(line[keep])


def least_distance_m(request: CoilRequest, loops: tuple[WireLoop, ...]) -> float:
    """Least distance between two turns of one plane; infinite for a single turn."""
    from scipy.spatial import cKDTree

    first, second = request.plane_axes
    least = float("inf")
    for plane in range(2):
        clouds = [
            _dense(loop.points_m[:, [first, second]]) for loop in loops if loop.plane == plane
        ]
        if len(clouds) < 2:
            continue
        points = np.concatenate(clouds)
        owner = np.repeat(np.arange(len(clouds)), [len(cloud) for cloud in clouds])
        tree = cKDTree(points)
        # Neighbours of a point are first its own loop's; ask for more until another's is among them.
        count, nearest = _NEIGHBOURS, float("inf")
        while nearest == float("inf"):
            distance, index = tree.query(points, k=min(count, len(points)))
            is_other = owner[index] != owner[:, None]
            nearest = float(np.min(np.where(is_other, distance, np.inf)))
            count *= 4
        least = min(least, nearest)
    return least


def _dense(line: FloatArray, step_m: float = 5e-3) -> FloatArray:
    return np.concatenate(list(_pieces(line, step_m)))


def _pieces(line: FloatArray, step_m: float) -> Iterator[FloatArray]:
    for start, end in itertools.pairwise(line):
        count = max(1, int(np.ceil(np.hypot(*(end - start)) / step_m)))
        share = np.arange(count)[:, None] / count
        yield start + share * (end - start)
