"""A batch: every recording of a folder, on workers that may die, in runs that may be cut."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from nullfield.analysis.settings import AnalysisSettings
from nullfield.batch.cluster import local_client, n_threads, remote_client
from nullfield.batch.find import find_recordings
from nullfield.batch.page import PAGE, write_page
from nullfield.batch.row import DONE, FAILED, failed_row
from nullfield.batch.store import Store
from nullfield.batch.table import TABLE, write_table
from nullfield.batch.task import Job, Outcome, Reading, earlier_outcome, run_job
from nullfield.errors import InputError

Progress = Callable[[str, float], None]
"""Called with a line on what was finished, and the share that is done (0 to 1)."""

_HASHERS = 4


@dataclass(frozen=True)
class BatchSettings:
    """How a folder is worked through.

    Attributes
    ----------
    analysis : AnalysisSettings
    reading : Reading
    pattern : str
        As for `nullfield.batch.find.find_recordings`.
    workers : int
        Processes of this machine; without meaning on a cluster.
    scheduler : str or None
        Address of a Dask scheduler; None: processes of this machine.
    tries : int
        How often a file may kill a worker while it is worked on alone.
    is_forced : bool
        Do again what is done.
    """

    analysis: AnalysisSettings = field(default_factory=AnalysisSettings)
    reading: Reading = field(default_factory=Reading)
    pattern: str = "*"
    workers: int = 2
    scheduler: str | None = None
    tries: int = 3
    is_forced: bool = False


@dataclass(frozen=True)
class BatchResult:
    """What a batch came to.

    Attributes
    ----------
    rows : list of mapping
        One a recording, by name.
    n_new : int
        Recordings that were analysed in this run, failures not counted.
    n_lost : int
        Times that a recording's worker died.
    table, page : Path
    """

    rows: list[dict[str, Any]]
    n_new: int
    n_lost: int
    table: Path
    page: Path

    @property
    def failed(self) -> list[dict[str, Any]]:
        """Rows of recordings that could not be analysed."""
        return [row for row in self.rows if row["status"] == FAILED]

    @property
    def n_done(self) -> int:
        """Recordings with a result, earlier ones counted."""
        return sum(row["status"] == DONE for row in self.rows)


def run_batch(
    folder: Path, out: Path, settings: BatchSettings | None = None, progress: Progress | None = None
) -> BatchResult:
    """Analyse every recording of a folder.

    Results are written one by one as they come; a run that was cut is taken up where it stopped.

    Parameters
    ----------
    folder, out : Path
        `out` is made if absent.
    settings : BatchSettings, optional
    progress : callable, optional

    Raises
    ------
    InputError
        If there is nothing to analyse, `out` cannot be used, or the cluster cannot.
    AnalysisError
        If Dask or pyarrow is not installed.
    """
    chosen = settings or BatchSettings()
    if chosen.workers < 1 or chosen.tries < 1:
        raise InputError(
            f"{chosen.workers} workers, {chosen.tries} tries: at least one of each is needed",
            "give --workers and --tries from 1",
        )
    root = folder.resolve()
    store = Store(out.resolve())
    recordings = find_recordings(root, chosen.pattern, leave_out=store.root)
    store.prepare()
    with store.locked():
        store.clear_parts()
        places = chosen.reading.positions
        reading = Reading(
            None if places is None else places.resolve(),
            chosen.reading.rate_hz,
            chosen.reading.unit,
        )
        jobs = [
            Job(name, root, store.root, chosen.analysis, reading, chosen.is_forced)
            for name in recordings
        ]
        run = _Run(jobs, chosen.tries, progress or (lambda text, share: None))
        left = run.keep_earlier()
        if left:
            # No more processes than there is work: each takes seconds and 200 MB to start.
            workers = 0 if chosen.scheduler else min(chosen.workers, left)
            opened = remote_client(chosen.scheduler) if chosen.scheduler else local_client(workers)
            with opened as client:
                run.work(client, workers)
        outcomes = run.outcomes
        store.clear_parts()
        rows = [outcomes[name].row for name in recordings]
        write_table(rows, store.root / TABLE)
        write_page(rows, root, store.root / PAGE)
    return BatchResult(
        rows=rows,
        n_new=sum(one.is_new and one.row["status"] == DONE for one in outcomes.values()),
        n_lost=run.lost,
        table=store.root / TABLE,
        page=store.root / PAGE,
    )


class _Run:
    """Jobs on workers, and who is to blame when one dies.

    A worker that dies takes with it whatever it was given, so a death convicts nobody: all that
    were lost are tried again at the end, each alone on the cluster. Only deaths there count.
    """

    def __init__(self, jobs: Iterable[Job], tries: int, tell: Progress) -> None:
        self.lost = 0
        self.outcomes: dict[str, Outcome] = {}
        self._client: Any = None
        self._workers = 0
        self._jobs = deque(jobs)
        self._total = len(self._jobs)
        self._tries = tries
        self._tell = tell
        self._lost: list[Job] = []
        self._finished: SimpleQueue[Any] = SimpleQueue()
        self._running: dict[str, Job] = {}

    def keep_earlier(self) -> int:
        """Take over what earlier runs have done; returns how many jobs are left."""
        jobs = list(self._jobs)
        self._jobs.clear()
        # Hashing waits for the disk, and leaves Python to the other threads.
        with ThreadPoolExecutor(_HASHERS) as pool:
            for job, outcome in zip(jobs, pool.map(earlier_outcome, jobs), strict=True):
                if outcome is None:
                    self._jobs.append(job)
                else:
                    self._keep(job, outcome)
        return len(self._jobs)

    def work(self, client: Any, workers: int = 0) -> None:
        """Do all jobs that are left, so many at a time; 0: as many as the cluster has threads."""
        self._client, self._workers = client, workers
        self._fill()
        while self._running:
            self._take(self._finished.get())
            self._fill()
        for job in self._lost:
            self._alone(job)

    def _fill(self) -> None:
        # Never all at once: a dead worker would drag down what only waited in its queue.
        while self._jobs and len(self._running) < self._width():
            job = self._jobs.popleft()
            future = self._submit(job)
            self._running[future.key] = job
            future.add_done_callback(self._finished.put)

    def _width(self) -> int:
        # A local worker that has died is back soon; a cluster may grow and shrink.
        return self._workers or max(1, n_threads(self._client))

    def _submit(self, job: Job) -> Any:
        return self._client.submit(run_job, job, pure=False, retries=0)

    def _take(self, future: Any) -> None:
        job = self._running.pop(future.key)
        outcome = self._outcome(future, job)
        if outcome is None:
            self._lost.append(job)
            self._say(f"{job.recording}: its worker died; to be tried again")
        else:
            self._keep(job, outcome)

    def _alone(self, job: Job) -> None:
        for _ in range(self._tries):
            outcome = self._outcome(self._submit(job), job)
            if outcome is not None:
                self._keep(job, outcome)
                return
        times = "time" if self._tries == 1 else "times"
        row = failed_row(
            job.recording,
            "",
            f"its worker process died {self._tries} {times} while it was worked on alone",
            "the file may need more memory than a worker has; try 'nullfield analyze' on it",
        )
        # As with any failure: an older result is not that of this file any more.
        Store(job.out).discard(job.recording)
        self._keep(job, Outcome(row, True))

    def _outcome(self, future: Any, job: Job) -> Outcome | None:
        """What the job came to; None if its worker died."""
        from distributed import KilledWorker

        try:
            outcome: Outcome = future.result()
        except KilledWorker:
            self.lost += 1
            return None
        except Exception as error:
            if self._client.status != "running":
                raise InputError(
                    "the scheduler is gone",
                    "start it and run it again: what is done is not done twice",
                ) from error
            # The job itself does not raise: it could not be sent, or its answer not be read.
            text = f"could not be run on a worker: {type(error).__name__}: {error}"
            return Outcome(failed_row(job.recording, "", text, "see the scheduler's log"), True)
        finally:
            future.release()
        return outcome

    def _keep(self, job: Job, outcome: Outcome) -> None:
        self.outcomes[job.recording] = outcome
        row = outcome.row
        if row["status"] == FAILED:
            self._say(f"{job.recording}: {row['error']}")
        else:
            self._say(f"{job.recording}: {'done' if outcome.is_new else 'was done before'}")

    def _say(self, text: str) -> None:
        self._tell(text, len(self.outcomes) / self._total)
