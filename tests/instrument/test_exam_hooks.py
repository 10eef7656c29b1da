"""What a console hears of an examination's steps, and what is done where the old null fails."""

from types import SimpleNamespace

import numpy as np
import pytest

from nullfield.errors import ProcedureError
from nullfield.instrument import exam_run
from nullfield.instrument.exam_run import ExamRun
from nullfield.instrument.exam_steps import NO_HOOKS, STEPS, ExamHooks
from nullfield.instrument.move_table import quiet_table
from nullfield.instrument.null_result import NullResult
from nullfield_protocol.catalogue import TableFlag, TableState


def test_a_step_tells_its_beginning_and_its_end():
    heard = []
    hooks = ExamHooks(on_step=lambda *told: heard.append(told))
    with hooks.step("null") as words:
        words.append("900 -> 200 pT rms")
    assert heard == [("null", "running", ""), ("null", "done", "900 -> 200 pT rms")]


@pytest.mark.parametrize("error", [ProcedureError("no heartbeat", "look"), KeyboardInterrupt()])
def test_a_step_that_fails_tells_why_and_lets_the_error_through(error):
    heard = []
    hooks = ExamHooks(on_step=lambda *told: heard.append(told))
    with pytest.raises(type(error)), hooks.step("record"):
        raise error
    assert heard[-1][:2] == ("record", "failed")
    assert heard[-1][2] in ("no heartbeat", "KeyboardInterrupt")


def test_without_hooks_nothing_is_called():
    for step in STEPS:
        with NO_HOOKS.step(step):
            pass
    NO_HOOKS.tell("adjust", "skipped")
    assert NO_HOOKS.confirm is None


def nulled(tmp_path, monkeypatch, previous, renull):
    null = NullResult(
        heads=("H1",), before_rms_pt=900.0, after_rms_pt=200.0, current_ma={}, limited=(),
        coil_response_pt_per_ma=np.zeros((1, 3, 0)), duration_s=1.0,
    )  # fmt: skip
    calls = []

    def full(instrument, progress):
        calls.append("full")
        return null

    def again(instrument, before, progress):
        calls.append("again")
        return renull(null)

    monkeypatch.setattr(exam_run, "null_room", full)
    monkeypatch.setattr(exam_run, "renull", again)
    kept = []
    instrument = SimpleNamespace(rig=SimpleNamespace(name="x", is_virtual=True), calibration=None)
    hooks = ExamHooks(previous_null=previous, on_null=kept.append)
    run = ExamRun(instrument, tmp_path, 5, lambda *told: None, {}, None, hooks)
    assert run._null() is null
    assert kept == [null]
    return calls, run.content


def test_the_null_of_before_is_taken_up(tmp_path, monkeypatch):
    calls, content = nulled(tmp_path, monkeypatch, object(), lambda null: null)
    assert calls == ["again"]
    assert "null_in_full" not in content


def test_a_null_that_cannot_be_taken_up_is_made_in_full_and_said_so(tmp_path, monkeypatch):
    def refuse(null):
        raise ProcedureError("head H1 is not ready any more", "")

    calls, content = nulled(tmp_path, monkeypatch, object(), refuse)
    assert calls == ["again", "full"]
    assert content["null_in_full"] == "head H1 is not ready any more"


def test_without_a_null_of_before_it_is_made_in_full(tmp_path, monkeypatch):
    assert nulled(tmp_path, monkeypatch, None, lambda null: null)[0] == ["full"]


class Table:
    """A table in a state, that notes what it is told."""

    def __init__(self, state, is_energised):
        flags = TableFlag.HOMED | (TableFlag.MOTOR_ENERGISED if is_energised else TableFlag(0))
        self.telemetry = SimpleNamespace(table_state=state, switches=int(flags))
        self.released = 0

    def release(self):
        self.released += 1

    def wait_telemetry(self, predicate, timeout_s, what):
        return self.telemetry


def quieted(table):
    instrument = SimpleNamespace(table=table, the_table=lambda: table)
    quiet_table(instrument)
    return table.released


def test_a_motor_with_current_is_switched_off_before_measuring():
    assert quieted(Table(TableState.IDLE, is_energised=True)) == 1
    assert quieted(Table(TableState.IDLE, is_energised=False)) == 0
    quiet_table(SimpleNamespace(table=None))


@pytest.mark.parametrize("state", [TableState.MOVING, TableState.HOMING])
def test_nothing_is_measured_while_the_table_moves(state):
    table = Table(state, is_energised=True)
    with pytest.raises(ProcedureError, match="the table is moving"):
        quieted(table)
    assert table.released == 0
