"""The sensor board on its world: start-up, and what may go wrong with a head."""

from bench import Bench
from nullfield_fw import wire
from nullfield_fw.control import lockin


def _started(**world):
    bench = Bench("sensor")
    bench.write(5, 1500)  # a narrow scan keeps the test short
    for name, value in world.items():
        setattr(bench.world, name, value)
    bench.run(100)
    assert bench.command(wire.COMMAND_SENSOR_START, 15) == (0, 0)
    return bench


def _until(bench, condition, limit=40000):
    for _ in range(limit):
        if condition():
            return
        bench.step()
    raise AssertionError([(h.state, h.fault) for h in bench.board.heads])


def _states(bench):
    return [head.state for head in bench.board.heads]


def test_a_cold_head_says_that_its_rows_are_no_field():
    bench = Bench("sensor")
    bench.run(5)
    wanted = (
        wire.SAMPLE_FLAG_UNLOCKED | wire.SAMPLE_FLAG_UNCALIBRATED | wire.SAMPLE_FLAG_SETTLING
        | wire.SAMPLE_FLAG_OPEN_LOOP
    )  # fmt: skip
    assert [flag & wanted for flag in bench.board.row[48:52]] == [wanted] * 4


def test_four_heads_come_up_and_their_field_is_nulled():
    bench = _started(
        field_nt=[(6.0, -4.0, 8.0), (0.0, 0.0, 0.0), (-15.0, 12.0, 5.0), (3.0, 3.0, -20.0)]
    )
    _until(bench, lambda: _states(bench) == [wire.HEAD_STATE_READY] * 4)
    bench.run(200)
    for head in bench.board.heads:
        base = head.number * lockin.STRIDE
        assert head.laser.locked
        assert head.fault == 0
        assert head.zero_count == 1
        assert bench.board.control[base + lockin.LOOP_CLOSED] == 1
        assert bench.board.row[48 + head.number] == 0, "all flags good"
        assert abs(bench.board.control[base + lockin.ERROR_X]) < 20000
        assert abs(head.laser.setpoint_mc - 45000) < 100


def test_open_loop_and_zero_again_keep_streaming():
    bench = _started()
    _until(bench, lambda: _states(bench) == [wire.HEAD_STATE_READY] * 4)
    assert bench.command(wire.COMMAND_SENSOR_LOOP, 3, 0) == (0, 0)
    bench.run(2)
    assert [flag & wire.SAMPLE_FLAG_OPEN_LOOP for flag in bench.board.row[48:]] == [32, 32, 0, 0]
    assert bench.command(wire.COMMAND_SENSOR_MEASURE_BEAM, 15) == (0, 0)
    assert bench.command(wire.COMMAND_SENSOR_ZERO, 15)[0] == wire.ERROR_CODE_WRONG_STATE
    _until(bench, lambda: _states(bench) == [wire.HEAD_STATE_READY] * 4)
    assert [head.zero_count for head in bench.board.heads] == [2] * 4


def test_commands_refuse_nonsense():
    bench = Bench("sensor")
    for mask in (0, 16, -1, 0x7FFFFFFF):
        assert bench.command(wire.COMMAND_SENSOR_START, mask) == (wire.ERROR_CODE_BAD_ARGUMENT, 15)
    assert bench.command(wire.COMMAND_SENSOR_ZERO, 1)[0] == wire.ERROR_CODE_WRONG_STATE
    assert bench.hal.outputs_are_off()


def test_open_interlock_refuses_the_start_and_trips_a_running_board():
    bench = Bench("sensor")
    bench.hal.inputs["interlock"].level = 0
    refused = (wire.ERROR_CODE_WRONG_STATE, wire.FAULT_CODE_INTERLOCK_OPEN)
    assert bench.command(wire.COMMAND_SENSOR_START, 15) == refused
    bench.hal.inputs["interlock"].level = 1
    assert bench.command(wire.COMMAND_SENSOR_START, 15) == (0, 0)
    bench.run(50)
    bench.hal.inputs["interlock"].level = 0
    bench.run(11)
    assert bench.hal.outputs_are_off()
    assert bench.faults()[-1][0] == wire.FAULT_CODE_INTERLOCK_OPEN
    assert _states(bench) == [wire.HEAD_STATE_OFF] * 4


