"""Coil and table boards on their worlds."""

from bench import Bench
from nullfield_fw import wire


def _enabled():
    bench = Bench("coil")
    assert bench.command(wire.COMMAND_COIL_ENABLE, 1) == (0, 0)
    return bench


def test_coil_currents_follow():
    bench = _enabled()
    for channel in range(8):
        assert bench.command(wire.COMMAND_COIL_SET, channel, 1000000 * (channel - 4)) == (0, 0)
    bench.run(1500)
    for channel in range(8):
        assert abs(bench.world.current_na[channel] - 1000000 * (channel - 4)) < 300
    assert bench.command(wire.COMMAND_COIL_RAMP_TO_ZERO) == (0, 0)
    bench.run(1500)
    assert max(abs(current) for current in bench.world.current_na) < 300
    assert bench.hal.outputs["coil_enable"].level == 1


def test_coil_limits_are_in_the_detail():
    bench = Bench("coil")
    assert bench.command(wire.COMMAND_COIL_SET, 0, 1)[0] == wire.ERROR_CODE_WRONG_STATE
    assert bench.command(wire.COMMAND_COIL_ENABLE, 2)[0] == wire.ERROR_CODE_BAD_ARGUMENT
    bench.command(wire.COMMAND_COIL_ENABLE, 1)
    assert bench.command(wire.COMMAND_COIL_SET, 0, 10000001) == (5, 10000000)
    assert bench.command(wire.COMMAND_COIL_SET, 0, -10000001) == (4, -10000000)
    assert bench.command(wire.COMMAND_COIL_SET, 0, -(1 << 31)) == (4, -10000000)
    assert bench.command(wire.COMMAND_COIL_SET, 8, 0) == (wire.ERROR_CODE_BAD_ARGUMENT, 7)
    assert bench.command(wire.COMMAND_COIL_SET, -1, 0) == (wire.ERROR_CODE_BAD_ARGUMENT, 7)


def test_open_coil_trips():
    bench = _enabled()
    bench.world.broken[3] = True
    bench.command(wire.COMMAND_COIL_SET, 3, 2000000)
    bench.run(600)
    assert bench.hal.outputs_are_off()
    assert bench.faults()[-1][:2] == (wire.FAULT_CODE_COIL_OPEN, 3)


def test_wrong_readback_trips():
    bench = _enabled()
    bench.world.gain[5] = 0.5
    bench.command(wire.COMMAND_COIL_SET, 5, 6000000)
    bench.run(900)
    assert bench.faults()[-1][:2] == (wire.FAULT_CODE_COIL_READBACK, 5)


def test_over_current_trips():
    bench = _enabled()
    bench.world.gain[2] = 1.19
    bench.command(wire.COMMAND_COIL_SET, 2, 9500000)
    bench.run(1200)
    code, source, value = bench.faults()[-1]
    assert (code, source) == (wire.FAULT_CODE_COIL_OVER_CURRENT, 2)
    assert value > 10000000


def test_coil_off_forgets_the_setpoints():
    bench = _enabled()
    bench.command(wire.COMMAND_COIL_SET, 0, 5000000)
    bench.run(500)
    bench.command(wire.COMMAND_SAFE_OFF)
    bench.run(3)
    bench.command(wire.COMMAND_COIL_ENABLE, 1)
    bench.run(300)
    assert abs(bench.world.current_na[0]) < 100


def _homed():
    bench = Bench("table")
    assert bench.command(wire.COMMAND_TABLE_MOVE, 1000, 1000)[0] == wire.ERROR_CODE_WRONG_STATE
    assert bench.command(wire.COMMAND_TABLE_HOME) == (0, 0)
    _until_idle(bench)
    return bench


def _until_idle(bench, limit=40000):
    for _ in range(limit):
        if bench.board._table_state == wire.TABLE_STATE_IDLE:
            return
        bench.step()
    raise AssertionError(bench.board._table_state)


