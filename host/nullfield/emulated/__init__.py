"""The emulated rung: the real RP2040 image on rp2040js, its USB port behind a TCP port.

Only the command line and the tests import this package.
"""

from __future__ import annotations

from nullfield.emulated.board import EmulatedBoard, PinState, Stats
from nullfield.emulated.clock import PatientClock
from nullfield.emulated.prompt import Prompt

__all__ = ["EmulatedBoard", "PatientClock", "PinState", "Prompt", "Stats"]
