"""Flashing a virtual board: slots, trial, settings, and everything that may be wrong with a board."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flash_bench import NOW, UID, FlashBench, bundle
from trees import old_version, other_tree

from nullfield.deploy.backup import backups_of, pending_backup, read_backup
from nullfield.deploy.board_state import BootState, Provision
from nullfield.deploy.find import find_boards
from nullfield.deploy.flash_board import FlashOptions, flash_board
from nullfield.deploy.look import Kind
from nullfield.deploy.restore import finish_interrupted
from nullfield.deploy.to_prompt import bring_to_prompt
from nullfield.deploy.write_slot import activate, write_slot
from nullfield.devices.coil import CoilBoard
from nullfield.errors import BoardNotFoundError, FlashError, InputError, WrongRoleError
from nullfield.places import firmware_directory
from nullfield_protocol.catalogue import SelfTestFlag

Make = Callable[..., FlashBench]
TABLE = Provision("table_pico2", "T01")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Boards to be flashed."""
    made: list[FlashBench] = []

    def one(**given: Any) -> FlashBench:
        made.append(FlashBench(tmp_path, **given))
        return made[-1]

    yield one
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make: Make) -> FlashBench:
    """A table board with built-in firmware."""
    return make()


def save(bench: FlashBench, **settings: float) -> None:
    board = bench.connect()
    for name, value in settings.items():
        board.settings.set(name, value)
    board.save_settings()
    board.close()


def settings(bench: FlashBench, *names: str) -> list[float]:
    board = bench.connect()
    values = [board.settings.get(name) for name in names]
    board.close()
    return values


def boot_state(bench: FlashBench) -> BootState:
    content = bench.file("boot.txt")
    assert content is not None
    return BootState.parse(content)


def test_slots_take_turns_and_settings_stay(bench: FlashBench) -> None:
    save(bench, speed_max=0.02, host_timeout=3.5)
    assert bench.look().slot == ""
    for slot in "aba":
        result = bench.flash(bundle())
        assert result.slot == slot
        found = bench.look()
        assert (found.slot, found.is_trial) == (slot, False)
        assert found.revision == bundle().header.revision
        assert settings(bench, "speed_max", "host_timeout") == [0.02, 3.5]
        assert (result.restored, result.unknown, result.refused) == ({}, [], [])
    assert boot_state(bench) == BootState("a")
    bench.power_cycle()
    assert bench.look().slot == "a"


def test_the_backup_holds_what_the_flash_holds(bench: FlashBench) -> None:
    save(bench, speed_max=0.02)
    board = bench.connect()
    board.settings.set("home_speed", 0.011)
    board.close()
    result = bench.flash(bundle())
    assert backups_of(UID, bench.backups) == [result.backup]
    backup = read_backup(result.backup)
    values = {one.name: one.value for one in backup.settings}
    # What was changed and not saved ends with the restart, as it would without flashing.
    assert values["speed_max"] == pytest.approx(0.02)
    assert values["home_speed"] == pytest.approx(0.02)
    assert settings(bench, "home_speed") == [0.02]
    assert "speed_max=20000" in backup.files["settings.txt"]
    assert (backup.board, backup.version) == ("table_pico2", bundle().header.version)


def test_official_micropython_gets_everything(make: Make) -> None:
    bench = make(image="stock")
    assert bench.look().kind is Kind.PROMPT
    bench.flash(bundle(), provision=TABLE)
    found = bench.look()
    assert (found.unit, found.board, found.slot) == ("T01", "table_pico2", "a")
    assert bench.file("main.py") == (firmware_directory() / "main.py").read_bytes()
    bench.power_cycle()
    assert bench.look().kind is Kind.RUNNING


def test_the_bootstrap_is_never_touched_again(make: Make) -> None:
    bench = make(image="stock")
    bench.flash(bundle(), provision=TABLE)
    changed = (firmware_directory() / "main.py").read_bytes() + b"# of an older version\n"
    bench.put("main.py", changed)
    bench.flash(bundle())
    assert bench.file("main.py") == changed


