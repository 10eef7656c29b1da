"""Rhythms, disturbances and things that are no heart, for the tests of the beat detector."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nullfield.analysis.data import FieldRecording, SensorArray

RATE_HZ = 500.0
TOLERANCE_S = 0.075
"""That of the American standard for testing detectors is 150 ms; we ask for half of it."""


def data_folder() -> Path | None:
    """Real records: the folder in NULLFIELD_DATA, or ``shared/data`` beside the repository."""
    told = os.environ.get("NULLFIELD_DATA")
    folder = Path(told) if told else Path(__file__).parents[3] / "shared" / "data"
    return folder if folder.is_dir() else None


@dataclass(frozen=True)
class Rhythm:
    """A recording and the heartbeats that are in it."""

    recording: FieldRecording
    beats_s: np.ndarray
    is_ectopic: np.ndarray


def one_place(n_channels: int) -> SensorArray:
    line = np.arange(n_channels) * 0.04
    return SensorArray(
        names=tuple(f"C{i + 1}" for i in range(n_channels)),
        positions_m=np.column_stack([line, np.zeros(n_channels), np.full(n_channels, 0.03)]),
        orientations=np.tile([0.0, 0.0, 1.0], (n_channels, 1)),
        head_names=tuple(f"C{i + 1}" for i in range(n_channels)),
        axis_index=np.zeros(n_channels, dtype=np.int64),
        is_reference=np.zeros(n_channels, dtype=bool),
    )


def make(
    intervals_s: np.ndarray,
    *,
    is_ectopic: np.ndarray | None = None,
    n_channels: int = 1,
    noise_pt: float = 1.0,
    t_wave: float = 0.25,
    polarity: float = 1.0,
    disturb: Callable[[np.ndarray, np.ndarray, np.random.Generator], None] | None = None,
    seed: int = 0,
) -> Rhythm:
    """Beats of 50 pT at R after the given intervals; noise of `noise_pt` RMS a sample."""
    random = np.random.default_rng(seed)
    beats_s = 0.3 + np.cumsum(np.concatenate([[0.0], intervals_s]))
    ectopic = np.zeros(len(beats_s), bool) if is_ectopic is None else is_ectopic
    time_s = np.arange(round((beats_s[-1] + 0.5) * RATE_HZ)) / RATE_HZ
    pattern = np.ones(n_channels) if n_channels == 1 else np.cos(np.arange(n_channels) * 0.9)
    other = np.roll(pattern, 1) * -0.8 if n_channels > 1 else np.array([1.3])
    field = np.zeros((n_channels, len(time_s)))
    before = np.concatenate([[np.median(intervals_s)], intervals_s])

    def hill(centre_s: float, width_s: float) -> np.ndarray:
        return np.exp(-0.5 * ((time_s - centre_s) / width_s) ** 2)

    for beat_s, is_odd, interval_s in zip(beats_s, ectopic, before, strict=True):
        scale = float(np.sqrt(min(1.0, interval_s)))
        if is_odd:
            shape = 55.0 * (hill(beat_s, 0.030) - 0.5 * hill(beat_s + 0.09, 0.04))
            shape -= 15.0 * hill(beat_s + 0.30 * scale, 0.05)
            field += other[:, None] * shape
            continue
        shape = 50.0 * (hill(beat_s, 0.010) - 0.2 * hill(beat_s - 0.024, 0.007))
        shape -= 50.0 * 0.3 * hill(beat_s + 0.026, 0.009)
        shape += 50.0 * t_wave * hill(beat_s + 0.28 * scale, 0.045 * scale)
        shape += 4.0 * hill(beat_s - 0.16 * scale, 0.02 * scale)
        field += pattern[:, None] * shape
    field *= polarity
    field += noise_pt * random.normal(size=field.shape)
    if disturb is not None:
        disturb(field, time_s, random)
    return Rhythm(FieldRecording(field, RATE_HZ, one_place(n_channels)), beats_s, ectopic)


def _steady(rate_bpm: float, seconds: float = 60.0, jitter: float = 0.03) -> np.ndarray:
    count = max(3, round(seconds * rate_bpm / 60.0))
    return 60.0 / rate_bpm * (1.0 + jitter * np.random.default_rng(3).normal(size=count))


def _baseline(field: np.ndarray, time_s: np.ndarray, random: np.random.Generator) -> None:
    field += 80.0 * np.sin(2 * np.pi * 0.25 * time_s) + 40.0 * np.sin(2 * np.pi * 0.07 * time_s)


def _muscle(field: np.ndarray, time_s: np.ndarray, random: np.random.Generator) -> None:
    for start_s in np.arange(5.0, time_s[-1] - 3.0, 9.0):
        burst = (time_s >= start_s) & (time_s < start_s + 1.5)
        field[:, burst] += 8.0 * random.normal(size=(len(field), int(burst.sum())))


def _spikes(field: np.ndarray, time_s: np.ndarray, random: np.random.Generator) -> None:
    for start_s in random.uniform(1.0, time_s[-1] - 1.0, size=round(time_s[-1] / 12.0)):
        at = round(start_s * RATE_HZ)
        channel = int(random.integers(len(field)))
        field[channel, at : at + 4] += random.choice([-1.0, 1.0]) * 120.0


def _steps(field: np.ndarray, time_s: np.ndarray, random: np.random.Generator) -> None:
    for start_s in np.arange(6.0, time_s[-1], 13.0):
        field[:, time_s >= start_s] += 150.0 * random.normal(size=(len(field), 1))


def _mains(field: np.ndarray, time_s: np.ndarray, random: np.random.Generator) -> None:
    field += 20.0 * np.sin(2 * np.pi * 50.0 * time_s)


def _gap(field: np.ndarray, time_s: np.ndarray, random: np.random.Generator) -> None:
    field[:, (time_s > 20.0) & (time_s < 23.0)] = np.nan


def _dies(field: np.ndarray, time_s: np.ndarray, random: np.random.Generator) -> None:
    field[0, time_s > 25.0] = 0.0


def _artefacts(field: np.ndarray, time_s: np.ndarray, random: np.random.Generator) -> None:
    """Bumps of any width in one channel or in all, Poisson, three times as large as R."""
    for start_s in random.uniform(1.0, time_s[-1] - 1.0, size=random.poisson(0.1 * time_s[-1])):
        width_s = random.uniform(0.02, 0.2)
        size = random.choice([-1.0, 1.0]) * random.uniform(50.0, 200.0)
        bump = size * np.exp(-0.5 * ((time_s - start_s) / width_s) ** 2)
        if random.random() < 0.5:
            field[int(random.integers(len(field)))] += bump
        else:
            field += random.normal(size=(len(field), 1)) * bump


def _atria(field: np.ndarray, time_s: np.ndarray, random: np.random.Generator) -> None:
    """Waves of fibrillation, 5.5 a second and changing."""
    field += 4.0 * np.sin(2 * np.pi * (5.5 * time_s + 0.3 * np.sin(2 * np.pi * 0.2 * time_s)))


def _breathing_changes_the_size(
    field: np.ndarray, time_s: np.ndarray, random: np.random.Generator
) -> None:
    field *= 1.0 + 0.5 * np.sin(2 * np.pi * 0.25 * time_s)


def _goes_wild(field: np.ndarray, time_s: np.ndarray, random: np.random.Generator) -> None:
    late = time_s > 25.0
    field[0, late] = 100.0 * random.normal(size=int(late.sum()))
    field[1, ~late] = 0.0


def _cut(rhythm: Rhythm, first_s: float, after_s: float) -> Rhythm:
    """The first beat so soon after the beginning, the last so soon before the end."""
    start = round((rhythm.beats_s[0] - first_s) * RATE_HZ)
    stop = round((rhythm.beats_s[-1] + after_s) * RATE_HZ)
    field = rhythm.recording.field_pt[:, start:stop]
    return Rhythm(
        FieldRecording(field, RATE_HZ, rhythm.recording.array),
        rhythm.beats_s - start / RATE_HZ,
        rhythm.is_ectopic,
    )


def _ectopics(every: int, seconds: float = 60.0) -> tuple[np.ndarray, np.ndarray]:
    """Premature beats with a compensatory pause, each `every`-th beat."""
    intervals = _steady(70.0, seconds)
    odd = np.zeros(len(intervals) + 1, bool)
    for index in range(every, len(intervals) - 1, every):
        odd[index] = True
        moved = 0.38 * intervals[index - 1]
        intervals[index - 1] -= moved
        intervals[index] += moved
    return intervals, odd


def _bigeminy(rate_bpm: float) -> tuple[np.ndarray, np.ndarray]:
    intervals = _steady(rate_bpm)
    odd = np.zeros(len(intervals) + 1, bool)
    for index in range(2, len(intervals) - 1, 2):
        odd[index] = True
        moved = min(0.38 * intervals[index - 1], intervals[index - 1] - 0.39)
        intervals[index - 1] -= moved
        intervals[index] += moved
    return intervals, odd


def _salvo() -> tuple[np.ndarray, np.ndarray]:
    intervals = _steady(70.0)
    odd = np.zeros(len(intervals) + 1, bool)
    odd[20:25] = True
    intervals[19:24], intervals[24] = 0.4, 1.2
    return intervals, odd


def _odd(intervals_s: np.ndarray, is_ectopic: np.ndarray) -> Rhythm:
    return make(intervals_s, is_ectopic=is_ectopic, noise_pt=2.0)


def hearts() -> dict[str, Rhythm]:
    """Every kind of heart that the detector has to find, by name."""
    random = np.random.default_rng(11)
    irregular = np.clip(random.normal(0.65, 0.16, size=100), 0.33, 1.3)
    change = 60.0 / np.concatenate([np.full(30, 60.0), np.linspace(60, 180, 60), np.full(60, 180)])
    pauses = _steady(60.0)
    pauses[[15, 35]] = 3.2
    few, few_odd = _ectopics(9)
    many, many_odd = _ectopics(2)
    found = {
        f"{rate} /min": make(_steady(float(rate)), seed=rate)
        for rate in (30, 45, 60, 90, 120, 150, 180, 220)
    }
    found |= {
        "irregular (fibrillation)": make(irregular, t_wave=0.1),
        "premature beats": make(few, is_ectopic=few_odd),
        "premature beats, 8 channels": make(few, is_ectopic=few_odd, n_channels=8),
        "bigeminy": make(many, is_ectopic=many_odd),
        "pauses of 3 s": make(pauses),
        "60 to 180 /min": make(change),
        "T twice as tall as R": make(_steady(65.0), t_wave=2.0),
        "turned upside down": make(_steady(70.0), polarity=-1.0),
        "one noisy channel (R 6.3 times the noise)": make(_steady(72.0), noise_pt=8.0),
        "8 channels (R 3.3 times the noise)": make(_steady(72.0), n_channels=8, noise_pt=15.0),
        "baseline wander": make(_steady(75.0), disturb=_baseline),
        "muscle bursts": make(_steady(75.0), disturb=_muscle),
        "spikes": make(_steady(75.0), disturb=_spikes),
        "spikes, 8 channels": make(_steady(75.0), n_channels=8, disturb=_spikes),
        "steps of the field": make(_steady(75.0), n_channels=4, disturb=_steps),
        "mains": make(_steady(75.0), disturb=_mains),
        "gap of 3 s": make(_steady(75.0), disturb=_gap),
        "fibrillation with atrial waves, 55 to 150 /min": make(
            np.clip(0.7 * (1.0 + 0.25 * random.normal(size=90)), 0.3, 2.2),
            noise_pt=3.0,
            disturb=_atria,
        ),
        "bigeminy at 100 /min": _odd(*_bigeminy(100.0)),
        "five ectopic beats in a row": _odd(*_salvo()),
        "T three times as tall as R, 100 /min": make(_steady(100.0), t_wave=3.0, noise_pt=2.0),
        "T turned and as tall as R, 130 /min": make(_steady(130.0), t_wave=-1.0, noise_pt=2.0),
        "one noisy channel (R 4.2 times the noise)": make(_steady(72.0), noise_pt=12.0),
        "breathing halves the beats": make(_steady(75.0), disturb=_breathing_changes_the_size),
        "beats at the very edges": _cut(make(_steady(70.0)), 0.05, 0.05),
        "sudden change from 180 to 60 /min": make(np.repeat([1 / 3, 1.0], [90, 30])),
        "artefacts, Poisson": make(_steady(72.0), disturb=_artefacts, seed=2),
        "artefacts, Poisson, 8 channels": make(
            _steady(72.0), n_channels=8, disturb=_artefacts, seed=2
        ),
        "channels wild or dead half of the time": make(
            _steady(75.0), n_channels=4, disturb=_goes_wild
        ),
        "a channel dies": make(_steady(75.0), n_channels=4, disturb=_dies),
    }
    gap = found["gap of 3 s"]
    outside = (gap.beats_s < 19.95) | (gap.beats_s > 23.05)
    found["gap of 3 s"] = Rhythm(gap.recording, gap.beats_s[outside], gap.is_ectopic[outside])
    return found


def no_hearts(seconds: float = 40.0) -> dict[str, FieldRecording]:
    """What is no heart, by name."""
    random = np.random.default_rng(5)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    white = random.normal(size=time_s.shape)
    frequency = np.fft.rfftfreq(len(time_s), 1 / RATE_HZ)
    shaped = np.fft.rfft(white) / np.maximum(frequency, 0.05) ** 0.7
    pink = np.fft.irfft(shaped, len(time_s))
    pulses = np.zeros_like(time_s)
    pulses[(np.arange(0.2, seconds, 0.4) * RATE_HZ).astype(int)] = 100.0
    square = np.sign(np.sin(2 * np.pi * time_s + 0.1))
    strokes = np.exp(-0.5 * (((time_s + 0.5) % 1.0 - 0.5) / 0.01) ** 2)
    motor = np.where(time_s % 6.0 < 2.0, np.sin(2 * np.pi * 17.0 * time_s), 0.0)
    signals = {
        "strokes of 25 ms, one a second": 50.0 * strokes + white,
        "square wave of 1 Hz": 30.0 * square + white,
        "square wave of 2 Hz": 30.0 * np.sign(np.sin(4 * np.pi * time_s + 0.1)) + white,
        "saw tooth of 2 Hz": 30.0 * ((2.0 * time_s) % 1.0) + white,
        "triangle of 2 Hz": 60.0 * np.abs((2.0 * time_s) % 1.0 - 0.5) + white,
        "motor of 17 Hz in bursts": 30.0 * motor + white,
        "stepper at 203 pulses a second": 30.0 * np.sign(np.sin(2 * np.pi * 203.3 * time_s))
        + white,
        "random walk": np.cumsum(white),
        "white noise": 10.0 * white,
        "pink noise": 10.0 * pink / pink.std(),
        "mains": 50.0 * np.sin(2 * np.pi * 50.0 * time_s) + white,
        "breathing": 100.0 * np.sin(2 * np.pi * 0.27 * time_s) + white,
        "sine of 1 Hz": 30.0 * np.sin(2 * np.pi * 1.0 * time_s) + white,
        "sine of 7 Hz": 30.0 * np.sin(2 * np.pi * 7.0 * time_s) + white,
        "pulses of one sample at 2.5 Hz": pulses + white,
        "nothing": np.zeros_like(time_s),
    }
    return {
        name: FieldRecording(values[None, :], RATE_HZ, one_place(1))
        for name, values in signals.items()
    }


def score(found_s: np.ndarray, true_s: np.ndarray) -> tuple[float, float, float]:
    """Sensitivity, precision, and RMS error of the matched times in ms."""
    if not len(found_s):
        return 0.0, 0.0, float("nan")
    apart = np.abs(found_s[:, None] - true_s[None, :])
    nearest = apart.min(axis=0)
    hit = nearest <= TOLERANCE_S
    error_ms = 1e3 * float(np.sqrt(np.mean(nearest[hit] ** 2))) if hit.any() else float("nan")
    return float(hit.mean()), float((apart.min(axis=1) <= TOLERANCE_S).mean()), error_ms
