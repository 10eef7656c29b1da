"""What the wire subset takes and refuses; numpy and construct say the same."""

import subprocess
import sys

import construct as c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nullfield_protocol import fingerprint as fingerprint_module
from nullfield_protocol import generate
from nullfield_protocol.codec import (
    SAMPLE_MESSAGES,
    build,
    message_layout,
    parse,
    parse_samples,
    row_dtype,
)
from nullfield_protocol.layout import WireSubsetError, layout_of
from nullfield_protocol.messages import MESSAGES, MessageId

ROW = c.Struct("x" / c.Int32sl)

REFUSED = {
    "Flag": c.Struct("a" / c.Flag),
    "Int24ul": c.Struct("a" / c.Int24ul),
    "Padding": c.Struct("a" / c.Int8ul, c.Padding(3)),
    "named Padding": c.Struct("a" / c.Int8ul, "p" / c.Padding(3)),
    "big-endian": c.Struct("a" / c.Int16ub),
    "native": c.Struct("a" / c.Int32un),
    "double": c.Struct("a" / c.Float64l),
    "misaligned": c.Struct("a" / c.Int8ul, "b" / c.Int32ul),
    "misaligned array": c.Struct("a" / c.Int16ul, "b" / c.Array(2, c.Int32sl)),
    "two trailing": c.Struct("a" / c.GreedyRange(ROW), "b" / c.GreedyRange(ROW)),
    "field behind the rows": c.Struct("a" / c.GreedyRange(ROW), "b" / c.Int32ul),
    "rows misaligned": c.Struct("a" / c.Int16ul, "b" / c.GreedyRange(ROW)),
    "rows in rows": c.Struct("a" / c.GreedyRange(c.Struct("b" / c.GreedyRange(ROW)))),
    "trailing integers": c.Struct("a" / c.GreedyRange(c.Int32ul)),
    "length by expression": c.Struct("n" / c.Int8ul, "a" / c.Bytes(c.this.n)),
    "count by expression": c.Struct("n" / c.Int8ul, "a" / c.Array(c.this.n, c.Int8ul)),
    "optional": c.Struct("a" / c.Optional(c.Int8ul)),
    "conditional": c.Struct("a" / c.If(True, c.Int8ul)),
    "enum": c.Struct("a" / c.Enum(c.Int8ul, one=1)),
    "nested": c.Struct("a" / ROW),
    "greedy bytes": c.Struct("a" / c.GreedyBytes),
    "same name twice": c.Struct("a" / c.Int8ul, "a" / c.Int8ul),
    "no name": c.Struct(c.Int8ul),
    "not a struct": c.Int8ul,
}


@pytest.mark.parametrize("name", REFUSED)
def test_outside_the_subset_is_refused(name):
    with pytest.raises(WireSubsetError):
        layout_of("message", REFUSED[name])


def test_the_refusal_names_the_field():
    with pytest.raises(WireSubsetError, match=r"message\.a: "):
        layout_of("message", REFUSED["Flag"])


def test_the_subset_is_taken():
    layout = layout_of(
        "message",
        c.Struct(
            "a" / c.Int64sl,
            "f" / c.Float32l,
            "b" / c.Array(2, c.Int16sl),
            "t" / c.Bytes(4),
            "rows" / c.GreedyRange(ROW),
        ),
    )
    assert layout.size == 20
    assert layout.dtype().itemsize == 20
    assert layout.row is not None
    assert layout.row.size == 4


@pytest.mark.parametrize("message", list(MESSAGES), ids=lambda m: m.name)
def test_numpy_and_construct_read_the_same(message):
    layout = message_layout(message)
    payload = bytes((7 * i + 1) & 0xFF for i in range(layout.size))
    header = np.frombuffer(payload, layout.dtype())[0]
    parsed = MESSAGES[message].layout.parse(payload)
    for field in layout.fields:
        value = parsed[field.name]
        if field.code == "s":
            assert bytes(header[field.name]) == bytes(value).rstrip(b"\0")
        else:
            assert np.all(header[field.name] == np.array(value))


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(sorted(SAMPLE_MESSAGES)), st.integers(0, 12), st.integers(0, 2**32 - 1),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_sample_blocks_by_numpy_equal_construct(message, count, index, random):
    size = row_dtype(message).itemsize
    rows = random.randbytes(size * count)
    payload = (
        np.array(
            [(2**63 + index, index, 5, 1000, count, 0)], message_layout(message).dtype()
        ).tobytes()
        + rows
    )
    header, table = parse_samples(message, payload)
    slow = parse(message, payload)
    assert int(header["board_time_us"]) == slow.board_time_us
    assert int(header["sample_index"]) == slow.sample_index == index
    assert len(table) == len(slow.rows) == count
    for fast_row, slow_row in zip(table, slow.rows, strict=True):
        for name in fast_row.dtype.names:
            assert np.all(fast_row[name] == np.array(slow_row[name]))


@pytest.mark.parametrize("change", [-1, 1, -52, 52])
def test_a_block_of_the_wrong_length_is_refused(change):
    payload = build(MessageId.SENSOR_SAMPLES, board_time_us=0, sample_index=0, dropped_rows=0,
                    row_period_us=1000, row_count=2, rows=[]) + bytes(104 + change)  # fmt: skip
    with pytest.raises(ValueError, match="does not hold 2 rows"):
        parse_samples(MessageId.SENSOR_SAMPLES, payload)
    with pytest.raises(ValueError, match="shorter than its header"):
        parse_samples(MessageId.SENSOR_SAMPLES, payload[:10])


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(0, 65535), st.integers(-(2**31), 2**31 - 1))
def test_control_round_trip(request_id, index, value):
    payload = build(
        MessageId.SETTING_WRITE_REQUEST, request_id=request_id, index=index, value=value
    )
    reply = parse(MessageId.SETTING_WRITE_REQUEST, payload)
    assert (reply.request_id, reply.index, reply.value) == (request_id, index, value)
    with pytest.raises(ValueError, match="expected 12"):
        parse(MessageId.SETTING_WRITE_REQUEST, payload + b"\0")


def test_generated_files_are_fresh():
    result = subprocess.run(
        [sys.executable, "-m", "nullfield_protocol.generate", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


def test_check_fails_on_a_stale_file(monkeypatch, tmp_path, capsys):
    stale = tmp_path / "wire.py"
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "outputs", lambda: {stale: "new"})
    assert generate.main(["--check"]) == 1
    assert "stale: wire.py" in capsys.readouterr().err
    assert not stale.exists()
    assert generate.main([]) == 0
    assert stale.read_text() == "new"
    assert generate.main(["--check"]) == 0


def test_the_fingerprint_follows_the_catalogue(monkeypatch):
    before = fingerprint_module.fingerprint()
    monkeypatch.setattr(fingerprint_module, "PROTOCOL_VERSION", 99)
    assert fingerprint_module.fingerprint() != before
