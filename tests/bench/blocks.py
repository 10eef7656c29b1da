"""Cost of one 1 ms block: the plant, and the firmware's fast path on the unix port."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.bench.figures import Figure

from nullfield.places import firmware_directory
from nullfield.toolchain import ensure_micropython
from nullfield.virtual.plant.bench import microseconds_per_step

_GROUP = "one block of 1 ms"


def plant(blocks: int = 2048) -> list[Figure]:
    """Plant of 40 and of 4 heads."""
    return [
        Figure(_GROUP, f"plant, {heads} heads", microseconds_per_step(heads, blocks), "us",
               maximum=400.0, is_own_goal=True)
        for heads in (40, 4)
    ]  # fmt: skip


def fast_path() -> list[Figure]:
    """Lock-in, loops and DAC block of four heads, in MicroPython on this machine."""
    script = Path(__file__).with_name("fast_path.py")
    answer = subprocess.run(
        [str(ensure_micropython()), str(script)],
        env={**os.environ, "MICROPYPATH": str(firmware_directory())},
        capture_output=True,
        text=True,
        check=True,
    )
    note = "4 heads, viper, unix port; says nothing about the microcontroller"
    return [
        Figure(_GROUP, name, value, "us", note=note) for name, value in json.loads(answer.stdout)
    ]
