"""Frames that a board must refuse, and pieces that it must put together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nullfield.errors import RequestError
from nullfield_protocol.catalogue import ErrorCode
from nullfield_protocol.frame import encode_frame
from nullfield_protocol.messages import MessageId

VECTORS = Path(__file__).parents[1] / "protocol" / "vectors" / "frames.json"
WAIT_S = 30.0


def next_heartbeat(board: Any) -> Any:
    """The next heartbeat, so that it holds what happened until now."""
    old = board.link.last_heartbeat
    assert board.clock.wait(lambda: board.link.last_heartbeat is not old, WAIT_S)
    return board.link.last_heartbeat


def test_golden_bad_frames_are_counted_and_do_no_harm(board: Any) -> None:
    bad = [v for v in json.loads(VECTORS.read_text(encoding="utf-8")) if v["kind"] != "valid"]
    assert bad
    next_heartbeat(board)
    before = next_heartbeat(board).receive_errors
    for vector in bad:
        board.link._transport.write(bytes.fromhex(vector["wire"]))
        board.ping()
    next_heartbeat(board)
    assert next_heartbeat(board).receive_errors == before + len(bad)


def test_golden_good_frames_are_taken(board: Any) -> None:
    """Those for boards are understood, the others are whole frames of an unknown kind: no error."""
    good = [v for v in json.loads(VECTORS.read_text(encoding="utf-8")) if v["kind"] == "valid"]
    assert good
    next_heartbeat(board)
    before = next_heartbeat(board).receive_errors
    for vector in good:
        board.link._transport.write(bytes.fromhex(vector["wire"]))
        board.ping()
    next_heartbeat(board)
    assert next_heartbeat(board).receive_errors == before
    board.safe_off()


def test_a_frame_in_pieces_is_one_frame(board: Any) -> None:
    beat = 0x1234567
    next_heartbeat(board)
    # Only this beat from now on: the board repeats the last one that it took.
    board.link._cancel_beat()
    for byte in encode_frame(MessageId.HEARTBEAT, 7, beat.to_bytes(4, "little")):
        board.link._transport.write(bytes([byte]))
    assert board.clock.wait(lambda: board.link.last_heartbeat.host_beat == beat, WAIT_S)


def test_unknown_setting_and_command_are_refused(board: Any) -> None:
    with pytest.raises(RequestError) as refused:
        board.link.request(MessageId.SETTING_READ_REQUEST, MessageId.SETTING_VALUE, index=60000)
    assert refused.value.code == ErrorCode.UNKNOWN_SETTING
    with pytest.raises(RequestError) as refused:
        board.link.request(
            MessageId.COMMAND_REQUEST, MessageId.ACKNOWLEDGE, command=999, argument=[0, 0, 0, 0]
        )
    assert refused.value.code == ErrorCode.UNKNOWN_COMMAND
