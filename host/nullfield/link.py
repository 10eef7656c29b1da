"""One board behind one port: requests, heartbeats, received frames, and what was lost.

A frame passes here once, cheaply: sample blocks are handed to the listeners undecoded.
"""

from __future__ import annotations

import struct
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any
from zlib import crc32

from nullfield.clock import TimeExchange
from nullfield.errors import BoardLostError, ProtocolError, RequestTimeoutError, TransportError
from nullfield.link_accounting import Fault, FrameAccount, LinkStatistics
from nullfield.link_answers import Identity, Subject, identity_of, refusal
from nullfield.transport.base import Transport
from nullfield.transport.timing import Clock
from nullfield_protocol.catalogue import PROTOCOL_VERSION, Command, ErrorCode
from nullfield_protocol.codec import build, parse
from nullfield_protocol.frame import Frame, FrameDecoder, encode_frame, encode_quiet
from nullfield_protocol.messages import MessageId

HEARTBEAT_PERIOD_S = 0.25
REQUEST_TIMEOUT_S = 0.25
REQUEST_ATTEMPTS = 4
REQUEST_ID_LIMIT = 1 << 30
"""Request ids stay below this, so that they are small integers on the board."""

_OPENING_IDS = 16
"""Ids below are for identify and the first time exchange, so that these never meet a session's."""

_REPLIES = frozenset(
    {
        MessageId.IDENTITY,
        MessageId.SETTING_DESCRIPTION,
        MessageId.SETTING_VALUE,
        MessageId.ACKNOWLEDGE,
        MessageId.TIME_REPLY,
        MessageId.TRACE_DESCRIPTION,
        MessageId.TRACE_DATA,
    }
)
_REQUEST_ID = struct.Struct("<I")


