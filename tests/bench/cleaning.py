"""What cleaning removes, what it leaves of a heart, and how long it takes."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import mne
import numpy as np
from tests.analysis.simulated_heart import (
    DIPOLE_M,
    R_MOMENT_NAM,
    RATE_HZ,
    T_MOMENT_NAM,
    make_array,
    simulate,
)
from tests.bench.figures import Figure
from tests.bench.long_hearts import LongHeart

from nullfield.analysis.cleaning.homogeneous import homogeneous_projector, homogeneous_step
from nullfield.analysis.cleaning.pipeline import clean
from nullfield.analysis.cleaning.settings import CleaningSettings
from nullfield.analysis.cleaning.work import Work
from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.analysis.sources.half_space import lead_field
from nullfield.dsp.filters import band_pass, notch_mains
from nullfield.dsp.gaps import FloatArray
from nullfield.dsp.lines import subtract_lines

_BEATS_PER_MIN = 66.0
_SECONDS = 60.0
_ORDERS = (1, 2, 3)


def figures() -> list[Figure]:
    """All figures of cleaning."""
    return [
        *_equality(),
        *_heart_kept(),
        *_room(),
        *_mains_and_the_heart(),
        *_speed(),
    ]


def _equality() -> list[Figure]:
    array = make_array(8, (0, 1, 2))
    info = mne.create_info(list(array.names), RATE_HZ, "mag", verbose="error")
    for channel, place, axis in zip(
        info["chs"], array.positions_m, array.orientations, strict=True
    ):
        across = np.roll(axis, 1)
        channel["loc"][:] = np.concatenate([place, across, np.cross(axis, across), axis])
        channel["coil_type"] = mne._fiff.constants.FIFF.FIFFV_COIL_QUSPIN_ZFOPM_MAG
    info["dev_head_t"] = mne.transforms.Transform("meg", "head")
    out = []
    for order in _ORDERS:
        projections = mne.preprocessing.compute_proj_hfc(info, order, verbose="error")
        vectors = np.concatenate([one["data"]["data"] for one in projections]).T
        left = np.linalg.svd(vectors, full_matrices=False)[0]
        expected = np.eye(array.n_channels) - left @ left.T
        found = homogeneous_projector(array, order)
        worst = float(np.abs(found - expected).max() / np.abs(expected).max())
        note = f"{len(projections)} terms, 64 tri-axial heads"
        name = f"HFC order {order} against MNE, largest relative difference"
        out.append(Figure("cleaning", name, worst, "", maximum=1e-9, note=note))
    return out


def _heart_kept() -> list[Figure]:
    """Least share of a heart that homogeneous field correction leaves, by array and method."""
    out = []
    for heads, axes in ((6, (0, 1)), (6, (0, 1, 2)), (8, (0, 1, 2))):
        array = make_array(heads, axes)
        work = Work(
            np.zeros((array.n_channels, 0)), RATE_HZ, array, np.zeros(array.n_channels, bool)
        )
        for order in _ORDERS:
            shares = {}
            for method in ("guarded", "orthogonal"):
                step = homogeneous_step(
                    work, CleaningSettings(homogeneous_order=order, homogeneous_method=method)
                )
                verdict = "applied" if step.is_applied else "refused"
                shares[method] = (step.heart_kept_share or 0.0, verdict)
            share, verdict = shares["guarded"]
            other, other_verdict = shares["orthogonal"]
            name = f"least heart kept, {heads}x{heads} heads of {len(axes)} axes, order {order}"
            note = f"guarded: {verdict}; orthogonal: {100 * other:.0f} %, {other_verdict}"
            out.append(Figure("cleaning", name, 100.0 * share, "%", note=note))
    return out


def _disturbed(array: SensorArray) -> tuple[FieldRecording, FloatArray, FloatArray]:
    """A heart in a room: recording, heart alone, and the quiet samples."""
    one = simulate(array, duration_s=_SECONDS, rate_bpm=_BEATS_PER_MIN, mains_pt=20.0, seed=1)
    heart = simulate(array, duration_s=_SECONDS, rate_bpm=_BEATS_PER_MIN, noise_ft=0.0, seed=1)
    random = np.random.default_rng(2)
    n_samples = one.recording.n_samples
    time_s = np.arange(n_samples) / RATE_HZ
    # Uniform: a walk (1/f^2). Gradients: a tenth of it at a tenth of a metre, vibration at 11 Hz.
    walk = np.cumsum(random.normal(size=(8, n_samples)), axis=1) * 0.2
    walk[3:] += 3.0 * np.sin(2 * np.pi * 11.0 * time_s + random.uniform(0.0, 6.0, (5, 1)))
    slopes = np.zeros((5, 3, 3))
    slopes[0], slopes[1] = np.diag([1.0, -1.0, 0.0]), np.diag([1.0, 1.0, -2.0])
    for term, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)], start=2):
        slopes[term, i, j] = slopes[term, j, i] = 1.0
    seen = np.einsum("gij,cj,ci->cg", slopes, array.positions_m, array.orientations)
    field_pt = one.recording.field_pt + array.orientations @ walk[:3] + seen @ walk[3:]
    # Each sensor drifts by itself, and one loses its lock.
    phases = random.uniform(0.0, 6.0, (len(field_pt), 1))
    field_pt += 30.0 * np.sin(2 * np.pi * 0.03 * time_s + phases)
    field_pt[40, 20_000:] += 800.0
    quiet = np.ones(n_samples, dtype=bool)
    for beat_s in one.r_times_s - one.recording.start_time_s:
        quiet[max(0, round((beat_s - 0.25) * RATE_HZ)) : round((beat_s + 0.45) * RATE_HZ)] = False
    return one.recording.with_field(field_pt), heart.recording.field_pt, quiet


def _error_pt(field_pt: FloatArray, heart_pt: FloatArray) -> float:
    """RMS in 1 to 40 Hz of what is not the heart, the beats included: truth, not the report."""
    band = band_pass(field_pt - heart_pt, RATE_HZ, 1.0, 40.0)
    return float(np.sqrt(np.nanmean(band[:, 2000:-2000] ** 2)))


def _room() -> list[Figure]:
    out = []
    cases = {
        "references": (True, CleaningSettings(external="references")),
        "homogeneous field, order 1": (False, CleaningSettings(homogeneous_order=1)),
        "homogeneous field, order 2": (False, CleaningSettings(homogeneous_order=2)),
        "homogeneous field, order as found best": (False, CleaningSettings()),
        "gradiometers from references": (
            True,
            CleaningSettings(external="none", gradiometers="references"),
        ),
        "separation": (False, CleaningSettings(external="none", separation=True)),
    }
    for name, (references, settings) in cases.items():
        array = make_array(8, (0, 1, 2), references=references)
        recording, heart_pt, quiet = _disturbed(array)
        cleaned = clean(recording, replace(settings, drift=True), quiet)
        chest = array.is_chest
        before = _error_pt(recording.field_pt[chest], heart_pt[chest])
        after = _error_pt(cleaned.recording.field_pt[chest], heart_pt[chest])
        step = next(one for one in cleaned.steps if name.startswith(one.name))
        kept = "" if step.heart_kept_share is None else f"{100 * step.heart_kept_share:.0f} %"
        note = f"by its own report; least heart kept {kept}"
        if not step.is_applied:
            note = f"refused: {step.reason}"
        out.append(
            Figure("cleaning", f"removed by {name}", step.removed_db or 0.0, "dB", note=note)
        )
        out.append(
            Figure(
                "cleaning",
                f"all steps with {name}, against truth",
                20.0 * np.log10(before / after),
                "dB",
                note=f"1-40 Hz: {before:.2f} to {after:.3f} pT, beats included",
            )
        )
        if name == "homogeneous field, order 1":
            out += _others(cleaned, recording)
    return out


def _others(cleaned, recording: FieldRecording) -> list[Figure]:
    by_name = {step.name: step for step in cleaned.steps}
    gains = by_name["mains"].parameters["line_removed_db"]
    ((_, at_s, size_pt),) = by_name["steps"].parameters["steps"]
    drift = by_name["drift"].parameters
    return [
        Figure(
            "cleaning",
            "mains removed",
            float(min(gain if gain is not None else 60.0 for gain in gains)),
            "dB",
            note="60 where the line is below the noise afterwards",
        ),
        Figure("cleaning", "step found, error of its time", abs(at_s - 20.0) * 1e3, "ms"),
        Figure("cleaning", "step found, error of its size", abs(size_pt - 800.0), "pT"),
        Figure("cleaning", "drift subtracted, range", drift["removed_pt"], "pT"),
    ]


def _mains_and_the_heart() -> list[Figure]:
    """What removing mains does to a heart without mains, noise or anything else."""
    array = make_array(4, (0, 1))
    lead = lead_field(array.positions_m, array.orientations, DIPOLE_M)
    time_s = np.arange(30_000) / RATE_HZ
    beats = np.arange(0.5, 29.5, 60.0 / 70.0)
    moment = sum(
        size[:, None] * np.exp(-0.5 * ((time_s - beats[:, None] - late) / width) ** 2).sum(axis=0)
        for size, late, width in (
            (R_MOMENT_NAM, 0.0, 0.010),
            (-0.3 * R_MOMENT_NAM[::-1], 0.030, 0.008),
            (T_MOMENT_NAM, 0.25, 0.035),
        )
    )
    heart_pt = lead @ moment
    mains = 5.0 * np.sin(2 * np.pi * 50.02 * time_s)
    quiet = ((time_s < beats[:, None] - 0.22) | (time_s > beats[:, None] + 0.42)).all(axis=0)
    by_sines = heart_pt + mains
    subtract_lines(by_sines, RATE_HZ, np.array([50.02]), quiet=quiet)
    by_notch = notch_mains(heart_pt + mains, RATE_HZ, 50.0, harmonics=1)
    inside = slice(3000, -3000)
    largest = np.abs(heart_pt).max()
    return [
        Figure(
            "cleaning",
            f"error in the heart after mains of 5 pT are removed, {name}",
            100.0 * float(np.abs(found - heart_pt)[:, inside].max() / largest),
            "% of R",
            note="largest, 30 s, 70 beats a minute",
        )
        for name, found in (("sines", by_sines), ("notch", by_notch))
    ]


def _speed() -> list[Figure]:
    recording = LongHeart(600.0).read(0, 600_000)
    marks: list[tuple[str, float, float]] = []

    def mark(what: str, share: float) -> None:
        marks.append((what, time.perf_counter(), time.process_time()))

    clean(recording, progress=mark)
    out = [
        Figure(
            "cleaning",
            f"10 min of 192 channels at 1 kHz: {what}",
            later[1] - start,
            "s",
            note=f"{later[2] - cpu:.1f} s of processor time",
        )
        for (what, start, cpu), later in pairwise(marks)
    ]
    total = marks[-1][1] - marks[0][1]
    note = f"{marks[-1][2] - marks[0][2]:.1f} s of processor time"
    out.append(Figure("cleaning", "10 min of 192 channels at 1 kHz: all", total, "s", note=note))
    return out
