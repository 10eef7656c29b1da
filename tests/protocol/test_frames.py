"""Framing on the host: golden vectors, round trips, pieces, loss of step."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nullfield_protocol.catalogue import MAX_PAYLOAD
from nullfield_protocol.frame import (
    MAX_WIRE,
    FrameDecoder,
    FrameError,
    cobs_decode,
    cobs_encode,
    decode_frame,
    encode_frame,
    encode_quiet,
)

VECTORS = json.loads(
    (Path(__file__).parents[2] / "protocol" / "vectors" / "frames.json").read_text()
)
VALID = [v for v in VECTORS if v["kind"] == "valid"]
BAD = [v for v in VECTORS if v["kind"] != "valid"]


@pytest.mark.parametrize("vector", VALID, ids=lambda v: v["name"])
def test_valid_vector_both_ways(vector):
    wire = bytes.fromhex(vector["wire"])
    frame = decode_frame(wire[:-1])
    assert (frame.message, frame.sequence) == (vector["message"], vector["sequence"])
    assert frame.payload == bytes.fromhex(vector["payload"])
    assert encode_frame(frame.message, frame.sequence, frame.payload) == wire
    assert list(FrameDecoder().feed(wire)) == [frame]


@pytest.mark.parametrize("vector", BAD, ids=lambda v: v["name"])
def test_bad_vector_is_counted_and_the_next_frame_comes_through(vector):
    good = encode_frame(7, 0, b"\1\0\0\0")
    decoder = FrameDecoder()
    frames = list(decoder.feed(bytes.fromhex(vector["wire"]) + good))
    assert [f.payload for f in frames] == [b"\1\0\0\0"]
    assert decoder.errors == {vector["error"]: 1}
    with pytest.raises(FrameError, match=vector["error"]):
        decode_frame(bytes.fromhex(vector["wire"])[:-1])


@given(st.binary(max_size=1200))
def test_cobs_round_trip(data):
    stuffed = cobs_encode(data)
    assert 0 not in stuffed
    assert cobs_decode(stuffed) == data
    assert len(stuffed) <= len(data) + len(data) // 254 + 1


@pytest.mark.parametrize("size", [0, 1, 253, 254, 255, 507, 508, 509, 762])
def test_cobs_at_group_borders(size):
    for data in (b"x" * size, b"x" * size + b"\0", b"\0" + b"x" * size):
        assert cobs_decode(cobs_encode(data)) == data


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.integers(0, 2**32 - 1), st.binary(max_size=300)),
        max_size=8,
    ),
    st.lists(st.integers(1, 90), min_size=1, max_size=20),
)
def test_any_pieces_give_the_same_frames(frames, sizes):
    wire = b"".join(encode_frame(*frame) for frame in frames)
    decoder = FrameDecoder()
    out, position, turn = [], 0, 0
    while position < len(wire):
        size = sizes[turn % len(sizes)]
        out += list(decoder.feed(wire[position : position + size]))
        position += size
        turn += 1
    assert [(f.message, f.sequence, f.payload) for f in out] == frames
    assert not decoder.errors
    assert decoder.bytes_received == len(wire)


@settings(max_examples=60)
@given(st.binary(max_size=400))
def test_garbage_never_hides_a_frame_behind_a_delimiter(garbage):
    decoder = FrameDecoder()
    frames = list(decoder.feed(garbage + b"\0" + encode_frame(7, 3, b"abcd")))
    assert frames[-1].payload == b"abcd"


@settings(max_examples=100)
@given(st.integers(0, 19), st.integers(0, 7), st.binary(min_size=4, max_size=4))
def test_a_flipped_bit_is_never_believed(position, bit, payload):
    wire = bytearray(encode_frame(7, 1, payload))
    position %= len(wire) - 1
    wire[position] ^= 1 << bit
    frames = list(FrameDecoder().feed(bytes(wire)))
    assert all(f.payload != payload or f.sequence != 1 for f in frames)
    assert not frames


def test_endless_input_keeps_memory_bounded():
    decoder = FrameDecoder()
    for _ in range(50):
        assert not list(decoder.feed(b"\x05" * 1000))
    assert len(decoder._pending) <= MAX_WIRE + 1000
    assert decoder.errors == {"oversized": 1}
    assert len(list(decoder.feed(b"\0" + encode_frame(7, 0, b"")))) == 1


def test_too_long_a_payload_is_refused():
    with pytest.raises(ValueError, match="exceeds"):
        encode_frame(7, 0, bytes(MAX_PAYLOAD + 1))


@given(st.integers(0, 2**16 - 1), st.binary(max_size=12))
@settings(deadline=None)
def test_a_quiet_frame_has_no_interrupt_and_is_the_first_such(start, payload):
    payload = payload.replace(b"\3", b"").replace(b"\4", b"").ljust(8, b"a")
    try:
        wire, sequence = encode_quiet(1, start, payload)
    except ValueError:
        for refused in range(start, start + 1024):
            assert {3, 4} & set(encode_frame(1, refused, payload))
        return
    assert not {3, 4} & set(wire)
    assert decode_frame(wire[:-1]) == (1, 0, sequence & 0xFFFFFFFF, payload)
    for skipped in range(start, sequence):
        assert {3, 4} & set(encode_frame(1, skipped, payload))


def test_a_search_for_a_quiet_frame_ends():
    # The distance of the zeros is a COBS code of 3, whatever the sequence number is.
    with pytest.raises(ValueError, match="no sequence number"):
        encode_quiet(1, 0, b"\0aa\0aaaa")
    with pytest.raises(ValueError, match="no sequence number"):
        encode_quiet(1, 0x03000000, b"aaaaaaaa")


def test_no_quiet_frame_of_a_payload_that_interrupts():
    with pytest.raises(ValueError, match="interrupts"):
        encode_quiet(1, 0, b"\1\3")
