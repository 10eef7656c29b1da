"""Requests over good and bad lines, handshake, heartbeats, loss accounting."""

import itertools
import struct

import pytest
from fake_board import FakeBoard, StepClock
from hypothesis import given, settings
from hypothesis import strategies as st

from nullfield.errors import (
    BoardLostError,
    ProtocolError,
    ProtocolMismatchError,
    RequestError,
    RequestTimeoutError,
    TransportError,
)
from nullfield.link import REQUEST_ID_LIMIT, Link
from nullfield_protocol.catalogue import BoardState, Command, ErrorCode, FaultCode, Role
from nullfield_protocol.frame import decode_frame
from nullfield_protocol.messages import MessageId


@pytest.fixture
def board():
    return FakeBoard(StepClock())


def opened(board, **options):
    link = Link(board, board.clock, **options)
    link.open()
    return link


def pings(board):
    return [one for one in board.commands if one[0] == Command.PING]


def on_any(results):
    """Line that does so with one frame after the other; heartbeats pass."""

    def line(wire):
        if decode_frame(wire[:-1]).message in (MessageId.HEARTBEAT, MessageId.BOARD_HEARTBEAT):
            return [wire]
        return next(results, [wire])

    return line


def test_identity(board):
    link = opened(board)
    who = link.identity
    assert (who.role, who.uid, who.board_name) == (Role.SENSOR, "0102030405060708", "fake")
    assert (who.row_period_us, who.group_delay_us, who.setting_count) == (1000, 1500, 15)
    assert "sensor board 0102030405060708" in link.label


def test_identity_before_open(board):
    with pytest.raises(TransportError, match="not open"):
        _ = Link(board, board.clock).identity


def test_other_protocol_version(board):
    board.version = 2
    with pytest.raises(ProtocolMismatchError) as caught:
        opened(board)
    assert "0102030405060708" in caught.value.message
    assert "protocol 2" in caught.value.message
    assert "this host 1" in caught.value.message
    assert caught.value.hint == "nullfield flash fake:0102030405060708"
    assert not board.is_open


def test_other_catalogue(board):
    board.catalogue = b"otherone"
    with pytest.raises(ProtocolMismatchError, match=b"otherone".hex()):
        opened(board)


def test_longer_identity_of_a_later_version_is_a_mismatch_too(board):
    board.version = 3
    board._do = lambda message, request: None
    payload = struct.pack("<IHBB8s8s16s", 1, 3, 1, 1, board.uid, b"x" * 8, b"9.0") + bytes(70)
    board._hear = lambda data: data != b"\0" and board.send(MessageId.IDENTITY, payload)
    with pytest.raises(ProtocolMismatchError, match=r"9\.0 speaks protocol 3"):
        opened(board)


def test_nobody_answers(board):
    board.is_mute = True
    start = board.clock.now
    with pytest.raises(RequestTimeoutError, match="nothing came"):
        opened(board)
    assert board.clock.now - start == pytest.approx(1.0)
    assert not board.is_open


def test_only_garbage_answers(board):
    board.to_host = lambda wire: [b"\x55" * 30 + b"\0"]
    with pytest.raises(RequestTimeoutError, match="no whole frame"):
        opened(board)


def test_opened_in_the_middle_of_a_stream(board):
    board.stream()
    board.clock.run(0.1)
    message, payload = board.block()
    board.is_open = True
    link = Link(board, board.clock)
    board.open = lambda: board.raw(b"tail of a frame" + payload[:30].replace(b"\0", b"x") + b"\0")
    link.open()
    board.clock.run(0.1)
    assert link.statistics.errors == {}
    assert link.statistics.lost_frames == {}
    assert message == MessageId.SENSOR_SAMPLES


