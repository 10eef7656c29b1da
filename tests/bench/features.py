"""Field-map features against the truth of an independent forward code (MNE-Python).

The truth is Bz in the plane of the array on a grid of 5 mm, computed by MNE's sphere and splined;
nothing of it enters the analysis. Each heart is seen by a newly drawn array (calibrated errors) in
60 beats at 15 fT/√Hz, low-passed at 100 Hz.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from scipy import interpolate, optimize
from tests.bench import mne_forward
from tests.bench.drawn_arrays import HEIGHT_M, PITCH_M, draw, square_array
from tests.bench.figures import Figure

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.data import CALIBRATED, SensorArray
from nullfield.analysis.features import map_measures
from nullfield.analysis.features.bootstrap import BeatBootstrap
from nullfield.analysis.features.field_angle import difference_deg
from nullfield.analysis.groups import BeatGroups

_GROUP = "features of the field map"
_FLAT_M = 1000.0
_BEATS = 60
_NOISE_PT = 0.015 * np.sqrt(100.0)
_MOMENT_NAM = 2500.0
_LINE_M = np.arange(-0.22, 0.2201, 0.005)
_DEPTHS_M = (0.07, 0.12)
"""Centre of the heart below the array."""


@dataclass
class Errors:
    """Errors of angle, distance and ratio, and whether the intervals hold the truth."""

    inside: list[tuple[float, float, float]] = field(default_factory=list)
    outside: list[tuple[float, float, float]] = field(default_factory=list)
    held: list[tuple[bool, bool, bool]] = field(default_factory=list)
    flagged: int = 0


def hearts(n: int, n_dipoles: int, spread_m: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Places and moments, shape ``(n, n_dipoles, 3)``, of sources around a centre.

    The moments of an extended heart differ in strength and direction by 30 % of their mean.
    """
    random = np.random.default_rng(seed)
    centre = np.column_stack(
        [
            random.uniform(-0.03, 0.03, size=(n, 2)),
            HEIGHT_M - random.uniform(*_DEPTHS_M, size=n),
        ]
    )
    turn = random.uniform(0.0, 2.0 * np.pi, size=n)
    moment = _MOMENT_NAM * np.column_stack(
        [np.cos(turn), np.sin(turn), 0.3 * random.normal(size=n)]
    )
    places = centre[:, None] + spread_m * random.normal(size=(n, n_dipoles, 3))
    scatter = 0.3 * _MOMENT_NAM * random.normal(size=(n, n_dipoles, 3))
    scatter *= n_dipoles > 1
    return places, (moment[:, None] + scatter) / n_dipoles


