"""Virtual boards on a small rig: one sensor, one coil, one table board, in one shared clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nullfield.devices.board import Board
from nullfield.devices.coil import CoilBoard
from nullfield.devices.connect import connect
from nullfield.devices.sensor import SensorBoard
from nullfield.devices.table import TableBoard
from nullfield.rig import Rig, load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.instrument import VirtualBoard, VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.transport import VirtualTransport

TABLE_UID = "e66138528352b001"


def bench_with_table() -> Rig:
    """Rig bench4 and a table board."""
    rig, _ = load_rig("bench4")
    content = rig.model_dump()
    content["boards"] = [
        *content["boards"],
        {"uid": TABLE_UID, "role": "table", "definition": "table_pico2"},
    ]
    content["table"] = {"board": TABLE_UID}
    return Rig.model_validate(content)


class Bench:
    """A virtual instrument with its clock, and the host's devices as a test asks for them."""

    def __init__(self, seed: int = 1, flash_directory: Path | None = None) -> None:
        scenario = Scenario(heart_enabled=False)
        self.instrument = VirtualInstrument(
            bench_with_table(), scenario, seed, ensure_micropython(), flash_directory
        )
        self.clock = VirtualClock(self.instrument)
        self.devices: list[Board[Any]] = []

    def of(self, role: str) -> VirtualBoard:
        """The virtual board of a role."""
        return next(b for b in self.instrument.boards if b.role == role)

    def connect(self, role: str) -> Board[Any]:
        """The host's device of a role."""
        uid = self.of(role).uid
        device = connect(VirtualTransport(self.instrument, uid), self.clock, expected_uid=uid)
        self.devices.append(device)
        return device

    def sensor(self) -> SensorBoard:
        device = self.connect("sensor")
        assert isinstance(device, SensorBoard)
        return device

    def coil(self) -> CoilBoard:
        device = self.connect("coil")
        assert isinstance(device, CoilBoard)
        return device

    def table(self) -> TableBoard:
        device = self.connect("table")
        assert isinstance(device, TableBoard)
        return device

    def run_s(self, duration_s: float) -> None:
        """Let virtual time pass."""
        end_s = self.clock.now_s() + duration_s
        self.clock.wait(lambda: self.clock.now_s() >= end_s - 1e-9, duration_s + 1.0)

    def close(self) -> None:
        for device in self.devices:
            device.close()
        self.instrument.close()

    # What the boards do to the world, as the plant gets it.

    def heater_power_w(self) -> float:
        return float(abs(self.instrument._inputs.heater_power_w).max())

    def laser_current_ma(self) -> float:
        return float(abs(self.instrument._inputs.laser_current_ma).max())

    def coil_current_ma(self) -> float:
        return float(abs(self.instrument._inputs.room_coil_current_ma).max())

    def motor_is_on(self) -> bool:
        return bool(self.instrument._inputs.table_motor_energised)


@pytest.fixture
def table_rig() -> Rig:
    """Rig bench4 and a table board."""
    return bench_with_table()


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A running bench."""
    one = Bench()
    one.instrument.power_on()
    yield one
    one.close()


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    """Running benches made to order."""
    made: list[Bench] = []

    def make(**given: Any) -> Bench:
        one = Bench(**given)
        one.instrument.power_on()
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()
