"""Virtual time against wall time, with all firmware in MicroPython and streams on."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure

from nullfield.instrument.instrument import Instrument
from nullfield.instrument.record import recording_header
from nullfield.recording.writer import RecordingWriter
from nullfield.rig import load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.transport import VirtualTransport

FIRST_REQUEST = 1000
_WARM_S = 1.0


@dataclass
class Tape:
    """What the boards sent while their streams were on.

    Attributes
    ----------
    recording : Path
        Made of the same frames; its header lets a replay answer for the boards.
    chunks : list of (str, bytes)
        Uid of a board and the bytes of one of its blocks, in the order they came.
    duration_s : float
        Virtual time.
    """

    recording: Path
    chunks: list[tuple[str, bytes]] = field(default_factory=list)
    duration_s: float = 0.0


class Stopwatch:
    """Wall time spent in some callables; time of a nested one is not the outer one's."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}
        self._inner_s = [0.0]

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same callable, whose time counts under a name."""
        self.spent_s.setdefault(name, 0.0)

        def run(*arguments: Any) -> Any:
            self._inner_s.append(0.0)
            start_s = time.perf_counter()
            try:
                return call(*arguments)
            finally:
                total_s = time.perf_counter() - start_s
                self.spent_s[name] += total_s - self._inner_s.pop()
                self._inner_s[-1] += total_s

        return run

    def clear(self) -> None:
        """Start anew."""
        self.spent_s = dict.fromkeys(self.spent_s, 0.0)


def run(
    rig_name: str, duration_s: float, goal: float, directory: Path
) -> tuple[list[Figure], Tape]:
    """Run a rig with all heads starting and all streams on, the host attached.

    Returns
    -------
    list of Figure
        Speed, and how the wall time divides.
    Tape
        The bytes that came in the measured time.
    """
    rig, table = load_rig(rig_name)
    tape = Tape(directory / rig_name, duration_s=duration_s)
    watch = Stopwatch()
    with ExitStack() as stack:
        world = stack.enter_context(
            VirtualInstrument(rig, Scenario(**table), 1, ensure_micropython())
        )
        clock = VirtualClock(world)
        instrument = stack.enter_context(
            Instrument(
                rig, clock, lambda entry: VirtualTransport(world, entry.uid), session=FIRST_REQUEST
            )
        )
        for board in instrument.sensors.values():
            board.start()
        instrument.stream(True)
        instrument.wait_s(_WARM_S)
        writer = stack.enter_context(RecordingWriter(tape.recording, recording_header(instrument)))
        for uid, board in instrument.boards.items():
            board.link.subscribe(writer.frame_sink(uid))
        # First without stopwatches: some thirty of them a block cost several percent.
        start_s = time.perf_counter()
        instrument.wait_s(duration_s)
        plain_s = time.perf_counter() - start_s
        _instrument_calls(world, watch, tape)
        watch.clear()
        start_s = time.perf_counter()
        instrument.wait_s(duration_s)
        wall_s = time.perf_counter() - start_s
    speed = duration_s / plain_s
    return _figures(rig_name, len(rig.boards), duration_s, speed, wall_s, goal, watch), tape


def _instrument_calls(world: VirtualInstrument, watch: Stopwatch, tape: Tape) -> None:
    # The plant's own methods have no seam for a stopwatch; wrapping the bound ones needs none.
    world.plant.step = watch.timed("plant", world.plant.step)
    for wiring in (world._sensors, *(one[2] for one in world._coils)):
        wiring.convert = watch.timed("chips", wiring.convert)
        wiring.drive = watch.timed("chips", wiring.drive)
    world.step = watch.timed("exchange", world.step)
    for board in world.boards:
        process = board.process
        process.send_tick = watch.timed("firmware", process.send_tick)
        process.receive_tock = watch.timed("firmware", process.receive_tock)
        board.receiver = watch.timed("host", _taped(tape, board.uid, board.receiver))


def _taped(tape: Tape, uid: str, receiver: Any) -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        tape.chunks.append((uid, data))
        receiver(data)

    return take


def _figures(
    rig_name: str,
    boards: int,
    duration_s: float,
    speed: float,
    wall_s: float,
    goal: float,
    watch: Stopwatch,
) -> list[Figure]:
    group = f"speed {rig_name}"
    spent = dict(watch.spent_s)
    # What the clock spends between blocks is the host's: heartbeats, and looking after the boards.
    spent["host"] += wall_s - sum(spent.values())
    names = {
        "plant": "plant",
        "chips": "chip models",
        "firmware": "firmware (waiting, bus transfers)",
        "exchange": "packing and unpacking",
        "host": "host, recording included",
    }
    return [
        Figure(group, "simulated s per wall s", speed, "", minimum=goal,
               note=f"{boards} boards, {duration_s:g} simulated s, heads warming up, streams on"),
        *(
            Figure(group, f"share of {text}", 100.0 * spent[key] / wall_s, "%")
            for key, text in names.items()
        ),
    ]  # fmt: skip
