"""What all boards do: safe start, host watch, streams, settings, faults."""

import os

from bench import Bench
from fake_hal import Left
from nullfield_fw import wire
from reference import i32, u16, u32

_ROLES = ("sensor", "coil", "table", "bringup")
_SAMPLES = {
    "sensor": (wire.SENSOR_SAMPLES, wire.SENSOR_SAMPLES_ROW_SIZE),
    "coil": (wire.COIL_SAMPLES, wire.COIL_SAMPLES_ROW_SIZE),
    "table": (wire.TABLE_SAMPLES, wire.TABLE_SAMPLES_ROW_SIZE),
    "bringup": (wire.BRINGUP_SAMPLES, wire.BRINGUP_SAMPLES_ROW_SIZE),
}
_CHIPS = {
    "sensor": ("adc", "slow_dac", "stream_dac", "cell_adc", "laser_adc"),
    "coil": ("adc", "stream_dac"),
    "table": ("driver",),
    "bringup": (),
}


def _rows(bench, role):
    """(first index, rows, dropped) of the sample frames that came."""
    message, row_size = _SAMPLES[role]
    out = []
    for got, _, body in bench.take():
        if got == message:
            count = u16(body, wire.SENSOR_SAMPLES_ROW_COUNT)
            assert len(body) == wire.SENSOR_SAMPLES_SIZE + count * row_size
            out.append(
                (
                    u32(body, wire.SENSOR_SAMPLES_SAMPLE_INDEX),
                    count,
                    u32(body, wire.SENSOR_SAMPLES_DROPPED_ROWS),
                )
            )
    return out


def test_starts_safe_with_the_watchdog_on():
    for role in _ROLES:
        bench = Bench(role)
        assert bench.hal.outputs_are_off()
        assert bench.hal.safe_count >= 1
        assert bench.hal.watchdog_ms == 2000
        bench.run(50)
        assert bench.hal.outputs_are_off()
        assert bench.hal.fed == 50
        assert bench.board.state == wire.BOARD_STATE_SAFE, role


def test_identity():
    for role, number in (("sensor", 1), ("coil", 2), ("table", 3)):
        body = Bench(role).ask(wire.IDENTIFY_REQUEST, b"\x01\0\0\0")[1]
        assert len(body) == wire.IDENTITY_SIZE
        assert body[wire.IDENTITY_ROLE] == number
        assert body[wire.IDENTITY_BOARD_UID : wire.IDENTITY_BOARD_UID + 8] == bytes(range(1, 9))
        assert body[16:24] == wire.FINGERPRINT
        assert u16(body, wire.IDENTITY_PROTOCOL_VERSION) == wire.PROTOCOL_VERSION
        assert body[wire.IDENTITY_BOARD_NAME :].startswith(role.encode())


def test_a_missing_chip_is_a_fault_that_only_a_reset_ends():
    for role in _ROLES:
        for chip in _CHIPS[role]:
            bench = Bench(role, break_chip=chip)
            bench.step()
            faults = bench.faults()
            assert len(faults) == 1 and faults[0][0] == wire.FAULT_CODE_CHIP_NOT_FOUND, (role, chip)
            start = {"sensor": (16, 15), "coil": (32, 1), "table": (48, 0)}[role]
            refused = (wire.ERROR_CODE_FAULT_LATCHED, wire.FAULT_CODE_CHIP_NOT_FOUND)
            assert bench.command(*start) == refused
            assert bench.command(wire.COMMAND_CLEAR_FAULTS) == refused
            assert bench.command(*start) == refused
            assert bench.hal.outputs_are_off()


def test_flash_that_does_not_mount_is_a_fault_and_the_defaults_hold():
    bench = Bench("coil", mount_error=OSError(5))
    bench.step()
    assert bench.faults()[0][0] == wire.FAULT_CODE_SETTINGS_CORRUPT
    assert bench.read(0) == (0, 2000)
    assert bench.command(wire.COMMAND_CLEAR_FAULTS) == (0, 0)


def test_saved_settings_are_in_force_after_a_restart():
    root = "/tmp/nullfield-app-%d" % (id(object()) & 0xFFFFFF)
    os.mkdir(root)
    bench = Bench("coil", root)
    assert bench.write(2, 5000000) == (0, 5000000)
    bench.hal.put(b"")
    # Flash is written with everything off; that may allocate.
    assert bench.board._at_rest(wire.COMMAND_SAVE_SETTINGS) == wire.ERROR_CODE_OK
    again = Bench("coil", root)
    assert again.read(2) == (0, 5000000)
    assert again.command(wire.COMMAND_COIL_ENABLE, 1)[0] == 0
    assert again.command(wire.COMMAND_COIL_SET, 0, 1000000)[0] == 0
    again.run(100)
    assert abs(again.world.current_na[0] - 490000) < 10000, "the saved ramp rate, not the default"