class Link:
    """Link to the board behind a transport.

    Parameters
    ----------
    transport : Transport
    clock : Clock
        Paces timeouts, retries and heartbeats.
    session : int, optional
        First request id. By default it follows from the board's uid and time, so that it repeats
        with a virtual instrument's seed and yet differs from session to session.
    """

    def __init__(self, transport: Transport, clock: Clock, session: int | None = None) -> None:
        self.clock = clock
        self.label = f"board at {transport.port}"
        self.port = transport.port
        self.lost_reason: str | None = None
        self._transport = transport
        self._session = session
        self._lock = threading.RLock()
        self._decoder = FrameDecoder()
        self._account = FrameAccount()
        self._early_errors: Counter[str] | None = None
        self._frames_sent = 0
        self._retries = 0
        self._unmatched = 0
        self._sequence_out: Counter[int] = Counter()
        self._listeners: tuple[Callable[[Frame, float], None], ...] = ()
        self._pending: set[int] = set()
        self._replies: dict[int, tuple[Frame, float]] = {}
        self._next_id = 1
        self._beat_number = 0
        self._last_frame_s = clock.now_s()
        self._identity: Identity | None = None
        self._cancel_beat: Callable[[], None] = lambda: None

    @property
    def identity(self) -> Identity:
        """Who the board is.

        Raises
        ------
        TransportError
            Before `open`.
        """
        if self._identity is None:
            raise TransportError(f"{self.label}: the link is not open")
        return self._identity

    @property
    def statistics(self) -> LinkStatistics:
        """Counters as they stand now."""
        with self._lock:
            errors = Counter(self._decoder.errors)
            early = errors if self._early_errors is None else self._early_errors
            return LinkStatistics(
                frames_received=self._account.frames_received,
                bytes_received=self._decoder.bytes_received,
                frames_sent=self._frames_sent,
                retries=self._retries,
                errors=dict(errors - early),
                lost_frames=dict(self._account.lost_frames),
                sequence_restarts=self._account.sequence_restarts,
                unmatched_replies=self._unmatched,
                **self._account.board_totals,
            )

    @property
    def last_heartbeat(self) -> Any:
        """Newest BOARD_HEARTBEAT, parsed, or None."""
        return self._account.last_heartbeat

    @property
    def fault(self) -> Fault | None:
        """The fault that holds the whole board, or None."""
        return self._account.fault

    @property
    def faults(self) -> list[Fault]:
        """Every fault reported since `forget_faults`, those of single heads included."""
        with self._lock:
            return list(self._account.faults)

    @property
    def silent_for_s(self) -> float:
        """Time since the last whole frame."""
        return self.clock.now_s() - self._last_frame_s

    def open(self) -> None:
        """Open the port, shake hands, and begin the heartbeats.

        Raises
        ------
        TransportError
            If the port cannot be opened.
        RequestTimeoutError
            If nobody answers.
        ProtocolMismatchError
            If the board speaks another protocol version or catalogue.
        """
        self._transport.set_receiver(self._receive)
        self._transport.set_lost(self._on_lost)
        self._transport.open()
        try:
            self._identity = self._identify()
            self.label = (
                f"{self.identity.role.name.lower()} board {self.identity.uid} ({self.port})"
            )
            self._begin_session()
        except BaseException:
            self._transport.close()
            raise
        self.resume_heartbeat()

    def close(self) -> None:
        """Stop the heartbeats and release the port; the board makes itself safe."""
        self.pause_heartbeat()
        self._transport.close()

    def pause_heartbeat(self) -> None:
        """Stop saying that the host lives, as a host that hangs would; the port stays open."""
        self._cancel_beat()
        self._cancel_beat = lambda: None

    def resume_heartbeat(self) -> None:
        """Say that the host lives again, now and periodically."""
        self._cancel_beat()
        self._beat()
        self._cancel_beat = self.clock.call_every(HEARTBEAT_PERIOD_S, self._beat)

    def subscribe(self, callback: Callable[[Frame, float], None]) -> Callable[[], None]:
        """Hand every received frame, with the host time it came at, to a listener.

        A listener is quick, does not raise, and makes no requests: it may run in the reader thread.
        The result ends the subscription.
        """
        with self._lock:
            self._listeners = (*self._listeners, callback)

        def cancel() -> None:
            with self._lock:
                self._listeners = tuple(one for one in self._listeners if one is not callback)

        return cancel

    def request(
        self,
        message: MessageId,
        expected: MessageId,
        subject: Subject | None = None,
        timeout_s: float = REQUEST_TIMEOUT_S,
        attempts: int = REQUEST_ATTEMPTS,
        **values: Any,
    ) -> Any:
        """Send a request and return the parsed answer.

        A retry carries the same request id, so the board answers it and does not do it again.

        Parameters
        ----------
        message, expected : MessageId
            The request and the answer it should get.
        subject : Subject, optional
            For the text of errors.
        timeout_s : float
            For one attempt.
        **values
            The request's fields but ``request_id``.

        Raises
        ------
        RequestError
            If the board refuses.
        RequestTimeoutError
            If no attempt was answered.
        BoardLostError
            If the port went away.
        """
        subject = subject or Subject(message.name.lower().replace("_", " "))
        frame, _ = self._exchange(message, subject, timeout_s, attempts, values)
        try:
            reply = parse(frame.message, frame.payload)
        except ValueError as error:
            raise ProtocolError(f"{self.label}: {subject.name}: {error}") from error
        code = int(getattr(reply, "error", ErrorCode.OK))
        if code != ErrorCode.OK:
            detail = reply.detail if frame.message == MessageId.ACKNOWLEDGE else reply.value
            raise refusal(self.label, subject, code, int(detail))
        if frame.message != expected:
            raise ProtocolError(
                f"{self.label}: {subject.name}: answered by message 0x{frame.message:02X}"
            )
        return reply

    def command(
        self, command: Command, *arguments: int, timeout_s: float = REQUEST_TIMEOUT_S
    ) -> int:
        """Run a command with up to four integer arguments; return the acknowledgement's detail."""
        given = ", ".join(map(str, arguments))
        reply = self.request(
            MessageId.COMMAND_REQUEST,
            MessageId.ACKNOWLEDGE,
            Subject(f"command {command.name.lower()}", given),
            timeout_s,
            command=int(command),
            argument=[*arguments, *[0] * (4 - len(arguments))],
        )
        return int(reply.detail)

    def post(self, message: MessageId, **values: Any) -> None:
        """Send a message that is not answered.

        Raises
        ------
        BoardLostError
            If the port went away.
        """
        self._send(message, build(message, **values))
        if self.lost_reason is not None:
            raise BoardLostError(
                f"{self.label}: the board is gone ({self.lost_reason})",
                "check its cable and power, then connect again",
            )

    def exchange_time(self, count: int = 8) -> list[TimeExchange]:
        """Ask the board's time; exchanges that got lost are left out.

        A lost one is not repeated under its id, since the answer could be to either request.
        """
        exchanges = []
        for _ in range(count):
            sent_s = self.clock.now_s()
            try:
                frame, received_s = self._exchange(
                    MessageId.TIME_REQUEST, Subject("time request"), REQUEST_TIMEOUT_S, 1, {}
                )
            except RequestTimeoutError:
                continue
            reply = parse(MessageId.TIME_REPLY, frame.payload)
            exchanges.append(
                TimeExchange(sent_s, received_s, int(reply.board_time_us), int(reply.hold_time_us))
            )
        return exchanges

    def forget_faults(self) -> None:
        """Drop the faults seen so far; the board's own latch is cleared by a command."""
        with self._lock:
            self._account.forget_faults()

    def _identify(self) -> Identity:
        # Ends whatever half frame another program may have left in the board's receiver.
        self._transport.write(b"\0")
        # A later id could hold a byte that interrupts, which no sequence number takes out.
        self._next_id = 1
        frame, _ = self._exchange(
            MessageId.IDENTIFY_REQUEST,
            Subject("identify"),
            REQUEST_TIMEOUT_S,
            REQUEST_ATTEMPTS,
            {"protocol_version": PROTOCOL_VERSION},
        )
        return identity_of(frame, self.port)

    def _begin_session(self) -> None:
        if self._session is None:
            board_time_us = next((e.board_time_us for e in self.exchange_time(1)), 0)
            seed = bytes.fromhex(self.identity.uid) + board_time_us.to_bytes(8, "little")
            self._session = crc32(seed)
        self._next_id = max(_OPENING_IDS, self._session % REQUEST_ID_LIMIT)
        # Should the first id be the last one of a former session, only this ping goes undone.
        self._exchange(
            MessageId.COMMAND_REQUEST, Subject("command ping"), REQUEST_TIMEOUT_S,
            REQUEST_ATTEMPTS, {"command": int(Command.PING), "argument": [0] * 4},
        )  # fmt: skip

    def _exchange(
        self,
        message: MessageId,
        subject: Subject,
        timeout_s: float,
        attempts: int,
        values: dict[str, Any],
    ) -> tuple[Frame, float]:
        with self._lock:
            request_id = self._next_id
            self._next_id = _following(request_id)
            self._pending.add(request_id)
        payload = build(message, request_id=request_id, **values)
        try:
            for attempt in range(attempts):
                if self.lost_reason is None:
                    self._retries += attempt > 0
                    self._send(message, payload)
                    self.clock.wait(
                        lambda: request_id in self._replies or self.lost_reason is not None,
                        timeout_s,
                    )
                if request_id in self._replies:
                    return self._replies.pop(request_id)
                if self.lost_reason is not None:
                    raise BoardLostError(
                        f"{self.label}: {subject.name}: the board is gone ({self.lost_reason})",
                        "check its cable and power, then connect again",
                    )
        finally:
            with self._lock:
                self._pending.discard(request_id)
                self._replies.pop(request_id, None)
        raise RequestTimeoutError(
            f"{self.label}: {subject.name}: no answer to {attempts} attempts of {timeout_s:g} s "
            f"({self._heard()})",
            "check that the board is powered and runs the application, and that the port is its",
        )

    def _heard(self) -> str:
        statistics = self.statistics
        if statistics.frames_received:
            return f"{statistics.frames_received} frames came"
        if statistics.bytes_received:
            return f"{statistics.bytes_received} bytes came, but no whole frame"
        return "nothing came"

    def _send(self, message: MessageId, payload: bytes) -> None:
        with self._lock:
            sequence = self._sequence_out[message]
            if message == MessageId.IDENTIFY_REQUEST:
                # Who only asks must not disturb a board that is not up yet.
                wire, sequence = encode_quiet(message, sequence, payload)
            else:
                wire = encode_frame(message, sequence, payload)
            self._sequence_out[message] = sequence + 1
            self._frames_sent += 1
            try:
                self._transport.write(wire)
            except TransportError as error:
                if self._identity is None:
                    raise
                self.lost_reason = self.lost_reason or error.message

    def _beat(self) -> None:
        if self.lost_reason is None:
            self._beat_number = (self._beat_number + 1) & 0xFFFFFFFF
            self._send(MessageId.HEARTBEAT, build(MessageId.HEARTBEAT, host_beat=self._beat_number))
            # Sending may just have found that the port is gone, which ends every wait.
            self.clock.wake()

    def _on_lost(self, reason: str) -> None:
        self.lost_reason = self.lost_reason or reason
        self.clock.wake()

    def _receive(self, data: bytes) -> None:
        now_s = self.clock.now_s()
        frames = []
        with self._lock:
            # The decoder is done before a frame is handed on, so a listener may cause more bytes.
            for frame in self._decoder.feed(data):
                if self._early_errors is None:
                    self._early_errors = Counter(self._decoder.errors)
                frames.append(frame)
                self._account.add(frame)
                if frame.message in _REPLIES:
                    self._take_reply(frame, now_s)
            if frames:
                self._last_frame_s = now_s
            listeners = self._listeners
        for frame in frames:
            for listener in listeners:
                listener(frame, now_s)
        if frames:
            self.clock.wake()

    def _take_reply(self, frame: Frame, now_s: float) -> None:
        if len(frame.payload) < _REQUEST_ID.size:
            return
        request_id = _REQUEST_ID.unpack_from(frame.payload)[0]
        if request_id in self._pending and request_id not in self._replies:
            self._replies[request_id] = (frame, now_s)
        else:
            self._unmatched += 1


def _following(request_id: int) -> int:
    return request_id + 1 if request_id + 1 < REQUEST_ID_LIMIT else _OPENING_IDS
