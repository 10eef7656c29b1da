"""Current on a surface of least norm (Hämäläinen and Ilmoniemi, Med. Biol. Eng. Comput. 32, 1994).

Of all currents that explain the field as well, the smallest is taken, each vertex weighted against
the lead field's preference for what lies near the array (Lin et al., NeuroImage 31, 2006). How well
the field is explained follows from generalised cross-validation (Golub, Heath and Wahba,
Technometrics 21, 1979) or the corner of the L-curve (Hansen, SIAM Rev. 34, 1992). sLORETA divides
by the image's own resolution (Pascual-Marqui, Methods Find. Exp. Clin. Pharmacol. 24D, 2002), which
puts the maximum of a single noiseless source at its place.

Some 70 channels above a heart tell about ten numbers of it: an image is smooth over 30 to 50 mm
whatever the mesh, and `SourceImage.spread_m` says by how much.
"""

from __future__ import annotations

import numpy as np

from nullfield.analysis.data import UNCALIBRATED, SensorArray, SensorUncertainty
from nullfield.analysis.sources.forward import ForwardModel
from nullfield.analysis.sources.half_space import HalfSpace
from nullfield.analysis.sources.source_space import ImageProblem, SourceImage, set_up
from nullfield.analysis.sources.surface import Surface
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import InputError

DEPTH_EXPONENT = 0.8
"""Of the depth weighting; 0 is none, 1 takes the preference for near vertices fully away."""
_RIDGES = np.logspace(-9, 1, 101)


def image_minimum_norm(
    field_pt: FloatArray,
    array: SensorArray,
    noise_pt: FloatArray | None = None,
    *,
    surface: Surface | None = None,
    model: ForwardModel | None = None,
    uncertainty: SensorUncertainty | None = UNCALIBRATED,
    orientation: str = "free",
    depth: float = DEPTH_EXPONENT,
    regularisation: str | float = "gcv",
    standardised: bool = False,
) -> SourceImage:
    """Image the current on a surface by minimum norm.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels,)``
        NaN channels, reference channels and channels without a place are left out.
    array : SensorArray
        Working frame.
    noise_pt : numpy.ndarray, shape ``(n_channels,)`` or ``(n_channels, n_channels)``, optional
        Standard deviations (pT) or covariance (pT^2).
    surface : Surface, optional
        The heart's, working frame; `default_epicardium` if left out.
    model : ForwardModel, optional
        `HalfSpace` if left out.
    uncertainty : SensorUncertainty or None
        As for `fit_dipole`.
    orientation : str
        ``"free"``, or ``"normal"``: across the surface only.
    depth : float
        0 to 1, see `DEPTH_EXPONENT`; without effect if `standardised`.
    regularisation : str or float
        ``"gcv"``, ``"l-curve"``, or the ridge as a share of the largest squared singular value.
    standardised : bool
        True: sLORETA, `SourceImage.statistic` is filled and is what peaks at a source.

    Returns
    -------
    SourceImage
        Density in A/m, moments in nA m.

    Raises
    ------
    AnalysisError
        If there are too few channels, no field, or if the surface is not inside the conductor.
    InputError
        If an option is not known.
    """
    if not 0.0 <= depth <= 1.0:
        raise InputError(f"depth exponent {depth} is not between 0 and 1", "0.8 is usual")
    chosen = model or HalfSpace()
    exponent = 0.0 if standardised else depth
    given = (field_pt, array, noise_pt, surface, chosen, uncertainty, orientation)
    problem = set_up(*given)
    operator, ridge = _operator(problem, exponent, regularisation)
    if uncertainty is not None:
        first = problem.moments_nam(_strengths(problem, operator))
        problem = set_up(*given, moments_nam=first)
        operator, ridge = _operator(problem, exponent, regularisation)
    strengths = _strengths(problem, operator)
    resolution = _resolution(problem, operator)
    statistic = _standardised(strengths, resolution) if standardised else None
    error_m, spread_m = _point_spread(problem, resolution, standardised)
    return problem.image(
        strengths,
        "sLORETA" if standardised else "minimum norm",
        regularisation=ridge,
        statistic=statistic,
        localisation_error_m=error_m,
        spread_m=spread_m,
    )


def _strengths(problem: ImageProblem, operator: FloatArray) -> FloatArray:
    return np.asarray((operator @ problem.seen).reshape(problem.gain.shape[1:]))


