"""What every board must do, virtual or real. Waits are paced by what the board sends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nullfield.devices.coil import CoilBoard
from nullfield.devices.sensor import SensorBoard
from nullfield.devices.table import TableBoard
from nullfield.errors import PortBusyError, RequestError
from nullfield.transport.serial_port import SerialTransport
from nullfield_protocol.catalogue import PROTOCOL_VERSION, BoardState, ErrorCode, FaultCode, Role
from nullfield_protocol.fingerprint import fingerprint

GENEROUS_S = 30.0


def test_identity(board: Any, board_name: str) -> None:
    who = board.identity
    if board_name != "real":
        assert who.role == Role[board_name.upper()]
    assert who.protocol_version == PROTOCOL_VERSION
    assert bytes.fromhex(who.catalogue_fingerprint) == fingerprint()
    assert who.state in (BoardState.SAFE, BoardState.FAULT)
    assert who.setting_count == len(board.settings.names())
    assert who.row_period_us == 1000


def test_every_settings_limits(board: Any) -> None:
    for name, setting in board.settings.all().items():
        step = 10.0**setting.exponent
        for value in (setting.minimum, setting.maximum):
            assert board.settings.set(name, value) == pytest.approx(value)
            assert board.settings.refresh(name) == pytest.approx(value)
        for value, code in (
            (setting.maximum + step, ErrorCode.ABOVE_MAXIMUM),
            (setting.minimum - step, ErrorCode.BELOW_MINIMUM),
        ):
            with pytest.raises(RequestError, match=name) as refused:
                board.settings.set(name, value)
            assert refused.value.code == code
        assert board.settings.refresh(name) == pytest.approx(setting.maximum)
        board.settings.set(name, setting.default)


def test_stream_without_loss(board: Any) -> None:
    board.stream_start()
    board.wait_samples(100, GENEROUS_S)
    board.samples.clear()
    window = board.wait_samples(3000, GENEROUS_S)
    assert len(window) == 3000
    assert np.all(np.diff(window.index) == 1)
    assert board.samples.gaps == []
    assert not board.link.statistics.lost_frames
    assert not board.link.statistics.errors


def test_settings_while_streaming_cost_no_sample(board: Any) -> None:
    board.stream_start()
    board.wait_samples(50, GENEROUS_S)
    board.samples.clear()
    for _ in range(3):
        board.settings.read_all()
    board.wait_samples(50, GENEROUS_S)
    assert board.samples.gaps == []


def test_safe_off_on_host_silence(board: Any) -> None:
    # Long against the pause of a busy host, which would be silence too.
    board.settings.set("host_timeout", 1.5)
    if isinstance(board, SensorBoard):
        board.start()
    elif isinstance(board, CoilBoard):
        board.enable()
    else:
        assert isinstance(board, TableBoard)
        board.home()
    board.wait_telemetry(lambda t: t.board_state == BoardState.ACTIVE, GENEROUS_S)
    # The program hangs: the port stays open, no heartbeat is sent.
    board.link._cancel_beat()
    assert board.clock.wait(lambda: board.link.fault is not None, GENEROUS_S)
    fault = board.link.fault
    assert fault.code == FaultCode.HOST_SILENT
    assert fault.board_state == BoardState.FAULT
    # In milliseconds, by the board's own count.
    assert 1500 <= fault.value <= 1510
    # Answers go on; nothing can be switched on before the fault is cleared.
    board.ping()
    board.clear_faults()
    assert board.link.fault is None


def test_the_port_is_exclusive(board: Any) -> None:
    with pytest.raises(PortBusyError):
        SerialTransport(board.link.port).open()


def test_a_board_that_is_streaming_can_be_opened_again(board: Any, dut: Any) -> None:
    board.stream_start()
    board.wait_samples(20, GENEROUS_S)
    board.close()
    again = dut.connect()
    again.wait_samples(200, GENEROUS_S)
    again.stream_stop()
    again.close()
    board.link.lost_reason = "closed by the test"
