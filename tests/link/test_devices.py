"""Boards in SI: settings, telemetry, samples, waiting, connecting."""

import numpy as np
import pytest
from fake_board import FakeBoard, StepClock

from nullfield.devices.coil import CoilBoard
from nullfield.devices.connect import connect
from nullfield.devices.sensor import SensorBoard, head_mask
from nullfield.devices.table import TableBoard
from nullfield.errors import (
    BoardFaultError,
    BoardLostError,
    BoardNotFoundError,
    ProcedureError,
    RequestError,
    TransportError,
    WrongRoleError,
)
from nullfield_protocol.catalogue import BoardState, Command, FaultCode, HeadState, Role


def linked(role=Role.SENSOR, **options):
    fake = FakeBoard(StepClock(), role)
    return fake, connect(fake, fake.clock, role, fake.uid.hex(), "sensor0", **options)


def test_types_follow_the_role():
    for role, kind in (
        (Role.SENSOR, SensorBoard),
        (Role.COIL, CoilBoard),
        (Role.TABLE, TableBoard),
    ):
        assert type(linked(role)[1]) is kind


def test_wrong_role_names_the_rigs_entry():
    fake = FakeBoard(StepClock(), Role.COIL)
    with pytest.raises(WrongRoleError, match="'sensor0' of the rig should be a sensor board"):
        connect(fake, fake.clock, Role.SENSOR, name="sensor0")
    assert not fake.is_open


def test_wrong_uid_names_both():
    fake = FakeBoard(StepClock())
    with pytest.raises(BoardNotFoundError, match="should be ffff, but 0102030405060708"):
        connect(fake, fake.clock, expected_uid="ffff", name="sensor0")
    assert not fake.is_open


def test_missing_board_names_the_rigs_entry():
    fake = FakeBoard(StepClock())
    fake.is_mute = True
    with pytest.raises(
        BoardNotFoundError, match=r"'sensor0' of the rig \(uid 01\) does not answer"
    ):
        connect(fake, fake.clock, expected_uid="01", name="sensor0")


def test_settings_in_si():
    fake, board = linked()
    assert board.settings.get("heater_power_limit") == pytest.approx(0.3)
    assert board.settings.get("head1_coil_scale_b") == pytest.approx(1.862655e-15)
    assert board.settings.set("heater_power_limit", 0.4567) == pytest.approx(0.457)
    assert fake.settings[0]["value"] == 457
    everything = board.settings.all()
    assert len(everything) == 15
    limit = everything["heater_power_limit"]
    assert (limit.value, limit.unit, limit.minimum, limit.maximum) == (0.457, "W", 0.0, 0.6)
    assert limit.is_persistent
    assert not limit.is_read_only
    assert everything["serial_number"].is_read_only
    assert everything["closed_loop"].is_boolean


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("heater_power_limit", 0.9, "heater_power_limit: 0.9 W is above the maximum 0.6 W"),
        ("heater_power_limit", -1, "-1 W is below the minimum 0 W"),
        ("heater_power_limit", 1e9, "1e+09 W is above the maximum 0.6 W"),
        ("serial_number", 8, "can be read only"),
    ],
)
def test_refused_setting_names_value_and_limit(name, value, words):
    _, board = linked()
    with pytest.raises(RequestError) as caught:
        board.settings.set(name, value)
    assert words in caught.value.message
    assert board.settings.get("heater_power_limit") == pytest.approx(0.3)


def test_unknown_setting_suggests_one():
    _, board = linked()
    with pytest.raises(RequestError) as caught:
        board.settings.get("heater_power_limits")
    assert caught.value.hint == "did you mean heater_power_limit?"


def test_refresh_reads_from_the_board():
    fake, board = linked()
    fake.settings[0]["value"] = 111
    assert board.settings.refresh("heater_power_limit") == pytest.approx(0.111)


