"""Calibration of coils and heads: errors of gain, angle and place, with and without a standard.

Ten seeds of the demo36 rig. What the heads report of the coils is the plant's truth (true heads and
coils, cross-talk) with the noise of a measurement: twelve or twenty-four patterns at the amplitudes
that `instrument.calibrate` gives, every reading with 5 pT on the transverse axes and 60 pT on the
beam axis, and a drift of the room that all share. Errors without a standard are after the gauge
(eight modes are taken out by least squares); with one they are as they stand, seat of the plate
included, and after a rigid motion beside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tests.bench.figures import Figure
from tests.bench.plant_response import PlantResponse, plant_response

from nullfield.instrument.calibration_patterns import amplitudes_ma
from nullfield.instrument.windings import tolerances_of
from nullfield.rig import Rig, load_rig
from nullfield.room.calibration import Calibration
from nullfield.room.calibration_fit import ArrayFit, fit_array
from nullfield.room.excitation import excitation_patterns
from nullfield.room.gauge import aligned
from nullfield.standard_file import with_standard

SEEDS = tuple(range(1, 11))
READING_PT = np.array([5.0, 5.0, 60.0])
"""Noise of one reading on local x, local y and beam, as on boards (2, 3 and 55 pT with 16 heads)."""
DRIFT_PT = 60.0
"""The room's drift from reading to reading, the same at all heads, each component."""
RIGID = tuple(range(1, 7))
ALL_MODES = tuple(range(8))


@dataclass(frozen=True)
class Errors:
    """Of one fit: shares, degrees and millimetres by head.

    Attributes
    ----------
    gain : numpy.ndarray, shape ``(n, 3)``
    angle_deg : numpy.ndarray, shape ``(n, 3)``
        Between fitted and true axis.
    place_mm : numpy.ndarray, shape ``(n,)``
    """

    gain: np.ndarray
    angle_deg: np.ndarray
    place_mm: np.ndarray


def errors_of(fit: ArrayFit, truth: PlantResponse, modes: tuple[int, ...]) -> Errors:
    """Errors of a fit against the truth, the modes of the gauge taken out that are named."""
    n = len(truth.position_m)
    true_errors = truth.matrix @ np.swapaxes(truth.axes, 1, 2) - np.eye(3)
    true = np.concatenate(
        [true_errors.reshape(-1), (truth.true_position_m - truth.position_m).reshape(-1)]
    )
    tolerance = fit.model.tolerance()[: 12 * n]
    wrong = fit.unknowns[: 12 * n] - true
    if modes:
        # The gauge is that of the heads over the chest: references hang on it at a long arm.
        wrong = _aligned_by_chest(wrong, truth, tolerance, modes)
    found = true + wrong
    matrix = (np.eye(3) + found[: 9 * n].reshape(n, 3, 3)) @ truth.axes
    return _compared(matrix, wrong[9 * n :].reshape(n, 3), truth)


def matched_errors(calibration: Calibration, truth: PlantResponse) -> Errors:
    """Errors of a calibration of all heads as it stands, no gauge taken out."""
    matrix = calibration.head_gain[..., None] * calibration.head_axes
    return _compared(matrix, calibration.head_position_m - truth.true_position_m, truth)


def _compared(matrix: np.ndarray, shift_m: np.ndarray, truth: PlantResponse) -> Errors:
    size, true_size = np.linalg.norm(matrix, axis=2), np.linalg.norm(truth.matrix, axis=2)
    across = np.cross(matrix / size[..., None], truth.matrix / true_size[..., None])
    return Errors(
        size / true_size - 1.0,
        np.degrees(np.arcsin(np.linalg.norm(across, axis=2))),
        1e3 * np.linalg.norm(shift_m, axis=1),
    )


def _aligned_by_chest(
    wrong: np.ndarray, truth: PlantResponse, tolerance: np.ndarray, modes: tuple[int, ...]
) -> np.ndarray:
    n = len(truth.position_m)
    chest = np.linalg.norm(truth.position_m, axis=1) < 0.5
    weight = tolerance.copy()
    weight[: 9 * n].reshape(n, 9)[~chest] = 1e6
    weight[9 * n :].reshape(n, 3)[~chest] = 1e6
    return aligned(wrong, truth.position_m, truth.axes, weight, modes)[0]


def simulated_fit(rig: Rig, seed: int) -> tuple[ArrayFit, PlantResponse]:
    """Fit to the plant's response of a seed, with the noise of a measurement."""
    truth = plant_response(rig, seed)
    patterns = excitation_patterns(amplitudes_ma(rig))
    per_ma = READING_PT[:, None] / np.sqrt(np.sum(patterns**2, axis=0))
    sigma = np.broadcast_to(per_ma, truth.response_pt_per_ma.shape)
    rng = np.random.default_rng(seed)
    measured = truth.response_pt_per_ma + sigma * rng.standard_normal(sigma.shape)
    # As orthogonal patterns pass it on: one stray field of each winding.
    stray = (
        DRIFT_PT / np.sqrt(np.sum(patterns**2, axis=0)) * rng.standard_normal((3, len(patterns.T)))
    )
    measured = measured + np.einsum("nak,kc->nac", truth.axes, stray)
    fit = fit_array(
        measured, sigma, truth.position_m, truth.axes, truth.windings, tolerances_of(rig, patterns)
    )
    return fit, truth


def figures() -> list[Figure]:
    """Errors over all seeds, over the chest and at the references."""
    bare, _ = load_rig("demo36")
    out: list[Figure] = []
    for rig, what, modes in (
        (bare, "without a standard, after the gauge", ALL_MODES),
        (with_standard(bare, "plate8"), "with plate8 (0.1 %), as it stands", ()),
        (with_standard(bare, "plate8"), "with plate8 (0.1 %), after a rigid motion", RIGID),
    ):
        fits = [simulated_fit(rig, seed) for seed in SEEDS]
        is_chest = np.array([h.kind == "array" for h in rig.heads])
        found = [errors_of(fit, truth, modes) for fit, truth in fits]
        silent = {fit.rank.n_silent for fit, _ in fits}
        note = f"demo36, {len(SEEDS)} seeds; {max(silent)} modes unseen"
        is_goal = rig.standard is not None and not modes
        for who, chosen in (("heads", is_chest), ("references", ~is_chest)):
            goals = (0.3, 0.1, 0.5) if is_goal and who == "heads" else (None,) * 3
            values = (
                ("gain", 100.0 * np.array([e.gain[chosen] for e in found]), "%", goals[0]),
                ("angle", np.array([e.angle_deg[chosen] for e in found]), "deg", goals[1]),
                ("place", np.array([e.place_mm[chosen] for e in found]), "mm", goals[2]),
            )
            for name, value, unit, goal in values:
                rms = float(np.sqrt(np.mean(value**2)))
                far = float(np.percentile(np.abs(value), 95))
                most = float(np.abs(value).max())
                label = f"{who}, {name}, {what}"
                text = f"{note}; p95 {far:.3f}, worst {most:.3f}"
                out.append(
                    Figure("calibration", f"{label}: rms", rms, unit, maximum=goal, note=text)
                )
        chest = [f.gain_sigma[is_chest] for f, _ in fits]
        pull = np.concatenate(
            [(e.gain[is_chest] / s).reshape(-1) for e, s in zip(found, chest, strict=True)]
        )
        out.append(
            Figure(
                "calibration",
                f"heads, gain, {what}: error over its stated uncertainty, rms",
                float(np.sqrt(np.mean(pull**2))),
                "",
                maximum=1.2,
                note=note,
                is_own_goal=True,
            )
        )
    return out