def test_setting_limits_answer_with_the_limit():
    for role in _ROLES:
        bench = Bench(role)
        for number, item in enumerate(bench.board.settings.items):
            assert bench.write(number, item.minimum - 1) == (4, item.minimum)
            assert bench.write(number, item.maximum + 1) == (5, item.maximum)
            assert bench.write(number, 0x7FFFFFFF) == (5, item.maximum)
            assert bench.write(number, -(1 << 31)) == (4, item.minimum)
            assert bench.read(number) == (0, item.default)
            for value in (item.minimum, item.maximum, item.default):
                assert bench.write(number, value) == (0, value)
        count = len(bench.board.settings.items)
        assert bench.write(count, 0)[0] == wire.ERROR_CODE_UNKNOWN_SETTING
        assert bench.read(65535)[0] == wire.ERROR_CODE_UNKNOWN_SETTING


def test_default_settings():
    bench = Bench("coil")
    bench.write(2, 5000000)
    assert bench.command(wire.COMMAND_DEFAULT_SETTINGS) == (0, 0)
    assert bench.read(2) == (0, 20000000)


def test_nonsense_is_answered():
    bench = Bench("coil")
    message, body = bench.ask(wire.COMMAND_REQUEST, bytes(3))
    assert message == wire.ACKNOWLEDGE
    assert u16(body, wire.ACKNOWLEDGE_ERROR) == wire.ERROR_CODE_BAD_LENGTH
    message, body = bench.ask(0x42, bytes(8))
    assert u16(body, wire.ACKNOWLEDGE_ERROR) == wire.ERROR_CODE_UNKNOWN_MESSAGE
    assert i32(body, wire.ACKNOWLEDGE_DETAIL) == 0x42
    assert bench.command(4242) == (wire.ERROR_CODE_UNKNOWN_COMMAND, 0)
    _, body = bench.ask(wire.COIL_WAVEFORM_REQUEST, bytes(3))
    assert u16(body, wire.ACKNOWLEDGE_ERROR) == wire.ERROR_CODE_BAD_LENGTH


def test_a_request_of_another_role_is_unknown():
    bench = Bench("table")
    _, body = bench.ask(wire.COIL_WAVEFORM_REQUEST, bytes(wire.COIL_WAVEFORM_REQUEST_SIZE))
    assert u16(body, wire.ACKNOWLEDGE_ERROR) == wire.ERROR_CODE_UNKNOWN_MESSAGE


def test_streams_have_no_gap():
    for role in _ROLES:
        bench = Bench(role)
        bench.command(wire.COMMAND_STREAM_START)
        bench.take()
        rows = []
        for _ in range(20):
            bench.run(50)
            rows += _rows(bench, role)
        assert len(rows) == 100 and all(count == 10 for _, count, _ in rows), len(rows)
        assert all(after[0] - before[0] == 10 for before, after in zip(rows, rows[1:]))
        assert rows[-1][2] == 0


def test_missed_blocks_show_as_a_jump_of_the_index():
    bench = Bench("coil")
    bench.command(wire.COMMAND_STREAM_START)
    bench.take()
    bench.run(5)
    bench.step(missed=7)
    bench.run(30)
    rows = _rows(bench, "coil")
    covered = []
    for start, count, _ in rows:
        covered += list(range(start, start + count))
    jumps = [b - a for a, b in zip(covered, covered[1:]) if b - a != 1]
    assert jumps == [8], rows


def test_starting_a_running_stream_costs_no_rows():
    bench = Bench("table")
    bench.command(wire.COMMAND_STREAM_START)
    rows = _rows(bench, "table")
    for _ in range(10):
        bench.run(13)
        rows += _rows(bench, "table")
        bench.board._common_command(wire.COMMAND_STREAM_START, 0)
    for before, after in zip(rows, rows[1:]):
        assert after[0] == before[0] + before[1]


def test_stopping_flushes_the_last_rows():
    bench = Bench("coil")
    bench.command(wire.COMMAND_STREAM_START)
    bench.take()
    bench.run(4)
    bench.hal.sent_count = 0
    bench.board._common_command(wire.COMMAND_STREAM_STOP, 0)
    bench.step()
    assert [count for _, count, _ in _rows(bench, "coil")] == [4]
    bench.run(100)
    assert _rows(bench, "coil") == []


