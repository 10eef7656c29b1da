"""Putting a swept setting back when everything goes wrong at once."""

from types import SimpleNamespace

import pytest

from nullfield.errors import BoardLostError, ProcedureError, RequestTimeoutError
from nullfield.instrument.sweep_parameter import find_parameter
from nullfield.instrument.sweep_setting import put_back

GAIN = find_parameter("loop_gain")


class Board:
    """Takes settings, or raises what is next in line."""

    def __init__(self, *trouble, lost_reason=None):
        self.value = 1600.0
        self.trouble = list(trouble)
        self.offs = 0
        self.link = SimpleNamespace(lost_reason=lost_reason)
        self.settings = SimpleNamespace(
            set=self.set, describe=lambda name: SimpleNamespace(unit="")
        )

    def safe_off(self):
        self.offs += 1

    def set(self, name, value):
        assert name == "loop_gain"
        if self.trouble:
            raise self.trouble.pop(0)
        self.value = value


def test_a_second_ctrl_c_does_not_keep_it_from_being_put_back():
    board = Board(KeyboardInterrupt())
    put_back(board, GAIN, 1300.0, KeyboardInterrupt())
    assert board.value == 1300.0
    assert board.offs == 2


def test_a_ctrl_c_at_the_very_end_is_passed_on():
    board = Board(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        put_back(board, GAIN, 1300.0, None)
    assert board.value == 1300.0


def test_one_lost_answer_is_tried_again():
    board = Board(RequestTimeoutError("no answer"))
    put_back(board, GAIN, 1300.0, None)
    assert board.value == 1300.0


@pytest.mark.parametrize(
    ("ended_by", "kind", "first"),
    [
        (None, ProcedureError, "no answer"),
        (KeyboardInterrupt(), ProcedureError, "no answer"),
        (BoardLostError("S01: the board is gone"), BoardLostError, "S01: the board is gone"),
        (ProcedureError("S01: no light"), ProcedureError, "S01: no light"),
    ],
)
def test_what_could_not_be_put_back_is_said(ended_by, kind, first):
    board = Board(*[RequestTimeoutError("no answer")] * 2)
    with pytest.raises(kind, match="loop_gain could not be put back to 1300") as said:
        put_back(board, GAIN, 1300.0, ended_by)
    assert said.value.message.startswith(first)
    assert "reset or power-on" in said.value.hint
    assert board.value == 1600.0
