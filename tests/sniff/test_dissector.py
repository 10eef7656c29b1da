"""Wireshark's dissector against construct: by plain Lua, and by tshark itself."""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from enum import IntFlag

import pytest

from nullfield.sniff.pcapng import CaptureWriter
from nullfield.sniff.wire import Direction, WireFrame
from nullfield_protocol.codec import message_layout, parse
from nullfield_protocol.dissector import dissector
from nullfield_protocol.frame import encode_frame
from nullfield_protocol.generate import ROOT
from nullfield_protocol.meanings import TEXT_FIELDS, enumeration_of
from nullfield_protocol.messages import MessageId

LUA_FILE = ROOT / "protocol" / "wireshark" / "nullfield.lua"
TIMEOUT_S = 120


def lua():
    return next(filter(None, map(shutil.which, ("lua5.4", "lua5.3", "lua5.2", "lua"))), None)


needs_lua = pytest.mark.skipif(lua() is None, reason="no lua (Debian package: lua5.4)")
needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="no tshark (Debian package: tshark)"
)


def test_the_file_is_what_the_generator_makes():
    assert LUA_FILE.read_text(encoding="utf-8") == dissector()


@needs_lua
def test_frames_are_opened_as_by_the_host(vectors, tmp_path):
    wires = tmp_path / "wires.txt"
    wires.write_text("".join(f"{v['wire'].hex()}\n" for v in vectors), encoding="utf-8")
    program = tmp_path / "open.lua"
    program.write_text(
        f"local n = dofile({str(LUA_FILE)!r})\n"
        "for line in io.lines(arg[1]) do\n"
        "  local wire = line:gsub('..', function(h) return string.char(tonumber(h, 16)) end)\n"
        "  local raw, cause = n.open_frame(wire)\n"
        "  print(cause or raw:gsub('.', function(c) return string.format('%02x', c:byte()) end))\n"
        "end\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [lua(), str(program), str(wires)],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=True,
    )  # fmt: skip
    answers = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert len(answers) == len(vectors)
    for vector, answer in zip(vectors, answers, strict=True):
        if vector["kind"] == "valid":
            assert answer[16:-8] == vector["payload"], vector["name"]
        else:
            assert answer == vector["error"], vector["name"]


