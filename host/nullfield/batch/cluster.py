"""Where the work is done: processes of this machine, or a cluster that the user runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nullfield import __version__
from nullfield.batch.task import software
from nullfield.errors import AnalysisError, InputError
from nullfield.extras import library

_LOOPBACK = "127.0.0.1"
_CONNECT_S = 15

# A death is told at once; how often a file may cause one is counted by the batch itself. Nothing
# listens but the scheduler and its workers, on ports that are free.
_LOCAL = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.dashboard.enabled": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.nanny.pre-spawn-environ": {
        "OMP_NUM_THREADS": 1,
        "OPENBLAS_NUM_THREADS": 1,
        "MKL_NUM_THREADS": 1,
        "NUMEXPR_NUM_THREADS": 1,
        # Plots are drawn without a screen anyway; a user's choice of one must not open windows.
        "MPLBACKEND": "agg",
    },
}


@contextmanager
def local_client(workers: int) -> Iterator[Any]:
    """A client of worker processes on this machine, reached over the loopback only.

    A worker that dies is replaced. All of them end with this process, however it ends.

    Parameters
    ----------
    workers : int
        Processes of one thread each.

    Raises
    ------
    AnalysisError
        If Dask is not installed, or no worker could be started.
    """
    dask, distributed = _dask()
    with dask.config.set(_LOCAL), _quiet():
        try:
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host=_LOOPBACK,
                protocol="tcp",
                scheduler_port=0,
                dashboard_address=None,
                # Without this the scheduler would still look for port 8787.
                scheduler_kwargs={"dashboard": False, "dashboard_address": f"{_LOOPBACK}:0"},
            )
        except (OSError, RuntimeError, TimeoutError) as error:
            raise AnalysisError(
                f"no worker processes could be started ({error})", "use fewer --workers"
            ) from error
        with cluster, distributed.Client(cluster, set_as_default=False) as client:
            yield client


@contextmanager
def remote_client(address: str) -> Iterator[Any]:
    """A client of a cluster that runs already; it is left running.

    Raises
    ------
    InputError
        If there is no scheduler at the address, it has no workers, or these have another version
        of Nullfield or none.
    AnalysisError
        If Dask is not installed.
    """
    _, distributed = _dask()
    where = f"--scheduler {address}"
    try:
        client = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"{where}: no scheduler answers ({error})",
            "start one with 'dask scheduler' and give its address, like tcp://host:8786",
        ) from error
    with client, _quiet():
        _check_workers(client, where)
        yield client


def n_threads(client: Any) -> int:
    """Jobs that the workers which are there now can do at a time."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return sum(int(one["nthreads"]) for one in workers)


def _check_workers(client: Any, where: str) -> None:
    if n_threads(client) == 0:
        raise InputError(f"{where}: the cluster has no workers", "start one with 'dask worker'")
    try:
        versions = client.run(software)
    except Exception as error:
        raise InputError(
            f"{where}: its workers cannot load Nullfield ({error})",
            "install nullfield[batch] where the workers run",
        ) from error
    other = sorted({str(one) for one in versions.values()} - {__version__})
    if other:
        raise InputError(
            f"{where}: its workers have Nullfield {', '.join(other)}, here is {__version__}",
            "install the same version on both sides",
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask tells each death and restart of a worker in its own words; the batch does it in ours."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)


def _dask() -> tuple[Any, Any]:
    need = "a batch needs Dask"
    return library("dask", need, "batch"), library("distributed", need, "batch")
