"""Coil and table boards on their worlds."""

from bench import Bench
from nullfield_fw import wire
from reference import i32, u16, u32


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
    bench.world.gain[2] = 1.12
    bench.command(wire.COMMAND_COIL_SET, 2, 9900000)
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


def test_an_open_coil_is_found_at_a_small_current():
    """Far below the tolerance of the readback: the source's voltage tells."""
    bench = _enabled()
    bench.world.broken[6] = True
    bench.command(wire.COMMAND_COIL_SET, 6, -100000)
    bench.run(400)
    assert bench.faults()[-1][:2] == (wire.FAULT_CODE_COIL_OPEN, 6)


def test_a_short_is_found_by_current_without_voltage():
    bench = _enabled()
    bench.world.shorted[1] = True
    bench.command(wire.COMMAND_COIL_SET, 1, 1000000)
    bench.command(wire.COMMAND_COIL_SET, 2, 1000000)
    bench.run(600)
    assert bench.hal.outputs_are_off()
    assert bench.faults()[-1][:2] == (wire.FAULT_CODE_COIL_SHORT, 1)


def test_too_much_resistance_ends_the_voltage_and_is_told_from_open():
    bench = _enabled()
    bench.world.ohm[4] = 2000.0
    bench.command(wire.COMMAND_COIL_SET, 4, 5900000)
    bench.run(900)
    assert bench.board.faults.code == 0
    bench.command(wire.COMMAND_COIL_SET, 4, 9000000)
    bench.run(900)
    code, source, value = bench.faults()[-1]
    assert (code, source) == (wire.FAULT_CODE_COIL_COMPLIANCE, 4)
    assert 5900000 < value < 6100000


def test_compliance_shows_in_the_flags_before_it_trips():
    bench = _enabled()
    bench.world.ohm[4] = 1100.0
    bench.command(wire.COMMAND_COIL_SET, 4, 10000000)
    bench.run(1500)
    assert bench.board.faults.code == 0
    assert _flags(bench) & wire.COIL_FLAG_COMPLIANCE


def test_a_dead_sense_amplifier_is_not_an_open_coil():
    bench = _enabled()
    bench.world.sensed[3] = 0.0
    bench.command(wire.COMMAND_COIL_SET, 3, 2000000)
    bench.run(600)
    assert bench.faults()[-1][:2] == (wire.FAULT_CODE_COIL_READBACK, 3)


def test_heat_trips_even_with_outputs_off_and_so_does_a_lost_thermistor():
    for celsius in (75.0, -200.0, 400.0):
        bench = Bench("coil")
        bench.run(200)
        bench.world.celsius = celsius
        bench.run(400)
        code, source, _ = bench.faults()[-1]
        assert code == wire.FAULT_CODE_COIL_OVER_TEMPERATURE
        assert source == (8 if celsius == 75.0 else 9)
        bench.command(wire.COMMAND_CLEAR_FAULTS)
        bench.run(400)
        assert bench.board.state == wire.BOARD_STATE_FAULT, "it is still hot"
        bench.world.celsius = 30.0
        bench.run(100)
        assert bench.command(wire.COMMAND_CLEAR_FAULTS)[0] == 0
        assert bench.command(wire.COMMAND_COIL_ENABLE, 1)[0] == 0


def test_a_silent_host_ramps_the_currents_down_before_the_outputs_open():
    bench = _enabled()
    bench.command(wire.COMMAND_COIL_SET, 0, 8000000)
    bench.command(wire.COMMAND_COIL_SET, 1, -3000000)
    bench.run(600)
    bench.host_falls_silent()
    largest = 0.0
    before = bench.world.current_na[0]
    blocks = 0
    while bench.board.state != wire.BOARD_STATE_FAULT:
        bench.step()
        largest = max(largest, abs(bench.world.current_na[0] - before))
        before = bench.world.current_na[0]
        blocks += 1
        assert blocks < 4000
        if bench.board.state != wire.BOARD_STATE_FAULT:
            assert bench.hal.outputs["coil_enable"].level == 1
    assert bench.board.faults.code == wire.FAULT_CODE_HOST_SILENT
    assert bench.hal.outputs_are_off()
    # The ramp of 20 mA/s and no jump, not even when the relays open.
    assert largest < 25000, largest
    # Up to 250 blocks of the 2000 had passed since the last heartbeat.
    assert 1750 + 400 < blocks < 2050 + 400, blocks


