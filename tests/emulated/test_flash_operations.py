"""Flash on the emulated board: kept, cut in any operation, never formatted without need."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nullfield.devices.board import Board
from nullfield.emulated import EmulatedBoard, Prompt
from nullfield_protocol.catalogue import BoardState, Role, SelfTestFlag

WAIT_S = 120.0
CUTS = 20
PIN_RESETS = {"power on": 1, "watchdog": 3}

WRITE = """
import os
for number in range(8):
    with open("/new", "wb") as stream:
        for piece in range(12):
            stream.write(bytes([number]) * 256)
    os.rename("/new", "/data")
print("written")
"""


def test_files_survive_resets_and_causes_are_told(emulated: EmulatedBoard) -> None:
    with Prompt(emulated) as prompt:
        prompt.run("with open('/kept', 'w') as stream: stream.write('x' * 5000)")
        emulated.hold_bootsel(True)
        prompt.start("import machine; machine.reset()")
        assert emulated.wait_event("reset", WAIT_S)["cause"] == "software"
    read = "import machine; print(machine.reset_cause(), len(open('/kept').read()))"
    with Prompt(emulated) as prompt:
        assert prompt.run(read).split() == [str(PIN_RESETS["power on"]), "5000"]


def test_scratch_registers_survive_the_watchdog_only(emulated: EmulatedBoard) -> None:
    write = (
        "import machine\n"
        "for word in range(4): machine.mem32[0x4005800C + 4 * word] = 0x5A0 + word\n"
    )
    read = (
        "import machine\n"
        "print(machine.mem32[0x40058008], [machine.mem32[0x4005800C + 4 * n] for n in range(2, 4)])"
    )
    with Prompt(emulated) as prompt:
        prompt.run(write)
        prompt.start("machine.WDT(timeout=500)\nwhile True: pass\n")
        assert emulated.wait_event("reset", WAIT_S)["cause"] == "watchdog"
        emulated.hold_bootsel(True)
    # Not through `Prompt`, which takes the power away: the boot code shows the safe mode's prompt.
    from mpremote.transport_serial import SerialTransport

    transport = SerialTransport(emulated.port)
    transport.enter_raw_repl(soft_reset=False, timeout_overall=WAIT_S)
    assert transport.exec(read).decode().strip() == f"1 [{0x5A2}, {0x5A3}]"
    assert transport.exec("print(machine.reset_cause())").decode().strip() == "3"
    transport.close()
    with Prompt(emulated) as prompt:
        assert prompt.run(read).strip() == "0 [0, 0]"


def test_flash_file_keeps_the_flash(image: Path, tmp_path: Path) -> None:
    file = tmp_path / "flash.bin"
    with EmulatedBoard(image, flash=file) as board, Prompt(board) as prompt:
        prompt.run("with open('/kept', 'w') as stream: stream.write('here')")
    with EmulatedBoard(None, flash=file) as board, Prompt(board) as prompt:
        assert prompt.run("print(open('/kept').read())").strip() == "here"


def test_power_cut_in_any_flash_operation_loses_no_finished_file(
    emulated: EmulatedBoard, open_link: Callable[[EmulatedBoard], Board[Any]]
) -> None:
    with Prompt(emulated) as prompt:
        prompt.run("with open('/old', 'w') as stream: stream.write('calibration' * 100)")
        before = emulated.stats().flash_operations
        assert prompt.run(WRITE).strip() == "written"
        operations = emulated.stats().flash_operations - before
    assert operations > 2 * CUTS
    drawn = random.Random(3).sample(range(1, operations), CUTS)
    for count in drawn:
        with Prompt(emulated) as prompt:
            emulated.cut_after(count)
            prompt.start(WRITE)
            emulated.wait_event("power_lost", WAIT_S)
            assert not emulated.stats().powered
        with Prompt(emulated) as prompt:
            told = prompt.run(
                "import os\n"
                "print(open('/old').read() == 'calibration' * 100)\n"
                "data = open('/data', 'rb').read()\n"
                "print(len(data), len(set(data)))\n"
            )
            assert told.split() == ["True", "3072", "1"], f"cut after {count} operations"
    emulated.power_cycle()
    assert open_link(emulated).identity.role == Role.BRINGUP


def test_a_damaged_file_system_is_not_formatted(
    emulated: EmulatedBoard, open_link: Callable[[EmulatedBoard], Board[Any]], tmp_path: Path
) -> None:
    with Prompt(emulated) as prompt:
        prompt.run(
            "import rp2\n"
            "flash = rp2.Flash()\n"
            "for block in (0, 1): flash.writeblocks(block, bytes(4096))\n"
        )
    emulated.save_flash(tmp_path / "damaged")
    emulated.power_cycle()
    # The built-in firmware does without; the host hears of it.
    board = open_link(emulated)
    assert board.identity.role == Role.BRINGUP
    assert board.identity.state == BoardState.FAULT
    assert SelfTestFlag.FLASH in board.self_test()
    board.close()
    emulated.power_off()
    emulated.save_flash(tmp_path / "after")
    assert (tmp_path / "after").read_bytes() == (tmp_path / "damaged").read_bytes()


def test_a_new_chip_is_formatted(prompt: Prompt) -> None:
    free = int(prompt.run("import os; print(os.statvfs('/')[3])"))
    assert free > 300


def test_second_stage_that_is_damaged_leaves_the_boot_loader(
    emulated: EmulatedBoard, image: Path, tmp_path: Path
) -> None:
    broken = bytearray(image.read_bytes())
    broken[32] ^= 1
    file = tmp_path / "broken.uf2"
    file.write_bytes(broken)
    emulated.load(file)
    emulated.wait_event("boot_loader", WAIT_S)
    assert emulated.stats().boot_loader
    emulated.load(image)
    with Prompt(emulated) as prompt:
        assert prompt.run("print(1 + 1)").strip() == "2"


@pytest.mark.parametrize("is_held", [True, False])
def test_bootsel_button_is_read(emulated: EmulatedBoard, is_held: bool) -> None:
    with Prompt(emulated) as prompt:
        emulated.hold_bootsel(is_held)
        assert prompt.run("import rp2; print(rp2.bootsel_button())").strip() == str(int(is_held))


def test_pins_and_wires(emulated: EmulatedBoard) -> None:
    emulated.wire(2, 3)
    with Prompt(emulated) as prompt:
        prompt.run("from machine import Pin; a = Pin(2, Pin.OUT, value=0); b = Pin(3, Pin.IN)")
        emulated.watch(2)
        assert prompt.run("a.value(1); print(b.value())").strip() == "1"
        assert emulated.wait_event("pin", WAIT_S)["level"]
        assert emulated.pin(2).output
        assert emulated.pin(2).level
        assert prompt.run("a.value(0); print(b.value())").strip() == "0"
        emulated.drive_pin(4, True)
        assert prompt.run("print(Pin(4, Pin.IN).value())").strip() == "1"
