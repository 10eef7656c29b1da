"""What a board does for its own upkeep: self-test, trial, supply watch, LED, watchdog test."""

import os

from bench import Bench
from fake_hal import Left
from nullfield_fw import wire
from nullfield_fw.boot_state import Boot
from reference import u16

_ROLES = ("sensor", "coil", "table", "bringup")


def _root():
    root = "/tmp/nullfield-upkeep-%d" % (id(object()) & 0xFFFFFF)
    try:
        os.mkdir(root)
    except OSError:
        pass
    return root


def _self_test(bench):
    """Mask of a self-test, which allocates and so runs with the heap unlocked."""
    assert bench.board._at_rest(wire.COMMAND_SELF_TEST) == wire.ERROR_CODE_OK
    return bench.board._detail


def _with_frames(bench):
    if len(bench.hal.adc):
        bench.hal.adc[0] = 0x05000000
    return bench


def test_a_good_board_passes():
    for role in _ROLES:
        assert _self_test(_with_frames(Bench(role, _root()))) == 0, role


def test_each_fault_is_found():
    bench = _with_frames(Bench("sensor", _root()))
    bench.hal.chips["slow_dac"].missing = True
    assert _self_test(bench) == wire.SELF_TEST_FLAG_CHIPS
    bench = Bench("coil", _root())
    bench.hal.adc[0] = 0
    assert _self_test(bench) == wire.SELF_TEST_FLAG_CHIPS
    bench = Bench("bringup", "/no/such/place")
    assert _self_test(bench) & wire.SELF_TEST_FLAG_FLASH
    bench = Bench("bringup", _root())
    bench.hal.supply = 4299
    assert _self_test(bench) == wire.SELF_TEST_FLAG_SUPPLY
    bench = Bench("bringup", _root())
    bench.run(1000)
    bench.board._missed_blocks = 10
    assert _self_test(bench) == 0, "one in a hundred"
    bench.board._missed_blocks = 11
    assert _self_test(bench) == wire.SELF_TEST_FLAG_BLOCKS
    root = _root()
    bench = Bench("bringup", root, boot=Boot("a"))
    assert _self_test(bench) == wire.SELF_TEST_FLAG_FILES, "a slot without files"
    with open(root + "/settings.txt", "wb") as stream:
        stream.write(b"led_period=1000\n#00000000\n")
    bench = Bench("bringup", root)
    assert _self_test(bench) == wire.SELF_TEST_FLAG_SETTINGS
    os.remove(root + "/settings.txt")


def test_a_stuck_output_is_found():
    bench = Bench("table", _root())
    stuck = bench.hal.outputs["motor_enable"]
    stuck.level = 1
    stuck.set = lambda level: None
    # MicroPython looks attributes up in the instance first, so the pin stays where it is.
    assert _self_test(bench) == wire.SELF_TEST_FLAG_OUTPUTS


def test_nothing_of_this_runs_with_outputs_on_or_rows_due():
    for command in (wire.COMMAND_SELF_TEST, wire.COMMAND_CONFIRM_FIRMWARE):
        bench = Bench("coil")
        bench.command(wire.COMMAND_COIL_ENABLE, 1)
        assert bench.command(command)[0] == wire.ERROR_CODE_WRONG_STATE
        bench = Bench("coil")
        bench.command(wire.COMMAND_STREAM_START)
        assert bench.command(command)[0] == wire.ERROR_CODE_STREAMING


def test_identity_tells_slot_trial_and_unit():
    bench = Bench("coil", boot=Boot("b", True, "C07"))
    body = bench.ask(wire.IDENTIFY_REQUEST, b"\x01\0\0\0")[1]
    assert body[wire.IDENTITY_SLOT] == wire.SLOT_B
    assert body[wire.IDENTITY_TRIAL] == 1
    assert body[wire.IDENTITY_UNIT_NAME : wire.IDENTITY_UNIT_NAME + 4] == b"C07\0"
    root = _root()
    bench = Bench("coil", root, boot=Boot("b", True))
    assert bench.board._at_rest(wire.COMMAND_CONFIRM_FIRMWARE) == wire.ERROR_CODE_OK
    assert bench.ask(wire.IDENTIFY_REQUEST, b"\x02\0\0\0")[1][wire.IDENTITY_TRIAL] == 0