@pytest.mark.parametrize("way", ["to_board", "to_host"])
def test_lost_frame_is_retried_and_done_once(board, way):
    link = opened(board)
    done = len(pings(board))
    lost = iter([[], []])
    setattr(board, way, on_any(lost))
    link.command(Command.PING)
    assert len(pings(board)) == done + 1
    assert link.statistics.retries == 2


def test_duplicate_and_late_answers_are_harmless(board):
    link = opened(board)
    board.to_host = lambda wire: [wire, wire]
    board.to_board = lambda wire: [wire, wire]
    done = len(pings(board))
    for _ in range(5):
        link.command(Command.PING)
    board.clock.run(0.1)
    assert len(pings(board)) == done + 5
    assert link.statistics.unmatched_replies >= 5


def test_slow_board_answers_the_first_attempt_late(board):
    link = opened(board)
    done = len(pings(board))
    board.delay_s = 0.2
    link.command(Command.PING)
    assert len(pings(board)) == done + 1
    assert link.statistics.retries == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["ok", "drop", "twice", "flip"]), min_size=20, max_size=80))
def test_any_bad_line_does_a_command_once_or_says_timeout(faults):
    board = FakeBoard(StepClock())
    link = opened(board, session=1000)
    turn = iter(faults * 50)

    def line(wire):
        fault = next(turn, "ok")
        flipped = bytes([wire[0], wire[1] ^ 0x40]) + wire[2:]
        return {"ok": [wire], "drop": [], "twice": [wire, wire], "flip": [flipped]}[fault]

    board.to_board = board.to_host = line
    start = len(pings(board))
    answered = asked = 0
    for _ in range(6):
        asked += 1
        try:
            link.command(Command.PING)
            answered += 1
        except RequestTimeoutError:
            pass
    assert answered <= len(pings(board)) - start <= asked


def test_timeout_names_the_request(board):
    link = opened(board)
    board.to_board = lambda wire: []
    with pytest.raises(RequestTimeoutError, match=r"command safe_off: no answer to 4 attempts"):
        link.command(Command.SAFE_OFF)


@pytest.mark.parametrize("last", [0, 1, 2, 16, 1000, REQUEST_ID_LIMIT - 1])
def test_a_former_sessions_last_id_swallows_no_command(board, last):
    first = opened(board, session=last)
    first.command(Command.SAFE_OFF)
    first.close()
    done = len(board.commands)
    second = opened(board, session=board.last_id)
    second.command(Command.SAFE_OFF)
    assert [one[0] for one in board.commands[done:]].count(Command.SAFE_OFF) == 1


def test_session_differs_from_time_to_time_and_repeats_with_the_clock():
    ids = []
    for start in (100.0, 100.0, 101.0):
        clock = StepClock(start)
        board = FakeBoard(clock)
        board.boot_s = 0
        opened(board)
        ids.append(board.last_id)
    assert ids[0] == ids[1] != ids[2]
    assert all(0 <= one < REQUEST_ID_LIMIT for one in ids)


def test_request_ids_wrap(board):
    link = opened(board, session=REQUEST_ID_LIMIT - 2)
    for _ in range(4):
        link.command(Command.PING)
    assert board.last_id == 18


@pytest.mark.parametrize("code", [code for code in ErrorCode if code != ErrorCode.OK])
def test_every_error_code_has_words(board, code):
    link = opened(board)
    board.errors[Command.COIL_SET] = (code, 10)
    with pytest.raises(RequestError) as caught:
        link.command(Command.COIL_SET, 3, 99)
    assert "command coil_set: " in caught.value.message
    assert "refused with error" not in caught.value.message
    assert (caught.value.code, caught.value.detail) == (code, 10)
    if code == ErrorCode.ABOVE_MAXIMUM:
        assert "3, 99 is above the maximum 10" in caught.value.message


def test_unknown_error_code_is_told(board):
    link = opened(board)
    board.errors[Command.PING] = (77, 3)
    with pytest.raises(RequestError, match="error 77, detail 3"):
        link.command(Command.PING)