def test_commands_reach_the_board():
    fake, board = linked()
    board.start([0, 2])
    board.loop(True)
    assert fake.commands[-2:] == [
        (Command.SENSOR_START, [5, 0, 0, 0]), (Command.SENSOR_LOOP, [15, 1, 0, 0])
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no head slot 4"):
        head_mask([4])
    fake, board = linked(Role.COIL)
    board.enable()
    board.set_current_a(3, -1.5e-3)
    assert fake.commands[-1] == (Command.COIL_SET, [3, -1500000, 0, 0])
    fake, board = linked(Role.TABLE)
    board.move_to(0.55, 0.1)
    assert fake.commands[-1] == (Command.TABLE_MOVE, [550000, 100000, 0, 0])


def test_sensor_stream_in_tesla():
    _, board = linked()
    board.stream_start()
    window = board.wait_samples(100)
    assert np.array_equal(window.index, np.arange(window.index[0], window.index[0] + 100))
    assert np.all(np.diff(window.board_time_us) == 1000)
    field_t = board.field_t(window)
    assert field_t.shape == (12, 100)
    expected = (window.index % 100000) * 10 + 4
    assert np.allclose(field_t[4], expected * 1.862655e-15)
    assert board.flags(window).shape == (4, 100)
    assert board.samples.gaps == []


def test_coil_and_table_streams():
    _, board = linked(Role.COIL)
    board.stream_start()
    assert board.current_a(board.wait_samples(10)).shape == (8, 10)
    _, board = linked(Role.TABLE)
    board.stream_start()
    assert board.position_m(board.wait_samples(10)).shape == (10,)


def test_waiting_counts_time_over_a_gap():
    fake, board = linked()
    board.stream_start()
    board.wait_samples(8)
    fake.skip_rows(50)
    window = board.wait_samples(100)
    assert 50 <= len(window) < 100
    assert board.samples.lost_rows() == {"board_queue": 50, "link": 0, "board_blocks": 0}


def test_telemetry_in_si():
    fake, board = linked()
    fake.clock.at(fake.clock.now + 0.5, lambda: fake.telemetry(cell_temperature_mc=[150123] * 4))
    fake.clock.at(fake.clock.now + 0.7, lambda: fake.telemetry(head_state=[6, 5, 5, 5]))
    telemetry = board.wait_telemetry(lambda t: t.cell_temperature_c[0] > 150, 5.0)
    assert telemetry.cell_temperature_c[3] == pytest.approx(150.123)
    telemetry = board.wait_telemetry(lambda t: t.head_state[1] == HeadState.READY, 5.0)
    assert telemetry.head_state[0] == HeadState.FAULT
    assert telemetry.coil_offset_t.shape == (4, 3)
    assert telemetry.response.shape == (4, 2)


@pytest.mark.parametrize("role", [Role.COIL, Role.TABLE])
def test_other_telemetry(role):
    fake, board = linked(role)
    fake.clock.at(fake.clock.now + 0.1, lambda: fake.telemetry(load_permille=500))
    assert board.wait_telemetry(lambda t: True, 1.0).load == 0.5


def test_old_telemetry_does_not_count():
    fake, board = linked()
    fake.telemetry()
    fake.clock.run(0.1)
    with pytest.raises(ProcedureError, match=r"longer than 0\.5 s"):
        board.wait_telemetry(lambda t: True, 0.5)


def test_fault_ends_waiting_at_once():
    fake, board = linked()
    board.stream_start()
    fake.clock.at(fake.clock.now + 1.0, fake.fault)
    start = fake.clock.now
    with pytest.raises(BoardFaultError, match="interlock open"):
        board.wait_samples(60000)
    assert fake.clock.now - start < 1.1
    board.clear_faults()
    board.wait_samples(10)


def test_fault_of_one_head_does_not_end_waiting():
    fake, board = linked()
    board.stream_start()
    fake.fault(FaultCode.CELL_SENSOR, BoardState.ACTIVE, source=1)
    board.wait_samples(100)
    assert board.link.faults[0].source == 1


def test_silence_is_noticed():
    fake, board = linked()
    fake.is_mute = True
    start = fake.clock.now
    with pytest.raises(BoardLostError, match="nothing came for"):
        board.wait_telemetry(lambda t: True, 60.0)
    assert 1.4 < fake.clock.now - start < 2.5


def test_lost_port_ends_waiting_at_once():
    fake, board = linked()
    fake.clock.at(fake.clock.now + 0.3, lambda: fake.lost("process died"))
    start = fake.clock.now
    with pytest.raises(BoardLostError, match="process died"):
        board.wait_telemetry(lambda t: True, 60.0)
    assert fake.clock.now - start < 0.7


def test_telemetry_of_the_wrong_length_is_counted():
    fake, board = linked()
    fake.send(board.telemetry_message, bytes(5))
    fake.clock.run(0.1)
    assert board.malformed_frames == 1


def test_description_is_json_and_complete():
    _, board = linked()
    description = board.description()
    assert description["role"] == "sensor"
    assert description["name"] == "sensor0"
    assert description["settings"][0]["value"] == 300
    assert description["identity"]["row_period_us"] == 1000


def test_board_clock():
    fake, board = linked()
    fit = board.exchange_time(10)
    assert fit.host_time_s(fake.time_us()) == pytest.approx(fake.clock.now, abs=1e-5)


def test_context_closes():
    fake, board = linked()
    with board:
        pass
    assert not fake.is_open
    assert isinstance(TransportError("x"), Exception)
