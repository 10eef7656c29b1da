"""Frames: the golden vectors, and COBS and CRC against slow references."""

import json

from nullfield_fw import frame, wire
from reference import Random, cobs, crc32, encode

_VECTORS = __file__.rsplit("/", 2)[0] + "/../protocol/vectors/frames.json"


def _vectors(kind):
    with open(_VECTORS) as stream:
        content = json.load(stream)
    chosen = [v for v in content if v["kind"] == kind]
    assert chosen, kind
    return chosen


def _feed(receiver, data, sizes=None):
    """(payloads, errors) of some bytes that come in pieces."""
    good = []
    errors = []
    start = 0
    while start < len(data):
        size = len(data) - start if sizes is None else sizes()
        piece = bytearray(data[start : start + size])
        start += len(piece)
        at = 0
        while at < len(piece):
            before = receiver.errors
            at = receiver.feed(piece, at, len(piece))
            if receiver.size >= 0:
                good.append(bytes(receiver.raw[: wire.HEADER_SIZE + receiver.size]))
            if receiver.errors != before:
                errors.append(frame.ERROR_NAMES[receiver.last_error])
    return good, errors


def _header(vector):
    payload = bytes.fromhex(vector["payload"])
    return (
        bytes([vector["message"], 0])
        + len(payload).to_bytes(2, "little")
        + vector["sequence"].to_bytes(4, "little")
        + payload
    )


def test_valid_vectors_are_received():
    for vector in _vectors("valid"):
        good, errors = _feed(frame.Receiver(), bytes.fromhex(vector["wire"]))
        assert good == [_header(vector)] and not errors, vector["name"]


def test_valid_vectors_are_encoded_to_the_same_bytes():
    for vector in _vectors("valid"):
        body = _header(vector)
        raw = bytearray(body + bytes(4))
        ring = bytearray(frame.RING_SIZE)
        frame.append_crc(raw, len(body), frame.CRC_TABLE)
        end = frame.stuff(raw, len(raw), ring, 0)
        assert bytes(ring[:end]) == bytes.fromhex(vector["wire"]), vector["name"]


def test_bad_vectors_are_refused_with_their_cause_and_the_next_frame_is_good():
    following = _vectors("valid")[0]
    for kind in ("corrupt", "truncated", "oversized"):
        for vector in _vectors(kind):
            data = bytes.fromhex(vector["wire"]) + bytes.fromhex(following["wire"])
            good, errors = _feed(frame.Receiver(), data)
            assert errors == [vector["error"]], (vector["name"], errors)
            assert good == [_header(following)], vector["name"]


def test_frames_in_any_pieces():
    random = Random(1)
    everything = b""
    for kind in ("valid", "corrupt", "truncated", "oversized"):
        for vector in _vectors(kind):
            everything += bytes.fromhex(vector["wire"])
    whole = _feed(frame.Receiver(), everything)
    assert len(whole[0]) == len(_vectors("valid"))
    assert _feed(frame.Receiver(), everything, lambda: 1) == whole
    for _ in range(5):
        assert _feed(frame.Receiver(), everything, lambda: random.between(1, 90)) == whole


def test_lone_delimiters_are_no_error():
    receiver = frame.Receiver()
    assert _feed(receiver, b"\0\0\0") == ([], [])
    assert receiver.errors == 0


def test_crc_against_bitwise_reference():
    random = Random(2)
    for size in (0, 1, 2, 3, 7, 64, 255, 1031):
        raw = bytearray(random.bits() & 0xFF for _ in range(size)) + bytearray(4)
        frame.append_crc(raw, size, frame.CRC_TABLE)
        assert int.from_bytes(raw[size:], "little") == crc32(raw[:size]), size
        assert frame.crc_is_good(raw, size, frame.CRC_TABLE)
        for place in (0, size // 2, size, size + 3):
            raw[place] ^= 0x10
            assert not frame.crc_is_good(raw, size, frame.CRC_TABLE), (size, place)
            raw[place] ^= 0x10


def test_cobs_against_reference_at_every_place_of_the_ring():
    random = Random(3)
    ring = bytearray(frame.RING_SIZE)
    mask = frame.RING_SIZE - 1
    for size in (1, 2, 253, 254, 255, 256, 508, 509, 600, 1036):
        for density in (0, 1, 8, 256):
            raw = bytearray(
                0 if density and random.between(0, density) == 0 else random.between(1, 255)
                for _ in range(size)
            )
            head = frame.RING_SIZE - random.between(0, size + 4)
            head &= mask
            end = frame.stuff(raw, size, ring, head)
            count = (end - head) & mask
            got = bytes(ring[(head + i) & mask] for i in range(count))
            assert got == cobs(raw), (size, density)


def test_receiver_undoes_the_reference_encoding():
    random = Random(4)
    receiver = frame.Receiver()
    for _ in range(40):
        payload = bytes(
            random.between(0, 3) * random.bits() & 0xFF for _ in range(random.between(0, 300))
        )
        good, errors = _feed(receiver, encode(0x94, random.bits(), payload))
        assert not errors
        assert good[0][wire.HEADER_SIZE :] == payload
