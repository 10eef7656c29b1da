"""What the host's path costs: decode, stream, record.

Processor time throughout, so that other programs on the machine do not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tests.bench.figures import Figure
from tests.bench.speed import Tape

from nullfield.devices.connect import connect
from nullfield.devices.samples import SampleStream
from nullfield.recording.replay import Replay, ReplayTransport
from nullfield.recording.writer import RecordingWriter
from nullfield_protocol.codec import SAMPLE_MESSAGES, parse_samples, row_dtype
from nullfield_protocol.frame import FrameDecoder, encode_frame
from nullfield_protocol.messages import MESSAGES, MessageId

_CONSTRUCT_FRAMES = 400
_COPY_TURNS = 20
_GROUP = "host decode"


class _Tap:
    """A replayed board whose incoming bytes come from the tape instead."""

    def __init__(self, inner: ReplayTransport) -> None:
        self._inner = inner
        self.port = inner.port
        self.take: Callable[[bytes], None] = lambda data: None
        self.open = inner.open
        self.close = inner.close
        self.write = inner.write
        self.set_lost = inner.set_lost

    def set_receiver(self, callback: Callable[[bytes], None]) -> None:
        self.take = callback
        self._inner.set_receiver(callback)


def with_field_values(tape: Tape) -> Tape:
    """The same tape with values in the rows as ready heads have them.

    Heads that still warm up send zeros, and stuffed zeros are the decoder's worst case.
    """
    rng = np.random.default_rng(1)
    message = MessageId.SENSOR_SAMPLES
    rows_dtype = row_dtype(message)
    decoders = {uid: FrameDecoder() for uid, _ in tape.chunks}
    chunks = []
    for uid, data in tape.chunks:
        wires = []
        for frame in decoders[uid].feed(data):
            payload = frame.payload
            if frame.message == message:
                _, rows = parse_samples(message, payload)
                filled = rows.copy()
                # Some 50 nT held by the head's coil, in counts of 1.86 fT, and its noise.
                shape = filled["field_count"].shape
                filled["field_count"] = rng.normal(2.5e7, 2e4, shape).astype(np.int32)
                payload = payload[: len(payload) - len(rows) * rows_dtype.itemsize]
                payload += filled.tobytes()
            wires.append(encode_frame(frame.message, frame.sequence, payload, frame.flags))
        if wires:
            chunks.append((uid, b"".join(wires)))
    return Tape(tape.recording, chunks, tape.duration_s)


def throughput(tape: Tape, rounds: int = 3) -> list[Figure]:
    """Whole path against bare construct and against a copy in memory, on one set of bytes."""
    size = sum(len(data) for _, data in tape.chunks)
    best_s, frames = min(_whole_path(tape) for _ in range(rounds))
    sensor = int(MessageId.SENSOR_SAMPLES)
    payloads, wire_bytes = _sample_payloads(tape, sensor)
    definition = MESSAGES[MessageId.SENSOR_SAMPLES].layout
    start_s = time.process_time()
    for payload in payloads[:_CONSTRUCT_FRAMES]:
        definition.parse(payload)
    construct_s = (time.process_time() - start_s) / min(len(payloads), _CONSTRUCT_FRAMES)
    sensor_s = min(_sensor_path(wire_bytes) for _ in range(rounds)) / len(payloads)
    blob = b"".join(data for _, data in tape.chunks)
    start_s = time.process_time()
    for _ in range(_COPY_TURNS):
        bytearray(blob)
    copy_s = (time.process_time() - start_s) / _COPY_TURNS
    note = f"{frames} frames, {size / 1e6:.2f} MB, in pieces of one block"
    return [
        Figure(_GROUP, "whole path", frames / best_s, "frames/s", note=note),
        Figure(_GROUP, "whole path, bytes", size / best_s / 1e6, "MB/s"),
        Figure(_GROUP, "sample block by the whole path", sensor_s * 1e6, "us",
               note="cut, check, decode and keep"),
        Figure(_GROUP, "sample block by bare construct", construct_s * 1e6, "us",
               note="parse alone"),
        Figure(_GROUP, "whole path against construct", construct_s / sensor_s, "times faster",
               minimum=5.0, is_own_goal=True),
        Figure(_GROUP, "memory copy against whole path", best_s / copy_s, "times faster",
               note=f"copy {size / copy_s / 1e9:.1f} GB/s"),
    ]  # fmt: skip


def _whole_path(tape: Tape) -> tuple[float, int]:
    decoders = {uid: FrameDecoder() for uid, _ in tape.chunks}
    streams = {uid: [SampleStream(m) for m in SAMPLE_MESSAGES] for uid in decoders}
    frames = 0
    start_s = time.process_time()
    for uid, data in tape.chunks:
        for frame in decoders[uid].feed(data):
            frames += 1
            for stream in streams[uid]:
                stream.take(frame, 0.0)
    return time.process_time() - start_s, frames


def _sample_payloads(tape: Tape, message: int) -> tuple[list[bytes], list[bytes]]:
    """Payloads of one board's sample blocks, and the bytes it sent, in pieces of one block."""
    decoder = FrameDecoder()
    first = ""
    payloads: list[bytes] = []
    pieces: list[bytes] = []
    for uid, data in tape.chunks:
        if first and uid != first:
            continue
        found = [f.payload for f in decoder.feed(data) if f.message == message]
        if found and not first:
            first = uid
        if found:
            payloads += found
            pieces.append(data)
    return payloads, pieces


def _sensor_path(pieces: list[bytes]) -> float:
    decoder, stream = FrameDecoder(), SampleStream(MessageId.SENSOR_SAMPLES)
    start_s = time.process_time()
    for data in pieces:
        for frame in decoder.feed(data):
            stream.take(frame, 0.0)
    return time.process_time() - start_s


def host_share(tape: Tape, directory: Path, what: str) -> list[Figure]:
    """Processor time of the host for what 40 heads send in a second: links, devices, recording.

    Parameters
    ----------
    tape : Tape
    directory : Path
        Gets the recording.
    what : str
        State of the heads, for the figure's name.
    """
    played = Replay(tape.recording)
    taps: dict[str, _Tap] = {}
    boards = []
    for uid, transport in played.transports.items():
        taps[uid] = _Tap(transport)
        boards.append(connect(taps[uid], played.clock, expected_uid=uid))
    header = {**played.recording.header, "rig": {"name": "bench"}}
    with RecordingWriter(directory / f"again {what}", header) as writer:
        for board in boards:
            board.link.subscribe(writer.frame_sink(board.uid))
        start_s = time.process_time()
        for uid, data in tape.chunks:
            taps[uid].take(data)
        spent_s = time.process_time() - start_s
    rows = sum(board.samples.received_rows for board in boards)
    lost = sum(sum(board.samples.lost_rows().values()) for board in boards)
    for board in boards:
        board.close()
    sensors = sum(board.identity.role.name == "SENSOR" for board in boards)
    note = f"{sensors} sensor boards, {rows} rows, {lost} lost; link, devices, recording"
    return [
        Figure("host load", f"40 heads at 1 kHz, {what}", 100.0 * spent_s / tape.duration_s,
               "% of a core", maximum=30.0, note=note, is_own_goal=True),
    ]  # fmt: skip