def test_during_the_ramp_down_nothing_is_taken_and_the_host_comes_too_late():
    bench = _enabled()
    bench.command(wire.COMMAND_COIL_SET, 0, 8000000)
    bench.run(500)
    bench.host_falls_silent()
    while not _flags(bench) & wire.COIL_FLAG_RAMP_DOWN:
        bench.step()
    bench._beats = True
    assert bench.command(wire.COMMAND_COIL_SET, 0, 8000000)[0] == wire.ERROR_CODE_WRONG_STATE
    assert bench.command(wire.COMMAND_COIL_ENABLE, 1)[0] == wire.ERROR_CODE_WRONG_STATE
    bench.compensate(1, 1000, [1000000] * 8)
    bench.run(600)
    assert bench.board.faults.code == wire.FAULT_CODE_HOST_SILENT
    assert bench.hal.outputs_are_off()


def _arm(bench, channel, shape, amplitude, increment, phase=0, cycles=0, decay=0):
    payload = bytes((channel, shape)) + cycles.to_bytes(2, "little")
    payload += (amplitude & 0xFFFFFFFF).to_bytes(4, "little")
    payload += increment.to_bytes(4, "little") + phase.to_bytes(4, "little")
    payload += decay.to_bytes(2, "little") + bytes(2)
    body = bench.ask(wire.COIL_WAVEFORM_REQUEST, payload)[1]
    return u16(body, wire.ACKNOWLEDGE_ERROR), i32(body, wire.ACKNOWLEDGE_DETAIL)


def test_waveforms_start_together_and_stop_by_the_ramp():
    bench = _enabled()
    assert _arm(bench, 0, wire.WAVEFORM_SHAPE_SQUARE, 1000000, 1 << 26) == (0, 0)
    assert _arm(bench, 5, wire.WAVEFORM_SHAPE_SINE, 2000000, 1 << 26, 1 << 30) == (0, 0)
    bench.run(10)
    assert not _flags(bench) & wire.COIL_FLAG_WAVEFORM
    assert bench.command(wire.COMMAND_COIL_WAVEFORM_START) == (0, 0)
    assert not _flags(bench) & wire.COIL_FLAG_WAVEFORM
    bench.step()
    assert _flags(bench) & wire.COIL_FLAG_WAVEFORM
    assert (_told(bench, 0), _told(bench, 5)) == (1000000, 2000000)
    assert _arm(bench, 0, 1, 1000000, 1 << 26)[0] == wire.ERROR_CODE_BUSY
    assert bench.command(wire.COMMAND_COIL_WAVEFORM_START)[0] == wire.ERROR_CODE_BUSY
    bench.run(32)
    assert _told(bench, 0) == -1000000
    before = _told(bench, 5)
    assert bench.command(wire.COMMAND_COIL_WAVEFORM_STOP) == (0, 0)
    bench.step()
    assert abs(_told(bench, 0)) == 980000
    assert abs(_told(bench, 5) - before) < 400000
    bench.run(110)
    assert (_told(bench, 0), _told(bench, 5)) == (0, 0)
    assert not _flags(bench) & wire.COIL_FLAG_WAVEFORM


def test_a_silent_host_ends_waveforms_by_the_ramp_too():
    bench = _enabled()
    bench.command(wire.COMMAND_COIL_SET, 2, 1000000)
    _arm(bench, 2, wire.WAVEFORM_SHAPE_SINE, 5000000, 1 << 25)
    _arm(bench, 3, wire.WAVEFORM_SHAPE_DEGAUSS, 9000000, 1 << 26, 0, 500)
    bench.command(wire.COMMAND_COIL_WAVEFORM_START)
    bench.run(100)
    bench.host_falls_silent()
    while not _flags(bench) & wire.COIL_FLAG_RAMP_DOWN:
        bench.step()
    before = (_told(bench, 2), _told(bench, 3))
    assert before[0] or before[1]
    while bench.board.state != wire.BOARD_STATE_FAULT:
        bench.step()
        now = (_told(bench, 2), _told(bench, 3))
        for n in range(2):
            assert abs(now[n] - before[n]) <= 20000
        before = now
    assert before == (0, 0)
    assert bench.board.faults.code == wire.FAULT_CODE_HOST_SILENT
    assert bench.hal.outputs_are_off()


def test_a_waveform_never_passes_the_boards_limit():
    bench = _enabled()
    bench.command(wire.COMMAND_COIL_SET, 0, 8000000)
    bench.run(450)
    bench.compensate(1, 60000, [3000000] * 8)
    _arm(bench, 0, wire.WAVEFORM_SHAPE_SQUARE, 10000000, 1 << 27)
    bench.command(wire.COMMAND_COIL_WAVEFORM_START)
    seen = []
    for _ in range(100):
        bench.step()
        seen.append(_told(bench, 0))
        assert bench.world.current_na[0] < 10300000
    assert max(seen) == 10000000
    assert min(seen[60:]) == 1000000
    assert bench.board.faults.code == 0


