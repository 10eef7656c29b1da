"""Safety: what is off must be off by itself, and a cut wire must stop."""

from __future__ import annotations

from collections.abc import Iterator

from nullfield.definitions.mcus import MCUS
from nullfield.definitions.problem import Problem
from nullfield.definitions.roles import ROLES
from nullfield.definitions.schema import BoardDefinition


def check_safety(board: BoardDefinition) -> Iterator[Problem]:
    """Enables, safety inputs, and RP2350-E9."""
    yield from _outputs(board)
    yield from _inputs(board)


def _outputs(board: BoardDefinition) -> Iterator[Problem]:
    needs = ROLES[board.role].outputs
    for name, output in board.outputs.items():
        key = f"outputs.{name}"
        need = needs.get(name)
        # A new enable line is one too, whether or not an application knows it yet.
        safe = need.level if need is not None else (0 if name.endswith("_enable") else None)
        if safe is not None and output.safe != safe:
            yield Problem(
                f"{key}.safe",
                f"GPIO{output.pin} would be on while the board is safe",
                f"write {safe}; polarity is 'active_low'",
            )
        wanted = need.active_low if need is not None else None
        if wanted is not None and output.active_low != wanted:
            assert need is not None
            yield Problem(
                f"{key}.active_low",
                f"GPIO{output.pin} drives {need.to}, which is {'low' if wanted else 'high'}-active: "
                "the safe level would switch it on",
                f"write {wanted}",
            )


def _inputs(board: BoardDefinition) -> Iterator[Problem]:
    needs = ROLES[board.role].inputs
    has_erratum = MCUS[board.mcu].has_pull_down_erratum
    for name, line in board.inputs.items():
        if line.pull == "down" and has_erratum:
            yield Problem(
                f"inputs.{name}.pull",
                f"GPIO{line.pin}: the RP2350's own pull-down can hold a floating pin high "
                "(erratum RP2350-E9)",
                "write None and fit 4.7 kΩ to ground",
            )
        need = needs.get(name)
        if need is None or need.level is None or line.open_reading == need.level:
            continue
        fitting = "'up'" if need.level ^ line.active_low else "None, with 4.7 kΩ to ground"
        yield Problem(
            f"inputs.{name}.pull",
            f"GPIO{line.pin}: with its wire cut '{name}' reads {line.open_reading}, as if all were "
            f"well; it must read {need.level}",
            f"write {fitting}",
        )
