"""The MicroPython service for pytest-embedded: a board, virtual or real, behind a serial port.

pytest-embedded opens the port with its own serial service and reads it as lines of text. Our boards
speak frames, so the service waits until a frame's end shows that the firmware runs, stops the
redirect thread, and hands the port over to the project's own link.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from pytest_embedded_serial import Serial

from nullfield.errors import BoardNotFoundError
from nullfield.rig import load_rig
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import WallClock

RIG = Path(__file__).with_name("rig.toml")
_READY_S = 20.0
_PROMPT = b">>> "


class VirtualBoards:
    """One virtual board a role, standing alone in a process of their own, a pty each."""

    def __init__(self, flash_directory: Path) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "nullfield.virtual.standalone",
                str(RIG),
                "--flash",
                str(flash_directory),
                "--until-stdin-closes",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BoardNotFoundError(f"the virtual boards ended with {self._process.wait()}")
        ports: dict[str, str] = json.loads(line)["ports"]
        rig, _ = load_rig(RIG)
        self.port_of_role = {board.role: ports[board.uid] for board in rig.boards}

    def close(self) -> None:
        """End the process; the boards go with it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def hand_over(service: Serial) -> str:
    """Take the port from pytest-embedded once the firmware runs.

    Parameters
    ----------
    service : pytest_embedded_serial.Serial
        As its fixture opened it.

    Returns
    -------
    str
        Port for `SerialTransport`.

    Raises
    ------
    BoardNotFoundError
        If nothing came, or a MicroPython prompt did: the firmware does not run there.
    """
    service.stop_redirect_thread()
    port = str(service.port)
    service.close()
    heard = bytearray()
    clock = WallClock()
    transport = SerialTransport(port)

    def take(data: bytes) -> None:
        heard.extend(data)
        clock.wake()

    transport.set_receiver(take)
    transport.open()
    try:
        # A running board sends heartbeats by itself; each frame ends with a zero.
        if not clock.wait(lambda: 0 in heard or _PROMPT in heard, _READY_S):
            raise BoardNotFoundError(f"{port}: nothing came in {_READY_S:.0f} s")
    finally:
        transport.close()
    if 0 not in heard:
        raise BoardNotFoundError(f"{port}: a MicroPython prompt, but no Nullfield firmware")
    return port