def true_poles(bz_pt: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Places of the positive and the negative pole, and their ratio, of a map on the fine grid."""
    tops = []
    for sign in (1.0, -1.0):
        surface = interpolate.RectBivariateSpline(_LINE_M, _LINE_M, sign * bz_pt)
        row, column = np.unravel_index(int(np.argmax(sign * bz_pt)), bz_pt.shape)
        top = optimize.minimize(
            lambda p, s=surface: -float(s(p[1], p[0])[0, 0]),
            (_LINE_M[column], _LINE_M[row]),
            method="Nelder-Mead",
            options={"xatol": 1e-7, "fatol": 1e-10},
        )
        tops.append((top.x, -top.fun))
    return tops[0][0], tops[1][0], tops[0][1] / tops[1][1]


def run(
    side: int,
    n: int,
    *,
    n_dipoles: int = 1,
    spread_m: float = 0.0,
    radius_m: float = _FLAT_M,
    seed: int = 0,
    axes: tuple[int, ...] = (2, 0),
) -> Errors:
    """Errors over `n` hearts, each under a drawn array of ``side x side`` heads."""
    array = square_array(side, axes)
    conductor = _sphere(radius_m)
    places, moments = hearts(n, n_dipoles, spread_m, seed)
    gx, gy = np.meshgrid(_LINE_M, _LINE_M)
    grid = np.column_stack([gx.ravel(), gy.ravel(), np.full(gx.size, HEIGHT_M)])
    up = np.tile([0.0, 0.0, 1.0], (len(grid), 1))
    lead = mne_forward.lead_field(conductor, grid, up, places.reshape(-1, 3))
    lead = lead.reshape(n, n_dipoles, len(grid), 3)
    random = np.random.default_rng([seed, side])
    half = (side - 1) / 2.0 * PITCH_M
    errors = Errors()
    for k in range(n):
        bz = np.einsum("dgq,dq->g", lead[k], moments[k]).reshape(gx.shape)
        plus, minus, ratio = true_poles(bz)
        across = plus - minus
        truth = (
            float(np.degrees(np.arctan2(across[1], across[0]))),
            1e3 * float(np.hypot(*across)),
            ratio,
        )

        def seen(where: np.ndarray, axis: np.ndarray, k: int = k) -> np.ndarray:
            one = mne_forward.lead_field(conductor, where, axis, places[k])
            return np.einsum("dcq,dq->c", one, moments[k])

        reading = draw(array, CALIBRATED, random).reading_pt(seen)
        beats = reading + _NOISE_PT * random.normal(size=(_BEATS, array.n_channels))
        found = _features(beats, array, seed=k)
        miss = (
            abs(float(difference_deg(found[0].value, truth[0]))),
            abs(found[1].value - truth[1]),
            abs(found[2].value - truth[2]),
        )
        is_inside = bool(np.abs([plus, minus]).max() <= half)
        (errors.inside if is_inside else errors.outside).append(miss)
        errors.flagged += bool(found[0].reason)
        if is_inside:
            held = [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
            turned = found[0].value + float(difference_deg(truth[0], found[0].value))
            held[0] = found[0].low <= turned <= found[0].high
            errors.held.append(tuple(held))
    return errors


def _sphere(radius_m: float):
    import mne

    # The field depends on the centre alone; the shells only have to part sources and heads.
    outer = radius_m + 0.02
    return mne.make_sphere_model(
        np.array([0.0, 0.0, -radius_m]),
        head_radius=outer,
        relative_radii=((outer - 0.002) / outer, 1.0),
        sigmas=(0.2, 0.2),
        verbose="error",
    )


def _features(beats_pt: np.ndarray, array: SensorArray, seed: int):
    mean = beats_pt.mean(axis=0)
    error = beats_pt.std(axis=0, ddof=1) / np.sqrt(len(beats_pt))
    average = AveragedBeat(
        time_s=np.zeros(1),
        field_pt=mean[:, None],
        standard_error_pt=error[:, None],
        noise_pt=error,
        beats_used=np.full(len(mean), len(beats_pt)),
        effective_beats=np.full(len(mean), float(len(beats_pt))),
        baseline_s=(0.0, 0.0),
        snr_db=None,
    )
    groups = BeatGroups(beats_pt[:, :, None].astype(np.float32), np.ones(len(beats_pt), np.int64))
    bootstrap = BeatBootstrap(average, groups, 400, seed)
    good = np.ones(array.n_channels, dtype=bool)
    peak = map_measures.look_at(average, 0.0, array, good, CALIBRATED, bootstrap, seed)
    return map_measures.peak_features(map_measures.AT_T, peak)[:3]


def figures(n: int = 24) -> list[Figure]:
    """Errors and coverage for 36 and 64 heads, dipoles and extended hearts, and a round torso."""
    out: list[Figure] = []
    cases = (
        ("dipole", 6, {}, True),
        ("dipole", 8, {}, True),
        ("heart of 12 mm", 6, {"n_dipoles": 8, "spread_m": 0.012}, True),
        ("heart of 12 mm", 8, {"n_dipoles": 8, "spread_m": 0.012}, True),
        ("heart of 12 mm, tri-axial", 8,
         {"n_dipoles": 8, "spread_m": 0.012, "axes": (2, 0, 1)}, False),
        ("dipole, sphere of 20 cm", 6, {"radius_m": 0.2}, False),
    )  # fmt: skip
    for what, side, options, is_goal in cases:
        start = time.process_time()
        got = run(side, n, seed=side, **options)
        seconds = time.process_time() - start
        note = f"{side * side} heads, {len(got.inside)} {what}; {seconds:.0f} s"
        for k, (name, unit, goal) in enumerate(
            (("angle", "deg", 1.0), ("pole distance", "mm", 2.0), ("pole ratio", "", 0.03))
        ):
            p50, p95 = np.percentile(np.array(got.inside)[:, k], [50, 95])
            out += [
                Figure(_GROUP, f"{name} error, median", float(p50), unit, note=note),
                Figure(
                    _GROUP, f"{name} error, p95", float(p95), unit,
                    maximum=goal if is_goal else None, note=note,
                ),
                Figure(
                    _GROUP, f"{name}: 95 % intervals that hold the truth",
                    float(np.mean(np.array(got.held)[:, k])), "", note=note,
                ),
            ]  # fmt: skip
        if got.outside:
            worst = np.max(np.array(got.outside), axis=0)
            out.append(
                Figure(
                    _GROUP, "largest pole distance error, poles outside", float(worst[1]), "mm",
                    note=f"{side * side} heads, {len(got.outside)} {what}; flagged {got.flagged}",
                )
            )  # fmt: skip
    return out
