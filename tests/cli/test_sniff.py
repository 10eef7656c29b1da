"""``nullfield sniff`` on captures, recordings and ports."""

import json
from pathlib import Path

import pytest
from fake_ports import board_port

from nullfield.sniff.pcapng import CaptureWriter
from nullfield.sniff.wire import Direction, WireFrame
from nullfield_protocol.catalogue import FaultCode, Role
from nullfield_protocol.codec import build
from nullfield_protocol.dissector import dissector
from nullfield_protocol.frame import encode_frame
from nullfield_protocol.messages import MessageId

VECTORS = Path(__file__).parents[2] / "protocol" / "vectors" / "frames.json"
UID = "e66138528350b001"


@pytest.fixture
def capture(tmp_path):
    """Two boards: heartbeats with a gap, a fault, samples, a damaged frame."""
    beats = [encode_frame(MessageId.HEARTBEAT, n, bytes(4)) for n in (0, 1, 4)]
    fault = build(
        MessageId.FAULT, board_time_us=5_000_000, code=FaultCode.COIL_OPEN, source=3,
        board_state=2, value=-17,
    )  # fmt: skip
    frames = [(beats[n], "one", Direction.TO_BOARD, 0.5 * n) for n in range(3)]
    frames += [
        (encode_frame(MessageId.FAULT, 0, fault), "two", Direction.TO_HOST, 2.0),
        (encode_frame(MessageId.COIL_SAMPLES, 0, bytes(24)), "two", Direction.TO_HOST, 2.5),
        (b"\x01\x02\0", "two", Direction.TO_HOST, 4.0),
    ]
    path = tmp_path / "t.pcapng"
    with CaptureWriter(path) as writer:
        for wire, source, direction, time_s in frames:
            writer.add(WireFrame(wire[:-1], source, direction, time_s))
    return path


def test_one_line_a_frame_and_statistics(nullfield, capture):
    outcome = nullfield("sniff", capture)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert len(lines[:6]) == 6
    assert "[2 missing]" in lines[2]
    assert "two FAULT #0 board_time=5 s code=coil_open source=3" in lines[3]
    assert lines[3].strip().startswith("2.000000 <-")
    assert "BAD cobs" in lines[5]
    # Three heartbeats of 18 bytes in the four seconds that the capture lasts.
    heartbeat = next(line for line in lines if line.startswith("heartbeat "))
    assert heartbeat.split() == ["heartbeat", "to_board", "3", "54", "14", "2"]
    assert lines[-1].startswith("6 frames")
    assert lines[-1].endswith("2 lost; bad: 1 cobs")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--no-samples"], ["heartbeat"] * 3 + ["fault", None]),
        (["--message", "fault", "--message", "BAD"], ["fault", None]),
        (["--board", "TWO", "--count", "2"], ["fault", "coil_samples"]),
        (["--count", "1"], ["heartbeat"]),
    ],
    ids=["no samples", "messages", "board", "count"],
)
def test_filters(nullfield, capture, tmp_path, options, expected):
    written = tmp_path / "w.pcapng"
    outcome = nullfield("sniff", capture, "--json", "--write", written, *options)
    assert outcome.code == 0, outcome.err
    *frames, last = [json.loads(line) for line in outcome.out.splitlines()]
    assert [one["message"] for one in frames] == expected
    assert "statistics" in last
    again = nullfield("sniff", written, "--json")
    *copied, _ = [json.loads(line) for line in again.out.splitlines()]
    keys = ("message", "sequence", "direction", "fields", "board", "time_s")
    assert [[c[k] for k in keys] for c in copied] == [[f[k] for k in keys] for f in frames]


def test_settings_of_a_recording_are_named(nullfield, tmp_path):
    from recorded_boards import record

    _, boards = record(tmp_path / "r")
    boards[0].settings.set("heater_power_limit", 0.25)
    outcome = nullfield("sniff", tmp_path / "r", "--no-samples", "--board", boards[0].uid)
    assert outcome.code == 0, outcome.err
    assert f"<- {boards[0].uid} BOARD_HEARTBEAT" in outcome.out


@pytest.fixture
def port():
    """A port with a board that beats whenever it is written to."""
    made = board_port(Role.SENSOR, UID)
    yield made
    made.close()


def test_a_listener_shows_what_comes_and_sends_nothing(nullfield, port, monkeypatch):
    heard = []
    port._hear = lambda _, data: heard.append(data)
    from nullfield.sniff import live

    listen = live.listen

    def listen_then_talk(transport, clock):
        opened = listen(transport, clock)
        port.write(encode_frame(MessageId.HEARTBEAT, 3, bytes(4)) * 2)
        return opened

    monkeypatch.setattr("nullfield.cli.sniff.listen", listen_then_talk)
    outcome = nullfield("sniff", port.path, "--count", "2", "--json")
    assert outcome.code == 0, outcome.err
    assert f"listening at {port.path}" in outcome.err
    first = json.loads(outcome.out.splitlines()[0])
    assert (first["problem"], first["board"]) == (
        "direction: a heartbeat does not go this way", port.path,
    )  # fmt: skip
    assert heard == []


def test_the_dissector_is_written(nullfield, tmp_path):
    path = tmp_path / "plugins" / "nullfield.lua"
    assert nullfield("sniff", "--dissector", path).code == 0
    assert path.read_text(encoding="utf-8") == dissector()


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        ([], 3, "give a source"),
        (["/dev/ttyACM0", "--tap", "/dev/ttyACM1"], 3, "give a source"),
        (["/dev/nullfield-gone"], 6, "there is no such port"),
        (["--tap", "/dev/nullfield-gone"], 6, "there is no such port"),
        (["nothing.pcapng"], 3, "no such file"),
        (["S99"], 7, "S99"),
        ([VECTORS, "--listen", "4000"], 3, "--listen goes with --tap"),
        ([VECTORS, "--message", "fualt"], 3, "no such message"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_arguments(nullfield, monkeypatch, arguments, code, word):
    monkeypatch.setattr("nullfield.devices.find.serial_ports", dict)
    nullfield("sniff", *arguments).assert_one_line_error(code, word)
