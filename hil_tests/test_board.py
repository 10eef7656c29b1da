"""What every board must do, on any target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nullfield.devices.board import Board
from nullfield.devices.coil import CoilBoard
from nullfield.devices.connect import connect
from nullfield.devices.sensor import SensorBoard
from nullfield.devices.table import TableBoard
from nullfield.errors import RequestError
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import WallClock
from nullfield_protocol.catalogue import PROTOCOL_VERSION, BoardState, ErrorCode, FaultCode
from nullfield_protocol.codec import parse
from nullfield_protocol.fingerprint import fingerprint
from nullfield_protocol.frame import Frame, FrameDecoder, encode_frame
from nullfield_protocol.messages import MessageId

VECTORS = Path(__file__).parents[1] / "protocol" / "vectors" / "frames.json"
ROWS = 2000
WAIT_S = 60.0


def test_identity(board: Board[Any], role: str) -> None:
    who = board.identity
    assert who.protocol_version == PROTOCOL_VERSION
    assert who.catalogue_fingerprint == fingerprint().hex()
    assert int(who.uid, 16) != 0
    assert who.block_period_us == 1000
    if role != "any":
        assert who.role.name.lower() == role


def test_every_setting_keeps_its_limits(board: Board[Any]) -> None:
    settings = board.settings
    for index, name in enumerate(settings.names()):
        setting = settings.describe(name)
        scale = 10.0**setting.exponent
        if setting.is_read_only:
            continue
        before = setting.raw
        try:
            for good in (setting.minimum, setting.maximum):
                assert settings.set(name, good) == pytest.approx(good)
            for bad, code in (
                (round(setting.minimum / scale) - 1, ErrorCode.BELOW_MINIMUM),
                (round(setting.maximum / scale) + 1, ErrorCode.ABOVE_MAXIMUM),
            ):
                # Straight to the board: it must refuse whatever a host believes.
                with pytest.raises(RequestError) as refused:
                    board.link.request(
                        MessageId.SETTING_WRITE_REQUEST,
                        MessageId.SETTING_VALUE,
                        index=index,
                        value=bad,
                    )
                assert refused.value.code == code, name
                assert settings.refresh(name) == pytest.approx(setting.maximum), name
        finally:
            settings.set(name, before * scale)


def test_unknown_setting_and_command_are_refused(board: Board[Any]) -> None:
    with pytest.raises(RequestError) as refused:
        board.link.request(MessageId.SETTING_READ_REQUEST, MessageId.SETTING_VALUE, index=60000)
    assert refused.value.code == ErrorCode.UNKNOWN_SETTING
    with pytest.raises(RequestError) as refused:
        board.link.request(
            MessageId.COMMAND_REQUEST, MessageId.ACKNOWLEDGE, command=999, argument=[0, 0, 0, 0]
        )
    assert refused.value.code == ErrorCode.UNKNOWN_COMMAND


def test_stream_without_loss(board: Board[Any]) -> None:
    board.stream_start()
    window = board.wait_samples(ROWS, WAIT_S)
    assert len(window) == ROWS
    assert (window.index[1:] - window.index[:-1] == 1).all()
    assert (window.board_time_us[1:] - window.board_time_us[:-1] == 1000).all()
    assert sum(board.samples.lost_rows().values()) == 0
    assert not board.link.statistics.errors


def test_bad_frames_are_counted_and_do_no_harm(board: Board[Any]) -> None:
    bad = [v for v in json.loads(VECTORS.read_text(encoding="utf-8")) if v["kind"] != "valid"]
    before = _heartbeat(board).receive_errors
    transport = board.link._transport
    for vector in bad:
        transport.write(bytes.fromhex(vector["wire"]))
        board.ping()
    assert _heartbeat(board).receive_errors == before + len(bad)


def _heartbeat(board: Board[Any]) -> Any:
    """The next heartbeat, so that it holds what happened until now."""
    old = board.link.last_heartbeat
    assert board.clock.wait(lambda: board.link.last_heartbeat is not old, WAIT_S)
    return board.link.last_heartbeat


def test_outputs_go_safe_when_the_host_falls_silent(board_port: str, role: str) -> None:
    clock = WallClock()
    with connect(SerialTransport(board_port), clock) as board:
        board.safe_off()
        board.clear_faults()
        _activate(board)
    faults: list[Any] = []
    decoder = FrameDecoder()
    listener = SerialTransport(board_port)

    def take(data: bytes) -> None:
        for frame in decoder.feed(data):
            if frame.message == MessageId.FAULT:
                faults.append(parse(MessageId.FAULT, frame.payload))
        clock.wake()

    # Listening without a heartbeat: to the board the host is gone.
    listener.set_receiver(take)
    listener.open()
    try:
        assert clock.wait(lambda: bool(faults), WAIT_S)
    finally:
        listener.close()
    assert faults[0].code == FaultCode.HOST_SILENT
    assert faults[0].board_state == BoardState.FAULT
    with connect(SerialTransport(board_port), WallClock()) as board:
        assert board.identity.state == BoardState.FAULT
        with pytest.raises(RequestError) as refused:
            _activate(board)
        assert refused.value.code == ErrorCode.FAULT_LATCHED
        board.clear_faults()
        board.safe_off()


def _activate(board: Board[Any]) -> None:
    """Bring the board to ACTIVE by the least that does."""
    if isinstance(board, SensorBoard):
        board.start([0])
    elif isinstance(board, CoilBoard):
        board.enable(True)
    elif isinstance(board, TableBoard):
        board.home()


def test_a_frame_in_pieces_is_one_frame(board: Board[Any]) -> None:
    frame = encode_frame(MessageId.HEARTBEAT, 7, (12345).to_bytes(4, "little"))
    transport = board.link._transport
    for byte in frame:
        transport.write(bytes([byte]))
    answers: list[Frame] = []
    cancel = board.link.subscribe(lambda frame, host_time_s: answers.append(frame))
    try:
        board.ping()
    finally:
        cancel()
    assert answers
