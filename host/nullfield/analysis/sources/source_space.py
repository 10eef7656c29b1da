"""Sources spread over a surface: where they may be, what they look like to the array, and an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.data import SensorArray, SensorUncertainty
from nullfield.analysis.sources.dipole_fit import subset_noise, usable_channels
from nullfield.analysis.sources.forward import ForwardModel, refuse_outside
from nullfield.analysis.sources.surface import Surface, ellipsoid
from nullfield.analysis.sources.uncertainty import (
    error_covariance_pt2,
    head_index,
    noise_covariance_pt2,
    typical_share,
    whitener,
)
from nullfield.dsp.gaps import FloatArray, IntArray
from nullfield.errors import AnalysisError, InputError

HEART_HALF_AXES_M = (0.055, 0.045, 0.035)
"""Width, height and depth of an adult heart of some 360 ml (12 x 8-9 x 6 cm, Gray's Anatomy),
as an ellipsoid whose long axis lies level."""
HEART_DEPTH_M = 0.095
"""Of its centre below the lowest channels: 30 mm to the skin, 30 mm to the heart's front."""
FEWEST_CHANNELS = 8


@dataclass(frozen=True)
class SourceImage:
    """Current on a surface, at one moment.

    Attributes
    ----------
    vertices_m : numpy.ndarray, shape ``(n_vertices, 3)``
    triangles : numpy.ndarray of int, shape ``(n_triangles, 3)``
    density : numpy.ndarray, shape ``(n_vertices, 3)``
        Dipole moment per area of the surface, in `unit`.
    unit : str
        ``"A/m"``: A m of dipole moment per m^2.
    moments_nam : numpy.ndarray, shape ``(n_vertices, 3)``
        Dipole moment of each vertex's own area, nA m.
    method : str
        ``"minimum norm"``, ``"sLORETA"`` or ``"sparse"``.
    gof : float
        Share of the noise-weighted power that the image explains.
    reduced_chi2 : float
        Misfit per channel in variances of noise and channel errors; about one is right.
    regularisation : float
        Ridge of the weighted problem, 0 for the sparse image.
    statistic : numpy.ndarray, shape ``(n_vertices,)``, or None
        sLORETA's standardised current, no unit: where its maximum is tells the place of a single
        source without the bias toward the array.
    localisation_error_m, spread_m : numpy.ndarray, shape ``(n_vertices,)``, or None
        Of the point-spread of each vertex: how far its maximum lies from the vertex, and its RMS
        width. Linear images only.
    active : numpy.ndarray of int
        Vertices with current; all of them in a linear image.
    n_channels : int
    model : str
    """

    vertices_m: FloatArray
    triangles: IntArray
    density: FloatArray
    unit: str
    moments_nam: FloatArray
    method: str
    gof: float
    reduced_chi2: float
    regularisation: float
    statistic: FloatArray | None
    localisation_error_m: FloatArray | None
    spread_m: FloatArray | None
    active: IntArray
    n_channels: int
    model: str

    @property
    def magnitude(self) -> FloatArray:
        """What is drawn: sLORETA's statistic, else the size of the density, per vertex."""
        if self.statistic is not None:
            return self.statistic
        return np.asarray(np.linalg.norm(self.density, axis=1))

    @property
    def peak_m(self) -> FloatArray:
        """Vertex of the largest magnitude, shape ``(3,)``."""
        return np.asarray(self.vertices_m[int(np.argmax(self.magnitude))])

    @property
    def total_moment_nam(self) -> FloatArray:
        """Sum of all moments, shape ``(3,)``, nA m."""
        return np.asarray(self.moments_nam.sum(axis=0))


def default_epicardium(array: SensorArray, centre_m: FloatArray | None = None) -> Surface:
    """An ellipsoid of a heart's size below the array.

    Parameters
    ----------
    array : SensorArray
        Working frame.
    centre_m : numpy.ndarray, shape ``(3,)``, optional
        Below the middle of the chest channels, `HEART_DEPTH_M` deep, if left out; the place of a
        fitted dipole is better.
    """
    places = array.positions_m[array.is_chest & array.has_place]
    if centre_m is None and not len(places):
        raise AnalysisError("no chest channel has a place", "give a positions file")
    if centre_m is None:
        middle = (places[:, :2].min(axis=0) + places[:, :2].max(axis=0)) / 2.0
        centre_m = np.append(middle, places[:, 2].min() - HEART_DEPTH_M)
    return ellipsoid(centre_m, HEART_HALF_AXES_M, 3)


@dataclass(frozen=True)
class ImageProblem:
    """The linear problem that every distributed method solves, weighted by the noise.

    Attributes
    ----------
    surface : Surface
    gain : numpy.ndarray, shape ``(n_channels, n_vertices, n_directions)``
        Weighted lead field, standard deviations per nA m.
    seen : numpy.ndarray, shape ``(n_channels,)``
        Weighted data.
    directions : numpy.ndarray, shape ``(n_vertices, n_directions, 3)``
        Of the unit dipoles at each vertex.
    model : str
    """

    surface: Surface
    gain: FloatArray
    seen: FloatArray
    directions: FloatArray
    model: str

    def moments_nam(self, strengths: FloatArray) -> FloatArray:
        """From strengths ``(n_vertices, n_directions)`` to moments ``(n_vertices, 3)``."""
        return np.asarray(np.einsum("vd,vdc->vc", strengths, self.directions))

    def image(self, strengths: FloatArray, method: str, **other: object) -> SourceImage:
        """The image of strengths, shape ``(n_vertices, n_directions)``, nA m."""
        moments = self.moments_nam(strengths)
        miss = self.seen - np.einsum("nvd,vd->n", self.gain, strengths)
        chi2, power = float(miss @ miss), float(self.seen @ self.seen)
        whole: dict[str, object] = {
            "regularisation": 0.0,
            "statistic": None,
            "localisation_error_m": None,
            "spread_m": None,
            "active": np.flatnonzero(np.any(strengths != 0.0, axis=1)),
        }
        return SourceImage(
            vertices_m=self.surface.vertices_m,
            triangles=self.surface.triangles,
            density=moments * 1e-9 / self.surface.vertex_areas_m2[:, None],
            unit="A/m",
            moments_nam=moments,
            method=method,
            gof=1.0 - chi2 / power,
            reduced_chi2=chi2 / len(self.seen),
            n_channels=len(self.seen),
            model=self.model,
            **(whole | other),  # type: ignore[arg-type]
        )


def set_up(
    field_pt: FloatArray,
    array: SensorArray,
    noise_pt: FloatArray | None,
    surface: Surface | None,
    model: ForwardModel,
    uncertainty: SensorUncertainty | None,
    orientation: str,
    moments_nam: FloatArray | None = None,
) -> ImageProblem:
    """Lead field of a surface, weighted; see `image_minimum_norm` for the parameters.

    Parameters
    ----------
    moments_nam : numpy.ndarray, shape ``(n_vertices, 3)``, optional
        A first image, from which the errors of the channels are worked out; without one they are
        a share of the RMS field.
    """
    if orientation not in ("free", "normal"):
        raise InputError(f"orientation {orientation!r} is not known", "use 'free' or 'normal'")
    field = np.asarray(field_pt, dtype=np.float64)
    use = usable_channels(field, array, noise_pt)
    if use.sum() < FEWEST_CHANNELS:
        raise AnalysisError(
            f"{int(use.sum())} channels are too few for an image, {FEWEST_CHANNELS} are needed",
            "check which heads are locked",
        )
    part, data = array.subset(use), field[use]
    if not np.any(data):
        raise AnalysisError("there is no field to make an image of", "check the averaged beat")
    chosen = surface if surface is not None else default_epicardium(part)
    places = chosen.vertices_m
    refuse_outside(model, places)
    lowest = float(part.positions_m[:, 2].min())
    if float(places[:, 2].max()) >= lowest:
        raise AnalysisError(
            "the surface reaches above the lowest channels",
            "move it into the frame of the array, and check its unit",
        )
    noise = noise_covariance_pt2(data, subset_noise(noise_pt, use))
    if uncertainty is None:
        if noise_pt is None:
            raise InputError(
                "without noise and uncertainty nothing tells how well an image should fit",
                "give noise_pt, or leave uncertainty at its default",
            )
    elif moments_nam is None:
        noise += typical_share(uncertainty) ** 2 * float(np.mean(data**2)) * np.eye(len(data))
    else:
        noise += error_covariance_pt2(part, model, places, moments_nam, uncertainty)
    weight = whitener(noise, head_index(part))
    lead = model.lead_field(part.positions_m, part.orientations, places)
    if orientation == "normal":
        directions = chosen.vertex_normals[:, None, :]
    else:
        unit = np.eye(3)[:2] if model.is_normal_silent else np.eye(3)
        directions = np.broadcast_to(unit, (len(places), *unit.shape))
    along = np.einsum("vnq,vdq->nvd", lead, directions)
    weighted = np.asarray(weight @ along.reshape(len(data), -1)).reshape(along.shape)
    return ImageProblem(chosen, weighted, np.asarray(weight @ data), directions, model.name)
