"""Small recordings, and a cluster inside this process for tests that kill nobody."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster
from simulated_heart import make_array, simulate

from nullfield.files.fif import write_fif

# Workers load jobs of the tests by the name of their module.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def heart(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], bytes]:
    """Bytes of a FIF file with a heart, by seed."""
    folder = tmp_path_factory.mktemp("hearts")

    def make(seed: int) -> bytes:
        path = folder / f"{seed}_raw.fif"
        if not path.exists():
            write_fif(simulate(make_array(3), duration_s=8.0, seed=seed).recording, path)
        return path.read_bytes()

    return make


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs without plots and reports."""
    import stopped_worker

    monkeypatch.setattr("nullfield.batch.run.run_job", stopped_worker.run_without_plots)


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """Address of a cluster with two workers."""
    with (
        dask.config.set({"distributed.scheduler.http.routes": []}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            protocol="tcp",
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        ) as cluster,
    ):
        yield cluster.scheduler_address
