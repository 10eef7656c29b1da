"""Closed integrals over flat triangles, as the boundary-element method needs them.

With the field point as origin, r' on the triangle, R = |r'|, n its unit normal, d = n . r', and h_k
the linear function that is one at corner k and zero at the others, these are

    solid angles    O_k = int h_k n . r' / R^3 dS
    vector moments  M_k = int h_k n x r' / R^3 dS

Split r' = d n + rho and h_k = h_k(foot) + g_k . rho. In the plane grad(1/R) = -rho / R^3, and the
divergence theorem turns the integrals into sums over the edges, with outward normals m, directions s
and f = int dl / R = ln((R1 + R2 + L) / (R1 + R2 - L))::

    O_k = h_k(foot) O - d sum (g_k . m) f
    int rho / R^3 dS = -sum m f
    int (g . rho) rho / R^3 dS = g int dS / R - sum m [(g . m) t f + (g . s)(R2 - R1)]
    int dS / R = sum t f - d O,   t = m . rho on the edge

O is the solid angle of the whole triangle (van Oosterom and Strackee, IEEE Trans. Biomed. Eng. 30,
1983). The same sums in other words: de Munck, IEEE Trans. Biomed. Eng. 39, 1992; Ferguson et al.,
IEEE Trans. Biomed. Eng. 41, 1994.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.dsp.gaps import FloatArray

_ON_EDGE = 1e-12


@dataclass(frozen=True)
class _Frame:
    """What depends on the triangles alone; index order: triangle, edge or corner, component."""

    normal: FloatArray
    along: FloatArray
    outward: FloatArray
    length: FloatArray
    gradient: FloatArray


def _frame(corners_m: FloatArray) -> _Frame:
    side = np.roll(corners_m, -1, axis=1) - corners_m
    length = np.linalg.norm(side, axis=2)
    along = side / length[:, :, None]
    doubled = np.cross(side[:, 0], -side[:, 2])
    area2 = np.linalg.norm(doubled, axis=1)
    normal = doubled / area2[:, None]
    outward = np.cross(along, normal[:, None, :])
    # h_k falls from corner k to the opposite edge, which is the edge that starts at the next one.
    opposite = np.roll(outward, -1, axis=1)
    gradient = -opposite * (np.roll(length, -1, axis=1) / area2[:, None])[:, :, None]
    return _Frame(normal, along, outward, length, gradient)


def solid_angles(points_m: FloatArray, corners_m: FloatArray) -> FloatArray:
    """Solid angles of triangles, shape ``(n_points, n_triangles)``; positive seen from behind."""
    v = corners_m[None] - points_m[:, None, None]
    size = np.linalg.norm(v, axis=3)
    a, b, c = v[:, :, 0], v[:, :, 1], v[:, :, 2]
    triple = (a * np.cross(b, c)).sum(axis=2)
    along = (
        size.prod(axis=2)
        + (a * b).sum(axis=2) * size[:, :, 2]
        + (a * c).sum(axis=2) * size[:, :, 1]
        + (b * c).sum(axis=2) * size[:, :, 0]
    )
    return np.asarray(2.0 * np.arctan2(triple, along))


def closest_m(points_m: FloatArray, corners_m: FloatArray) -> FloatArray:
    """Distances of points to triangles, shape ``(n_points, n_triangles)``."""
    frame = _frame(corners_m)
    v = corners_m[None] - points_m[:, None, None]
    height = np.einsum("ptc,tc->pt", v[:, :, 0], frame.normal)
    over = np.einsum("ptec,tec->pte", v, frame.outward) >= 0.0
    along = np.clip(-np.einsum("ptec,tec->pte", v, frame.along), 0.0, frame.length)
    edge = np.linalg.norm(v + along[..., None] * frame.along, axis=3).min(axis=2)
    return np.asarray(np.where(over.all(axis=2), np.abs(height), edge))


def linear_solid_angles(points_m: FloatArray, corners_m: FloatArray) -> FloatArray:
    """O_k of the module's text, shape ``(n_points, n_triangles, 3)``; zero within the plane."""
    frame = _frame(corners_m)
    v, size, f = _edges(points_m, corners_m, frame)
    height = np.einsum("ptc,tc->pt", v[:, :, 0], frame.normal)
    scale = np.maximum(size.min(axis=2), frame.length.max(axis=1))
    flat = np.abs(height) < _ON_EDGE * scale
    foot = 1.0 - np.einsum("ptkc,tkc->ptk", v, frame.gradient)
    mixed = np.einsum("tkc,tec->tke", frame.gradient, frame.outward)
    angle = solid_angles(points_m, corners_m)
    out = foot * angle[..., None] - height[..., None] * np.einsum("tke,pte->ptk", mixed, f)
    out[flat] = 0.0
    return np.asarray(out)


def linear_moments(points_m: FloatArray, corners_m: FloatArray) -> FloatArray:
    """M_k of the module's text, shape ``(n_points, n_triangles, 3, 3)``: corner, component."""
    frame = _frame(corners_m)
    v, size, f = _edges(points_m, corners_m, frame)
    height = np.einsum("ptc,tc->pt", v[:, :, 0], frame.normal)
    foot = 1.0 - np.einsum("ptkc,tkc->ptk", v, frame.gradient)
    offset = np.einsum("ptec,tec->pte", v, frame.outward)
    inverse = (offset * f).sum(axis=2) - height * solid_angles(points_m, corners_m)
    mixed = np.einsum("tkc,tec->tke", frame.gradient, frame.outward)
    slant = np.einsum("tkc,tec->tke", frame.gradient, frame.along)
    stretch = np.roll(size, -1, axis=2) - size
    # Everything that goes along the outward normals, then the rest along the gradients.
    edge = (
        foot[..., None] * f[:, :, None]
        + mixed[None] * (offset * f)[:, :, None]
        + slant[None] * stretch[:, :, None]
    )
    flat = inverse[..., None, None] * frame.gradient - np.einsum(
        "ptke,tec->ptkc", edge, frame.outward
    )
    return np.cross(frame.normal[None, :, None, :], flat)


def _edges(
    points_m: FloatArray, corners_m: FloatArray, frame: _Frame
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Corners from the points, their distances, and f of each edge."""
    v = corners_m[None] - points_m[:, None, None]
    size = np.linalg.norm(v, axis=3)
    around = size + np.roll(size, -1, axis=2)
    f = np.log((around + frame.length) / np.maximum(around - frame.length, _ON_EDGE * around))
    return v, size, f
