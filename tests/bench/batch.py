"""Scaling of a batch from one worker process to two: the same recordings, workers warm."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from tests.analysis.simulated_heart import make_array, simulate
from tests.bench.figures import Figure, machine

from nullfield.analysis.settings import AnalysisSettings
from nullfield.batch.cluster import local_client
from nullfield.batch.run import BatchSettings, run_batch
from nullfield.files.fif import write_fif

RECORDINGS = 8
DURATION_S = 20.0
WORKERS = (1, 2)
SETTINGS = AnalysisSettings(resamples=100)


def figures() -> list[Figure]:
    """Time of a batch with one and with two workers, and their ratio."""
    with tempfile.TemporaryDirectory(prefix="nullfield-bench-") as place:
        folder = Path(place) / "recordings"
        folder.mkdir()
        for seed in range(RECORDINGS):
            heart = simulate(make_array(6), duration_s=DURATION_S, seed=seed, mains_pt=10.0)
            write_fif(heart.recording, folder / f"{seed}_raw.fif")
        spent_s = {workers: _spent_s(folder, Path(place), workers) for workers in WORKERS}
    told = machine()
    note = (
        f"{told['cores']} cores, load {told['load_average']:g} at the end; {RECORDINGS} recordings "
        f"of {DURATION_S:g} s, 36 heads of 2 axes, with plots and report; one BLAS thread a worker"
    )
    rows = [
        Figure("batch", f"{RECORDINGS} recordings, {workers} worker(s)", spent_s[workers], "s")
        for workers in WORKERS
    ]
    ratio = spent_s[1] / spent_s[2]
    return [*rows, Figure("batch", "1 -> 2 workers", ratio, "times as fast", note=note)]


def _spent_s(folder: Path, place: Path, workers: int) -> float:
    """Wall time of the batch on workers that have done something before.

    The start of the processes is not in it: it takes as long for 8 recordings as for 8,000.
    """
    with local_client(workers) as client:
        settings = BatchSettings(
            analysis=SETTINGS, scheduler=client.scheduler.address, is_forced=True
        )
        out = place / f"out-{workers}"
        # One recording for each worker at least, so that all have their libraries loaded.
        warm = run_batch(folder, out, settings)
        start_s = time.perf_counter()
        result = run_batch(folder, out, settings)
        spent_s = time.perf_counter() - start_s
    for one in (warm, result):
        assert one.n_new == RECORDINGS, one.failed
    return float(np.round(spent_s, 3))