def test_a_board_that_nobody_named(make: Make) -> None:
    bench = make(image="stock")
    with pytest.raises(FlashError, match="nobody has said what this board is") as refused:
        bench.flash(bundle())
    assert "--board NAME" in refused.value.hint


def test_foreign_firmware_is_left_alone(make: Make) -> None:
    bench = make(image="stock")
    program = b"print('my own program')\n"
    bench.put("main.py", program)
    with pytest.raises(FlashError, match=r"a program that is not ours \(its main\.py\)") as refused:
        bench.flash(bundle(), provision=TABLE)
    assert "--replace-main" in refused.value.hint
    assert bench.file("main.py") == program
    prompt, files = bench.files()
    assert files.list("slots") == (set(), [])
    prompt.close()
    bench.flash(bundle(), provision=TABLE, replace_main=True)
    assert bench.look().kind is Kind.RUNNING


def test_another_role(bench: FlashBench) -> None:
    with pytest.raises(WrongRoleError, match="is a table board, the bundle is for a coil board"):
        bench.flash(bundle("coil_pico2"))
    assert bench.look().kind is Kind.RUNNING


def test_another_board_of_the_role(make: Make) -> None:
    bench = make(role="bringup")
    with pytest.raises(FlashError, match=r"is a bringup_pico2, the bundle is for bringup_pico$"):
        bench.flash(bundle("bringup_pico"))
    with pytest.raises(FlashError, match="is a bringup_pico2, not a table_pico2") as refused:
        bench.flash(bundle("table_pico2"), provision=TABLE)
    assert "nullfield provision" in refused.value.hint
    assert bench.look().kind is Kind.RUNNING


def test_another_processor(bench: FlashBench) -> None:
    with pytest.raises(FlashError, match="processor virtual, the bundle is for rp2350") as refused:
        bench.flash(bundle(mcu="rp2350"))
    assert "--mcu virtual" in refused.value.hint


def test_another_processor_at_the_prompt(make: Make) -> None:
    bench = make(image="stock")
    with pytest.raises(FlashError, match="processor virtual, the bundle is for rp2350"):
        bench.flash(bundle(mcu="rp2350"), provision=TABLE)


def test_another_catalogue(bench: FlashBench, tmp_path: Path) -> None:
    tree = other_tree(tmp_path)
    wire = tree / "nullfield_fw" / "wire.py"
    lines = wire.read_text(encoding="utf-8").splitlines()
    (at,) = (n for n, line in enumerate(lines) if line.startswith("FINGERPRINT = "))
    lines[at] = f"FINGERPRINT = {bytes(range(1, 9))!r}"
    wire.write_text("\n".join(lines), encoding="utf-8")
    other = bundle(firmware=tree)
    with pytest.raises(FlashError, match="speaks catalogue 0102030405060708"):
        bench.flash(other)
    # A board that has such firmware is flashed all the same.
    _force(bench, other)
    found = bench.look()
    assert (found.kind, found.uid) == (Kind.OTHER_PROTOCOL, UID)
    readable = bring_to_prompt(found)
    assert (readable.kind, readable.board, readable.slot) == (Kind.PROMPT, "table_pico2", "a")
    options = FlashOptions(
        bootstrap=(firmware_directory() / "main.py").read_bytes(), backups=bench.backups
    )
    assert flash_board(readable, bundle(), options, NOW).slot == "b"
    assert bench.look().kind is Kind.RUNNING


def _force(bench: FlashBench, what: Any) -> None:
    """Put a bundle into slot a as the confirmed one, as a host of its version would have."""
    prompt, files = bench.files()
    write_slot(files, what, "a")
    files.replace("boot.txt", BootState("a").format())
    prompt.reset()
    prompt.close()
    bench.clock.wait(lambda: False, 0.5)


