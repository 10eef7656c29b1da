"""A table that was stopped on its way: the procedures do not say that it has arrived."""

from __future__ import annotations

from typing import Any

import pytest

from nullfield.errors import ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.move_table import home_table, jog_table, move_table, table_position_m
from nullfield.virtual.transport import VirtualTransport


def let_go(bench: Any, after_blocks: int) -> None:
    """Have the hold-to-run button come up in a while."""
    world, inputs = bench.instrument, bench.of("table").inputs
    inputs["hold"] = 1
    at = world.block + after_blocks

    def watch() -> None:
        if world.block == at:
            inputs["hold"] = 0

    world.watchers.append(watch)


def test_a_table_that_was_stopped_has_not_arrived(bench: Any, table_rig: Any) -> None:
    world = bench.instrument
    with Instrument(
        table_rig, bench.clock, lambda entry: VirtualTransport(world, entry.uid), 1000
    ) as instrument:
        home_table(instrument)
        instrument.the_table().settings.set("hold_to_run", 1)
        let_go(bench, 1000)
        with pytest.raises(ProcedureError, match=r"was stopped at \d+ mm, on its way to 200 mm"):
            move_table(instrument, 0.2)
        # The motor is off all the same.
        assert not bench.motor_is_on()
        let_go(bench, 200)
        with pytest.raises(ProcedureError, match="stopped before it found its home"):
            home_table(instrument)
        assert not bench.motor_is_on()
        assert table_position_m(instrument) is None
        with pytest.raises(ProcedureError, match="place is not known"):
            jog_table(instrument, 0.01)
