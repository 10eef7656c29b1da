"""One hash over what a recording says, so that two runs of one seed can be compared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from nullfield.recording.reader import Recording
from nullfield_protocol.catalogue import ErrorCode
from nullfield_protocol.codec import SAMPLE_MESSAGES, parse
from nullfield_protocol.messages import MessageId


def recording_digest(path: Path) -> str:
    """SHA-256 over samples, settings and events, as hex.

    Wall-clock fields (everything named ``wall_clock``), host times, file borders, software versions
    and the interleaving of boards do not count.
    """
    recording = Recording(path)
    boards: dict[str, Any] = {}
    for board in recording.header.get("boards", []):
        boards[board["uid"]] = hashlib.sha256(_canonical(board.get("settings", [])))
    for record in recording.frames():
        message, payload = record.frame.message, record.frame.payload
        if message not in SAMPLE_MESSAGES and message != MessageId.SETTING_VALUE:
            continue
        board_hash = boards.setdefault(record.uid, hashlib.sha256())
        if message == MessageId.SETTING_VALUE:
            reply = parse(MessageId.SETTING_VALUE, payload)
            if reply.error != ErrorCode.OK:
                continue
            # The request id differs from session to session, the setting does not.
            payload = payload[4:]
        board_hash.update(bytes([message]) + len(payload).to_bytes(4, "little") + payload)
    total = hashlib.sha256()
    for uid in sorted(boards):
        total.update(f"{uid} {boards[uid].hexdigest()}\n".encode())
    for event in recording.events():
        total.update(_canonical(_without_wall_clock(event.fields)) + b"\n")
    return total.hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _without_wall_clock(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_wall_clock(v) for k, v in value.items() if k != "wall_clock"}
    if isinstance(value, list):
        return [_without_wall_clock(one) for one in value]
    return value
