"""The work on one recording, as it runs in a worker process."""

from __future__ import annotations

import base64
import importlib
import io
import shutil
import traceback
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nullfield import __version__
from nullfield.analysis.settings import AnalysisSettings
from nullfield.batch.find import content_files
from nullfield.batch.key import result_key
from nullfield.batch.row import failed_row, result_row
from nullfield.batch.store import Store
from nullfield.errors import InputError, NullfieldError

_THUMBNAIL_PX = 120


@dataclass(frozen=True)
class Reading:
    """How files are read that do not tell all; as for `nullfield.files.read.read`."""

    positions: Path | None = None
    rate_hz: float | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Job:
    """One recording to analyse.

    Attributes
    ----------
    recording : str
        Path from `folder`, with ``/``.
    folder, out : Path
        Absolute: workers may run elsewhere, with the same disks.
    settings : AnalysisSettings
    reading : Reading
    is_forced : bool
        Do it even if it is done.
    """

    recording: str
    folder: Path
    out: Path
    settings: AnalysisSettings
    reading: Reading
    is_forced: bool = False

    @property
    def path(self) -> Path:
        """The recording."""
        return self.folder / self.recording


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `is_new` is False for a result that was there before."""

    row: dict[str, Any]
    is_new: bool


def run_job(job: Job) -> Outcome:
    """Analyse one recording and put its result in place.

    Never raises for what a file can cause: the row tells it. BLAS keeps to one thread, so that as
    many workers as cores do not fight for them.
    """
    with _one_thread():
        store = Store(job.out)
        key = ""
        try:
            key = job_key(job)
            return Outcome(_analyse(job, store, key), True)
        except NullfieldError as error:
            failed = failed_row(job.recording, key, error.message, error.hint)
        except MemoryError:
            failed = failed_row(
                job.recording, key, "not enough memory", "use fewer --workers, or a larger machine"
            )
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}, line {last.lineno}"
            failed = failed_row(
                job.recording,
                key,
                f"internal: {type(error).__name__}: {error} ({where})",
                "run 'nullfield --debug analyze' on it and report what it prints",
            )
        # What the old content gave must not stand beside the new content's failure.
        store.discard(job.recording)
        return Outcome(failed, True)


def earlier_outcome(job: Job) -> Outcome | None:
    """The result of an earlier run, if it is of the same content, settings and software."""
    row = None if job.is_forced else Store(job.out).read(job.recording)
    if row is None:
        return None
    try:
        return Outcome(row, False) if row.get("key") == job_key(job) else None
    except InputError:
        # It cannot be read from here; that is for the worker to tell.
        return None


def job_key(job: Job) -> str:
    """Key of the job's result.

    Raises
    ------
    InputError
        If the recording is not there.
    """
    files = content_files(job.path)
    if job.reading.positions is not None:
        files.append(job.reading.positions)
    reading = {"rate_hz": job.reading.rate_hz, "unit": job.reading.unit}
    try:
        return result_key(files, {"analysis": job.settings.to_json(), "reading": reading})
    except OSError as error:
        raise InputError(
            f"{job.path}: cannot be read ({error.strerror or error})",
            "check the file; a cluster's workers need the same paths as this machine",
        ) from error


def software() -> str:
    """Version of Nullfield in a worker."""
    return __version__


def _analyse(job: Job, store: Store, key: str) -> dict[str, Any]:
    from nullfield.files.analysis_folder import write_analysis

    part = store.new_part()
    try:
        analysis = write_analysis(job.path, part, job.settings, **asdict(job.reading))
        row = result_row(job.recording, key, analysis)
        row["thumbnails"] = _thumbnails(part)
        store.keep(part, job.recording, row)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return row


def _thumbnails(directory: Path) -> dict[str, str]:
    """Small pictures of the maps, as base64 of PNG, by the map's name."""
    from PIL import Image

    found = {}
    for path in sorted(directory.glob("map_*.png")):
        with Image.open(path) as image:
            small = image.convert("RGB")
        small.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX), Image.Resampling.LANCZOS)
        # Few colours are enough for a map of this size, and a third of the bytes.
        packed = io.BytesIO()
        small.quantize(64).save(packed, format="PNG", optimize=True)
        found[path.stem] = base64.b64encode(packed.getvalue()).decode("ascii")
    return found


def _one_thread() -> AbstractContextManager[Any]:
    try:
        threadpoolctl = importlib.import_module("threadpoolctl")
    except ImportError:
        # Local workers are started with one thread anyway.
        return nullcontext()
    limit: AbstractContextManager[Any] = threadpoolctl.threadpool_limits(limits=1)
    return limit
