"""The real image boots, is what it says, and answers over our own link."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from links import connect_to

from nullfield.devices.board import Board
from nullfield.devices.bringup import BringupBoard
from nullfield.emulated import EmulatedBoard, Prompt
from nullfield.emulated.board import DEFAULT_UID
from nullfield.errors import NullfieldError
from nullfield.toolchain.rp2_command import describe
from nullfield.transport.serial_port import SerialTransport
from nullfield_protocol.catalogue import BoardState, Mcu, ResetCause, Role, SelfTestFlag, Slot
from nullfield_protocol.fingerprint import fingerprint

WAIT_S = 120.0

OpenLink = Callable[[EmulatedBoard], Board[Any]]


@pytest.fixture(scope="module")
def link_board(shared: EmulatedBoard) -> Any:
    """The shared board behind our link."""
    board = connect_to(shared)
    yield board
    board.close()


def test_identity_is_the_images_label(link_board: Any, image: Path) -> None:
    label = describe(image)
    who = link_board.identity
    assert who.uid == DEFAULT_UID
    assert who.role == Role.BRINGUP
    assert who.board_name == "bringup_pico"
    assert who.firmware_version == label["version"]
    assert who.firmware_revision == label["revision"]
    assert who.catalogue_fingerprint == label["fingerprint"] == fingerprint().hex()
    assert who.mcu == Mcu.RP2040
    assert label["family"].endswith("(rp2040)")
    assert who.slot == Slot.BUILT_IN
    assert who.reset_cause == ResetCause.POWER_ON
    assert who.state == BoardState.SAFE


def test_self_test_at_rest_is_good(link_board: Any) -> None:
    # Blocks were missed while the link was set up: docs/emulated.md, "What the emulated board shows".
    assert link_board.self_test() in (SelfTestFlag(0), SelfTestFlag.BLOCKS)


def test_telemetry_shows_what_is_at_the_converter(link_board: Any, shared: EmulatedBoard) -> None:
    shared.set_adc_volts(3, 4.8 / 3)
    link_board.wait_telemetry(lambda t: abs(t.supply_v - 4.8) < 0.02, WAIT_S)
    shared.set_adc_volts(4, 0.706 - 0.001721 * 20)
    link_board.wait_telemetry(lambda t: abs(t.mcu_temperature_c - 47) < 1, WAIT_S)
    assert isinstance(link_board, BringupBoard)
    shared.set_adc_volts(3, 5.0 / 3)
    link_board.wait_telemetry(lambda t: abs(t.supply_v - 5.0) < 0.02, WAIT_S)


def test_settings_survive_a_power_cycle(emulated: EmulatedBoard, open_link: OpenLink) -> None:
    board = open_link(emulated)
    board.settings.set("led_period", 2.5)
    board.save_settings()
    board.close()
    emulated.power_cycle()
    again = open_link(emulated)
    assert again.settings.get("led_period") == pytest.approx(2.5)
    assert again.identity.reset_cause == ResetCause.POWER_ON


def test_a_hang_is_ended_by_the_watchdog(emulated: EmulatedBoard, open_link: OpenLink) -> None:
    board = open_link(emulated)
    board.watchdog_test()
    assert emulated.wait_event("reset", WAIT_S)["cause"] == "watchdog"
    board.close()
    assert open_link(emulated).identity.reset_cause == ResetCause.WATCHDOG
    assert emulated.stats().watchdog_resets == 1


def test_reset_command_restarts_the_board(emulated: EmulatedBoard, open_link: OpenLink) -> None:
    board = open_link(emulated)
    board.reset()
    assert emulated.wait_event("reset", WAIT_S)["cause"] == "software"
    board.close()
    assert open_link(emulated).identity.role == Role.BRINGUP
    assert emulated.stats().software_resets == 1


@pytest.mark.parametrize("role", [Role.SENSOR, Role.COIL, Role.TABLE])
def test_every_role_starts_and_misses_its_chips(
    emulated: EmulatedBoard, open_link: OpenLink, role: Role
) -> None:
    name = f"{role.name.lower()}_pico"
    with Prompt(emulated) as prompt:
        prompt.run(
            "from nullfield_fw import text_file\n"
            f"text_file.write_values('/provision.txt', {{'board': '{name}', 'unit': 'U07'}})"
        )
    emulated.power_cycle()
    board = open_link(emulated)
    who = board.identity
    assert (who.role, who.board_name, who.unit_name) == (role, name, "U07")
    assert who.state == BoardState.FAULT
    assert SelfTestFlag.CHIPS in board.self_test()


def test_a_second_client_is_not_let_in(link_board: Any, shared: EmulatedBoard) -> None:
    second = SerialTransport(shared.port)
    lost: list[str] = []
    second.set_lost(lost.append)
    second.open()
    assert link_board.clock.wait(lambda: bool(lost), WAIT_S)
    second.close()
    link_board.ping()


def test_an_image_for_another_chip_is_refused(
    emulated: EmulatedBoard, image: Path, tmp_path: Path
) -> None:
    other = bytearray(image.read_bytes())
    for at in range(28, len(other), 512):
        other[at : at + 4] = (0xE48BFF59).to_bytes(4, "little")
    file = tmp_path / "rp2350.uf2"
    file.write_bytes(other)
    with pytest.raises(NullfieldError, match="0xe48bff59; an RP2040 is emulated"):
        emulated.load(file)
