"""Round trip of a command: on the virtual clock, and on a pty by the wall clock."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

from tests.bench.figures import Figure

from nullfield.devices.connect import connect
from nullfield.instrument.instrument import Instrument
from nullfield.rig import load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import WallClock
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.transport import VirtualTransport

_GROUP = "round trip of a command"


def virtual(rig_name: str = "bench4", count: int = 40) -> list[Figure]:
    """Blocks of 1 ms from request to answer, streams on."""
    rig, table = load_rig(rig_name)
    with VirtualInstrument(rig, Scenario(**table), 1, ensure_micropython()) as world:
        clock = VirtualClock(world)
        with Instrument(rig, clock, lambda e: VirtualTransport(world, e.uid), 1000) as instrument:
            instrument.stream(True)
            board = next(iter(instrument.sensors.values()))
            trips = []
            for _ in range(count):
                start_s = clock.now_s()
                board.ping()
                trips.append((clock.now_s() - start_s) * 1e3)
                instrument.wait_s(7e-3)
    return [
        Figure(_GROUP, "virtual, median", statistics.median(trips), "ms",
               maximum=10.0, is_own_goal=True, note="simulated time, one block is 1 ms"),
        Figure(_GROUP, "virtual, worst", max(trips), "ms", note=f"of {count}"),
    ]  # fmt: skip


def pty(rig_name: str = "bench4", count: int = 100) -> list[Figure]:
    """Wall time on a pty of the standing instrument, which keeps real time."""
    rig, _ = load_rig(rig_name)
    entry = rig.boards_of("sensor")[0]
    with subprocess.Popen(
        [sys.executable, "-m", "nullfield.virtual.standalone", rig_name, "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            ports = json.loads(process.stdout.readline())["ports"]
            trips = []
            with connect(SerialTransport(ports[entry.uid]), WallClock()) as board:
                board.stream_start()
                for _ in range(count):
                    start_s = time.perf_counter()
                    board.ping()
                    trips.append((time.perf_counter() - start_s) * 1e6)
        finally:
            process.stdin.close()
            process.wait(timeout=30.0)
    trips.sort()
    return [
        Figure(_GROUP, "pty, median", statistics.median(trips), "us", maximum=20e3, is_own_goal=True,
               note="wall time, plant and boards included, paced to real time"),
        Figure(_GROUP, "pty, 95 %", trips[int(0.95 * count)], "us", note=f"of {count}"),
    ]  # fmt: skip