def test_a_trial_that_nobody_confirms_resets_the_board_and_a_confirmed_one_does_not():
    bench = Bench("bringup", boot=Boot("a", True))
    bench.run(59990)
    try:
        for _ in range(20):
            bench.step(lock=False)
    except Left as left:
        assert left.args[0] == "reset"
    else:
        raise AssertionError("the trial goes on")
    bench = Bench("bringup", boot=Boot("a", False))
    bench.run(60010)


def test_a_trial_that_ends_with_outputs_on_switches_them_off_first():
    bench = Bench("coil", boot=Boot("a", True))
    bench.command(wire.COMMAND_COIL_ENABLE, 1)
    bench.command(wire.COMMAND_COIL_SET, 0, 1000000)
    bench.board._age_blocks = 59980
    try:
        for _ in range(40):
            bench.step(lock=False)
    except Left:
        pass
    assert bench.hal.outputs_are_off()
    for word in bench.hal.dac:
        assert word & 0xFFFF00 == 0x800000, "the last block that goes out is at mid scale"


def test_blocks_missed_by_a_job_at_rest_are_not_held_against_the_board():
    bench = _with_frames(Bench("coil", _root()))
    bench.run(100)
    for _ in range(3):
        assert _self_test(bench) == 0
        bench.step(missed=300)
    bench.step(missed=7)
    assert bench.board._missed_blocks == 7


def test_crashes_are_forgotten_once_after_half_a_minute():
    bench = Bench("bringup")
    bench.run(29999)
    assert bench.hal.settled_count == 0
    bench.run(31000)
    assert bench.hal.settled_count == 1


def test_brown_out_makes_the_board_safe():
    for role, start in (("coil", (wire.COMMAND_COIL_ENABLE, 1)), ("table", (48, 0))):
        bench = Bench(role)
        bench.run(20)
        bench.command(*start)
        bench.hal.supply = 4299
        bench.run(35)
        assert bench.faults()[0][0] == wire.FAULT_CODE_SUPPLY_LOW
        assert bench.hal.outputs_are_off()
        # Clearing the fault does not mend the supply: nothing stays on.
        bench.command(wire.COMMAND_CLEAR_FAULTS)
        bench.command(*start)
        bench.run(15)
        assert bench.faults()[-1][0] == wire.FAULT_CODE_SUPPLY_LOW
        assert bench.hal.outputs_are_off()
        bench.hal.supply = 5000
        bench.run(20)
        assert bench.command(*start)[0] == wire.ERROR_CODE_FAULT_LATCHED


def test_a_short_dip_is_no_brown_out():
    bench = Bench("coil")
    bench.run(15)
    bench.hal.supply = 4000
    bench.run(19)
    bench.hal.supply = 5000
    bench.run(100)
    assert not bench.faults()


def test_supply_and_temperature_are_in_every_heartbeat():
    bench = Bench("table")
    bench.run(600)
    beats = [body for message, _, body in bench.take() if message == wire.BOARD_HEARTBEAT]
    at = wire.BOARD_HEARTBEAT_SUPPLY_MV
    assert int.from_bytes(beats[-1][at : at + 4], "little") == 5000
    at = wire.BOARD_HEARTBEAT_MCU_TEMPERATURE_MC
    assert int.from_bytes(beats[-1][at : at + 4], "little") == 31000


def test_blink_moves_the_led_and_ends_dark():
    bench = Bench("coil")
    led = bench.hal.outputs["led"]
    assert bench.command(wire.COMMAND_BLINK, 2)[0] == wire.ERROR_CODE_OK
    changes = 0
    before = led.level
    for _ in range(2000):
        bench.step()
        if led.level != before:
            changes += 1
            before = led.level
    assert 10 <= changes <= 20
    assert led.level == 0
    assert bench.command(wire.COMMAND_BLINK, 61)[0] == wire.ERROR_CODE_BAD_ARGUMENT
    assert bench.command(wire.COMMAND_BLINK, -1)[0] == wire.ERROR_CODE_BAD_ARGUMENT


def test_the_watchdog_test_makes_safe_answers_and_hangs():
    bench = Bench("coil")
    bench.command(wire.COMMAND_COIL_ENABLE, 1)
    fed = bench.hal.fed
    try:
        bench.command(wire.COMMAND_WATCHDOG_TEST, lock=False)
    except Left as left:
        assert left.args[0] == "hang"
    else:
        raise AssertionError("the board goes on")
    assert bench.hal.outputs_are_off()
    assert bench.hal.fed <= fed + 1
    answers = [body for message, _, body in bench.take() if message == wire.ACKNOWLEDGE]
    assert u16(answers[-1], wire.ACKNOWLEDGE_ERROR) == wire.ERROR_CODE_OK
