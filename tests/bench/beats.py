"""Heartbeats found, on simulated rhythms and disturbances and on real records where they are."""

from __future__ import annotations

import time

import numpy as np
from tests.analysis.rhythms import data_folder, hearts, no_hearts, score
from tests.bench.figures import Figure
from tests.bench.long_hearts import LongHeart

from nullfield.analysis.beats import find_beats
from nullfield.files import read

_GROUP = "beats within 75 ms"
_RECORDS = (
    ("mitbih_100_first300s", "record 100, 300 s", 99.5),
    ("mitbih_118e24", "record 118e24", 99.0),
)


def figures() -> list[Figure]:
    """Sensitivity and precision in percent, one pair a rhythm."""
    found: list[Figure] = []
    for name, rhythm in hearts().items():
        beats = find_beats(rhythm.recording)
        found += _pair(name, beats.times_s, rhythm.beats_s, None)
    # Those that are as exact as a clock are kept, since a paced heart is, and a warning tells.
    found_in = [find_beats(one) for one in no_hearts().values()]
    count = sum(len(one.samples) for one in found_in if not one.warning)
    found.append(
        Figure(_GROUP, "beats in what is no heart, no warning given", count, "", maximum=0.0,
               note=", ".join(no_hearts()))
    )  # fmt: skip
    for record, name, goal in _RECORDS:
        folder = data_folder()
        if folder is None or not (folder / f"ecg_{record}_360hz.csv").exists():
            continue
        signal = folder / f"ecg_{record}_360hz.csv"
        lines = (folder / f"ecg_{record}_beats.csv").read_text(encoding="utf-8").split()
        expert_s = np.array([int(line) for line in lines if line.isdigit()]) / 360.0
        found += _pair(name, find_beats(read(signal)).times_s, expert_s, goal)
    heart = LongHeart(600.0)
    recording = heart.read(0, heart.n_samples)
    wall_s, used_s = time.perf_counter(), time.process_time()
    beats = find_beats(recording)
    wall_s, used_s = time.perf_counter() - wall_s, time.process_time() - used_s
    found += _pair("10 min, 192 channels, 1 kHz", beats.times_s, heart.r_times_s, None)
    found += [
        Figure(_GROUP, "that one, wall time", wall_s, "s"),
        Figure(_GROUP, "that one, processor time", used_s, "s", maximum=3.0, is_own_goal=True),
    ]
    return found


def _pair(name: str, found_s: np.ndarray, true_s: np.ndarray, goal: float | None) -> list[Figure]:
    sensitivity, precision, error_ms = score(found_s, true_s)
    note = f"{len(true_s)} beats, error {error_ms:.1f} ms rms"
    return [
        Figure(_GROUP, f"{name}: sensitivity", 100 * sensitivity, "%", minimum=goal, note=note),
        Figure(_GROUP, f"{name}: precision", 100 * precision, "%", minimum=goal),
    ]
