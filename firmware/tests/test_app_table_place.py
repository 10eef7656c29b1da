"""Table board: held up on its way, and where it stands after a restart."""

import os

from bench import Bench
from nullfield_fw import wire

_made = []


def _root():
    root = "/tmp/nullfield-place-%d-%d" % (id(_made) & 0xFFFFFF, len(_made))
    _made.append(root)
    try:
        os.mkdir(root)
    except OSError:
        pass
    for name in os.listdir(root):
        os.remove(root + "/" + name)
    return root


def _until_idle(bench, lock=True, limit=40000):
    for _ in range(limit):
        if bench.board._table_state == wire.TABLE_STATE_IDLE:
            return
        bench.step(lock=lock)
    raise AssertionError(bench.board._table_state)


def _free(bench, blocks):
    """Blocks in which the flash may be written: that allocates, and collects again."""
    hal = bench.hal
    for _ in range(blocks):
        hal.wait_block()
        bench.world.update()
        bench.board.step(0)
        bench.blocks += 1


def _ask(bench, command, first=0, second=0):
    """(error, detail) of a command that may write the flash."""
    step = bench.step

    def unlocked(missed=0, lock=True, data=b""):
        hal = bench.hal
        hal.wait_block()
        bench.world.update()
        if data:
            hal.put(bytearray(data))
        bench.board.step(missed)
        bench.blocks += 1

    bench.step = unlocked
    try:
        return bench.command(command, first, second)
    finally:
        bench.step = step


def _homed(root="/nowhere"):
    bench = Bench("table", root)
    assert bench.command(wire.COMMAND_TABLE_HOME) == (0, 0)
    _until_idle(bench)
    return bench


def _moved(root, um):
    """A table that was moved and released; its place is in flash."""
    bench = _homed(root)
    assert bench.command(wire.COMMAND_TABLE_MOVE, um, 50000) == (0, 0)
    _until_idle(bench)
    _ask(bench, wire.COMMAND_TABLE_RELEASE)
    _free(bench, 3)
    return bench


def _restart(root, bench, unlocked=0):
    """The same table on a board that starts anew."""
    again = Bench("table", root)
    again.world.offset = bench.world.where() if bench else 20000
    if unlocked:
        _free(again, unlocked)
    else:
        again.run(3)
    return again


def _is_homed(bench):
    return bool(bench.board._flags & wire.TABLE_FLAG_HOMED)


# ------------------------------------------------------------------ held up


def test_diag_stops_the_motor_in_three_blocks_and_the_place_is_unknown():
    bench = _homed()
    bench.command(wire.COMMAND_TABLE_MOVE, 300000, 40000)
    bench.run(2000)
    assert bench.hal.stepper.rate > 20000
    bench.hal.inputs["diag"].level = 1
    bench.run(2)
    assert bench.hal.stepper.rate > 0, "a spike of two blocks is no stall"
    bench.run(1)
    assert bench.hal.stepper.rate == 0
    assert bench.hal.outputs_are_off()
    code, source, position = bench.faults()[-1]
    assert (code, source) == (wire.FAULT_CODE_TABLE_STALL, 2)
    assert position == bench.hal.stepper.position()
    bench.hal.inputs["diag"].level = 0
    bench.command(wire.COMMAND_CLEAR_FAULTS)
    assert bench.command(wire.COMMAND_TABLE_MOVE, 1000, 1000)[0] == wire.ERROR_CODE_WRONG_STATE
    assert bench.command(wire.COMMAND_TABLE_HOME)[0] == 0
    _until_idle(bench)


def test_a_spike_on_diag_stops_nothing():
    bench = _homed()
    bench.command(wire.COMMAND_TABLE_MOVE, 100000, 40000)
    for _ in range(50):
        bench.run(20)
        bench.hal.inputs["diag"].level = 1
        bench.run(2)
        bench.hal.inputs["diag"].level = 0
    _until_idle(bench)
    assert bench.faults() == []


def test_homing_is_watched_too():
    bench = Bench("table")
    bench.command(wire.COMMAND_TABLE_HOME)
    bench.run(500)
    bench.hal.inputs["diag"].level = 1
    bench.run(3)
    assert bench.hal.outputs_are_off()
    assert bench.faults()[-1][:2] == (wire.FAULT_CODE_TABLE_STALL, 2)


def test_a_driver_in_trouble_is_told_from_a_table_held_up():
    bench = _homed()
    bench.command(wire.COMMAND_TABLE_MOVE, 300000, 40000)
    bench.run(1000)
    bench.hal.chips["driver"].registers[0x6F][3] = 1 << 1  # over-temperature
    bench.hal.inputs["diag"].level = 1
    bench.run(3)
    assert bench.hal.outputs_are_off()
    assert bench.faults()[-1][:2] == (wire.FAULT_CODE_TABLE_STALL, 3)


def test_while_the_table_stands_diag_means_nothing():
    bench = _homed()
    bench.hal.inputs["diag"].level = 1
    bench.run(100)
    assert bench.faults() == []


def test_the_threshold_is_in_the_driver_and_zero_switches_the_watch_off():
    bench = _homed()
    registers = bench.hal.chips["driver"].registers
    assert (registers[0x40][3], registers[0x14][3]) == (45, 234)
    assert bench.write(7, 60) == (0, 60)
    assert registers[0x40][3] == 60
    assert bench.write(7, 0) == (0, 0)
    assert (registers[0x40][3], registers[0x14][3]) == (0, 0)
    bench.command(wire.COMMAND_TABLE_MOVE, 20000, 40000)
    bench.hal.inputs["diag"].level = 1
    _until_idle(bench)
    assert bench.faults() == []


