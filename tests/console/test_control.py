"""One person at a time has the control."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nullfield.console.control import Control
from nullfield.errors import ControlError

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def control() -> Control:
    return Control(lambda: NOON)


def test_the_first_command_takes_it_and_others_are_refused(control: Control) -> None:
    control.require("ann")
    assert control.holder is not None
    assert (control.holder.name, control.holder.since) == ("ann", NOON)
    control.require("ann")
    with pytest.raises(ControlError, match="ann has the control") as refused:
        control.require("ben")
    assert refused.value.hint
    with pytest.raises(ControlError):
        control.take("ben")
    assert control.holder.name == "ann"


def test_it_can_be_taken_by_force_and_given_back(control: Control) -> None:
    control.take("ann")
    control.take("ben", force=True)
    with pytest.raises(ControlError, match="ben"):
        control.require("ann")
    control.release("ann")
    assert control.holder is not None
    assert control.holder.name == "ben"
    control.release("ben")
    assert control.holder is None
    control.require("ann")


def test_who_is_not_logged_in_any_more_has_it_not() -> None:
    here = {"ann", "ben"}
    left: list[str] = []
    moments = iter(NOON + timedelta(seconds=s) for s in range(100))
    control = Control(lambda: next(moments), here.__contains__, left.append)
    control.require("ann")
    control.look()
    assert control.holder is not None
    here.discard("ann")
    control.require("ben")
    assert control.holder.name == "ben"
    assert left == ["ann"]
    here.discard("ben")
    for _ in range(5):
        control.look()
    assert control.holder is None
    assert left == ["ann", "ben"]


def test_looking_asks_the_database_every_two_seconds_only() -> None:
    asked: list[str] = []
    now = [NOON]
    control = Control(lambda: now[0], lambda name: bool(asked.append(name)) or True)
    control.take("ann")
    for tenth in range(101):
        now[0] = NOON + timedelta(seconds=tenth / 10)
        control.look()
    assert len(asked) == 6
    # A clock set back an hour does not keep it from looking.
    now[0] = NOON - timedelta(hours=1)
    control.look()
    assert len(asked) == 7


def test_who_asks_is_told_who_has_it_and_the_holder_who_asks(control: Control) -> None:
    assert control.ask("ben") is None
    assert control.asking is None
    control.take("ann")
    holder = control.ask("ben")
    assert holder is not None
    assert (holder.name, holder.since) == ("ann", NOON)
    assert control.asking == "ben"
    control.ask("ann")
    assert control.asking == "ben"
    control.release("ann")
    control.take("ben")
    assert control.asking is None
