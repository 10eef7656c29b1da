"""Field of a current dipole in a homogeneous torso of any shape, by boundary elements.

The potential on the surface is linear over each triangle, and the equation holds at the corners::

    V(r) / 2 = V0(r) + 1/(4 pi) int V(r') dO_r(r'),   V0 = Q . R / (4 pi sigma R^3)

A corner's own flat triangles have no solid angle seen from it; the smooth body that they stand for
has, and what is missing to 2 pi is theirs. On a curved surface it is spread evenly over the distance
from the corner, along which a linear potential has the mean of both ends: so half of it goes to the
corner, and half to its neighbours by the angles between them. A constant potential, which is not
determined, then drops out exactly; it is pinned by deflation (Lynn and Timlake, SIAM J. Numer. Anal.
5, 1968). The field is the dipole's own and that of the volume currents, which
the surface stands for (Geselowitz, IEEE Trans. Magn. 6, 1970)::

    B = B_free - mu0 sigma / (4 pi) int V n x (r - r') / |r - r'|^3 dS

Conductivity cancels. The integral over a triangle near to the channel is closed (see
`triangle_integrals`). A linear potential on flat triangles falls short of a smooth one between the
corners, everywhere in the same sense; sums over the corners do not, and are exact but for a channel
nearer than the corners are to one another. So farther triangles count by their corners, with a smooth
change between.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg

from nullfield.analysis.sources.forward import (
    MU0_OVER_4PI_PT_M_PER_NA,
    project,
    refuse_inside,
    refuse_outside,
)
from nullfield.analysis.sources.free_dipole import free_dipole_lead
from nullfield.analysis.sources.surface import Surface, chunks
from nullfield.analysis.sources.triangle_integrals import linear_moments, linear_solid_angles
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import InputError

MOST_VERTICES = 5000
"""The system is dense: 5,000 vertices are 200 MB and about a minute."""
LEAST_DEPTH_EDGES = 0.75
"""A source nearer to the surface than this many mean edges is wrong by more than 3 % of its field."""
_NEAR, _FAR = 0.75, 1.5
"""Distances, in sides of a triangle, between which its corners take over."""
_KEPT = 24
_SOURCES_AT_ONCE = 200


class BoundaryElement:
    """Forward model of a homogeneous torso.

    The system is solved once for a surface, and once for each set of channels; then a source costs
    one product. Both are kept as long as the model.

    Parameters
    ----------
    surface : Surface
        Working frame; the channels lie outside.
    least_depth_m : float, optional
        Nearest a source may come to the surface; `LEAST_DEPTH_EDGES` if left out.

    Raises
    ------
    InputError
        If the surface has more than `MOST_VERTICES` vertices.
    """

    is_normal_silent = False

    def __init__(self, surface: Surface, least_depth_m: float | None = None) -> None:
        n = len(surface.vertices_m)
        if n > MOST_VERTICES:
            raise InputError(
                f"{n} vertices are too many for a dense system, {MOST_VERTICES} at most",
                "simplify the mesh: edges of 15 to 20 mm are fine enough for a torso",
            )
        self.surface = surface
        self.least_depth_m = (
            LEAST_DEPTH_EDGES * surface.edge_m if least_depth_m is None else least_depth_m
        )
        self._kept: OrderedDict[tuple[bytes, bytes], FloatArray] = OrderedDict()

    @property
    def name(self) -> str:
        """For reports."""
        return f"torso of {len(self.surface.triangles)} triangles"

    def lead_field(
        self,
        positions_m: npt.ArrayLike,
        orientations: npt.ArrayLike,
        sources_m: npt.ArrayLike,
        *,
        is_checked: bool = True,
    ) -> FloatArray:
        """See `ForwardModel.lead_field`."""
        points = np.asarray(positions_m, dtype=np.float64)
        axes = np.asarray(orientations, dtype=np.float64)
        sources = np.asarray(sources_m, dtype=np.float64)
        if is_checked:
            refuse_outside(self, sources)
            hint = "move the mesh into the frame of the array, and check its unit"
            refuse_inside(self, self.surface.depth_m(points) > 0.0, hint)
        transfer = self._transfer(points, axes)
        several = np.atleast_2d(sources)
        lead = project(free_dipole_lead(points, several), axes)
        for start in range(0, len(several), _SOURCES_AT_ONCE):
            part = slice(start, start + _SOURCES_AT_ONCE)
            away = self.surface.vertices_m - several[part, None, :]
            potential = away / (4.0 * np.pi * (away**2).sum(axis=2, keepdims=True) ** 1.5)
            lead[part] += transfer @ potential
        return np.asarray(lead[0] if sources.ndim == 1 else lead)

    def clearance_m(self, sources_m: npt.ArrayLike) -> FloatArray:
        """Depth below the surface beyond the least one, shape ``(n_sources,)``."""
        return self.surface.depth_m(np.asarray(sources_m, dtype=float)) - self.least_depth_m

    def _transfer(self, points_m: FloatArray, axes: FloatArray) -> FloatArray:
        """From the potential in an unbounded conductor to the channels, ``(n, n_vertices)``."""
        key = (points_m.tobytes(), axes.tobytes())
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        surface = self.surface
        moments = np.zeros((len(points_m), len(surface.vertices_m)))
        corners = surface.triangles.ravel()
        for part in chunks(len(points_m), len(surface.triangles)):
            each = _moments(points_m[part], surface)
            seen = np.einsum("ptkc,pc->ptk", each, axes[part]).reshape(len(each), -1)
            for row, values in zip(moments[part], seen, strict=True):
                row += np.bincount(corners, values, minlength=len(row))
        # A constant potential drives no current: exactly so for flat triangles, here for the sum.
        areas = surface.vertex_areas_m2 / surface.vertex_areas_m2.sum()
        moments -= moments.sum(axis=1, keepdims=True) * areas
        # r - r' is -r' seen from the field point, hence plus.
        transfer = MU0_OVER_4PI_PT_M_PER_NA * linalg.lu_solve(self._factors, moments.T, trans=1).T
        self._kept[key] = np.ascontiguousarray(transfer)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    @cached_property
    def _factors(self) -> Any:
        surface = self.surface
        n = len(surface.vertices_m)
        corners = surface.triangles.ravel()
        system = np.zeros((n, n))
        for part in chunks(n, len(surface.triangles)):
            angles = linear_solid_angles(surface.vertices_m[part], surface.corners_m)
            flat = angles.reshape(len(angles), -1) / (4.0 * np.pi)
            for row, values in zip(system[part], flat, strict=True):
                row -= np.bincount(corners, values, minlength=n)
        missing = 0.5 + system.sum(axis=1)
        system -= missing[:, None] * _near_share(surface)
        system[np.diag_indices(n)] += 0.5
        system += 1.0 / n
        return linalg.lu_factor(system, overwrite_a=True)


def _moments(points_m: FloatArray, surface: Surface) -> FloatArray:
    """M_k of each triangle seen from each point: closed when near, sampled at corners when far."""
    corners = surface.corners_m
    near = linear_moments(points_m, corners)
    side = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).mean(axis=1)
    apart = np.linalg.norm(corners.mean(axis=1) - points_m[:, None], axis=2) / side
    share = np.clip((apart - _NEAR) / (_FAR - _NEAR), 0.0, 1.0)
    share = share**2 * (3.0 - 2.0 * share)
    away = corners[None] - points_m[:, None, None]
    doubled = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    kernel = away / (away**2).sum(axis=3, keepdims=True) ** 1.5
    far = np.cross(doubled[None, :, None, :] / 6.0, kernel)
    return np.asarray(near + share[:, :, None, None] * (far - near))


def _near_share(surface: Surface) -> FloatArray:
    """How a corner's missing solid angle is shared, rows of one, ``(n_vertices, n_vertices)``."""
    n = len(surface.vertices_m)
    corners, triangles = surface.corners_m, surface.triangles
    ahead = np.roll(corners, -1, axis=1) - corners
    behind = np.roll(corners, 1, axis=1) - corners
    angle = np.arctan2(
        np.linalg.norm(np.cross(ahead, behind), axis=2), (ahead * behind).sum(axis=2)
    )
    share = np.zeros((n, n))
    for turn in (-1, 1):
        np.add.at(share, (triangles, np.roll(triangles, turn, axis=1)), angle)
    share *= 0.5 / share.sum(axis=1, keepdims=True)
    share[np.diag_indices(n)] += 0.5
    return share
