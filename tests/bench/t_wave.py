"""What compensation does to the data: disturbances after regression, and the T wave.

One seed is recorded twice over the same stretch of simulated time, with the compensation on and with
the coils at rest. The recorded compensation is added back, both are regressed on the references, and
the averaged T wave is compared; so is the raw one.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tests.bench.disturbance import Sine, disturb
from tests.bench.figures import Figure
from tests.bench.virtual_rig import open_rig

from nullfield.analysis.beats import find_beats
from nullfield.analysis.cleaning.reference import regress_references
from nullfield.analysis.data import FieldRecording
from nullfield.analysis.quality import quiet_samples
from nullfield.instrument.compensate import Compensation
from nullfield.instrument.null_room import null_room
from nullfield.instrument.record import record
from nullfield.instrument.set_up_compensation import set_up_compensation
from nullfield.instrument.start_up import start_up
from nullfield.recording.compensation import load_without_compensation
from nullfield.recording.load import load_field_recording
from nullfield.rig import load_rig
from nullfield.virtual.plant import Scenario

FloatArray = npt.NDArray[np.float64]

GROUP = "compensation in the data"
RIG = "room8"
DATA_HZ = (3.3, 10.3, 30.3)
SINE_PT = 60.0
GENTLE = {
    "room_residual_nt": 20.0,
    "room_gradient_nt_per_m": 8.0,
    "room_third_order_nt_per_m2": 3.0,
}
_BEFORE_S, _AFTER_S = 0.30, 0.50
_T_S = (0.16, 0.42)
_LEVEL_S = (-0.30, -0.25)


def recorded(
    scenario: Scenario, directory: Path, seconds: float, is_on: bool, sines: bool, seed: int = 1
) -> None:
    """Start, null, set up, and record with the compensation on or at rest."""
    rig, _ = load_rig(RIG)
    with open_rig(rig, scenario, seed) as (world, instrument):
        instrument.stream(True)
        start_up(instrument)
        plan = set_up_compensation(instrument, null_room(instrument))
        if sines:
            began_s = world.now_s()
            disturb(world, *[Sine(f, (SINE_PT,) * 3, start_s=began_s) for f in DATA_HZ])
        with Compensation(instrument, plan, is_watching=not is_on) as running:
            running.wait(3.0)
            record(instrument, directory, duration_s=seconds, compensation=running)


def figures(seconds: float = 40.0) -> list[Figure]:
    """Both measurements."""
    with tempfile.TemporaryDirectory(prefix="nullfield-bench-") as place:
        return data_shielding(Path(place)) + t_wave(Path(place), seconds)


def data_shielding(place: Path, seconds: float = 24.0) -> list[Figure]:
    """Sines in the chest channels before and after; no heart."""
    _, table = load_rig(RIG)
    scenario = replace(Scenario(**table), heart_enabled=False, **GENTLE)
    recorded(scenario, place / "sines", seconds, is_on=True, sines=True)
    raw = load_field_recording(place / "sines")
    bare = load_without_compensation(place / "sines")
    return data_figures(raw, bare)


def data_figures(raw: FieldRecording, bare: FieldRecording) -> list[Figure]:
    """Sines that are left, with and without delays, as recorded and with compensation added back."""
    everything = np.ones(raw.n_samples, dtype=bool)
    found = []
    for name, one in (("as recorded", raw), ("compensation added back", bare)):
        for way, searched in (
            ("weights alone", False),
            ("delays and ridge by held-out data", True),
        ):
            clean, result = regress_references(one, everything, is_searched=searched)
            left = amplitudes(clean, DATA_HZ)
            for number, frequency in enumerate(DATA_HZ):
                db = 20.0 * np.log10(SINE_PT / left[number])
                is_goal = frequency == 10.3 and searched
                found.append(
                    Figure(GROUP, f"data at {frequency:g} Hz, {name}, {way}", db, "dB",
                           minimum=20.0 if is_goal else None,
                           note=f"{SINE_PT:g} pT outside, {left[number]:.2f} pT left; "
                                f"{len(result.delays_s)} delays, ridge {result.ridge:g}")
                )  # fmt: skip
    return found


def _chest(recording: FieldRecording) -> FloatArray:
    """Transverse chest channels."""
    chosen = recording.array.is_chest & (recording.array.axis_index < 2)
    return np.asarray(recording.field_pt[chosen])


def amplitudes(recording: FieldRecording, frequencies: tuple[float, ...]) -> FloatArray:
    """Amplitude of each sine, rms over transverse chest channels."""
    field = _chest(recording)
    good = np.isfinite(field).all(axis=0)
    time_s = recording.time_s[good]
    columns = [np.linspace(-1.0, 1.0, len(time_s)) ** k for k in range(6)]
    for frequency in frequencies:
        columns += [np.sin(2 * np.pi * frequency * time_s), np.cos(2 * np.pi * frequency * time_s)]
    fit = np.linalg.lstsq(np.stack(columns, axis=1), field[:, good].T, rcond=None)[0][6:]
    amplitude = np.hypot(fit[0::2], fit[1::2])
    return np.asarray(np.sqrt((amplitude**2).mean(axis=1)))


def t_wave(place: Path, seconds: float) -> list[Figure]:
    """The averaged T wave, compensation on against off."""
    _, table = load_rig(RIG)
    scenario = replace(Scenario(**table), vehicles=True, **GENTLE)
    for name, is_on in (("on", True), ("off", False)):
        recorded(scenario, place / name, seconds, is_on, sines=False)
    off = load_field_recording(place / "off")
    on = load_field_recording(place / "on")
    return t_wave_figures(off, on, load_without_compensation(place / "on"))


def t_wave_figures(off: FieldRecording, on: FieldRecording, back: FieldRecording) -> list[Figure]:
    """The T wave without compensation, with it, and with it added back."""
    quiet = quiet_samples(off, find_beats(off))
    beats = find_beats(regress_references(off, quiet)[0]).samples
    cleaned = [regress_references(one, quiet, is_searched=True)[0] for one in (off, back, on)]
    waves = [average_beat(one, beats) for one in cleaned]
    raw = [average_beat(one, beats) for one in (off, on)]
    rate = off.sampling_rate_hz
    window = slice(*(round((_BEFORE_S + t) * rate) for t in _T_S))
    peak = window.start + int(np.abs(waves[0][:, window]).max(axis=0).argmax())
    size = np.abs(waves[0][:, peak]).max()

    def change(one: FloatArray, other: FloatArray) -> float:
        """Largest change of the T peak over channels, by the largest T peak, in per cent."""
        return float(100.0 * np.abs(one[:, peak] - other[:, peak]).max() / size)

    return [
        Figure(GROUP, "T wave changed, added back and regressed", change(waves[1], waves[0]), "%",
               maximum=1.0, note=f"{len(beats)} beats, T of {size:.1f} pT, worst channel"),
        Figure(GROUP, "T wave changed, regressed only", change(waves[2], waves[0]), "%",
               note="compensation left in the data"),
        Figure(GROUP, "T wave changed, raw", change(raw[1], raw[0]), "%",
               note="drift of the bare run between level and T is in it"),
    ]  # fmt: skip


def average_beat(recording: FieldRecording, beats: npt.NDArray[np.int64]) -> FloatArray:
    """Mean beat of the transverse chest channels, level between the beats taken off."""
    field = _chest(recording)
    rate = recording.sampling_rate_hz
    before, after = round(_BEFORE_S * rate), round(_AFTER_S * rate)
    inside = beats[(beats > before) & (beats < field.shape[1] - after)]
    parts = np.stack([field[:, b - before : b + after] for b in inside])
    level = slice(*(round((_BEFORE_S + t) * rate) for t in _LEVEL_S))
    parts = parts - parts[:, :, level].mean(axis=2, keepdims=True)
    whole = parts[np.isfinite(parts).all(axis=(1, 2))]
    return np.asarray(whole.mean(axis=0))
