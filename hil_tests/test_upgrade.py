"""New firmware by two slots: upgrade, roll-back, and what a board refuses to keep.

The built firmware is that of this source tree, so a board ends with what it is to be tested with.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nullfield.deploy.board_port import BoardPort, serial_board_port
from nullfield.deploy.build_bundle import build_bundle
from nullfield.deploy.bundle import Bundle, parse_bundle
from nullfield.deploy.flash_board import FlashOptions, FlashResult, flash_board
from nullfield.deploy.look import Found, look
from nullfield.deploy.signing import KeyRing
from nullfield.errors import FlashError, NullfieldError, WrongRoleError
from nullfield.places import boards_directory, firmware_directory
from nullfield.toolchain import ensure_mpy_cross
from nullfield_protocol.catalogue import Mcu

pytestmark = pytest.mark.needs("flash")

ATTEMPTS = 30


class Upgrader:
    """One board's port, and the tools of `nullfield flash`."""

    def __init__(self, port: BoardPort, keys: KeyRing, backups: Path, target: Any) -> None:
        self.port = port
        self.keys = keys
        self.backups = backups
        self.target = target

    def found(self) -> Found:
        """The board, as soon as it answers after a start."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(NullfieldError):
                return look(self.port, may_interrupt=False)
        raise AssertionError("the board does not answer")

    def bundle(self, definition: str, mcu: Mcu) -> Bundle:
        """Firmware of the source tree for a board."""
        data = build_bundle(
            definition,
            self.keys.signing_key(),
            ensure_mpy_cross(),
            firmware_directory(),
            boards_directory(),
            "virtual" if mcu == Mcu.VIRTUAL else None,
        )
        return parse_bundle(data, definition)

    def flash(self, bundle: Bundle) -> FlashResult:
        """As the command does it, without asking."""
        accepted = self.target.known_findings
        options = FlashOptions(
            bootstrap=(firmware_directory() / "main.py").read_bytes(),
            accepted=accepted,
            backups=self.backups,
        )
        return flash_board(self.found(), bundle, options, datetime.now(UTC))


@pytest.fixture
def upgrader(board: Any, dut: Any, tmp_path: Path, target: Any) -> Upgrader:
    """The board's port in the hands of the upgrade; the link lets go of it."""
    board.close()
    board.link.lost_reason = "given to the upgrade"
    port = serial_board_port(board.link.port, target.make_clock())
    return Upgrader(port, KeyRing(tmp_path / "keys"), tmp_path / "backups", target)


def test_an_upgrade_takes_the_other_slot_and_keeps_the_settings(
    board: Any, upgrader: Upgrader, dut: Any
) -> None:
    who = board.identity
    again = dut.connect(upgrader.target.make_clock())
    again.settings.set("host_timeout", 3.75)
    again.save_settings()
    again.close()
    bundle = upgrader.bundle(who.board_name, who.mcu)
    before = upgrader.found().slot
    result = upgrader.flash(bundle)
    assert result.slot != before
    again = dut.connect(upgrader.target.make_clock())
    try:
        assert again.identity.firmware_revision == bundle.header.revision
        assert again.identity.slot.name.lower() == result.slot
        assert not again.identity.is_trial
        assert again.settings.get("host_timeout") == pytest.approx(3.75)
    finally:
        again.settings.set("host_timeout", again.settings.all()["host_timeout"].default)
        again.save_settings()
        again.close()


def test_firmware_of_another_board_is_refused_before_anything_is_written(
    board: Any, upgrader: Upgrader
) -> None:
    who = board.identity
    other = "coil_pico2" if who.board_name != "coil_pico2" else "table_pico2"
    before = upgrader.found()
    with pytest.raises((FlashError, WrongRoleError), match="the bundle is for"):
        upgrader.flash(upgrader.bundle(other, who.mcu))
    after = upgrader.found()
    assert (after.slot, after.is_trial) == (before.slot, before.is_trial)


@pytest.mark.needs("injection")
def test_firmware_that_fails_its_self_test_is_rolled_back(
    board: Any, board_name: str, upgrader: Upgrader, make_low: Callable[[], None]
) -> None:
    who = board.identity
    before = upgrader.found().slot
    make_low()
    with pytest.raises(FlashError, match="supply"):
        upgrader.flash(upgrader.bundle(who.board_name, who.mcu))
    after = upgrader.found()
    assert after.slot == before
    assert not after.is_trial


@pytest.fixture
def make_low(board_name: str, target: Any) -> Any:
    """A supply below the board's minimum, until the test is over."""
    yield lambda: target.condition(board_name, supply_mv=4000)
    target.condition(board_name, supply_mv=5000)
