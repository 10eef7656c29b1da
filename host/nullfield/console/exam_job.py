"""The examination as a job: the procedure of `nullfield.instrument.examine`, kept as a study."""

from __future__ import annotations

from collections.abc import Callable

from nullfield.console.access.user import User
from nullfield.console.context import ConsoleContext
from nullfield.console.engine import Engine
from nullfield.console.job import Job
from nullfield.console.start_job import progress_of
from nullfield.console.store.form import SubjectForm
from nullfield.errors import AbortedError, NullfieldError, StoreError
from nullfield.instrument.instrument import Instrument

STEPS = ("ready", "table", "adjust", "null", "record", "map")
_STEP_OF = {"start": "ready", "analyse": "map", "report": "map"}


def begin_exam(
    context: ConsoleContext, user: User, form: SubjectForm, beats: int, *, adjust: bool
) -> str:
    """Begin an examination and return its id.

    Raises
    ------
    ControlError
        If something runs already: then nothing is kept of this one.
    StoreError
        If it could not be kept; then it does not begin.
    """
    job = Job("exam", STEPS, context.now_s, beats_wanted=beats)
    exam_id = ""

    def prepare() -> None:
        nonlocal exam_id
        instrument = context.engine.instrument
        exam_id = context.studies.begin(
            form, instrument.rig.name if instrument else "", user.name
        ).id
        job.exam_id = exam_id

    def run(engine: Engine, instrument: Instrument) -> None:
        engine.follower.forget()
        studies = context.studies
        try:
            summary = _examine(context, engine, instrument, job, form.subject_id)
        except NullfieldError as error:
            state = "aborted" if isinstance(error, AbortedError) else "failed"
            reason = f"{state}: {error.message}"
            _keep(engine, lambda: studies.fail(exam_id, reason))
            raise
        _keep(engine, lambda: studies.finish(exam_id, summary))

    context.engine.begin(job, run, prepare)
    context.access.audit(user, "exam.begin", exam_id, {"beats": beats})
    return exam_id


def _keep(engine: Engine, write: Callable[[], object]) -> None:
    """The folder holds everything: a database that fails now is told, and mended at the next start."""
    try:
        write()
    except StoreError as error:
        engine.events.add(f"{error.message}; the examination is kept in its folder", "error")


def _examine(
    context: ConsoleContext,
    engine: Engine,
    instrument: Instrument,
    job: Job,
    subject: str,
) -> dict[str, object]:
    # The analysis takes a second to import, which the start of the server should not.
    from nullfield.instrument.examine import examine

    assert job.exam_id is not None
    result = examine(
        instrument,
        context.studies.folder_of(job.exam_id),
        job.beats_wanted,
        progress_of(engine, job, _STEP_OF),
        notes={"subject": subject, "exam": job.exam_id},
        wall_s=context.now_s,
    )
    return result.analysis.to_json()