def _operator(
    problem: ImageProblem, exponent: float, regularisation: str | float
) -> tuple[FloatArray, float]:
    """Inverse operator, ``(n_vertices * n_directions, n_channels)``, and its ridge."""
    n, n_vertices, n_directions = problem.gain.shape
    power = (problem.gain**2).sum(axis=(0, 2))
    # A moment's prior variance goes with its area: the density is what is alike everywhere.
    prior = problem.surface.vertex_areas_m2 / problem.surface.vertex_areas_m2.mean()
    prior = prior * np.maximum(power / power.max(), 1e-6) ** -exponent
    root = np.repeat(np.sqrt(prior), n_directions)
    gain = problem.gain.reshape(n, n_vertices * n_directions) * root
    left, singular, right = np.linalg.svd(gain, full_matrices=False)
    seen = left.T @ problem.seen
    rest = max(0.0, float(problem.seen @ problem.seen - seen @ seen))
    if isinstance(regularisation, str):
        chooser = {"gcv": _cross_validated, "l-curve": _corner}.get(regularisation)
        if chooser is None:
            raise InputError(
                f"regularisation {regularisation!r} is not known", "use 'gcv', 'l-curve' or a share"
            )
        share = chooser(singular, seen, rest, n)
    elif 0.0 < regularisation < np.inf:
        share = float(regularisation)
    else:
        raise InputError(f"regularisation {regularisation} is no share", "give a number above zero")
    ridge = share * float(singular[0]) ** 2
    filtered = singular / (singular**2 + ridge)
    return np.asarray(root[:, None] * (right.T * filtered) @ left.T), ridge


def _misses(
    singular: FloatArray, seen: FloatArray, rest: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """For each ridge: squared misfit, squared norm, and the share left of each direction."""
    ridges = _RIDGES[:, None] * singular[0] ** 2
    left = ridges / (singular**2 + ridges)
    norm = ((singular / (singular**2 + ridges) * seen) ** 2).sum(axis=1)
    return ((left * seen) ** 2).sum(axis=1) + rest, norm, left


def _cross_validated(singular: FloatArray, seen: FloatArray, rest: float, n: int) -> float:
    misfit, _, left = _misses(singular, seen, rest)
    freedom = n - len(singular) + left.sum(axis=1)
    return float(_RIDGES[int(np.argmin(misfit / np.maximum(freedom, 1e-9) ** 2))])


def _corner(singular: FloatArray, seen: FloatArray, rest: float, n: int) -> float:
    misfit, norm, _ = _misses(singular, seen, rest)
    x, y = np.log(np.maximum(misfit, 1e-300)) / 2.0, np.log(np.maximum(norm, 1e-300)) / 2.0
    dx, dy = np.gradient(x), np.gradient(y)
    bend = (dx * np.gradient(dy) - dy * np.gradient(dx)) / np.maximum(dx**2 + dy**2, 1e-12) ** 1.5
    # The ends have one-sided derivatives, and a flat end no direction to bend from.
    bend[:2] = bend[-2:] = -np.inf
    return float(_RIDGES[int(np.argmax(bend))])


def _resolution(problem: ImageProblem, operator: FloatArray) -> FloatArray:
    """What the image of each unit source is, ``(n_v, n_d, n_v, n_d)``: image, then source."""
    n, n_vertices, n_directions = problem.gain.shape
    matrix = operator @ problem.gain.reshape(n, -1)
    return np.asarray(matrix.reshape(n_vertices, n_directions, n_vertices, n_directions))


def _own_inverse(resolution: FloatArray) -> FloatArray:
    """Inverses of the diagonal blocks, ``(n_vertices, n_directions, n_directions)``."""
    own = np.einsum("vivj->vij", resolution)
    return np.linalg.pinv((own + own.transpose(0, 2, 1)) / 2.0, rcond=1e-6, hermitian=True)


def _standardised(strengths: FloatArray, resolution: FloatArray) -> FloatArray:
    power = np.einsum("vi,vij,vj->v", strengths, _own_inverse(resolution), strengths)
    return np.asarray(np.sqrt(np.maximum(power, 0.0)))


def _point_spread(
    problem: ImageProblem, resolution: FloatArray, standardised: bool
) -> tuple[FloatArray, FloatArray]:
    places = problem.surface.vertices_m
    n_vertices, n_directions = resolution.shape[:2]
    inverse = _own_inverse(resolution) if standardised else None
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    error2, spread2 = np.zeros(n_vertices), np.zeros(n_vertices)
    columns = np.arange(n_vertices)
    for direction in range(n_directions):
        image = resolution[..., direction]
        if inverse is None:
            # Per area, as the density is what is drawn.
            power = (image**2).sum(axis=1) / problem.surface.vertex_areas_m2[:, None] ** 2
        else:
            power = np.einsum("viu,vij,vju->vu", image, inverse, image, optimize=True)
        error2 += apart[np.argmax(power, axis=0), columns] ** 2
        spread2 += (apart**2 * power).sum(axis=0) / np.maximum(power.sum(axis=0), 1e-300)
    return np.sqrt(error2 / n_directions), np.sqrt(spread2 / n_directions)