def test_bad_waveforms_are_refused_with_the_limit():
    bench = Bench("coil")
    assert _arm(bench, 0, 1, 1, 1)[0] == wire.ERROR_CODE_WRONG_STATE
    bench.command(wire.COMMAND_COIL_ENABLE, 1)
    assert bench.command(wire.COMMAND_COIL_WAVEFORM_START)[0] == wire.ERROR_CODE_BAD_ARGUMENT
    assert _arm(bench, 8, 1, 1, 1) == (wire.ERROR_CODE_BAD_ARGUMENT, 7)
    assert _arm(bench, 0, 1, 10000001, 1) == (wire.ERROR_CODE_ABOVE_MAXIMUM, 10000000)
    assert _arm(bench, 0, 1, -1, 1)[0] == wire.ERROR_CODE_BELOW_MINIMUM
    for bad in ((5, 1, 0, 0), (1, 0, 0, 0), (1, 1 << 31, 0, 0), (4, 1 << 20, 0, 0)):
        shape, increment, phase, cycles = bad
        error = _arm(bench, 0, shape, 1000, increment, phase, cycles)[0]
        assert error == wire.ERROR_CODE_BAD_ARGUMENT, bad
    assert _arm(bench, 0, 4, 1000, 1 << 20, 0, 32768)[0] == wire.ERROR_CODE_BAD_ARGUMENT
    assert _arm(bench, 0, 0, 0, 1) == (0, 0)


def _flags(bench):
    return u32(bench.board.row, wire.COIL_SAMPLES_ROW_FLAGS)


def _told(bench, channel):
    return i32(bench.board.row, wire.COIL_SAMPLES_ROW_COMMAND_NA + 4 * channel)


def test_compensation_is_added_shown_and_ends_by_itself():
    bench = _enabled()
    bench.command(wire.COMMAND_COIL_SET, 0, 1000000)
    bench.run(100)
    bench.compensate(0xFFFFFFF0, 50, [250000, 0, 0, 0, 0, 0, 0, -5])
    bench.run(20)
    assert (_told(bench, 0), _told(bench, 7)) == (1250000, -5)
    at = wire.COIL_SAMPLES_ROW_COMPENSATION_SEQUENCE
    assert u32(bench.board.row, at) == 0xFFFFFFF0
    assert _flags(bench) == wire.COIL_FLAG_ENABLED | wire.COIL_FLAG_COMPENSATING
    bench.take()
    bench.run(100)
    assert (_told(bench, 0), _told(bench, 7)) == (1000000, 0)
    assert _flags(bench) == wire.COIL_FLAG_ENABLED | wire.COIL_FLAG_COMPENSATION_STALE
    logs = [body for message, _, body in bench.take() if message == wire.LOG]
    assert len(logs) == 1
    assert b"compensation stale" in logs[0]
    bench.compensate(1, 50, [100000] * 8)
    bench.run(5)
    assert _flags(bench) == wire.COIL_FLAG_ENABLED | wire.COIL_FLAG_COMPENSATING
    # Hold 0 is the orderly end.
    bench.compensate(2, 0, [100000] * 8)
    bench.run(10)
    assert _flags(bench) == wire.COIL_FLAG_ENABLED
    assert _told(bench, 3) == 0


def test_compensation_is_cut_to_its_limit_and_means_nothing_with_outputs_off():
    bench = _enabled()
    assert bench.write(4, 500000) == (0, 500000)
    assert bench.write(4, 10000001) == (wire.ERROR_CODE_ABOVE_MAXIMUM, 10000000)
    bench.compensate(1, 1000, [-(1 << 31), 0x7FFFFFFF, 500000, 0, 0, 0, 0, 0])
    bench.run(50)
    assert [_told(bench, n) for n in range(4)] == [-500000, 500000, 500000, 0]
    assert _flags(bench) & wire.COIL_FLAG_LIMITED
    bench.command(wire.COMMAND_SAFE_OFF)
    bench.compensate(2, 1000, [500000] * 8)
    bench.run(3)
    assert _flags(bench) == 0
    bench.command(wire.COMMAND_COIL_ENABLE, 1)
    bench.run(30)
    assert _flags(bench) == wire.COIL_FLAG_ENABLED
    assert _told(bench, 0) == 0


def test_a_compensation_of_a_wrong_length_changes_nothing():
    bench = _enabled()
    bench.step(data=bench._frame(wire.COIL_COMPENSATION, bytes(36)))
    bench.step(data=bench._frame(wire.COIL_COMPENSATION, bytes(44)))
    bench.run(3)
    assert _flags(bench) == wire.COIL_FLAG_ENABLED


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


def _hold(bench, direction, speed_um_s=40000):
    return bench.command(wire.COMMAND_TABLE_HOLD, direction, speed_um_s)