def test_a_full_file_system(bench: FlashBench) -> None:
    prompt, files = bench.files()
    free, block = files.free_bytes()
    prompt.run(
        "f = open('/flash/large.bin', 'wb')\n"
        f"for _ in range({free // block - 20}): f.write(bytes({block}))\nf.close()"
    )
    prompt.reset()
    prompt.close()
    with pytest.raises(
        FlashError, match="its file system is full: no room for the firmware"
    ) as full:
        bench.flash(bundle())
    assert "fs rm" in full.value.hint
    bench.power_cycle()
    assert bench.look().slot == ""


def test_a_bad_self_test_brings_the_old_firmware_back(bench: FlashBench) -> None:
    bench.flash(bundle())
    # The supply sags: below 4.3 V the board's own limit is broken.
    bench.board.supply_mv = 4000
    with pytest.raises(
        FlashError, match=r"failed its self-test \(supply\); it runs its old"
    ) as bad:
        bench.flash(bundle())
    assert "--accept supply" in bad.value.hint
    assert bad.value.exit_code == 15
    found = bench.look()
    assert (found.slot, found.is_trial) == ("a", False)
    assert boot_state(bench) == BootState("a", note="slot b failed its self-test")
    result = bench.flash(bundle(), accepted=SelfTestFlag.SUPPLY)
    assert result.self_test == SelfTestFlag.SUPPLY
    assert bench.look().slot == "b"


def test_a_bad_self_test_of_the_first_firmware(make: Make) -> None:
    bench = make(image="stock")
    bench.board.supply_mv = 4000
    with pytest.raises(FlashError, match="it had no firmware before, and is at its prompt"):
        bench.flash(bundle(), provision=TABLE)
    bench.board.supply_mv = 5000
    bench.power_cycle()
    bench.flash(bundle(), provision=TABLE)
    assert bench.look().kind is Kind.RUNNING


def test_firmware_that_does_not_start_is_given_up(bench: FlashBench, tmp_path: Path) -> None:
    bench.flash(bundle())
    save(bench, speed_max=0.02)
    broken = bundle(
        firmware=other_tree(tmp_path, start=('"""Composition root', 'raise OSError(5)\n"""Compos'))
    )
    with pytest.raises(FlashError, match="came back with its old firmware") as back:
        bench.flash(broken)
    assert "slot b was not confirmed in 3 starts" in back.value.message
    assert bench.look().slot == "a"
    assert settings(bench, "speed_max") == [0.02]


def test_nobody_confirms(bench: FlashBench) -> None:
    bench.flash(bundle())
    prompt, files = bench.files()
    state = BootState("a", trial="b")
    write_slot(files, bundle(), "b")
    files.replace("boot.txt", state.format())
    prompt.reset()
    prompt.close()
    bench.clock.wait(lambda: False, 0.5)
    assert (bench.look().slot, bench.look().is_trial) == ("b", True)
    # Three starts of a minute each.
    bench.clock.wait(lambda: False, 185.0)
    assert (bench.look().slot, bench.look().is_trial) == ("a", False)
    assert boot_state(bench).note == "slot b was not confirmed in 3 starts"


def test_a_damaged_file_on_trial_is_noticed_by_the_board(bench: FlashBench) -> None:
    prompt, files = bench.files()
    write_slot(files, bundle(), "a")
    activate(files, "a")
    files.write("slots/a/nullfield_fw/link.mpy", b"M\x06\x00\x1f")
    prompt.reset()
    prompt.close()
    bench.clock.wait(lambda: False, 0.5)
    assert bench.look().slot == ""
    assert boot_state(bench).note == "slot a has damaged files"


