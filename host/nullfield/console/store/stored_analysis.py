"""Analyses of stored exams: made once, kept beside the exams, and made anew on request."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullfield.console.store.exam import Exam
from nullfield.console.store.exam_folder import RECORDING, ExamFolders, plain_errors
from nullfield.errors import InputError

if TYPE_CHECKING:
    from nullfield.analysis.data import FieldRecording, SensorArray
    from nullfield.analysis.result import Analysis
    from nullfield.analysis.sections import Source

_KEPT = 4
"""Analyses held in memory: two to compare, and those looked at before."""


class StoredSource:
    """A recording under its pseudonym: no path of this machine, no name.

    Parameters
    ----------
    source : Source
    metadata : mapping
        Goes over the source's own.
    """

    def __init__(self, source: Source, metadata: Mapping[str, Any]) -> None:
        self._source = source
        self.metadata: Mapping[str, Any] = {**source.metadata, **metadata}

    @property
    def sampling_rate_hz(self) -> float:
        """Samples a second."""
        return self._source.sampling_rate_hz

    @property
    def n_samples(self) -> int:
        """Samples in all."""
        return self._source.n_samples

    @property
    def array(self) -> SensorArray:
        """Geometry."""
        return self._source.array

    @property
    def unit(self) -> str:
        """As of `FieldRecording`."""
        return self._source.unit

    def read(self, start: int, stop: int) -> FieldRecording:
        """Samples from `start` to `stop`, exclusive."""
        return replace(self._source.read(start, stop), metadata=self.metadata)


class StoredAnalyses:
    """Analyses by exam; one is made at a time, since the instrument needs the processor too.

    Parameters
    ----------
    folders : ExamFolders
    cache : Path
        Folder for results that can be made again at any time.
    """

    def __init__(self, folders: ExamFolders, cache: Path) -> None:
        self._folders = folders
        self._cache = cache
        self._lock = threading.RLock()
        self._held: OrderedDict[str, Analysis] = OrderedDict()

    def source(self, exam: Exam) -> StoredSource:
        """The recording of an exam.

        Raises
        ------
        RecordingError
            If it cannot be read.
        """
        from nullfield.files.read import open_source

        about = {
            "source": RECORDING,
            "subject": exam.subject_id,
            "date": exam.begun_at.isoformat(timespec="seconds"),
        }
        return StoredSource(open_source(self._folders.of(exam.exam_id) / RECORDING), about)

    def of(self, exam: Exam) -> Analysis:
        """Analysis of an exam's recording.

        Raises
        ------
        RecordingError, AnalysisError
            If the recording cannot be read or analysed.
        StoreError
            If the result cannot be kept.
        """
        with self._lock:
            held = self._held.get(exam.exam_id)
            if held is None:
                held = self._kept(exam.exam_id) or self._made(exam)
            self._hold(exam.exam_id, held)
            return held

    def again(self, exam: Exam) -> dict[str, Any]:
        """Analyse anew and write ``exam.json``, plots and reports; gives the analysis' document."""
        from nullfield.analysis.plots import write_plots
        from nullfield.analysis.report import write_reports

        with self._lock:
            self.forget(exam.exam_id)
            analysis = self.of(exam)
            document = analysis.to_json()
            content = self._folders.record(exam.exam_id) or {"schema": 1}
            facts = facts_of(exam, content)
            folder = self._folders.of(exam.exam_id)
            with plain_errors(folder):
                plots = write_plots(analysis, folder, facts["residual_pt"])
                write_reports(folder, analysis, plots, facts)
            # Last: what it names is there then.
            self._folders.write_record(exam.exam_id, {**content, "analysis": document})
            return document

    def forget(self, exam_id: str) -> None:
        """Drop the analysis of an exam."""
        with self._lock:
            self._held.pop(exam_id, None)
            with plain_errors(self._cache):
                self._file(exam_id).unlink(missing_ok=True)

    def _made(self, exam: Exam) -> Analysis:
        from nullfield.analysis.chain import analyze_source
        from nullfield.files.results_hdf5 import write_results

        analysis = analyze_source(self.source(exam))
        with plain_errors(self._cache):
            self._cache.mkdir(parents=True, exist_ok=True)
            write_results(analysis, self._file(exam.exam_id))
        return analysis

    def _kept(self, exam_id: str) -> Analysis | None:
        from nullfield.files.results_hdf5 import read_results

        path = self._file(exam_id)
        if not path.exists():
            return None
        try:
            return read_results(path)
        except InputError:
            # Cut short, or of another version: it is made again.
            return None

    def _hold(self, exam_id: str, analysis: Analysis) -> None:
        self._held[exam_id] = analysis
        self._held.move_to_end(exam_id)
        while len(self._held) > _KEPT:
            self._held.popitem(last=False)

    def _file(self, exam_id: str) -> Path:
        # The folder checks the id.
        return self._cache / f"{self._folders.of(exam_id).name}.h5"


def facts_of(exam: Exam, content: Mapping[str, Any]) -> dict[str, Any]:
    """What a report tells beside the analysis.

    Parameters
    ----------
    exam : Exam
    content : mapping
        Of ``exam.json``.
    """

    def part(name: str) -> Mapping[str, Any]:
        found = content.get(name)
        return found if isinstance(found, Mapping) else {}

    null, failed = part("null"), part("start_up").get("failed")
    residual_pt = {
        state: float(null[f"measured_{state}_rms_pt"])
        for state in ("before", "after")
        if isinstance(null.get(f"measured_{state}_rms_pt"), int | float)
    }
    heads = failed if isinstance(failed, Mapping) else {}
    return {
        "title": "Magnetocardiogram",
        "subject": exam.subject_id,
        "date": exam.begun_at.isoformat(timespec="seconds"),
        "file": exam.exam_id,
        "software": content.get("software"),
        "residual_pt": residual_pt or None,
        "losses": part("record").get("rows_lost"),
        "dead_heads": [f"{name} ({why})" for name, why in heads.items()],
        "timings_s": content.get("timings_s"),
        "notes": [exam.reason] if exam.reason else None,
    }
