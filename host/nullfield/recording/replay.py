"""Feeds a recording through the whole host path, as if the boards were there.

`Replay` stands for all ports and the clock at once. Time moves only while the host waits, from one
recorded frame to the next; requests are answered at once from the header. So a replay has one
thread and gives the same on every run.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nullfield.recording.reader import RecordedFrame, Recording
from nullfield_protocol.catalogue import (
    BoardState,
    Command,
    ErrorCode,
    Mcu,
    ResetCause,
    Role,
    Slot,
)
from nullfield_protocol.codec import build, parse
from nullfield_protocol.frame import FrameDecoder, encode_frame
from nullfield_protocol.messages import MessageId

_ALLOWED = frozenset({Command.PING, Command.STREAM_START, Command.STREAM_STOP, Command.SAFE_OFF})
_REQUESTS_OF_THE_PAST = frozenset(
    {
        MessageId.IDENTITY,
        MessageId.SETTING_DESCRIPTION,
        MessageId.ACKNOWLEDGE,
        MessageId.TIME_REPLY,
    }
)


class Replay:
    """A recording as transports and clock.

    Parameters
    ----------
    path : pathlib.Path
        Recording directory or file.

    Attributes
    ----------
    recording : Recording
    clock : ReplayClock
        For `Link` and `connect`.
    transports : dict of str to ReplayTransport
        By board uid.
    """

    def __init__(self, path: Path) -> None:
        self.recording = Recording(path)
        self.transports = {
            uid: ReplayTransport(self, self.recording.board(uid))
            for uid in self.recording.board_uids
        }
        self.clock = ReplayClock(self.recording.frames(), self._deliver)

    def _deliver(self, record: RecordedFrame) -> None:
        transport = self.transports.get(record.uid)
        if transport is not None:
            transport.deliver(record)


class ReplayClock:
    """Clock of a replay: the recorded host times; satisfies `transport.timing.Clock`."""

    def __init__(
        self, frames: Iterator[RecordedFrame], deliver: Callable[[RecordedFrame], None]
    ) -> None:
        self._frames = frames
        self._deliver = deliver
        self._following = next(frames, None)
        self._now_s = 0.0 if self._following is None else self._following.host_time_s
        self._timers: list[tuple[float, int, float, Callable[[], None]]] = []
        self._numbers = itertools.count()

    @property
    def is_at_end(self) -> bool:
        """Whether every frame was delivered."""
        return self._following is None

    def now_s(self) -> float:
        """Recorded host time, in seconds."""
        return self._now_s

    def wait(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Deliver frames until the predicate is true or the recorded time is over."""
        end_s = self._now_s + max(0.0, timeout_s)
        while not predicate():
            frame_s = float("inf") if self._following is None else self._following.host_time_s
            timer_s = self._timers[0][0] if self._timers else float("inf")
            if min(frame_s, timer_s) > end_s:
                self._now_s = end_s
                return bool(predicate())
            self._now_s = max(self._now_s, min(frame_s, timer_s))
            if timer_s <= frame_s:
                due, number, period_s, callback = heapq.heappop(self._timers)
                # Put back before the call, in which it may be cancelled.
                heapq.heappush(self._timers, (due + period_s, number, period_s, callback))
                callback()
            else:
                record = self._following
                self._following = next(self._frames, None)
                if record is not None:
                    self._deliver(record)
        return True

    def wake(self) -> None:
        """Nothing to do: predicates are looked at after each frame."""

    def call_every(self, period_s: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back each period of recorded time; the result cancels it."""
        number = next(self._numbers)
        heapq.heappush(self._timers, (self._now_s + period_s, number, period_s, callback))

        def cancel() -> None:
            self._timers = [timer for timer in self._timers if timer[1] != number]
            heapq.heapify(self._timers)

        return cancel

    def run_to_end(self) -> None:
        """Deliver everything that is left."""
        while not self.is_at_end:
            self.wait(lambda: self.is_at_end, 3600.0)


class ReplayTransport:
    """One board of a replay; satisfies `transport.base.Transport`.

    Identify, settings and the time are answered from the recording, commands that move nothing are
    acknowledged, and all others are refused as in the wrong state. A setting cannot be changed.
    """

    def __init__(self, replay: Replay, board: dict[str, Any]) -> None:
        self.port = f"replay:{board['uid']}"
        self._replay = replay
        self._board = board
        self._receiver: Callable[[bytes], None] = lambda data: None
        self._decoder = FrameDecoder()
        self._sequence: Counter[int] = Counter()
        self._is_open = False

    def set_receiver(self, callback: Callable[[bytes], None]) -> None:
        """Take the function that gets the bytes."""
        self._receiver = callback

    def set_lost(self, callback: Callable[[str], None]) -> None:
        """A replay is never lost."""

    def open(self) -> None:
        """Begin to deliver."""
        self._is_open = True

    def close(self) -> None:
        """End delivering; frames pass unseen."""
        self._is_open = False

    def deliver(self, record: RecordedFrame) -> None:
        """Hand a recorded frame on; answers to former requests are nobody's any more."""
        frame = record.frame
        if self._is_open and frame.message not in _REQUESTS_OF_THE_PAST:
            self._receiver(encode_frame(frame.message, frame.sequence, frame.payload, frame.flags))

    def write(self, data: bytes) -> None:
        """Answer requests at once."""
        for frame in list(self._decoder.feed(data)):
            if frame.message == MessageId.HEARTBEAT:
                continue
            request = parse(frame.message, frame.payload)
            message, values = self._answer(MessageId(frame.message), request)
            payload = build(message, request_id=request.request_id, **values)
            self._receiver(encode_frame(message, self._sequence[message], payload))
            self._sequence[message] += 1

    def _answer(self, message: MessageId, request: Any) -> tuple[MessageId, dict[str, Any]]:
        settings = self._board["settings"]
        if message == MessageId.IDENTIFY_REQUEST:
            return MessageId.IDENTITY, self._identity()
        if message == MessageId.TIME_REQUEST:
            now_us = round(self._replay.clock.now_s() * 1e6)
            return MessageId.TIME_REPLY, {"hold_time_us": 0, "board_time_us": now_us}
        if message == MessageId.COMMAND_REQUEST:
            allowed = request.command in _ALLOWED
            error = ErrorCode.OK if allowed else ErrorCode.WRONG_STATE
            return MessageId.ACKNOWLEDGE, {
                "command": request.command, "error": int(error), "detail": 0,
            }  # fmt: skip
        if request.index >= len(settings):
            return MessageId.ACKNOWLEDGE, {
                "command": 0, "error": int(ErrorCode.UNKNOWN_SETTING), "detail": request.index,
            }  # fmt: skip
        setting = settings[request.index]
        if message == MessageId.SETTING_DESCRIBE_REQUEST:
            described = {**setting, "name": setting["name"].encode()}
            described["unit"] = setting["unit"].encode()
            return MessageId.SETTING_DESCRIPTION, described
        writes = message == MessageId.SETTING_WRITE_REQUEST
        error = ErrorCode.READ_ONLY if writes else ErrorCode.OK
        return MessageId.SETTING_VALUE, {
            "index": request.index, "error": int(error), "value": setting["value"],
        }  # fmt: skip

    def _identity(self) -> dict[str, Any]:
        who = self._board["identity"]
        return {
            "protocol_version": who["protocol_version"],
            "role": int(Role[self._board["role"].upper()]),
            "reset_cause": int(ResetCause[who["reset_cause"].upper()]),
            "board_uid": bytes.fromhex(self._board["uid"]),
            "catalogue_fingerprint": bytes.fromhex(who["catalogue_fingerprint"]),
            "firmware_version": who["firmware_version"].encode(),
            "board_name": who["board_name"].encode(),
            "setting_count": len(self._board["settings"]),
            "channel_count": who["channel_count"],
            "state": int(BoardState[who["state"].upper()]),
            "block_period_us": who["block_period_us"],
            "row_period_us": who["row_period_us"],
            "group_delay_us": who["group_delay_us"],
            "firmware_revision": who["firmware_revision"].encode(),
            "unit_name": who["unit_name"].encode(),
            "mcu": int(Mcu[who["mcu"].upper()]),
            "slot": int(Slot[who["slot"].upper()]),
            "trial": int(who["is_trial"]),
        }
