"""The examination as a job: the procedure of `nullfield.instrument.examine`, kept as a study."""

from __future__ import annotations

from collections.abc import Callable

from nullfield.console.access.user import User
from nullfield.console.context import ConsoleContext
from nullfield.console.engine import Engine
from nullfield.console.job import Answer, Job
from nullfield.console.start_job import progress_of
from nullfield.console.store.form import SubjectForm
from nullfield.console.store.stored_beat import movement_words
from nullfield.console.store.studies import file_notes
from nullfield.errors import AbortedError, NullfieldError, StoreError
from nullfield.instrument.adjust_position import Proposal
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.null_result import NullResult
from nullfield.instrument.progress import Progress

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
    notes: dict[str, object] = {}

    def prepare() -> None:
        nonlocal exam_id
        instrument = context.engine.instrument
        exam = context.studies.begin(
            form,
            instrument.rig.name if instrument else "",
            user.name,
            is_virtual=context.engine.is_virtual,
        )
        job.exam_id = exam_id = exam.id
        notes.update(file_notes(exam.id, form, exam.begun_at))
        if exam.problem:
            context.events.add(f"{exam.problem}; the examination is kept in its folder", "error")

    def run(engine: Engine, instrument: Instrument) -> None:
        engine.follower.forget()
        studies = context.studies
        try:
            summary = _examine(context, engine, instrument, job, notes, adjust=adjust)
        except NullfieldError as error:
            state = "aborted" if isinstance(error, AbortedError) else "failed"
            reason = f"{state}: {error.message}"
            _keep(engine, lambda: studies.fail(exam_id, reason))
            raise
        except Exception as error:
            reason = f"failed: internal: {type(error).__name__}: {error}"
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
    notes: dict[str, object],
    *,
    adjust: bool,
) -> dict[str, object]:
    # The analysis takes a second to import, which the start of the server should not.
    from nullfield.instrument.exam_steps import ExamHooks
    from nullfield.instrument.examine import examine

    assert job.exam_id is not None

    def confirm(proposal: Proposal) -> float | None:
        answer: Answer = engine.ask(instrument, job, "move_table", proposal_json(proposal))
        if not answer.accept:
            return None
        return proposal.move_m if answer.move_m is None else answer.move_m

    def nulled(result: NullResult) -> None:
        engine.null = result
        engine.null_at_s = instrument.clock.now_s()

    hooks = ExamHooks(
        on_step=job.step,
        confirm=confirm if adjust else None,
        previous_null=engine.null,
        on_null=nulled,
        is_warm=True,
    )
    result = examine(
        instrument,
        context.studies.folder_of(job.exam_id),
        job.beats_wanted,
        _telling_beats(job, progress_of(engine, job, _STEP_OF)),
        notes=notes,
        wall_s=context.now_s,
        hooks=hooks,
    )
    if moved := movement_words(result.analysis):
        engine.events.add(f"examination {job.exam_id}: {moved}", "warning")
    return result.analysis.to_json()


def proposal_json(proposal: Proposal) -> dict[str, object]:
    """A proposed move as the screen asks for it."""
    return {
        "offset_mm": [round(float(v) * 1e3, 1) for v in proposal.offset_m],
        "uncertainty_mm": round(proposal.uncertainty_m * 1e3, 1),
        "move_mm": round(proposal.move_m * 1e3, 1),
        "to_mm": round(proposal.to_m * 1e3, 1),
        "beats": proposal.beats,
        "reason": proposal.reason,
    }


def _telling_beats(job: Job, progress: Progress) -> Progress:
    """The count of beats stands in the record step's fraction."""

    def tell(step: str, fraction: float, detail: str) -> None:
        if step == "record":
            job.beats = round(fraction * job.beats_wanted)
        progress(step, fraction, detail)

    return tell