def test_over_temperature_switches_the_whole_board_off():
    bench = _started(cell_c=[150.0, 150.0, 168.0, 150.0])
    bench.run(200)
    assert bench.board.state == wire.BOARD_STATE_ACTIVE
    bench.world.cell_c[2] = 171.0
    bench.run(60)
    assert bench.hal.outputs_are_off()
    assert bench.board.state == wire.BOARD_STATE_FAULT
    code, source, value = bench.faults()[-1]
    assert (code, source) == (wire.FAULT_CODE_CELL_OVER_TEMPERATURE, 2)
    assert value > 170000


def test_a_head_that_is_off_is_watched_too():
    """Its heater may be stuck on while the board's enable line is."""
    bench = Bench("sensor")
    bench.run(100)
    assert bench.command(wire.COMMAND_SENSOR_START, 1) == (0, 0)
    bench.run(100)
    bench.world.cell_c[3] = 175.0
    bench.run(60)
    assert bench.hal.outputs_are_off()
    assert bench.board.state == wire.BOARD_STATE_FAULT
    assert bench.faults()[-1][:2] == (wire.FAULT_CODE_CELL_OVER_TEMPERATURE, 3)


def test_a_failed_thermometer_stops_one_head_only():
    for celsius in (400.0, -60.0):
        bench = _started()
        bench.run(200)
        bench.world.cell_c[1] = celsius
        bench.run(60)
        assert bench.board.heads[1].fault == wire.FAULT_CODE_CELL_SENSOR
        assert bench.hal.pwms["heater1"].duty == 0
        assert bench.board.state == wire.BOARD_STATE_ACTIVE
        assert bench.board.heads[0].state == wire.HEAD_STATE_WARM_UP


def test_an_impossible_jump_is_a_sensor_fault():
    bench = _started(cell_c=[100.0] * 4)
    bench.run(200)
    bench.world.cell_c[0] = 130.0
    bench.run(60)
    assert bench.board.heads[0].fault == wire.FAULT_CODE_CELL_SENSOR


def test_full_power_without_heat_is_a_fault():
    bench = _started(cell_c=[150.0, 60.0, 150.0, 150.0])
    _until(bench, lambda: bench.board.heads[1].state == wire.HEAD_STATE_FAULT, 45000)
    assert bench.board.heads[1].fault == wire.FAULT_CODE_HEATER_INEFFECTIVE
    assert bench.hal.pwms["heater1"].duty == 0
    assert bench.board.heads[0].fault == 0


def test_no_absorption_line_is_a_lock_fault():
    bench = _started(line_c=[45.0, 45.0, 60.0, 45.0])
    bench.board.heads[2].laser.retries = 2
    _until(bench, lambda: bench.board.heads[2].state == wire.HEAD_STATE_FAULT)
    assert bench.board.heads[2].fault == wire.FAULT_CODE_LASER_LOCK_LOST
    assert bench.board.heads[2].laser.laser_na == 0


def test_a_head_in_the_dark_is_not_locked():
    bench = _started()
    _until(bench, lambda: _states(bench) == [wire.HEAD_STATE_READY] * 4)
    bench.run(60)
    head = bench.board.heads[2]
    assert head.laser.locked
    bench.world.light[2] = 0.0
    bench.run(60)
    assert not head.laser.locked
    assert bench.board.row[50] & wire.SAMPLE_FLAG_UNLOCKED
    assert bench.board.heads[1].laser.locked
    bench.world.light[2] = 1.0
    bench.run(60)
    assert head.laser.locked


def test_a_failed_head_comes_back_only_after_its_fault_was_cleared():
    bench = _started()
    bench.run(200)
    bench.world.cell_c[1] = 400.0
    bench.run(60)
    bench.world.cell_c[1] = 150.0
    bench.run(60)
    assert bench.command(wire.COMMAND_SENSOR_START, 2) == (0, 0)
    bench.run(60)
    assert bench.board.heads[1].state == wire.HEAD_STATE_FAULT
    assert bench.command(wire.COMMAND_CLEAR_FAULTS) == (0, 0)
    assert bench.command(wire.COMMAND_SENSOR_START, 2) == (0, 0)
    _until(bench, lambda: _states(bench) == [wire.HEAD_STATE_READY] * 4)
