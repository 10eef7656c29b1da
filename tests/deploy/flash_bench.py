"""One virtual board to be flashed, in one thread with the host: nothing but the cut decides."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from nullfield.deploy.board_files import BoardFiles
from nullfield.deploy.board_port import BoardPort
from nullfield.deploy.build_bundle import build_bundle
from nullfield.deploy.bundle import Bundle, parse_bundle
from nullfield.deploy.flash_board import FlashOptions, FlashResult, flash_board
from nullfield.deploy.look import Found, look
from nullfield.deploy.prompt import Prompt
from nullfield.deploy.signing import KeyRing
from nullfield.devices.board import Board
from nullfield.devices.connect import connect
from nullfield.places import boards_directory, firmware_directory
from nullfield.rig import Rig
from nullfield.toolchain import ensure_micropython, ensure_mpy_cross
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.instrument import VirtualBoard, VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.process import RESET_POWER_ON
from nullfield.virtual.serial_like import VirtualSerial
from nullfield.virtual.transport import VirtualTransport

UID = "e66138528352b001"
DEFINITIONS = {"table": "table_pico2", "coil": "coil_pico2", "bringup": "bringup_pico2"}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@cache
def keys() -> KeyRing:
    """Keys of this run of the tests."""
    return KeyRing(Path(mkdtemp(prefix="nullfield-keys-")))


@cache
def bundle_bytes(
    board: str = "table_pico2", mcu: str = "virtual", firmware: Path | None = None
) -> bytes:
    """A bundle of the source tree, or of another one."""
    return build_bundle(
        board,
        keys().signing_key(),
        ensure_mpy_cross(),
        firmware or firmware_directory(),
        boards_directory(),
        mcu,  # type: ignore[arg-type]
    )


def bundle(
    board: str = "table_pico2", mcu: str = "virtual", firmware: Path | None = None
) -> Bundle:
    return parse_bundle(bundle_bytes(board, mcu, firmware), board)


class FlashBench:
    """A powered virtual board, its port, and what a user does with both.

    Parameters
    ----------
    role : str
    image : str
        ``nullfield`` with built-in firmware, ``stock`` as official MicroPython.
    flash_path : path, optional
        Content of its flash.
    """

    def __init__(self, directory: Path, role: str = "table", image: str = "nullfield") -> None:
        content: dict[str, Any] = {
            "name": "one",
            "boards": [{"uid": UID, "role": role, "definition": DEFINITIONS[role], "image": image}],
        }
        if role == "table":
            content["table"] = {"board": UID}
        scenario = Scenario(heart_enabled=False, noise_enabled=False)
        self.backups = directory / "backups"
        self.instrument = VirtualInstrument(
            Rig.model_validate(content), scenario, 1, ensure_micropython()
        )
        self.clock = VirtualClock(self.instrument)
        self.instrument.power_on()
        self.port = BoardPort(
            f"virtual:{UID}",
            self.clock,
            lambda: VirtualTransport(self.instrument, UID),
            lambda: VirtualSerial(self.instrument, UID),
        )

    @property
    def board(self) -> VirtualBoard:
        return self.instrument.by_uid[UID]

    @property
    def flash_content(self) -> bytearray:
        return self.board.process.flash.content

    def close(self) -> None:
        self.instrument.close()

    def look(self) -> Found:
        return look(self.port, may_interrupt=True)

    def flash(self, what: Bundle, **options: Any) -> FlashResult:
        given = FlashOptions(
            bootstrap=(firmware_directory() / "main.py").read_bytes(),
            backups=self.backups,
            **options,
        )
        return flash_board(self.look(), what, given, NOW)

    def connect(self) -> Board[Any]:
        return connect(self.port.make_transport(), self.clock)

    def power_cycle(self) -> None:
        self.board.process.flash.operations_until_cut = None
        self.instrument.reset(self.board, RESET_POWER_ON)

    def files(self) -> tuple[Prompt, BoardFiles]:
        """The board's files; it is brought to its prompt for that."""
        found = self.look()
        if found.identity is not None:
            device = self.connect()
            device.enter_repl()
            device.close()
        prompt = self.port.open_prompt()
        assert prompt.enter()
        return prompt, BoardFiles(prompt)

    def file(self, name: str) -> bytes | None:
        """A file of the board, which restarts afterwards."""
        prompt, files = self.files()
        content = files.read(name)
        prompt.reset()
        prompt.close()
        return content

    def put(self, name: str, content: bytes) -> None:
        """Write a file of the board, which restarts afterwards."""
        prompt, files = self.files()
        files.replace(name, content)
        prompt.reset()
        prompt.close()
