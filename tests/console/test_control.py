"""One person at a time has the control."""

from __future__ import annotations

from datetime import UTC, datetime

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
