"""Captures and recordings are read as they were written, cut ones as far as they go."""

import contextlib
import struct

import pytest
from tcp_capture import tcp_capture

from nullfield.errors import InputError
from nullfield.recording.writer import RecordingWriter
from nullfield.sniff.files import frames_of_file
from nullfield.sniff.pcapng import CaptureWriter
from nullfield.sniff.wire import Direction, WireFrame
from nullfield_protocol.frame import decode_frame

EPOCH_S = 1_700_000_000.25


def frames(path):
    return list(frames_of_file(path))


def test_own_captures_come_back(vectors, tmp_path):
    written = [
        WireFrame(v["wire"], f"port {n % 3}", list(Direction)[n % 3], 0.001 * n)
        for n, v in enumerate(vectors)
    ]
    path = tmp_path / "own.pcapng"
    with CaptureWriter(path, EPOCH_S) as capture:
        for one in written:
            capture.add(one)
    assert capture.frames_written == len(written)
    read = frames(path)
    for one, again in zip(written, read, strict=True):
        assert (again.wire, again.source, again.direction) == (one.wire, one.source, one.direction)
        assert again.time_s == pytest.approx(EPOCH_S + one.time_s, abs=1e-6)


def test_a_capture_cut_at_any_byte_is_read_up_to_there(vectors, tmp_path):
    path = tmp_path / "whole.pcapng"
    with CaptureWriter(path) as capture:
        for vector in vectors[:4]:
            capture.add(WireFrame(vector["wire"], "a", Direction.TO_HOST, 1.0))
    whole = path.read_bytes()
    cut = tmp_path / "cut.pcapng"
    counts = []
    for size in range(4, len(whole) + 1):
        cut.write_bytes(whole[:size])
        read = frames(cut)
        assert [one.wire for one in read] == [v["wire"] for v in vectors[: len(read)]]
        counts.append(len(read))
    assert counts == sorted(counts)
    assert counts[-1] == 4


def test_damaged_captures_end_quietly(tmp_path):
    path = tmp_path / "odd.pcapng"
    with CaptureWriter(path) as capture:
        capture.add(WireFrame(b"\x01", "a", Direction.TO_HOST, 1.0))
    whole = bytearray(path.read_bytes())
    for at in range(4, len(whole)):
        for value in (0, 0xFF):
            changed = bytearray(whole)
            changed[at] = value
            path.write_bytes(changed)
            # A changed link type is a capture of something else; nothing else may be raised.
            with contextlib.suppress(InputError):
                assert len(frames(path)) <= 1


def test_raw_bytes_of_a_port(vectors, tmp_path):
    path = tmp_path / "port.bin"
    path.write_bytes(b"\0".join(v["wire"] for v in vectors) + b"\0rest")
    read = frames(path)
    assert [one.wire for one in read] == [*(v["wire"] for v in vectors), b"rest"]
    assert {(one.source, one.direction, one.time_s) for one in read} == {
        ("port.bin", Direction.UNKNOWN, None)
    }


def test_recordings(vectors, tmp_path):
    good = [decode_frame(v["wire"]) for v in vectors if v["kind"] == "valid"]
    writer = RecordingWriter(tmp_path / "r", {"boards": [{"uid": "aa"}, {"uid": "bb"}]})
    with writer:
        for number, frame in enumerate(good):
            writer.add_frame("aa" if number % 2 else "bb", frame, 5.0 + number)
    for place in (tmp_path / "r", tmp_path / "r" / "recording-0000.mcap"):
        read = frames(place)
        assert [decode_frame(one.wire) for one in read] == good
        assert [one.source for one in read[:2]] == ["bb", "aa"]
        assert [one.time_s for one in read] == pytest.approx([5.0 + n for n in range(len(good))])


def chosen(random_frames):
    return [one for one in random_frames if one[0] & 0x80][:10]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_tcp_captures_of_other_programs(order, nanoseconds, random_frames, tmp_path):
    stream = b"".join(wire + b"\0" for *_, wire in chosen(random_frames))
    pieces = [stream[at : at + 53] for at in range(0, len(stream), 53)]
    path = tcp_capture(tmp_path / "t.pcap", pieces, 4002, order=order, nanoseconds=nanoseconds)
    read = frames(path)
    assert [one.wire for one in read] == [wire for *_, wire in chosen(random_frames)]
    assert {(one.source, one.direction) for one in read} == {("tcp:4002:50321", Direction.TO_HOST)}
    # Two packets open the connection, a thousandth of a second or a millisecond each.
    assert read[0].time_s >= 100.002


def test_repeated_and_lost_segments(random_frames, tmp_path):
    from tcp_capture import segment

    wires = [wire + b"\0" for *_, wire in chosen(random_frames)]
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)

    def add(at, data):
        packet = segment(4000, 50000, at, data)
        return struct.pack("<IIII", 1, 0, len(packet), len(packet)) + packet

    at = 1000
    for number, wire in enumerate(wires):
        if number != 4:  # lost in the capture
            out += add(at, wire)
        if number == 2:  # sent again, half of it with what was there already
            out += add(at, wire) + add(at + 3, wire[3:])
        at += len(wire)
    (tmp_path / "t.pcap").write_bytes(out)
    read = [one.wire + b"\0" for one in frames(tmp_path / "t.pcap")]
    assert read == wires[:4] + wires[5:]


def test_captures_of_something_else(tmp_path):
    path = tmp_path / "usb.pcap"
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 220)
    path.write_bytes(header + struct.pack("<IIII", 1, 0, 4, 4) + b"abcd")
    with pytest.raises(InputError, match="link type 220") as wrong:
        frames(path)
    assert "sniff --write" in wrong.value.hint


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        frames(tmp_path / "none.pcapng")


def test_a_capture_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        CaptureWriter(tmp_path / "no" / "folder.pcapng")


def test_a_frame_that_was_never_ended_is_shown(tmp_path):
    path = tcp_capture(tmp_path / "t.pcap", [b"\x02\x07\x01"], 4000)
    assert [one.wire for one in frames(path)] == [b"\x02\x07\x01"]


def test_a_capture_with_blocks_that_are_too_short_is_read_to_its_end() -> None:
    import io
    import struct

    from nullfield.sniff.packets import pcapng_packets

    header = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    simple = struct.pack("<III", 3, 12, 12)
    short_header = struct.pack("<III", 0x0A0D0D0A, 12, 0x1A2B3C4D)
    assert list(pcapng_packets(io.BytesIO(header + simple))) == []
    assert list(pcapng_packets(io.BytesIO(short_header + header))) == []