def test_table_homes_and_moves():
    bench = _homed()
    assert -30 <= bench.world.where() <= 0, bench.world.where()
    zero = bench.world.where()
    for target_um in (100000, 100001, 0, 37500):
        assert bench.command(wire.COMMAND_TABLE_MOVE, target_um, 50000) == (0, 0)
        _until_idle(bench)
        assert bench.world.where() - zero == target_um * 16 // 25
    assert bench.command(wire.COMMAND_TABLE_RELEASE) == (0, 0)
    assert bench.hal.outputs_are_off()
    assert bench.board.state == wire.BOARD_STATE_SAFE


def test_table_limits_are_in_the_detail():
    bench = _homed()
    assert bench.command(wire.COMMAND_TABLE_MOVE, -1, 1000)[0] == wire.ERROR_CODE_BELOW_MINIMUM
    assert bench.command(wire.COMMAND_TABLE_MOVE, 1000, 0)[0] == wire.ERROR_CODE_BELOW_MINIMUM
    assert bench.command(wire.COMMAND_TABLE_MOVE, 600001, 1000) == (5, 600000)
    assert bench.command(wire.COMMAND_TABLE_MOVE, 1000, 50001) == (5, 50000)
    assert bench.command(wire.COMMAND_TABLE_MOVE, 0x7FFFFFFF, 1000) == (5, 600000)


def test_table_stops_by_its_ramp_and_holds():
    bench = _homed()
    bench.command(wire.COMMAND_TABLE_MOVE, 300000, 40000)
    bench.run(2500)
    before = bench.world.where()
    assert bench.command(wire.COMMAND_TABLE_RELEASE)[0] == wire.ERROR_CODE_BUSY
    assert bench.command(wire.COMMAND_TABLE_STOP) == (0, 0)
    _until_idle(bench)
    # v^2 / 2a = 16 mm.
    assert 15 * 640 < bench.world.where() - before < 18 * 640
    assert bench.hal.outputs["motor_enable"].level == 1


def test_emergency_stop_while_moving_and_again_after_clearing():
    bench = _homed()
    bench.command(wire.COMMAND_TABLE_MOVE, 300000, 40000)
    bench.run(1500)
    bench.hal.inputs["estop"].level = 1
    bench.step()
    assert bench.hal.stepper.rate == 0
    assert bench.hal.outputs_are_off()
    bench.step()
    assert bench.faults()[-1][0] == wire.FAULT_CODE_TABLE_EMERGENCY_STOP
    assert bench.command(wire.COMMAND_CLEAR_FAULTS)[0] == 0
    bench.step()
    assert bench.board.state == wire.BOARD_STATE_FAULT, "the button is still pressed"
    refused = bench.command(wire.COMMAND_TABLE_HOME)
    assert refused == (wire.ERROR_CODE_FAULT_LATCHED, wire.FAULT_CODE_TABLE_EMERGENCY_STOP)
    bench.hal.inputs["estop"].level = 0
    assert bench.command(wire.COMMAND_CLEAR_FAULTS)[0] == 0
    assert bench.command(wire.COMMAND_TABLE_HOME)[0] == 0
    _until_idle(bench)


def test_end_switch_stops_a_table_that_lost_its_place():
    bench = _homed()
    bench.world.offset += 500 * 640
    bench.command(wire.COMMAND_TABLE_MOVE, 300000, 50000)
    bench.run(6000)
    assert bench.hal.stepper.rate == 0
    assert bench.hal.outputs_are_off()
    assert bench.faults()[-1][:2] == (wire.FAULT_CODE_TABLE_LIMIT, 1)


def test_home_switch_that_never_closes():
    bench = Bench("table")
    bench.world.offset = 10000000
    bench.command(wire.COMMAND_TABLE_HOME)
    for _ in range(40000):
        bench.step()
        if bench.board.state == wire.BOARD_STATE_FAULT:
            break
    assert bench.faults()[-1][0] == wire.FAULT_CODE_TABLE_HOME_NOT_FOUND
    assert bench.hal.outputs_are_off()