def test_a_held_table_goes_on_while_the_command_is_repeated_and_stops_by_itself():
    bench = _homed()
    for _ in range(10):
        assert _hold(bench, 1) == (0, 0)
        bench.run(200)
    assert bench.board._table_state == wire.TABLE_STATE_MOVING
    assert bench.hal.stepper.rate > 0
    before = bench.world.where()
    _until_idle(bench, 500 + 850)
    # The rest of the half second at 40 mm/s, then v^2 / 2a = 16 mm.
    assert bench.world.where() - before < (0.5 * 40 + 16 + 2) * 640
    assert bench.hal.stepper.rate == 0
    assert bench.hal.outputs["motor_enable"].level == 1


def test_letting_go_brakes_at_once_and_by_the_ramp():
    bench = _homed()
    for _ in range(10):
        _hold(bench, 1)
        bench.run(200)
    before = bench.world.where()
    assert _hold(bench, 0) == (0, 0)
    _until_idle(bench, 1000)
    assert 14 * 640 < bench.world.where() - before < 18 * 640


def test_a_held_table_stops_at_either_end_of_its_travel():
    bench = _homed()
    zero = bench.world.where()
    for direction, end in ((1, 600000 * 16 // 25), (-1, 0)):
        for _ in range(100):
            assert _hold(bench, direction, 50000) == (0, 0)
            bench.run(200)
        assert bench.world.where() - zero == end
        assert bench.hal.stepper.rate == 0


def test_holding_is_refused_where_moving_is():
    bench = Bench("table")
    assert _hold(bench, 1)[0] == wire.ERROR_CODE_WRONG_STATE
    bench = _homed()
    assert _hold(bench, 1, 50001) == (5, 50000)
    assert _hold(bench, 2) == (wire.ERROR_CODE_BAD_ARGUMENT, 1)
    bench.command(wire.COMMAND_TABLE_MOVE, 300000, 40000)
    bench.run(100)
    assert _hold(bench, -1)[0] == wire.ERROR_CODE_BUSY
    assert bench.hal.stepper.rate > 0


def test_with_hold_to_run_the_table_moves_only_while_the_button_is_pressed():
    bench = _homed()
    button = bench.hal.inputs["hold"]
    bench.board.settings.write(6, 1)
    moves = ((wire.COMMAND_TABLE_MOVE, 300000), (wire.COMMAND_TABLE_HOLD, 1))
    for command, first in moves + ((wire.COMMAND_TABLE_HOME, 0),):
        assert bench.command(command, first, 40000)[0] == wire.ERROR_CODE_HOLD_OPEN
    bench.run(100)
    assert bench.hal.stepper.rate == 0
    button.level = 1
    assert bench.command(wire.COMMAND_TABLE_MOVE, 300000, 40000) == (0, 0)
    bench.run(2000)
    assert bench.hal.stepper.rate > 0
    before = bench.world.where()
    button.level = 0
    _until_idle(bench, 1000)
    assert 14 * 640 < bench.world.where() - before < 18 * 640
    button.level = 1
    bench.command(wire.COMMAND_TABLE_HOME)
    bench.run(100)
    button.level = 0
    bench.run(2)
    assert bench.hal.stepper.rate == 0
    assert bench.hal.outputs_are_off()
    assert bench.command(wire.COMMAND_TABLE_MOVE, 1000, 1000)[0] == wire.ERROR_CODE_WRONG_STATE


def test_a_table_that_does_not_leave_the_home_switch_is_stopped():
    bench = _homed()
    bench.world.held_at = -5
    bench.command(wire.COMMAND_TABLE_MOVE, 300000, 40000)
    bench.run(1000)
    assert bench.hal.stepper.rate == 0
    assert bench.hal.outputs_are_off()
    code, _, position = bench.faults()[-1]
    assert code == wire.FAULT_CODE_TABLE_STALL
    # 5 mm by the count, and what a block adds.
    assert 5 * 640 < position < 6 * 640
    bench.command(wire.COMMAND_CLEAR_FAULTS)
    assert bench.command(wire.COMMAND_TABLE_MOVE, 1000, 1000)[0] == wire.ERROR_CODE_WRONG_STATE


def test_a_table_held_up_on_its_way_is_found_out_on_the_way_back():
    bench = _homed()
    bench.command(wire.COMMAND_TABLE_MOVE, 300000, 50000)
    _until_idle(bench)
    # Somebody pushed it back by 100 mm while the motor had no current.
    bench.world.offset -= 100 * 640
    bench.command(wire.COMMAND_TABLE_MOVE, 0, 50000)
    bench.run(8000)
    assert bench.faults()[-1][0] == wire.FAULT_CODE_TABLE_STALL
    assert bench.hal.stepper.rate == 0
