"""``nullfield flash`` on the real image: into a slot, on trial, confirmed, and cut on the way."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nullfield.deploy.board_port import BoardPort, serial_board_port
from nullfield.deploy.build_bundle import build_bundle
from nullfield.deploy.bundle import Bundle, parse_bundle
from nullfield.deploy.flash_board import FlashOptions, FlashResult, flash_board
from nullfield.deploy.look import Found, Kind, look
from nullfield.deploy.signing import KeyRing
from nullfield.devices.board import Board
from nullfield.emulated import EmulatedBoard
from nullfield.errors import FlashError, NullfieldError
from nullfield.places import boards_directory, firmware_directory
from nullfield.toolchain import ensure_mpy_cross
from nullfield.transport.timing import WallClock
from nullfield_protocol.catalogue import SelfTestFlag

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CUTS = 20
SEED = 4
NEVER = 1_000_000
LARGEST_STEP = 60
"""Flash operations up to a cut: a bundle takes about 300, and what was written is taken up again."""

# Blocks are missed while the link is set up: docs/emulated.md, "What the emulated board shows".
ACCEPTED = SelfTestFlag.BLOCKS
ATTEMPTS = 30


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The bring-up board's firmware, compiled for the RP2040."""
    keys = KeyRing(tmp_path_factory.mktemp("keys"))
    data = build_bundle(
        "bringup_pico",
        keys.signing_key(),
        ensure_mpy_cross(),
        firmware_directory(),
        boards_directory(),
    )
    return parse_bundle(data, "bringup")


def port_of(emulated: EmulatedBoard) -> BoardPort:
    return serial_board_port(emulated.port, WallClock())


def found_at(port: BoardPort) -> Found:
    """The board, as soon as it answers after a start."""
    for _ in range(ATTEMPTS):
        # A board that starts would take an interrupt for the way to its prompt.
        with contextlib.suppress(NullfieldError):
            return look(port, may_interrupt=False)
    raise AssertionError("the board does not answer")


def flash(port: BoardPort, what: Bundle, directory: Path, accepted: SelfTestFlag) -> FlashResult:
    options = FlashOptions(
        bootstrap=(firmware_directory() / "main.py").read_bytes(),
        accepted=accepted,
        backups=directory,
    )
    return flash_board(found_at(port), what, options, NOW)


def test_slots_take_turns_on_the_real_image(
    emulated: EmulatedBoard, bundle: Bundle, tmp_path: Path
) -> None:
    port = port_of(emulated)
    assert found_at(port).slot == ""
    for slot in "ab":
        assert flash(port, bundle, tmp_path, ACCEPTED).slot == slot
        found = found_at(port)
        assert (found.slot, found.is_trial) == (slot, False)
        assert found.revision == bundle.header.revision
    emulated.power_cycle()
    assert found_at(port).slot == "b"


def test_a_low_supply_brings_the_built_in_firmware_back(
    emulated: EmulatedBoard, bundle: Bundle, tmp_path: Path
) -> None:
    port = port_of(emulated)
    assert found_at(port).slot == ""
    # Pin 29 sees a third of the supply: 3.6 V instead of 5.
    emulated.set_adc_volts(3, 1.2)
    with pytest.raises(FlashError, match=r"self-test \(supply\); it runs its old firmware again"):
        flash(port, bundle, tmp_path, ACCEPTED)
    assert found_at(port).slot == ""


def test_no_power_cut_while_flashing_bricks_it(
    emulated: EmulatedBoard,
    bundle: Bundle,
    tmp_path: Path,
    open_link: Callable[[EmulatedBoard], Board[Any]],
) -> None:
    port = port_of(emulated)
    board = open_link(emulated)
    board.settings.set("host_timeout", 3.5)
    board.save_settings()
    board.close()
    chance = random.Random(SEED)
    cuts = 0
    # Now and then the flashing ends before its cut comes, and the next one begins anew.
    for count in range(2 * CUTS):
        if cuts == CUTS:
            break
        emulated.cut_after(chance.randint(1, LARGEST_STEP))
        with contextlib.suppress(NullfieldError):
            flash(port, bundle, tmp_path, ACCEPTED)
        cuts += len(emulated.events("power_lost"))
        emulated.power_off()
        emulated.cut_after(NEVER)
        emulated.power_on()
        found = found_at(port)
        assert found.kind is Kind.RUNNING, f"cut {count}"
        board = open_link(emulated)
        assert board.settings.get("host_timeout") == 3.5, f"cut {count}"
        board.close()
    assert cuts == CUTS
    assert flash(port, bundle, tmp_path, ACCEPTED).slot in ("a", "b")
    assert found_at(port).revision == bundle.header.revision