def test_rows_without_room_are_counted_as_dropped():
    bench = Bench("sensor")
    bench.command(wire.COMMAND_STREAM_START)
    bench.take()
    bench.hal.link_room = 0
    bench.run(500)
    bench.hal.link_room = 4096
    bench.run(60)
    rows = _rows(bench, "sensor")
    covered = sum(count for _, count, _ in rows)
    span = rows[-1][0] + rows[-1][1] - rows[0][0]
    assert rows[-1][2] == span - covered > 100


def test_host_silence_makes_every_role_safe():
    for role, start, extra in (
        ("sensor", (16, 15), "heater_enable"),
        ("coil", (32, 1), "coil_enable"),
        ("table", (48, 0), "motor_enable"),
    ):
        bench = Bench(role)
        assert bench.write(0, 300) == (0, 300)
        assert bench.command(*start) == (0, 0), role
        bench.command(wire.COMMAND_STREAM_START)
        bench.run(1000)
        assert bench.hal.outputs[extra].level == 1
        assert bench.board.state == wire.BOARD_STATE_ACTIVE
        while bench.blocks % 250 != 1:
            bench.step()
        bench.host_falls_silent()
        bench.forget()
        bench.run(298)
        assert bench.hal.outputs[extra].level == 1, role
        # Looked at every ten blocks.
        bench.run(14)
        assert bench.hal.outputs_are_off()
        assert bench.board.state == wire.BOARD_STATE_FAULT
        assert bench.faults()[-1][0] == wire.FAULT_CODE_HOST_SILENT
        assert not bench.board.streaming
        assert bench.command(wire.COMMAND_CLEAR_FAULTS) == (0, 0)
        assert bench.board.state == wire.BOARD_STATE_SAFE


def test_a_safe_board_needs_no_host():
    bench = Bench("coil")
    bench.host_falls_silent()
    bench.run(3000)
    assert bench.board.state == wire.BOARD_STATE_SAFE
    assert bench.faults() == []


def test_settings_are_not_saved_while_active_or_streaming():
    bench = Bench("coil")
    bench.command(wire.COMMAND_COIL_ENABLE, 1)
    assert bench.command(wire.COMMAND_SAVE_SETTINGS)[0] == wire.ERROR_CODE_WRONG_STATE
    assert bench.command(wire.COMMAND_DEFAULT_SETTINGS)[0] == wire.ERROR_CODE_WRONG_STATE
    bench.command(wire.COMMAND_SAFE_OFF)
    bench.command(wire.COMMAND_STREAM_START)
    assert bench.command(wire.COMMAND_SAVE_SETTINGS)[0] == wire.ERROR_CODE_STREAMING


def test_reset_and_prompt_leave_safe_and_answer_first():
    for command, how in ((wire.COMMAND_RESET, "reset"), (wire.COMMAND_ENTER_REPL, "prompt")):
        bench = Bench("coil")
        bench.command(wire.COMMAND_COIL_ENABLE, 1)
        bench.take()
        try:
            bench.command(command, lock=False)
            raise AssertionError
        except Left as left:
            assert str(left) == how
        assert bench.hal.outputs_are_off()
        assert bench.board.stopped
        assert [m for m, _, _ in bench.take() if m == wire.ACKNOWLEDGE] == [wire.ACKNOWLEDGE]


def test_time_counts_blocks_missed_ones_too():
    bench = Bench("table")
    bench.run(100)
    bench.step(missed=50)
    body = bench.ask(wire.TIME_REQUEST, b"")[1]
    assert u32(body, wire.TIME_REPLY_BOARD_TIME_US) == 152 * 1000 + 17


def test_rare_events_are_logged_in_words():
    bench = Bench("coil", root="/tmp")
    bench.command(wire.COMMAND_COIL_ENABLE, 1)
    lines = []
    for command in (wire.COMMAND_SAFE_OFF, wire.COMMAND_CLEAR_FAULTS, wire.COMMAND_SAFE_OFF):
        bench.hal.sent_count = 0
        bench.step(data=bench.request_of(command))
        for message, _, body in bench.take():
            if message == wire.LOG:
                assert body[wire.LOG_LEVEL] == wire.LOG_LEVEL_INFO
                assert u32(body, wire.LOG_BOARD_TIME_US) == bench.blocks * 1000
                lines.append(body[wire.LOG_SIZE :].decode())
    assert lines == ["outputs off: the host asked for it"]
