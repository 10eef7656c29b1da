"""One virtual board: a MicroPython process that runs the shipped firmware."""

from __future__ import annotations

import math
import os
import socket
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from nullfield.definitions import find_definition, load_definition
from nullfield.errors import BoardLostError
from nullfield.places import firmware_directory
from nullfield.virtual import exchange
from nullfield.virtual.flash import Flash, PowerCutError

RESET_POWER_ON = 1
RESET_WATCHDOG = 2
_HEAP = "300k"
"""Heap of a board process: what MicroPython leaves on an RP2350 with room to spare."""

_HANG_S = 20.0
"""Wall time after which a silent process counts as hung; far above any block on a loaded machine."""


class BusDevice(Protocol):
    """A chip behind a chip select or on a UART."""

    def transfer(self, data: bytes) -> bytes:
        """One transaction; as many bytes back as were sent."""
        ...


class BoardProcess:
    """A board's process and its end of the exchange.

    Parameters
    ----------
    uid : str
        16 hex digits.
    definition : str
        Name or folder of the board definition.
    interpreter : path
        MicroPython's unix port, as the toolchain built it.
    devices : mapping of str to BusDevice
        Chip models by their name in the board definition.
    flash : Flash, optional
    is_stock : bool
        No firmware is built in, as with official MicroPython: what runs comes from the flash.
    """

    def __init__(
        self,
        uid: str,
        definition: str,
        interpreter: Path,
        devices: Mapping[str, BusDevice],
        flash: Flash | None = None,
        is_stock: bool = False,
    ) -> None:
        self.uid = uid
        self.definition = definition
        self.board = load_definition(definition)
        self.flash = flash if flash is not None else Flash()
        self.is_stock = is_stock
        self.scratch = [0, 0]
        self._interpreter = interpreter
        self._devices = [devices[name] for name in sorted(self.board["chips"])]
        dac = self.board["chips"].get("stream_dac")
        self.dac_bytes = 4 * dac["stream_channels"] * dac["stream_samples"] if dac else 0
        # For the prompt, which goes on with the exchange when the application has left.
        self._block_words = (
            f"{160 if 'adc' in self.board['chips'] else 0},{self.dac_bytes // 4},"
            f"{dac['stream_channels'] if dac else 1}"
        )
        self.output_bits = {name: bit for bit, name in enumerate(sorted(self.board["outputs"]))}
        self.input_bits = {name: bit for bit, name in enumerate(sorted(self.board["inputs"]))}
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the board
        self.reset_cause = RESET_POWER_ON
        self.left: str | None = None

    @property
    def pid(self) -> int:
        """Process number, for tests that kill it."""
        assert self._process is not None
        return self._process.pid

    def start(self, reset_cause: int = RESET_POWER_ON) -> None:
        """Start (or start again) the process."""
        self.stop()
        self.reset_cause = reset_cause
        if reset_cause == RESET_POWER_ON:
            self.scratch = [0, 0]
        self.left = None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # The kernel's own time limit: Python's would cost a poll before each message.
        ours.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", math.ceil(_HANG_S), 0)
        )
        firmware = firmware_directory()
        path = f"{firmware / 'virtual'}"
        if not self.is_stock:
            path += f":{firmware}:{find_definition(self.definition).parent.resolve()}"
        self._process = subprocess.Popen(
            [
                str(self._interpreter),
                "-X",
                f"heapsize={_HEAP}",
                str(firmware / "virtual" / "virtual_boot.py"),
            ],
            pass_fds=[theirs.fileno()],
            env={
                **os.environ,
                "MICROPYPATH": path,
                "NULLFIELD_RIG_FD": str(theirs.fileno()),
                "NULLFIELD_IMAGE": "stock" if self.is_stock else "nullfield",
                "NULLFIELD_BLOCK_WORDS": self._block_words,
            },
            stdin=subprocess.DEVNULL,
            stdout=self._stderr,
            stderr=self._stderr,
            # A Ctrl-C is for the host, which then switches the boards off in order.
            start_new_session=True,
        )
        theirs.close()
        self._socket = ours
        if hasattr(os, "SCHED_BATCH"):
            # A board that is handed its block must not push the plant off its core: the plant has
            # the other boards' blocks to hand out first.
            os.sched_setscheduler(self._process.pid, os.SCHED_BATCH, os.sched_param(0))

    def stop(self) -> None:
        """End the process; its socket closes and the firmware leaves."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._stderr.close()

    def output_text(self) -> str:
        """What the process printed: a traceback, if it died of one."""
        self._stderr.seek(0)
        return self._stderr.read().decode("utf-8", "replace").strip()

    def send_tick(self, message: bytes | bytearray) -> None:
        """Hand the finished block over."""
        assert self._socket is not None
        try:
            self._socket.send(message)
        except OSError as error:
            raise self._lost() from error

    def receive_tock(self) -> exchange.Tock | None:
        """Serve the board until it ends its block; None if it left (see `left`)."""
        assert self._socket is not None
        connection = self._socket
        while True:
            try:
                message = connection.recv(exchange.LARGEST_MESSAGE)
            except BlockingIOError as error:
                raise BoardLostError(
                    f"virtual board {self.uid} hangs: no block for {_HANG_S:.0f} s of wall time"
                ) from error
            except OSError as error:
                raise self._lost() from error
            if not message:
                raise self._lost()
            kind = message[0]
            if kind == exchange.KIND_TOCK:
                return exchange.unpack_tock(message, self.dac_bytes)
            if kind == exchange.KIND_TRANSFER:
                connection.send(self._transfer(message))
            elif kind == exchange.KIND_FLASH:
                try:
                    connection.send(self._flash(message))
                except PowerCutError:
                    self.left = "power cut"
                    return None
            elif kind == exchange.KIND_HELLO:
                connection.send(self._hello())
            elif kind == exchange.KIND_SCRATCH:
                self.scratch[message[1]] = int.from_bytes(message[4:8], "little")
                connection.send(b"\0")
            elif kind == exchange.KIND_QUIT:
                self.left = "end" if message[1] else "reset"
                return None
            else:
                raise BoardLostError(f"virtual board {self.uid} sent nonsense to the plant")

    def do_posted(self, posted: bytes) -> None:
        """Carry out write-only transactions."""
        for device, data in exchange.split_posted(posted):
            self._devices[device].transfer(data)

    def last_words(self) -> str:
        """Why the board ended, in one line."""
        text = self.output_text().splitlines()
        last = f": {text[-1]}" if text else ""
        return f"virtual board {self.uid} ({self.definition}) ended{last}"

    def _lost(self) -> BoardLostError:
        return BoardLostError(
            self.last_words(),
            "outputs of all boards are off; what was recorded so far is readable",
        )

    def _hello(self) -> bytes:
        head = bytes([exchange.KIND_HELLO, 0, 0, 0, self.reset_cause])
        return (
            head
            + self.flash.blocks.to_bytes(2, "little")
            + b"\0"
            + bytes.fromhex(self.uid)
            + struct.pack("<II", *self.scratch)
        )

    def _transfer(self, message: bytes) -> bytes:
        _, device, sent, posted, wanted = exchange.TRANSFER.unpack_from(message)
        start = exchange.TRANSFER.size
        self.do_posted(message[start : start + posted])
        data = message[start + posted : start + posted + sent]
        answer: bytes = self._devices[device].transfer(data)
        return answer[:wanted].ljust(wanted, b"\0")

    def _flash(self, message: bytes) -> bytes:
        _, operation, block, offset, length = exchange.FLASH.unpack_from(message)
        if operation == 0:
            return self.flash.read(block, offset, length)
        if operation == 1:
            self.flash.program(block, offset, message[exchange.FLASH.size :])
        else:
            self.flash.erase(block)
        return b"\0"