@pytest.mark.parametrize("at", [0.1, 0.3, 0.6, 0.79])
def test_a_host_that_dies_on_the_way(bench: FlashBench, at: float) -> None:
    save(bench, speed_max=0.02)

    def die(step: str, part: float) -> None:
        if part >= at:
            raise KeyboardInterrupt

    options = FlashOptions(
        bootstrap=(firmware_directory() / "main.py").read_bytes(), backups=bench.backups
    )
    with pytest.raises(KeyboardInterrupt):
        flash_board(bench.look(), bundle(), options, NOW, die)
    # The board waits at its prompt, and what was written is taken up.
    found = bench.look()
    assert (found.kind, found.slot) == (Kind.PROMPT, "")
    options = FlashOptions(
        bootstrap=(firmware_directory() / "main.py").read_bytes(),
        backups=bench.backups,
        provision=TABLE,
    )
    result = flash_board(found, bundle(), options, NOW)
    sizes = [len(one) for one in bundle().files.values()]
    # The file that was cut is written again, and the manifest.
    left = sum(sizes) * (1 - (at - 0.05) / 0.75) + max(sizes)
    assert result.written_bytes <= left + len(bundle().files["manifest.txt"])
    assert bench.look().slot == "a"
    assert settings(bench, "speed_max") == [0.02]


def test_settings_move_to_new_exponents_and_limits(bench: FlashBench, tmp_path: Path) -> None:
    save(bench, home_speed=0.015, host_timeout=50.0, rows_per_frame=4, acceleration=0.1)
    newer = other_tree(
        tmp_path,
        nullfield_fw__app__table=(
            'Setting("home_speed", "m/s", -6, 1000, 20000, 20000)',
            'Setting("home_speed", "m/s", -5, 100, 2000, 1200)',
        ),
        nullfield_fw__app__common=(
            'Setting("host_timeout", "s", -3, 200, 60000, 2000),\n'
            '        Setting("rows_per_frame", "", 0, 1, 16, 10)',
            'Setting("host_timeout", "s", -3, 200, 30000, 2000),\n'
            '        Setting("rows_a_frame", "", 0, 1, 16, 10)',
        ),
    )
    result = bench.flash(bundle(firmware=newer))
    assert result.restored == {"home_speed": pytest.approx(0.015)}
    assert result.unknown == ["rows_per_frame"]
    assert result.refused == ["host_timeout: 50 is above 30 s"]
    names = ("home_speed", "host_timeout", "acceleration")
    assert settings(bench, *names) == [pytest.approx(0.015), 2.0, pytest.approx(0.1)]
    bench.power_cycle()
    assert settings(bench, *names) == [pytest.approx(0.015), 2.0, pytest.approx(0.1)]


def test_outputs_are_off_and_streams_stopped_while_flash_is_written(make: Make) -> None:
    bench = make(role="coil")
    board = bench.connect()
    assert isinstance(board, CoilBoard)
    board.enable()
    board.stream_start()
    board.close()
    assert bench.board.pin("coil_enable") == 1
    levels = []
    flash_board(
        bench.look(),
        bundle("coil_pico2"),
        FlashOptions(
            bootstrap=(firmware_directory() / "main.py").read_bytes(), backups=bench.backups
        ),
        NOW,
        lambda step, part: (
            levels.append(bench.board.pin("coil_enable")) if step == "writing" else None
        ),
    )
    assert len(levels) > 50
    assert not any(levels)
    assert bench.look().slot == "a"


def test_an_older_version_is_a_version_like_another(bench: FlashBench, tmp_path: Path) -> None:
    bench.flash(bundle(firmware=old_version(tmp_path)))
    assert bench.look().version == "0.1.9"
    bench.flash(bundle())
    assert bench.look().version == bundle().header.version


def test_boards_are_found_by_who_they_are(make: Make) -> None:
    bench = make(image="stock")
    bench.flash(bundle(), provision=TABLE)

    def find(target: str) -> list[str]:
        return [one.uid for one in find_boards(target, ["p"], lambda name: bench.port)]

    assert find("T01") == find(UID) == find("all") == find("/dev/x") == [UID]
    with pytest.raises(BoardNotFoundError, match=r"there is no board T02; T01 table_pico2") as no:
        find("T02")
    assert "by its port only" in no.value.hint