# ------------------------------------------------------------------ kept place


def test_a_released_table_knows_its_place_after_a_restart():
    root = _root()
    bench = _moved(root, 123456)
    again = _restart(root, bench)
    assert _is_homed(again)
    assert again.hal.stepper.position() == 123456 * 16 // 25
    assert again.hal.outputs_are_off()
    zero = again.world.where() - again.hal.stepper.position()
    assert _ask(again, wire.COMMAND_TABLE_MOVE, 50000, 50000) == (0, 0)
    _until_idle(again)
    assert again.world.where() - zero == 50000 * 16 // 25


def test_power_lost_in_a_move_leaves_the_place_unknown():
    root = _root()
    bench = _moved(root, 100000)
    assert _ask(bench, wire.COMMAND_TABLE_MOVE, 200000, 50000) == (0, 0)
    bench.run(500)
    again = _restart(root, bench)
    assert not _is_homed(again)
    refused = again.command(wire.COMMAND_TABLE_MOVE, 1000, 1000)
    assert refused[0] == wire.ERROR_CODE_WRONG_STATE


def test_power_lost_while_the_motor_holds_leaves_the_place_unknown():
    root = _root()
    bench = _moved(root, 100000)
    _ask(bench, wire.COMMAND_TABLE_MOVE, 101000, 50000)
    _until_idle(bench)
    bench.run(1000)
    assert not _is_homed(_restart(root, bench))


def test_a_hold_and_a_homing_take_the_place_back_before_they_move():
    for command, first, second in (
        (wire.COMMAND_TABLE_HOLD, 1, 40000),
        (wire.COMMAND_TABLE_HOME, 0, 0),
    ):
        root = _root()
        bench = _moved(root, 100000)
        before = bench.world.where()
        assert _ask(bench, command, first, second) == (0, 0)
        assert bench.world.where() == before
        assert "place.txt" not in os.listdir(root)


def test_a_place_that_cannot_be_taken_back_refuses_the_move():
    root = _root()
    bench = _moved(root, 100000)
    os.remove(root + "/place.txt")
    os.mkdir(root + "/place.txt")
    refused = _ask(bench, wire.COMMAND_TABLE_MOVE, 1000, 1000)
    assert refused[0] == wire.ERROR_CODE_FLASH_FAILED
    assert bench.hal.outputs_are_off()
    os.rmdir(root + "/place.txt")


def test_the_emergency_stop_makes_a_kept_place_unknown():
    root = _root()
    bench = _moved(root, 100000)
    bench.hal.inputs["estop"].level = 1
    _free(bench, 3)
    bench.hal.inputs["estop"].level = 0
    assert not _is_homed(_restart(root, bench))


def test_a_button_pressed_at_the_start_makes_it_unknown():
    root = _root()
    _moved(root, 100000)
    again = Bench("table", root)
    again.hal.inputs["estop"].level = 1
    _free(again, 3)
    assert not _is_homed(again)
    assert "place.txt" not in os.listdir(root)


def test_switches_that_say_otherwise_are_believed():
    for offset in (-10, 611 * 640):
        root = _root()
        _moved(root, 100000)
        again = Bench("table", root)
        again.world.offset = offset
        _free(again, 3)
        assert not _is_homed(again)
        assert "place.txt" not in os.listdir(root)


def test_a_damaged_file_is_no_place():
    for text in (b"microsteps=64000\n", b"rubbish", b"microsteps=much\n#00000000\n"):
        root = _root()
        with open(root + "/place.txt", "wb") as stream:
            stream.write(text)
        again = Bench("table", root)
        again.world.offset = 64000
        _free(again, 3)
        assert not _is_homed(again)
        assert "place.txt" not in os.listdir(root)


def test_a_place_beyond_the_travel_is_none():
    root = _root()
    bench = _moved(root, 100000)
    with open(root + "/place.txt", "rb") as stream:
        assert stream.read().startswith(b"microsteps=64000\n")
    from nullfield_fw.text_file import write_values

    for microsteps in (-64000, 700000 * 16 // 25):
        write_values(root + "/place.txt", {"microsteps": microsteps})
        assert not _is_homed(_restart(root, bench, unlocked=3))


def test_where_it_is_not_wanted_nothing_is_kept():
    root = _root()
    bench = _moved(root, 100000)
    assert bench.write(8, 0) == (0, 0)
    _free(bench, 3)
    assert "place.txt" not in os.listdir(root)


def test_a_full_flash_is_told_once_and_the_table_goes_on():
    root = _root()
    bench = _homed(root)
    # Not even the second file can be made.
    os.mkdir(root + "/place.txt.new")
    bench.command(wire.COMMAND_TABLE_MOVE, 10000, 50000)
    _until_idle(bench)
    _ask(bench, wire.COMMAND_TABLE_RELEASE)
    bench.forget()
    _free(bench, 50)
    told = [body for message, _, body in bench.take() if message == wire.LOG]
    assert len(told) == 1
    assert b"could not be kept" in told[0]
    assert bench.command(wire.COMMAND_TABLE_MOVE, 20000, 50000) == (0, 0)
    os.rmdir(root + "/place.txt.new")