def tshark(capture, *arguments):
    done = subprocess.run(
        ["tshark", "-n", "-X", f"lua_script:{LUA_FILE}", "-r", str(capture), *arguments],
        capture_output=True,
        # No plugin and no preference of the person who runs the tests.
        env={**os.environ, "HOME": str(capture.parent)},
        timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    said = done.stderr.decode()
    assert done.returncode == 0, said
    assert "Lua" not in said, said
    return done.stdout.decode()


def write_capture(path, wires):
    with CaptureWriter(path) as capture:
        for number, (wire, direction) in enumerate(wires):
            capture.add(WireFrame(wire, "board", direction, number * 1e-3))
    return path


def way(message):
    return Direction.TO_HOST if message & 0x80 else Direction.TO_BOARD


def packets(capture):
    """Of each packet: lists of shown values by the field's name."""
    root = ElementTree.fromstring(tshark(capture, "-T", "pdml"))
    found = []
    for packet in root.iter("packet"):
        fields = {}
        for field in packet.iter("field"):
            fields.setdefault(field.get("name"), []).append(field.get("show"))
        found.append(fields)
    return found


def expected_values(message, payload):
    """What construct reads, by the names of the dissector, as text of tshark."""
    layout = message_layout(message)
    prefix = f"nullfield.{layout.name}"
    parsed = parse(message, payload)
    out = {}

    def add(name, field, values, place):
        if field.code == "s":
            raw = values.rstrip(b"\0") if field.name in TEXT_FIELDS else values
            shown = raw.decode() if field.name in TEXT_FIELDS else raw.hex(":")
            out.setdefault(name, []).append(shown)
            return
        many = list(values) if field.count > 1 else [values]
        out.setdefault(name, []).extend(int(one) for one in many)
        enumeration = enumeration_of(place, field.name)
        if enumeration is not None and issubclass(enumeration, IntFlag):
            for bit in enumeration:
                shown = [int(bool(one & bit)) for one in many]
                out.setdefault(f"{name}.{bit.name.lower()}", []).extend(shown)

    for field in layout.fields:
        if not field.name.startswith("reserved"):
            add(f"{prefix}.{field.name}", field, parsed[field.name], layout.name)
    if layout.row is not None:
        rows = next(parsed[n] for n in ("rows", "words") if n in parsed)
        for row in rows:
            for field in layout.row.fields:
                add(f"{prefix}.row.{field.name}", field, row[field.name], layout.row.name)
    if layout.trailing_bytes and parsed.text:
        out[f"{prefix}.text"] = [bytes(parsed.text).decode("utf-8", "replace")]
    return out


def number(shown):
    if re.fullmatch(r"-?\d+|0x[0-9a-f]+", shown):
        return int(shown, 0)
    return {"True": 1, "False": 0}.get(shown, shown)


@needs_tshark
def test_every_field_of_every_message(random_frames, tmp_path):
    capture = write_capture(
        tmp_path / "all.pcapng", [(wire, way(message)) for message, _, _, wire in random_frames]
    )
    seen = packets(capture)
    assert len(seen) == len(random_frames)
    for (message, sequence, payload, _), fields in zip(random_frames, seen, strict=True):
        assert number(fields["nullfield.message"][0]) == message
        assert number(fields["nullfield.sequence"][0]) == sequence
        expected = expected_values(message, payload)
        for name, values in expected.items():
            shown = fields.get(name)
            assert shown is not None, (name, sorted(fields))
            if isinstance(values[0], int):
                assert [number(one) for one in shown] == values, name
            else:
                assert shown == values, name
        for trouble in ("crc_bad", "size_bad", "unknown", "length_bad"):
            assert f"nullfield.{trouble}" not in fields


@needs_tshark
def test_golden_frames(vectors, tmp_path):
    wires = [(v["wire"], way(v.get("message", 0))) for v in vectors]
    seen = packets(write_capture(tmp_path / "golden.pcapng", wires))
    expert = {"crc": "crc_bad", "length": "length_bad"}
    for vector, fields in zip(vectors, seen, strict=True):
        if vector["kind"] == "valid":
            assert number(fields["nullfield.message"][0]) == vector["message"]
            assert number(fields["nullfield.sequence"][0]) == vector["sequence"]
            if vector["payload"]:
                assert (
                    bytes.fromhex(fields["nullfield.payload"][0].replace(":", "")).hex()
                    == (vector["payload"])
                )
        else:
            error = vector["error"]
            assert f"nullfield.{expert.get(error, error)}" in fields, vector["name"]
            assert "nullfield.missing" not in fields


@needs_tshark
def test_gaps_and_refusals_are_expert_information(tmp_path):
    def beat(sequence):
        return encode_frame(MessageId.HEARTBEAT, sequence, bytes(4))[:-1], Direction.TO_BOARD

    refused = encode_frame(MessageId.ACKNOWLEDGE, 0, bytes([1, 0, 0, 0, 33, 0, 5, 0, 0, 0, 0, 0]))
    unknown = encode_frame(0x7E, 0, b"what")
    wires = [beat(4), beat(5), beat(9), beat(0), (refused[:-1], Direction.TO_HOST)]
    wires += [(unknown[:-1], Direction.UNKNOWN)]
    capture = write_capture(tmp_path / "odd.pcapng", wires)
    seen = packets(capture)
    assert [fields.get("nullfield.missing") for fields in seen] == [None, None, ["3"], *[None] * 3]
    assert "nullfield.gap" in seen[2]
    assert "nullfield.restart" in seen[3]
    assert "nullfield.refused" in seen[4]
    assert "nullfield.unknown" in seen[5]
    lines = tshark(capture).splitlines()
    assert lines[4].endswith("ACKNOWLEDGE command=COIL_SET error=ABOVE_MAXIMUM")


@needs_tshark
def test_frames_on_a_tcp_port_cut_anywhere(random_frames, tmp_path):
    from tcp_capture import tcp_capture

    chosen = [one for one in random_frames if one[0] & 0x80][:12]
    stream = b"".join(wire + b"\0" for *_, wire in chosen)
    pieces = [stream[at : at + 61] for at in range(0, len(stream), 61)]
    capture = tcp_capture(tmp_path / "tcp.pcap", pieces, board_port=4007)
    shown = tshark(capture, "-T", "fields", "-e", "nullfield.sequence")
    numbers = [int(n) for line in shown.splitlines() for n in line.split(",") if n]
    assert numbers == [sequence for _, sequence, _, _ in chosen]
