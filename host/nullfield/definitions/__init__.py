"""Board definitions: their schema, what a chip and a module allow, the checks, and the pages.

A definition is a file of literals that the firmware and the host read alike. Everything on the host
that needs one gets it here, so nothing works with a definition that has not passed the checks.
"""

from __future__ import annotations

from nullfield.definitions.load import (
    board_names,
    check_definition,
    find_definition,
    load_board,
    load_definition,
)
from nullfield.definitions.problem import Problem
from nullfield.definitions.schema import BoardDefinition

__all__ = [
    "BoardDefinition",
    "Problem",
    "board_names",
    "check_definition",
    "find_definition",
    "load_board",
    "load_definition",
]