def test_wrong_answer_is_a_protocol_error(board):
    link = opened(board)
    board._do = lambda message, request: (
        MessageId.TIME_REPLY, {"hold_time_us": 0, "board_time_us": 0}
    )  # fmt: skip
    with pytest.raises(ProtocolError, match="answered by message 0x85"):
        link.command(Command.PING)


def test_heartbeats_go_out_until_close(board):
    link = opened(board)
    board.clock.run(1.1)
    assert board.beats == 5
    link.close()
    board.clock.run(1.0)
    assert board.beats == 5


def test_port_lost(board):
    link = opened(board)
    board.lost("unplugged")
    with pytest.raises(BoardLostError, match="unplugged"):
        link.command(Command.PING)


def test_write_fails(board):
    link = opened(board)

    def write(data):
        raise TransportError("fake: writing failed")

    board.write = write
    board.clock.run(0.5)
    with pytest.raises(BoardLostError, match="writing failed"):
        link.command(Command.PING)


def test_loss_is_counted_by_cause(board):
    link = opened(board)
    frames = []
    link.subscribe(lambda frame, host_time_s: frames.append((frame, host_time_s)))
    board.stream()
    board.clock.run(0.05)
    board.to_host = on_any(iter([[], [], [b"\x03ab\0"], [b"\x09ab\0"]]))
    board.clock.run(0.02)
    board.skip_rows(40)
    board.clock.run(0.4)
    statistics = link.statistics
    assert sum(statistics.lost_frames.values()) == 4
    assert statistics.errors == {"short": 1, "cobs": 1}
    assert statistics.board_dropped_rows == 40
    assert statistics.frames_received > len(frames) > 20
    assert all(later[1] >= sooner[1] for sooner, later in itertools.pairwise(frames))


def test_board_restart_is_no_loss(board):
    link = opened(board)
    board.clock.run(3)
    board.sequence.clear()
    board.clock.run(1)
    assert link.statistics.lost_frames == {}
    assert link.statistics.sequence_restarts == 1


def test_unsubscribe(board):
    link = opened(board)
    frames = []
    cancel = link.subscribe(lambda frame, host_time_s: frames.append(frame))
    cancel()
    board.clock.run(1)
    assert frames == []


def test_fault_surfaces(board):
    link = opened(board)
    board.fault(FaultCode.LASER_LOCK_LOST, BoardState.ACTIVE, source=2)
    board.clock.run(0.1)
    assert link.fault is None
    assert [(one.code, one.source) for one in link.faults] == [(FaultCode.LASER_LOCK_LOST, 2)]
    board.fault()
    board.clock.run(0.1)
    assert link.fault is not None
    assert link.fault.name == "interlock open"
    link.forget_faults()
    assert link.fault is None
    assert link.faults == []


def test_fault_from_before_shows_in_the_heartbeat(board):
    board.state = BoardState.FAULT
    link = opened(board)
    board.clock.run(0.5)
    assert link.fault is not None
    assert link.fault.code == FaultCode.INTERLOCK_OPEN


def test_time_exchange(board):
    link = opened(board)
    exchanges = link.exchange_time(5)
    assert len(exchanges) == 5
    for one in exchanges:
        assert one.round_trip_s == pytest.approx(0.004)
        assert one.host_time_s - board.boot_s == pytest.approx(one.board_time_us * 1e-6)


def test_lost_time_exchange_is_left_out(board):
    link = opened(board)
    board.to_board = on_any(iter([[], []]))
    assert len(link.exchange_time(5)) == 3


def test_identify_never_looks_like_ctrl_c(board):
    # A booting board would take the byte for an interrupt and stay at its prompt.
    sent = []
    board.to_board = lambda wire: sent.append(wire) or []
    with pytest.raises(RequestTimeoutError):
        opened(board)
    assert len(sent) >= 4
    assert not any(b"\x03" in wire for wire in sent)