def test_a_port_that_is_not_named_is_not_interrupted(make: Make) -> None:
    bench = make(image="stock")
    said: list[str] = []
    with pytest.raises(BoardNotFoundError, match="nothing answers"):
        find_boards("all", ["p"], lambda name: bench.port, lambda error: said.append(error.message))
    prompt = bench.port.open_prompt()
    # Still the friendly prompt: Ctrl-A was never sent.
    assert prompt.enter()
    prompt.close()
    assert bench.look().kind is Kind.PROMPT


def test_a_host_that_died_while_it_sent_code(bench: FlashBench) -> None:
    prompt, _ = bench.files()
    prompt.close()
    serial = bench.port.open_serial()
    serial.timeout = 0.05
    serial.write(b"\x05A\x01")
    assert b"R\x01" in serial.read(100)
    serial.write(b"x = 1\n" * 5)
    serial.close()
    found = bench.look()
    assert (found.kind, found.board) == (Kind.PROMPT, "")
    assert bench.flash(bundle(), provision=TABLE).slot == "a"


def other_exponent(root: Path) -> Path:
    """Firmware in which the raw value of the old one fits, and means ten times as much."""
    return other_tree(
        root,
        nullfield_fw__app__table=(
            'Setting("home_speed", "m/s", -6, 1000, 20000, 20000)',
            'Setting("home_speed", "m/s", -5, 100, 20000, 1200)',
        ),
    )


@pytest.mark.parametrize("is_flashed_again", [True, False])
def test_a_host_that_dies_before_the_settings_are_back(
    bench: FlashBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_flashed_again: bool
) -> None:
    save(bench, home_speed=0.015, host_timeout=50.0)
    newer = bundle(firmware=other_exponent(tmp_path))

    def die(step: str, part: float) -> None:
        if step == "settings":
            raise KeyboardInterrupt

    options = FlashOptions(
        bootstrap=(firmware_directory() / "main.py").read_bytes(), backups=bench.backups
    )
    with pytest.raises(KeyboardInterrupt):
        flash_board(bench.look(), newer, options, NOW, die)
    assert settings(bench, "home_speed") == [pytest.approx(0.15)]
    # What is set in between counts.
    save(bench, host_timeout=40.0)
    pending = pending_backup(UID, bench.backups)
    assert pending is not None
    if is_flashed_again:
        bench.flash(newer)
    else:
        finish_interrupted(bench.look(), pending)
    assert settings(bench, "home_speed", "host_timeout") == [pytest.approx(0.015), 40.0]
    assert pending_backup(UID, bench.backups) is None


def test_a_host_that_dies_while_it_writes_new_exponents(bench: FlashBench, tmp_path: Path) -> None:
    save(bench, home_speed=0.015)
    newer = bundle(firmware=other_exponent(tmp_path))

    def die(step: str, part: float) -> None:
        if part > 0.4:
            raise KeyboardInterrupt

    options = FlashOptions(
        bootstrap=(firmware_directory() / "main.py").read_bytes(), backups=bench.backups
    )
    with pytest.raises(KeyboardInterrupt):
        flash_board(bench.look(), newer, options, NOW, die)
    assert bench.look().kind is Kind.PROMPT
    bench.flash(newer, provision=TABLE)
    assert settings(bench, "home_speed") == [pytest.approx(0.015)]


def test_a_board_that_is_refused_runs_on(bench: FlashBench, tmp_path: Path) -> None:
    # The backup fails after the application was stopped.
    (tmp_path / "file").write_text("")
    bench.backups = tmp_path / "file"
    with pytest.raises(InputError, match="cannot be written"):
        bench.flash(bundle())
    bench.clock.wait(lambda: False, 0.5)
    assert bench.look().kind is Kind.RUNNING


def test_a_bootstrap_that_is_none() -> None:
    with pytest.raises(InputError, match="is not Nullfield's bootstrap"):
        FlashOptions(bootstrap=b"")
