"""Everything that can be wrong with a definition whose keys are right."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nullfield.definitions.checks.peripherals import check_peripherals
from nullfield.definitions.checks.pins import check_pins
from nullfield.definitions.checks.role import check_role
from nullfield.definitions.checks.safety import check_safety
from nullfield.definitions.checks.streams import check_streams
from nullfield.definitions.problem import Problem
from nullfield.definitions.schema import BoardDefinition

CHECKS: tuple[Callable[[BoardDefinition], Iterator[Problem]], ...] = (
    check_pins,
    check_peripherals,
    check_streams,
    check_safety,
    check_role,
)


def problems_of(board: BoardDefinition) -> tuple[Problem, ...]:
    """All problems, in the order of the checks."""
    return tuple(problem for check in CHECKS for problem in check(board))
