"""Ten minutes of 64 tri-axial heads: our chain beside the same chain written in MNE alone.

Both take out mains and harmonics, find the beats, average them from the PQ segment, tell the noise
of each channel, map Bz and fit a dipole at the R and the T peak. Memory is that of a child process
for ten minutes and for two hours.
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
from tests.analysis.simulated_heart import DIPOLE_M
from tests.bench.figures import Figure
from tests.bench.long_hearts import LongHeart

from nullfield.analysis.chain import analyze
from nullfield.analysis.data import FieldRecording
from nullfield.analysis.settings import AnalysisSettings
from nullfield.files.to_mne import to_mne_info

_GROUP = "analysis of a recording"
_TEN_MINUTES_S = 600.0
_TWO_HOURS_S = 7200.0


def figures(long: bool = False) -> list[Figure]:
    """Time side by side, and memory; two hours of data only if `long`."""
    heart = LongHeart(_TEN_MINUTES_S)
    recording = heart.read(0, heart.n_samples)
    start = time.perf_counter()
    analysis = analyze(recording)
    own_s = time.perf_counter() - start
    start = time.perf_counter()
    analyze(recording, AnalysisSettings(resamples=0))
    plain_s = time.perf_counter() - start
    start = time.perf_counter()
    n_beats = with_mne(recording)
    mne_s = time.perf_counter() - start
    r = analysis.landmarks["R"]
    assert r is not None
    assert r.dipole is not None
    note = "10 min, 64 heads x 3 axes, 1 kHz, from memory"
    found = [
        Figure(_GROUP, "whole analysis", own_s, "s", maximum=60.0, is_own_goal=True, note=note),
        Figure(_GROUP, "the same chain in MNE alone", mne_s, "s", note=note),
        Figure(_GROUP, "analysis without intervals of the features", plain_s, "s",
               note="cleaning, 11 landmarks, errors of the maps and a moving dipole more than MNE's"),
        Figure(_GROUP, "MNE's time over that", mne_s / plain_s, ""),
        Figure(_GROUP, "beats, ours", len(analysis.beats.samples), "", note="of "
               f"{len(heart.r_times_s)}"),
        Figure(_GROUP, "beats, MNE", n_beats, "", note=f"of {len(heart.r_times_s)}"),
        Figure(_GROUP, "dipole of R against the truth",
               1e3 * float(np.linalg.norm(r.dipole.position_m - DIPOLE_M)), "mm", maximum=0.6,
               note="700 beats, gains and places exact"),
    ]  # fmt: skip
    durations = (_TEN_MINUTES_S, _TWO_HOURS_S) if long else (120.0, _TEN_MINUTES_S)
    megabytes = [peak_memory_mb(one) for one in durations]
    names = [f"{one / 60:g} min" for one in durations]
    found += [
        Figure(_GROUP, f"peak memory, {name}", value, "MB", note="section by section")
        for name, value in zip(names, megabytes, strict=True)
    ]
    found.append(
        Figure(_GROUP, f"memory of {names[1]} over {names[0]}", megabytes[1] / megabytes[0], "",
               maximum=1.5, is_own_goal=True)
    )  # fmt: skip
    return found


def with_mne(recording: FieldRecording) -> int:
    """The same chain, as a user of MNE alone would write it; number of beats."""
    import mne

    mne.set_log_level("error")
    raw = mne.io.RawArray(recording.field_pt * 1e-12, to_mne_info(recording.array, 1000.0))
    raw.notch_filter([50.0, 100.0, 150.0, 200.0], notch_widths=1.0)
    normal = np.flatnonzero(recording.array.is_normal)
    variance = raw.get_data(picks=normal).var(axis=1)
    lead = raw.ch_names[int(normal[int(np.argmax(variance))])]
    events, _, _ = mne.preprocessing.find_ecg_events(raw, ch_name=lead)
    slow = raw.copy().filter(None, 100.0)
    epochs = mne.Epochs(
        slow, events, tmin=-0.3, tmax=0.5, baseline=(-0.08, -0.06), preload=True, reject=None
    )
    evoked = epochs.average()
    raw.compute_psd(fmin=10.0, fmax=100.0, n_fft=1024)
    covariance = mne.compute_covariance(epochs, tmax=-0.2)
    # MNE has no half-space; a torso's sphere, whose top lies just below the heads, is its nearest.
    sphere = mne.make_sphere_model(r0=(0.0, 0.0, -0.15), head_radius=0.15)
    at_r = int(np.argmin(np.abs(evoked.times)))
    gfp = np.sqrt((evoked.data**2).mean(axis=0))
    at_t = int(np.argmax(np.where((evoked.times > 0.15) & (evoked.times < 0.4), gfp, 0.0)))
    for index in (at_r, at_t):
        moment = evoked.copy().crop(evoked.times[index], evoked.times[index])
        moment.pick("mag")
        mne.fit_dipole(moment, covariance, sphere, min_dist=5.0)
    return len(events)


def peak_memory_mb(duration_s: float) -> float:
    """Peak resident memory of a process that analyses a recording of that length."""
    code = (
        "from pathlib import Path\n"
        "from tests.bench.long_hearts import LongHeart\n"
        "from nullfield.analysis.chain import analyze_source\n"
        f"analysis = analyze_source(LongHeart({duration_s}))\n"
        "assert analysis.average is not None\n"
        # Not getrusage: its peak begins with that of the process that started this one.
        "lines = Path('/proc/self/status').read_text().splitlines()\n"
        "print(next(line.split()[1] for line in lines if line.startswith('VmHWM')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout) / 1e3
