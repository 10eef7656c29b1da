"""Workers and hosts that are killed in the middle of a batch: nothing that was done is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
from stopped_worker import run_or_stop

from nullfield.batch import run
from nullfield.batch.run import BatchSettings, run_batch
from nullfield.errors import InputError

Heart = Callable[[int], bytes]


def told_by_worker(told: Path, pool: Executor, batch: Future[Any]) -> int:
    """Process that waits in the middle of its analysis, which it will never finish.

    A batch that ends without one ends the test, which would else wait for ever.
    """
    reading = pool.submit(told.read_text)
    wait([reading, batch], return_when=FIRST_COMPLETED)
    if not reading.done():
        told.write_text("")
    return int(reading.result() or f"no worker waits: {batch.result()}")


def test_a_worker_is_killed_while_it_analyses_and_a_file_kills_each_worker(
    tmp_path: Path, heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    names = ["a_raw.fif", "kills_raw.fif", "waits_raw.fif"]
    for name in names:
        (folder / name).write_bytes(heart(1))
    os.mkfifo(folder / "told")
    os.mkfifo(folder / "never")
    monkeypatch.setattr(run, "run_job", run_or_stop)
    with ThreadPoolExecutor(2) as pool:
        batch = pool.submit(run_batch, folder, out, BatchSettings(workers=2, tries=2))
        worker = told_by_worker(folder / "told", pool, batch)
        assert worker != os.getpid()
        assert list((out / ".parts").iterdir())
        os.kill(worker, signal.SIGKILL)
        result = batch.result()
    assert [row["recording"] for row in result.rows] == names
    assert [row["recording"] for row in result.failed] == ["kills_raw.fif"]
    assert "died 2 times" in result.failed[0]["error"]
    # Twice alone, and before that among the others, unless it only waited behind one that died.
    assert (out / "tries.txt").read_text() in ("xx", "xxx")
    assert result.n_lost >= 4
    for name in ("a_raw.fif", "waits_raw.fif"):
        assert (out / "recordings" / name / "report.html").is_file()
    assert not (out / ".parts").exists()
    assert not psutil.pid_exists(worker)
    rates = pq.read_table(out / "results.parquet")["rate_bpm"].to_pylist()
    # The same file, so the same result, whether its first worker died or not.
    assert rates[0] == rates[2]
    assert rates[1] is None


@pytest.mark.usefixtures("quick")
def test_the_host_process_is_killed_and_the_next_run_goes_on(
    tmp_path: Path, heart: Heart, scheduler: str
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for seed in range(2):
        (folder / f"{seed}_raw.fif").write_bytes(heart(seed))
    script = (
        "import sys; from pathlib import Path; from nullfield.batch.run import *\n"
        "if __name__ == '__main__':\n"
        "    run_batch(Path(sys.argv[1]), Path(sys.argv[2]), BatchSettings(workers=1),\n"
        "              lambda text, share: print(text, flush=True))\n"
    )
    (tmp_path / "host.py").write_text(script)
    host = subprocess.Popen(
        [sys.executable, str(tmp_path / "host.py"), str(folder), str(out)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert host.stdout is not None
    first = host.stdout.readline()
    workers = psutil.Process(host.pid).children(recursive=True)
    host.kill()
    host.communicate()
    assert first.endswith(": done\n")
    # No orphans: the workers see that their host is gone.
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    told: list[str] = []
    settings = BatchSettings(scheduler=scheduler)
    result = run_batch(folder, out, settings, lambda text, share: told.append(text))
    assert result.failed == []
    assert result.n_done == 2
    assert result.n_new == 1
    assert first.replace(": done\n", ": was done before") in told
    assert not (out / ".parts").exists()


_CLUSTER = """
import sys
import dask
from distributed import LocalCluster
sys.path.insert(0, sys.argv[1])
dask.config.set({"distributed.scheduler.http.routes": []})
options = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, protocol="tcp",
                       host="127.0.0.1", dashboard_address=None, scheduler_kwargs=options)
print(cluster.scheduler_address, flush=True)
sys.stdin.read()
"""


def test_a_cluster_that_goes_away_ends_the_batch_with_what_is_done_kept(
    tmp_path: Path, heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a_raw.fif", "waits_raw.fif"):
        (folder / name).write_bytes(heart(1))
    os.mkfifo(folder / "told")
    os.mkfifo(folder / "never")
    monkeypatch.setattr(run, "run_job", run_or_stop)
    cluster = subprocess.Popen(
        [sys.executable, "-c", _CLUSTER, str(Path(__file__).parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert cluster.stdout is not None
    settings = BatchSettings(scheduler=cluster.stdout.readline().strip())
    with ThreadPoolExecutor(2) as pool:
        batch = pool.submit(run_batch, folder, out, settings)
        assert told_by_worker(folder / "told", pool, batch) == cluster.pid
        cluster.kill()
        cluster.communicate()
        with pytest.raises(InputError, match="the scheduler is gone"):
            batch.result()
    assert (out / "recordings" / "a_raw.fif" / "report.html").is_file()
