"""A virtual rig with its instrument, and smaller arrays with a table for what need not be large."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nullfield.instrument.instrument import Instrument
from nullfield.rig import Rig, load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.transport import VirtualTransport

FIRST_REQUEST = 1000
_PITCH_M = 0.04


@contextmanager
def open_rig(
    rig: Rig, scenario: Scenario, seed: int
) -> Iterator[tuple[VirtualInstrument, Instrument]]:
    """Run a rig; the plant stays at hand for scoring."""
    with VirtualInstrument(rig, scenario, seed, ensure_micropython()) as world:
        clock = VirtualClock(world)
        with Instrument(
            rig, clock, lambda e: VirtualTransport(world, e.uid), FIRST_REQUEST
        ) as instrument:
            yield world, instrument


def square_array(side: int) -> Rig:
    """The demo rig's coils and table with ``side`` x ``side`` heads at 40 mm, no references.

    ``side`` squared must be a multiple of four, the heads of a board.
    """
    rig, _ = load_rig("demo36")
    content = rig.model_dump()
    sensors = [b.uid for b in rig.boards_of("sensor")][: side * side // 4]
    content["name"] = f"array{side * side}"
    content["boards"] = [
        b for b in content["boards"] if b["role"] != "sensor" or b["uid"] in sensors
    ]
    head = content["heads"][0]
    middle = (side - 1) / 2.0
    content["heads"] = [
        {
            **head,
            "name": f"H{number + 1:02d}",
            "board": sensors[number // 4],
            "slot": number % 4,
            "position_m": (
                (number % side - middle) * _PITCH_M,
                (middle - number // side) * _PITCH_M,
                0.03,
            ),
        }
        for number in range(side * side)
    ]
    return Rig.model_validate(content)


def rig_of(name: str) -> Rig:
    """A shipped rig, or ``array16`` and the like for a square array of so many heads."""
    count = name.removeprefix("array")
    if count != name and count.isdigit():
        return square_array(round(int(count) ** 0.5))
    return load_rig(name)[0]
