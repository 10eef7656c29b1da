"""Dipoles against truth from MNE-Python: matched and mismatched conductors, errors of the array.

Noise is that of 15 fT/sqrt(Hz) from 0 to 100 Hz, averaged over 60 beats. Dipoles of 12,000 nA m of
any direction lie 60 to 100 mm below the heads' cells, which are 30 mm above the skin. Every field is
computed by MNE with the true places and axes of the heads, which are drawn anew for each array.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from tests.bench import mne_forward
from tests.bench.drawn_arrays import HEIGHT_M, draw, square_array
from tests.bench.figures import Figure

from nullfield.analysis.data import CALIBRATED, UNCALIBRATED, SensorArray, SensorUncertainty
from nullfield.analysis.sources.boundary_element import BoundaryElement
from nullfield.analysis.sources.dipole_fit import CONFIDENCE, DipoleFit, fit_with
from nullfield.analysis.sources.dipole_search import DipoleSearch
from nullfield.analysis.sources.forward import ForwardModel
from nullfield.analysis.sources.half_space import HalfSpace
from nullfield.analysis.sources.sphere import Sphere
from nullfield.analysis.sources.surface import Surface, ellipsoid

NOISE_PT = 15e-3 * np.sqrt(100.0 / 60.0)
MOMENT_NAM = 12_000.0
FLAT_RADIUS_M = 1000.0
_EXACT = SensorUncertainty(gain=0.0, position_m=0.0, angle_rad=0.0, crosstalk=0.0)
_TORSO_CENTRE_M = (0.0, -0.05, -0.10)
_TORSO_HALF_AXES_M = np.array([0.17, 0.26, 0.10])

Lead = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Trials:
    """Errors of the place and whether the 95 % region held it."""

    error_mm: np.ndarray
    held: np.ndarray
    reduced_chi2: np.ndarray

    def p(self, percent: float) -> float:
        return float(np.percentile(self.error_mm, percent))


def mne_lead(conductor: object) -> Lead:
    """MNE's lead field of a conductor."""
    return lambda positions, axes, sources: mne_forward.lead_field(
        conductor, positions, axes, sources
    )


def flat() -> object:
    """MNE's sphere, so large that it is a half-space."""
    return mne_forward.sphere((0.0, 0.0, -FLAT_RADIUS_M))


def torso_surface(share: float = 1.0, subdivisions: int = 3) -> Surface:
    """A trunk 340 mm wide, 520 mm high and 200 mm deep, its front at z = 0, or a share of it."""
    half = _TORSO_HALF_AXES_M * share
    front = _TORSO_CENTRE_M[2] + _TORSO_HALF_AXES_M[2]
    centre = (_TORSO_CENTRE_M[0], _TORSO_CENTRE_M[1], front - half[2])
    return ellipsoid(centre, half, subdivisions)


def run(
    lead: Lead,
    model: ForwardModel,
    array: SensorArray,
    errors: SensorUncertainty,
    *,
    n_arrays: int,
    n_sources: int,
    seed: int,
    alternatives: tuple[ForwardModel, ...] = (),
) -> Trials:
    """Fit `n_sources` dipoles with each of `n_arrays` drawn arrays."""
    random = np.random.default_rng(seed)
    search = DipoleSearch(array, model)
    noise_pt = np.full(array.n_channels, NOISE_PT)
    truths: list[np.ndarray] = []
    fits: list[DipoleFit] = []
    for _ in range(n_arrays):
        drawn = draw(array, errors, random)
        places = np.column_stack(
            [
                random.uniform(-0.04, 0.04, (n_sources, 2)),
                HEIGHT_M - random.uniform(0.06, 0.10, n_sources),
            ]
        )
        moments = random.normal(size=(n_sources, 3))
        if model.is_normal_silent:
            moments[:, 2] = 0.0
        moments *= MOMENT_NAM / np.linalg.norm(moments, axis=1, keepdims=True)
        true = lead(drawn.array.positions_m, drawn.array.orientations, places)
        for place, moment, one in zip(places, moments, true, strict=True):
            field = one @ moment
            data = drawn.gain * (field + drawn.mixing @ field)
            data = data + NOISE_PT * random.normal(size=len(data))
            fits.append(fit_with(search, data, noise_pt, errors, alternatives=alternatives))
            truths.append(place)
    miss = [np.linalg.norm(f.position_m - t) for f, t in zip(fits, truths, strict=True)]
    held = [bool(f.region_holds(t)) for f, t in zip(fits, truths, strict=True)]
    return Trials(1e3 * np.array(miss), np.array(held), np.array([f.reduced_chi2 for f in fits]))


