"""Closed surfaces of triangles: a torso from a mesh file, an ellipsoid, and what is checked of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from nullfield.analysis.sources.triangle_integrals import closest_m, solid_angles
from nullfield.dsp.gaps import FloatArray, IntArray
from nullfield.errors import InputError
from nullfield.extras import library

METRES_PER_UNIT = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "in": 0.0254}
TORSO_SIZE_M = (0.15, 2.5)
"""Longest side of a plausible torso: a newborn's chest to a whole tall body."""
HEART_SIZE_M = (0.02, 0.30)


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed surface, triangles counter-clockwise seen from outside.

    Attributes
    ----------
    vertices_m : numpy.ndarray, shape ``(n_vertices, 3)``
    triangles : numpy.ndarray of int, shape ``(n_triangles, 3)``
    notes : tuple of str
        What was done to it on reading.

    Raises
    ------
    InputError
        If it is not one closed surface with all triangles facing outward.
    """

    vertices_m: FloatArray
    triangles: IntArray
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _refuse_open(self.vertices_m, self.triangles)
        if self.volume_m3 <= 0.0:
            raise InputError("the surface is inside out", "reverse the order of its corners")

    @cached_property
    def corners_m(self) -> FloatArray:
        """Corners of the triangles, shape ``(n_triangles, 3, 3)``."""
        return np.asarray(self.vertices_m[self.triangles])

    @cached_property
    def areas_m2(self) -> FloatArray:
        """Areas of the triangles, shape ``(n_triangles,)``."""
        return np.asarray(np.linalg.norm(self._doubled, axis=1) / 2.0)

    @cached_property
    def vertex_areas_m2(self) -> FloatArray:
        """A third of the triangles around each vertex, shape ``(n_vertices,)``."""
        share = np.repeat(self.areas_m2 / 3.0, 3)
        total = np.bincount(self.triangles.ravel(), share, minlength=len(self.vertices_m))
        return total.astype(np.float64)

    @cached_property
    def vertex_normals(self) -> FloatArray:
        """Outward unit vectors, shape ``(n_vertices, 3)``."""
        total = np.zeros_like(self.vertices_m)
        np.add.at(total, self.triangles, self._doubled[:, None, :])
        return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True))

    @property
    def volume_m3(self) -> float:
        """Enclosed volume; negative if the triangles face inward."""
        corners = self.corners_m
        return float(
            np.einsum("ti,ti->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
        )

    @property
    def size_m(self) -> float:
        """Longest side of the box around it."""
        return float(np.ptp(self.vertices_m, axis=0).max())

    @cached_property
    def edge_m(self) -> float:
        """Mean length of the edges."""
        sides = self.corners_m - np.roll(self.corners_m, 1, axis=1)
        return float(np.linalg.norm(sides, axis=2).mean())

    def depth_m(self, points_m: FloatArray) -> FloatArray:
        """Distance of points to the surface, negative outside, shape ``(n_points,)``."""
        points = np.atleast_2d(np.asarray(points_m, dtype=np.float64))
        depth = np.empty(len(points))
        for part in chunks(len(points), len(self.triangles)):
            angle = solid_angles(points[part], self.corners_m).sum(axis=1)
            nearest = closest_m(points[part], self.corners_m).min(axis=1)
            depth[part] = np.where(angle > 2.0 * np.pi, nearest, -nearest)
        return depth

    @cached_property
    def _doubled(self) -> FloatArray:
        corners = self.corners_m
        return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def chunks(n_points: int, n_triangles: int) -> list[slice]:
    """Slices of the points such that a pass over all triangles stays in some 100 MB."""
    step = max(1, 300_000 // max(n_triangles, 1))
    return [slice(start, start + step) for start in range(0, n_points, step)]


def load_surface(
    path: Path | str, *, unit: str | None = None, size_m: tuple[float, float] = TORSO_SIZE_M
) -> Surface:
    """Read a torso (or a heart) from STL, OBJ, PLY, OFF or what else trimesh reads.

    Parameters
    ----------
    path : Path
        A closed surface in the working frame: x right to left, y toward the head, z out of the
        chest.
    unit : str, optional
        Of the file's numbers: ``"m"``, ``"cm"``, ``"mm"`` or ``"in"``; metres if left out.
    size_m : (float, float)
        Longest side that is plausible, `HEART_SIZE_M` for a heart.

    Raises
    ------
    InputError
        If the file cannot be read, is not closed, or has no plausible size.
    AnalysisError
        If trimesh is not installed.
    """
    if unit is not None and unit not in METRES_PER_UNIT:
        raise InputError(f"unit {unit!r} is not known", f"use one of {', '.join(METRES_PER_UNIT)}")
    trimesh = library("trimesh", "mesh files need trimesh", "imaging")
    place = Path(path)
    if not place.is_file():
        raise InputError(f"{place}: no such file", "check the path of the mesh")
    try:
        mesh = trimesh.load_mesh(place, process=False)
    except Exception as error:  # each format's reader has errors of its own
        raise InputError(
            f"{place}: no mesh can be read from it ({error})", "use STL or OBJ"
        ) from None
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise InputError(f"{place}: no triangles in it", "export one surface as STL or OBJ")
    # STL repeats each corner for each triangle.
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    notes = [f"mesh {place.name}, {len(mesh.faces)} triangles, unit {unit or 'm (assumed)'}"]
    vertices = np.asarray(mesh.vertices, dtype=np.float64) * METRES_PER_UNIT[unit or "m"]
    triangles = np.asarray(mesh.faces, dtype=np.int64)
    _refuse_size(str(place), vertices, unit, size_m)
    try:
        _refuse_open(vertices, triangles)
    except InputError as error:
        raise InputError(f"{place}: {error.message}", error.hint) from None
    corners = vertices[triangles]
    if np.einsum("ti,ti->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) < 0.0:
        triangles = triangles[:, ::-1].copy()
        notes.append("its triangles faced inward and were turned")
    return Surface(vertices, triangles, tuple(notes))


def ellipsoid(
    centre_m: tuple[float, float, float] | FloatArray,
    half_axes_m: tuple[float, float, float] | FloatArray,
    subdivisions: int = 3,
) -> Surface:
    """An ellipsoid of 20 x 4^subdivisions triangles, from an icosahedron.

    Parameters
    ----------
    centre_m, half_axes_m : shape ``(3,)``
    subdivisions : int
        3 gives 642 vertices.
    """
    half = np.asarray(half_axes_m, dtype=np.float64)
    if not (np.isfinite(half).all() and (half > 0.0).all()):
        raise InputError(f"half axes {list(half)} make no ellipsoid", "give metres above zero")
    golden = (1.0 + np.sqrt(5.0)) / 2.0
    cyclic = [(0.0, a, b * golden) for a in (-1.0, 1.0) for b in (-1.0, 1.0)]
    points = np.array([np.roll(p, k) for k in range(3) for p in cyclic])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    near = (apart > 0.0) & (apart < 1.1)
    faces = []
    for i in range(12):
        for j in np.flatnonzero(near[i]):
            for k in np.flatnonzero(near[i] & near[j]):
                outward = np.linalg.det(points[np.array([i, j, k])]) > 0.0
                if i < j and i < k and outward:
                    faces.append((i, j, k))
    triangles = np.array(faces, dtype=np.int64)
    for _ in range(subdivisions):
        points, triangles = _split(points, triangles)
    return Surface(points * half + np.asarray(centre_m, dtype=np.float64), triangles)


def _split(points: FloatArray, triangles: IntArray) -> tuple[FloatArray, IntArray]:
    """Four triangles for each, new corners on the unit sphere."""
    sides = np.sort(np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=2), axis=2)
    edges, index = np.unique(sides.reshape(-1, 2), axis=0, return_inverse=True)
    middle = points[edges].mean(axis=1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    ab, bc, ca = (index.reshape(-1, 3) + len(points)).T
    a, b, c = triangles.T
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.vstack([points, middle]), np.vstack([np.stack(part, axis=1) for part in parts])


def _refuse_size(
    name: str, vertices_m: FloatArray, unit: str | None, size_m: tuple[float, float]
) -> None:
    if not np.isfinite(vertices_m).all():
        raise InputError(f"{name}: corners that are not finite", "repair the mesh")
    longest = float(np.ptp(vertices_m, axis=0).max())
    if size_m[0] <= longest <= size_m[1]:
        return
    raw = longest / METRES_PER_UNIT[unit or "m"]
    fitting = [u for u, f in METRES_PER_UNIT.items() if size_m[0] <= raw * f <= size_m[1]]
    hint = f"its numbers would fit as {' or '.join(fitting)}: give unit" if fitting else ""
    raise InputError(
        f"{name}: {longest:.3g} m long, {size_m[0]:g} to {size_m[1]:g} m are plausible",
        hint or "check which part of a body it is, and its unit",
    )


def _refuse_open(vertices_m: FloatArray, triangles: IntArray) -> None:
    if triangles.ndim != 2 or triangles.shape[1:] != (3,) or len(triangles) < 4:
        raise InputError("a surface needs four triangles at least", "check the mesh")
    if triangles.min() < 0 or triangles.max() >= len(vertices_m):
        raise InputError("triangles name corners that do not exist", "repair the mesh")
    corners = vertices_m[triangles]
    doubled = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    if (doubled < 1e-6 * doubled.mean()).any():
        flat = int((doubled < 1e-6 * doubled.mean()).sum())
        raise InputError(f"{flat} triangles have no area", "remove degenerate faces")
    # Closed and turned alike: each directed edge once, and its reverse once.
    start, stop = triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()
    n = len(vertices_m)
    directed = start * n + stop
    reverse = stop * n + start
    if len(np.unique(directed)) != len(directed):
        raise InputError(
            "neighbouring triangles of the surface face opposite ways, or share an edge by three",
            "unify the normals in a mesh editor",
        )
    lonely = int((~np.isin(directed, reverse)).sum())
    if lonely:
        raise InputError(
            f"the surface is open at {lonely} edges", "close its holes in a mesh editor"
        )
    used = np.unique(triangles)
    if len(used) != n:
        raise InputError(f"{n - len(used)} corners belong to no triangle", "remove loose vertices")
    graph = sparse.coo_array((np.ones(len(start)), (start, stop)), shape=(n, n))
    parts = int(csgraph.connected_components(graph, directed=False)[0])
    if parts != 1:
        raise InputError(
            f"the surface has {parts} separate parts, one is wanted",
            "export the outer surface alone",
        )
