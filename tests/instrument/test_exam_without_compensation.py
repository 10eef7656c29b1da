"""A compensation that cannot be had is told and left out; the examination goes on."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from nullfield.errors import BoardLostError, ProcedureError
from nullfield.instrument import exam_run
from nullfield.instrument.exam_run import ExamRun
from nullfield.instrument.exam_steps import ExamHooks

WORDS = (
    "the reference heads that are ready (R1, R2, R4) do not tell the field's eight components apart"
)


@pytest.fixture
def told():
    return []


@pytest.fixture
def run(tmp_path, told):
    instrument = SimpleNamespace(
        rig=SimpleNamespace(name="room8", is_virtual=True),
        clock=SimpleNamespace(now_s=lambda: 12.0),
    )
    hooks = ExamHooks(compensation_hz=1.0)
    return ExamRun(instrument, tmp_path, 5, lambda *words: told.append(words), {}, None, hooks)


def test_too_few_references_are_told_and_the_recording_goes_on(run, told, monkeypatch):
    def refuse(*_, **__):
        raise ProcedureError(WORDS, "see 'nullfield boards'")

    monkeypatch.setattr(exam_run, "set_up_compensation", refuse)
    with run._compensated(None) as compensation:
        assert compensation is None
    assert run.content["compensation"]["left_out"] == WORDS
    assert "compensated" not in run.content["marks_s"]
    assert any(WORDS in words for _, _, words in told)
    json.dumps(run.content)


def test_a_lost_board_ends_it_all_the_same(run, monkeypatch):
    def lose(*_, **__):
        raise BoardLostError("sensor board e66 does not answer", "look at its cable")

    monkeypatch.setattr(exam_run, "set_up_compensation", lose)
    with pytest.raises(BoardLostError), run._compensated(None):
        pass
