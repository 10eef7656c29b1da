"""Moves that are proposed, refused and made; the heart and the table are simple ones."""

from types import SimpleNamespace

import numpy as np
import pytest

from nullfield.errors import ProcedureError
from nullfield.instrument import adjust_position as adjust
from nullfield.instrument.locate_heart import Location

TRAVEL_M = (0.0, 0.6)


def location(y_m, x_m=0.0, is_believed=True, sigma_m=0.001):
    reason = "" if is_believed else "a dipole explains 40 % of the field at R only"
    return Location(np.array([x_m, y_m]), sigma_m, 6, is_believed, reason)


def test_the_table_goes_against_the_offset():
    proposal = adjust.propose(location(0.03, 0.012), 0.5, TRAVEL_M)
    assert proposal.move_m == pytest.approx(-0.03)
    assert proposal.to_m == pytest.approx(0.47)
    assert proposal.offset_m == pytest.approx([0.012, 0.03])
    assert (proposal.uncertainty_m, proposal.beats, proposal.reason) == (0.001, 6, "")
    assert adjust.propose(location(-0.03), 0.5, TRAVEL_M).to_m == pytest.approx(0.53)


def test_a_centred_heart_stays():
    proposal = adjust.propose(location(0.0029), 0.5, TRAVEL_M)
    assert (proposal.move_m, proposal.to_m) == (0.0, 0.5)
    assert "centre already" in proposal.reason


def test_a_heart_out_of_reach_is_refused_with_what_to_do():
    with pytest.raises(ProcedureError, match=r"table at 620 mm.*0 to 600 mm") as refused:
        adjust.propose(location(-0.07), 0.55, TRAVEL_M)
    assert "by 70 mm toward the head" in refused.value.hint
    with pytest.raises(ProcedureError, match="table at -40 mm") as refused:
        adjust.propose(location(0.05), 0.01, TRAVEL_M)
    assert "toward the feet" in refused.value.hint


@pytest.mark.parametrize(("leaning_m", "sign"), [(0.05, -1.0), (-0.05, 1.0)])
def test_a_poor_fit_makes_a_step_toward_the_side_with_the_field(leaning_m, sign):
    proposal = adjust.propose(location(leaning_m, is_believed=False, sigma_m=0.1), 0.4, TRAVEL_M)
    assert proposal.move_m == pytest.approx(sign * adjust.STEP_M)
    assert "a step only" in proposal.reason
    assert "40 %" in proposal.reason


def test_a_poor_fit_that_tells_no_side_is_refused():
    with pytest.raises(ProcedureError, match="cannot be located: a dipole explains"):
        adjust.propose(location(0.005, is_believed=False, sigma_m=0.1), 0.4, TRAVEL_M)


class Bed:
    """A heart on a table, seen within 120 mm of the array's middle."""

    def __init__(self, monkeypatch, heart_m, table_m=0.5, error_m=0.0):
        self.heart_m, self.table_m, self.error_m = heart_m, table_m, error_m
        self.asked, self.log = [], []
        self.instrument = SimpleNamespace(the_table=lambda: self)
        monkeypatch.setattr(adjust, "table_travel_m", lambda instrument: TRAVEL_M)
        monkeypatch.setattr(adjust, "look", self._look)
        monkeypatch.setattr(adjust, "move_table", self._move)
        monkeypatch.setattr(
            adjust, "rebalance", lambda instrument: self.log.append("heads balanced")
        )

    @property
    def telemetry(self):
        return SimpleNamespace(position_m=self.table_m)

    def _look(self, instrument, progress, beats):
        self.log.append("look")
        if abs(self.heart_m) < 0.12:
            return location(self.heart_m + self.error_m)
        return location(np.sign(self.heart_m) * 0.06, is_believed=False, sigma_m=0.1)

    def _move(self, instrument, position_m, progress):
        self.log.append("move")
        self.heart_m += position_m - self.table_m
        self.table_m = position_m
        return SimpleNamespace(position_m=position_m)

    def run(self, confirm):
        def ask(proposal):
            self.asked.append(proposal)
            return confirm(proposal)

        return adjust.adjust_position(self.instrument, ask)


def accept(proposal):
    return proposal.move_m


def test_located_confirmed_moved_balanced_and_located_again(monkeypatch):
    bed = Bed(monkeypatch, 0.04)
    result = bed.run(accept)
    assert bed.log == ["look", "move", "heads balanced", "look"]
    assert len(bed.asked) == 1
    assert result.moved_m == pytest.approx(-0.04)
    assert result.before.offset_m[1] == pytest.approx(0.04)
    assert result.after.offset_m[1] == pytest.approx(0.0)
    assert bed.heart_m == pytest.approx(0.0)


def test_refused_by_the_operator_nothing_moves(monkeypatch):
    bed = Bed(monkeypatch, 0.04)
    result = bed.run(lambda proposal: None)
    assert bed.log == ["look"]
    assert (result.moved_m, result.after) == (0.0, None)


def test_a_centred_heart_is_not_asked_about(monkeypatch):
    bed = Bed(monkeypatch, 0.001)
    assert bed.run(accept).moved_m == 0.0
    assert bed.asked == []


def test_the_operator_may_choose_another_move(monkeypatch):
    bed = Bed(monkeypatch, 0.04)
    result = bed.run(lambda proposal: -0.02)
    assert result.moved_m == pytest.approx(-0.02)
    assert result.after.offset_m[1] == pytest.approx(0.02)
    assert len(bed.asked) == 1


def test_a_chosen_move_beyond_the_travel_is_refused(monkeypatch):
    bed = Bed(monkeypatch, 0.04)
    with pytest.raises(ProcedureError, match="beyond the table's 0 to 600 mm"):
        bed.run(lambda proposal: 0.2)
    assert bed.log == ["look"]


def test_a_heart_far_off_is_reached_by_steps_each_of_them_confirmed(monkeypatch):
    bed = Bed(monkeypatch, 0.2)
    result = bed.run(accept)
    assert [p.move_m for p in bed.asked] == pytest.approx([-0.06, -0.06, -0.08])
    assert "a step only" in result.before.reason
    assert result.moved_m == pytest.approx(-0.2)
    assert bed.heart_m == pytest.approx(0.0)


def test_steps_end(monkeypatch):
    bed = Bed(monkeypatch, 0.8, table_m=0.55)
    with pytest.raises(ProcedureError, match="not found after 4 steps"):
        bed.run(accept)
    assert bed.log.count("move") == adjust.STEPS_AT_MOST
