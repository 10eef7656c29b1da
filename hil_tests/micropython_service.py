"""A MicroPython service for pytest-embedded: from a port to a board behind the project's own link.

pytest-embedded finds and occupies the port and reads text from it. Our boards talk frames, so its
redirect thread is stopped and the port closed before our link takes it over.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_embedded_serial import Serial, SerialDut

from nullfield.devices.board import Board
from nullfield.devices.connect import connect
from nullfield.errors import BoardNotFoundError
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import WallClock

RIG = Path(__file__).with_name("bench.toml")
ROLES = {
    "sensor": "e66138528350b001",
    "coil": "e66138528351b001",
    "table": "e66138528352b001",
}
READY_ATTEMPTS = 10
"""Each takes a second without an answer: a real board may just have been reset."""


class MicroPythonSerial(Serial):
    """Port of a board that runs the application.

    The base class opens the port and books it; nothing is read from it as text.
    """

    def start_redirect_thread(self) -> None:
        """Not for framed traffic: the thread would eat the frames."""

    def hand_over(self) -> str:
        """Close the port and give its name to our link; it stays booked until `close`."""
        self.stop_redirect_thread()
        self.proc.close()
        return str(self.port)


class MicroPythonDut(SerialDut):
    """Device under test; `connect` waits until it is ready."""

    def connect(self, clock: WallClock | None = None) -> Board[Any]:
        """Board behind our own link.

        Raises
        ------
        BoardNotFoundError
            If it does not become ready.
        """
        port = self.serial.hand_over()
        clock = clock or WallClock()
        attempt = 1
        while True:
            try:
                return connect(SerialTransport(port), clock)
            except BoardNotFoundError:
                if attempt == READY_ATTEMPTS:
                    raise
                attempt += 1


@dataclass
class VirtualTarget:
    """Boards standing alone in a process of their own."""

    process: subprocess.Popen[str]
    ports: dict[str, str]


@contextlib.contextmanager
def virtual_target(flash_directory: Path) -> Iterator[VirtualTarget]:
    """Start the virtual boards and end them, whatever happens to the tests."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "nullfield.virtual.standalone",
            str(RIG),
            "--flash",
            str(flash_directory),
            # Should the test run be killed, the boards end with it.
            "--until-stdin-closes",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the virtual boards did not start (exit {process.wait()})")
        yield VirtualTarget(process, json.loads(line)["ports"])
    finally:
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
