"""Golden frames, and frames of every message of the catalogue."""

import json
import random
import sys
from pathlib import Path

import pytest

from nullfield_protocol.codec import message_layout
from nullfield_protocol.frame import encode_frame
from nullfield_protocol.messages import MESSAGES

sys.path[:0] = [str(Path(__file__).parents[1] / place) for place in ("link", "cli", "sniff")]

VECTORS = Path(__file__).parents[2] / "protocol" / "vectors" / "frames.json"


@pytest.fixture(scope="session")
def vectors():
    """Golden frames, good and bad; ``wire`` as bytes without the delimiter."""
    content = json.loads(VECTORS.read_text(encoding="utf-8"))
    return [{**one, "wire": bytes.fromhex(one["wire"])[:-1]} for one in content]


def random_payload(message, rng):
    """Payload of a message with any numbers; text is text and row counts are true."""
    layout = message_layout(message)
    rows = rng.randrange(4)
    out = bytearray(rng.randbytes(layout.size))
    for field in layout.fields:
        if field.code == "s":
            word = rng.choice(["", "a", "µ°C", "x" * field.count]).encode()[: field.count]
            out[field.offset : field.offset + field.size] = word.ljust(field.size, b"\0")
        elif field.name == "row_count":
            out[field.offset : field.offset + field.size] = rows.to_bytes(field.size, "little")
    if layout.row is not None:
        out += rng.randbytes(rows * layout.row.size)
    if layout.trailing_bytes:
        out += "a line, µ".encode() * rows
    return bytes(out)


@pytest.fixture(scope="session")
def random_frames():
    """Message, sequence, payload and wire of frames of every message, several each."""
    rng = random.Random(4)
    made = []
    for message in MESSAGES:
        for _ in range(4):
            payload = random_payload(message, rng)
            sequence = rng.randrange(1 << 32)
            wire = encode_frame(message, sequence, payload)[:-1]
            made.append((message, sequence, payload, wire))
    return made
