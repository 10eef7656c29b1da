"""The emulated board as a target: the real RP2040 image, its supply and power in the test's hands."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nullfield.emulated import EmulatedBoard, PatientClock
from nullfield.transport.timing import WallClock
from nullfield_protocol.catalogue import SelfTestFlag

_IMAGE = Path("build/firmware/nullfield-rp2040.uf2")
_SUPPLY_CHANNEL = 3
_SUPPLY_DIVIDER = 3


class EmulatedTarget:
    """One bare board. Its USB carries some 40 kB/s, with no model of the real one's timing."""

    name = "emulated"
    link_bytes_per_s = 40_000
    # An RP2040 at 125 MHz is late for some blocks while it answers a new host (docs/results.md).
    known_findings = SelfTestFlag.BLOCKS

    def __init__(self, board: EmulatedBoard) -> None:
        self.board = board
        self.ports = {"bringup": board.port}
        self.attached = {"injection", "flash"}
        self.condition("bringup", supply_mv=5000)

    def make_clock(self) -> WallClock:
        """A patient one."""
        return PatientClock()

    def condition(self, board: str, **given: Any) -> None:
        """Voltages at the converter's inputs, and the power."""
        if "supply_mv" in given:
            volts = given["supply_mv"] / 1e3 / _SUPPLY_DIVIDER
            self.board.set_adc_volts(_SUPPLY_CHANNEL, volts)
        elif "die_temperature_c" in given:
            # RP2040 data sheet, section 4.9.5.
            self.board.set_adc_volts(4, 0.706 - 1.721e-3 * (given["die_temperature_c"] - 27))
        elif given.get("power_cycle"):
            self.board.power_cycle()
        else:
            raise NotImplementedError(f"{board}: {given}")


@contextlib.contextmanager
def emulated_target(scratch: Path) -> Iterator[EmulatedTarget]:
    """Boot the image; it must have been built."""
    image = Path(os.environ.get("NULLFIELD_EMULATED_IMAGE", _IMAGE))
    if not image.is_file():
        raise pytest.UsageError(f"there is no image {image}: make firmware")
    with EmulatedBoard(image, flash=scratch / "emulated.flash") as board:
        yield EmulatedTarget(board)