def matched() -> list[Figure]:
    """A half-space fitted to a half-space, a sphere to a sphere, a torso to a torso."""
    figures = []
    lead = mne_lead(flat())
    for side in (6, 8):
        for axes, what in (((2, 0), "Bz and Bx"), ((2, 0, 1), "tri-axial"), ((2,), "Bz")):
            trials = run(
                lead,
                HalfSpace(),
                square_array(side, axes),
                CALIBRATED,
                n_arrays=10,
                n_sources=10,
                seed=10 + side,
            )
            is_goal = axes == (2, 0)
            note = "calibrated, 100 dipoles, half-space from MNE"
            name = f"{side * side} heads, {what}"
            figures += _errors("dipole, matched", name, trials, note, 0.6 if is_goal else None)
    return figures


def coverage() -> list[Figure]:
    """How often the 95 % region holds the true place."""
    figures = []
    lead = mne_lead(flat())
    for name, errors in (("calibrated", CALIBRATED), ("uncalibrated", UNCALIBRATED)):
        trials = run(
            lead,
            HalfSpace(),
            square_array(6),
            errors,
            n_arrays=50,
            n_sources=6,
            seed=30,
        )
        share = float(trials.held.mean())
        note = f"36 heads, 300 dipoles; reduced chi2 {trials.reduced_chi2.mean():.2f}"
        # Two binomial deviations of 300 trials, somewhat widened as arrays are shared.
        figures.append(
            Figure(
                "dipole, confidence",
                f"95 % region holds the truth, {name}",
                100.0 * share,
                "%",
                minimum=100.0 * CONFIDENCE - 3.0,
                note=note,
                is_own_goal=True,
            )
        )
        if name == "uncalibrated":
            figures += _errors("dipole, confidence", "36 heads, uncalibrated", trials, note, None)
    return figures


def sweeps() -> list[Figure]:
    """One error at a time, the others nil, the fit knowing its size."""
    figures = []
    lead = mne_lead(flat())
    # Field, its name, how it is told, and the sizes as told.
    steps = (
        ("gain", "gain", 0.01, "%", (0.0, 0.3, 1.0, 3.0)),
        ("position_m", "place", 1e-3, "mm", (0.25, 0.5, 1.0, 2.0)),
        ("angle_rad", "angle", np.pi / 180.0, "deg", (0.1, 0.5, 1.0, 2.0)),
        ("crosstalk", "cross-talk", 0.01, "%", (0.1, 1.0, 3.0)),
    )
    array = square_array(6)
    for field, name, scale, unit, sizes in steps:
        for size in sizes:
            errors = replace(_EXACT, **{field: size * scale})
            trials = run(lead, HalfSpace(), array, errors, n_arrays=12, n_sources=5, seed=50)
            told = f"{name} {size:g} {unit}" if size else "noise alone"
            figures += _errors("dipole, one error", told, trials, "36 heads, Bz and Bx", None)
    return figures


