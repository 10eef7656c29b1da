"""Field of a current dipole in a homogeneous torso of any shape, by boundary elements.

The potential on the surface is linear over each triangle and satisfied at its corners::

    V(r) O(r) / (4 pi) = V0(r) + 1/(4 pi) int V(r') dO_r(r'),   V0 = Q . R / (4 pi sigma R^3)

O(r) is the solid angle inside at the corner, taken as the sum of the others', so that a constant
potential, which is not determined, drops out exactly; it is pinned by deflation (Lynn and Timlake,
SIAM J. Numer. Anal. 5, 1968). The field is the dipole's own and that of the volume currents, which
the surface stands for (Geselowitz, IEEE Trans. Magn. 6, 1970)::

    B = B_free - mu0 sigma / (4 pi) int V n x (r - r') / |r - r'|^3 dS

Conductivity cancels. All integrals are closed (see `triangle_integrals`).
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
    refuse_outside,
)
from nullfield.analysis.sources.free_dipole import free_dipole_lead
from nullfield.analysis.sources.surface import Surface, chunks
from nullfield.analysis.sources.triangle_integrals import linear_moments, linear_solid_angles
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError, InputError

MOST_VERTICES = 6000
"""The system is dense: 6,000 vertices are 290 MB and some ten seconds."""
LEAST_DEPTH_EDGES = 1.0
"""Sources nearer to the surface than this many mean edges are not computed well."""
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
        Nearest a source may come to the surface; the mean edge if left out.

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
            inside = self.surface.depth_m(points) > 0.0
            if inside.any():
                raise AnalysisError(
                    f"{int(inside.sum())} of {len(points)} channels lie inside the {self.name}",
                    "move the mesh into the frame of the array, and check its unit",
                )
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
            each = linear_moments(points_m[part], surface.corners_m)
            seen = np.einsum("ptkc,pc->ptk", each, axes[part]).reshape(len(each), -1)
            for row, values in zip(moments[part], seen, strict=True):
                row += np.bincount(corners, values, minlength=len(row))
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
        system[np.diag_indices(n)] -= system.sum(axis=1)
        system += 1.0 / n
        return linalg.lu_factor(system, overwrite_a=True)