def torsos() -> list[Figure]:
    """Spheres and boundary-element torsos, fitted as they are and as something else."""
    figures = []
    array = square_array(6)
    many = {"n_arrays": 5, "n_sources": 8}
    note = "calibrated, 36 heads, Bz and Bx, 40 dipoles"

    def add(group: str, name: str, trials: Trials, goal_mm: float | None) -> None:
        held = f"{note}; region holds the truth in {100 * trials.held.mean():.0f} %"
        figures.extend(_errors(group, name, trials, held, goal_mm))

    centre = (0.0, 0.0, -0.20)
    ball = mne_lead(mne_forward.sphere(centre))
    trials = run(ball, Sphere(centre, 0.195), array, CALIBRATED, seed=70, **many)
    add("dipole, matched", "sphere of 195 mm", trials, 0.6)

    # Two codes of boundary elements differ by 1.5 % at such edges, which is what is seen here.
    coarse = torso_surface()
    trunk = mne_lead(mne_forward.torso(coarse))
    trials = run(trunk, BoundaryElement(coarse), array, CALIBRATED, seed=72, **many)
    add("dipole, matched", f"torso, edges of {1e3 * coarse.edge_m:.0f} mm", trials, None)
    small, near, large = (BoundaryElement(torso_surface(share)) for share in (0.85, 1.05, 1.15))
    rows = (
        ("in a torso 5 % larger", near, (), 5.0),
        ("in a torso 15 % larger", large, (), 5.0),
        ("in one 15 % larger, or 15 % smaller", large, (small,), 5.0),
        ("in a half-space", HalfSpace(), (), 5.0),
        ("in a half-space, or either torso", HalfSpace(), (large, small), 5.0),
    )
    for name, model, alternatives, goal_mm in rows:
        trials = run(trunk, model, array, CALIBRATED, seed=74, alternatives=alternatives, **many)
        add("dipole, mismatched", f"torso, fitted {name}", trials, goal_mm)
    return figures


def forwards() -> list[Figure]:
    """Forward models against MNE's and against one another."""
    array = square_array(6, (2, 0, 1))
    random = np.random.default_rng(90)
    sources = np.column_stack(
        [random.uniform(-0.04, 0.04, (30, 2)), HEIGHT_M - random.uniform(0.06, 0.10, 30)]
    )
    places, axes = array.positions_m, array.orientations

    def apart(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.linalg.norm(one - other) / np.linalg.norm(other))

    figures = []
    ours = HalfSpace().lead_field(places, axes, sources)
    for radius_m in (10.0, FLAT_RADIUS_M):
        ball = mne_forward.sphere((0.0, 0.0, -radius_m))
        theirs = mne_forward.lead_field(ball, places, axes, sources)
        figures.append(
            Figure(
                "forward models",
                f"half-space against MNE's sphere of {radius_m:g} m",
                apart(ours, theirs),
                "",
                maximum=1e-3 if radius_m == FLAT_RADIUS_M else None,
                note="norm of the difference; falls with 1/radius",
                is_own_goal=True,
            )
        )
    centre = (0.0, 0.0, -0.20)
    theirs = mne_forward.lead_field(mne_forward.sphere(centre), places, axes, sources)
    exact = Sphere(centre, 0.195).lead_field(places, axes, sources)
    figures.append(
        Figure(
            "forward models",
            "sphere against MNE's",
            apart(exact, theirs),
            "",
            maximum=1e-12,
            is_own_goal=True,
        )
    )
    for subdivisions in (2, 3):
        ball_mesh = ellipsoid(centre, np.full(3, 0.195), subdivisions)
        ours = BoundaryElement(ball_mesh, 0.005).lead_field(places, axes, sources)
        figures.append(
            Figure(
                "forward models",
                f"boundary elements against Sarvas, edge {1e3 * ball_mesh.edge_m:.0f} mm",
                apart(ours, exact),
                "",
                maximum=0.05 if subdivisions == 3 else None,
                is_own_goal=True,
            )
        )
    surface = torso_surface()
    theirs = mne_forward.lead_field(mne_forward.torso(surface), places, axes, sources)
    ours = BoundaryElement(surface).lead_field(places, axes, sources)
    figures.append(
        Figure(
            "forward models",
            f"boundary elements against MNE's, torso, edge {1e3 * surface.edge_m:.0f} mm",
            apart(ours, theirs),
            "",
            maximum=0.02,
            is_own_goal=True,
        )
    )
    return figures


def figures() -> list[Figure]:
    """All figures of the sources."""
    return forwards() + matched() + coverage() + torsos() + sweeps()


def _errors(
    group: str, name: str, trials: Trials, note: str, goal_mm: float | None
) -> list[Figure]:
    return [
        Figure(group, f"{name}: median", trials.p(50), "mm", note=note),
        Figure(group, f"{name}: p95", trials.p(95), "mm", maximum=goal_mm, note=note),
    ]
