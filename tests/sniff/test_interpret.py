"""What the sniffer says of frames, good and bad."""

import pytest

from nullfield.sniff.interpret import Interpreter
from nullfield.sniff.show import TrafficCount, json_of, line_of
from nullfield.sniff.wire import Direction, WireFrame, WireSplitter
from nullfield_protocol.catalogue import ENUMERATIONS, Command, FaultCode, TableFlag
from nullfield_protocol.codec import build, message_layout, parse
from nullfield_protocol.frame import MAX_WIRE, encode_frame
from nullfield_protocol.meanings import (
    _BY_FIELD,
    _BY_MESSAGE_AND_FIELD,
    TEXT_FIELDS,
    enumeration_of,
    number_text,
    unit_of,
)
from nullfield_protocol.messages import MESSAGES, MessageId


def wire(message, sequence=0, **values):
    return encode_frame(message, sequence, build(message, **values))[:-1]


def read(data, interpreter=None, direction=Direction.UNKNOWN, time_s=1.0):
    return (interpreter or Interpreter()).read(WireFrame(data, "port", direction, time_s))


def test_golden_frames(vectors):
    for vector in vectors:
        reading = read(vector["wire"])
        if vector["kind"] == "valid":
            assert reading.message == MessageId(vector["message"]).name.lower(), vector["name"]
            assert reading.sequence == vector["sequence"]
            assert not reading.problem
            way = Direction.TO_HOST if vector["message"] & 0x80 else Direction.TO_BOARD
            assert reading.direction is way
        else:
            assert reading.cause == vector["error"], vector["name"]
            assert f"BAD {vector['error']}" in line_of(reading)
            assert "\n" not in line_of(reading)


def test_values_are_those_of_construct(random_frames):
    for message, sequence, payload, data in random_frames:
        reading = read(data)
        assert (reading.problem, reading.sequence) == ("", sequence)
        expected = parse(message, payload)
        for field in message_layout(message).fields:
            if field.name.startswith("reserved"):
                assert field.name not in reading.values
                continue
            value, want = reading.values[field.name], expected[field.name]
            enumeration = enumeration_of(message_layout(message).name, field.name)
            if field.code == "s":
                as_text = field.name in TEXT_FIELDS
                want = want.rstrip(b"\0").decode() if as_text else want.hex()
            elif enumeration is not None:
                many = isinstance(value, list)
                want = [number_text(enumeration, n) for n in (want if many else [want])]
                want = want if many else want[0]
            assert value == (list(want) if isinstance(value, list) else want), field.name
        json_of(reading)
        assert len(line_of(reading).splitlines()) == 1


def test_numbers_have_units_and_names():
    data = wire(
        MessageId.FAULT, 41, board_time_us=12_345_678, code=FaultCode.CELL_OVER_TEMPERATURE,
        source=2, board_state=2, value=-7,
    )  # fmt: skip
    line = line_of(read(data, direction=Direction.TO_HOST))
    assert line == (
        "    1.000000 <- port FAULT #41 board_time=12.345678 s code=cell_over_temperature "
        "source=2 board_state=fault value=-7"
    )
    beat = wire(MessageId.COMMAND_REQUEST, request_id=9, command=Command.COIL_SET,
                argument=[3, -250000, 0, 0])  # fmt: skip
    assert line_of(read(beat)).endswith("request_id=9 command=coil_set argument=[3 -250000]")


def test_settings_are_named_once_described():
    interpreter = Interpreter()
    described = wire(
        MessageId.SETTING_DESCRIPTION, request_id=1, index=5, kind=0, flags=1,
        name=b"laser_current", unit=b"A", exponent=-9, minimum=500000, maximum=3000000,
        default=1500000, value=1500000,
    )  # fmt: skip
    write = wire(MessageId.SETTING_WRITE_REQUEST, request_id=2, index=5, value=1250000)
    assert "index=5 value=1250000" in line_of(read(write, interpreter))
    assert "maximum=0.003 A" in line_of(read(described, interpreter))
    assert "setting=laser_current value=0.00125 A" in line_of(read(write, interpreter))


def test_gaps_restarts_and_boards():
    interpreter, counted = Interpreter(), TrafficCount()
    readings = []
    for time_s, number in enumerate((7, 8, 12, 13, 2)):
        data = wire(MessageId.HEARTBEAT, number, host_beat=0)
        reading = read(data, interpreter, time_s=float(time_s))
        readings.append(reading)
        counted.add(reading)
    assert [one.missing for one in readings] == [0, 0, 3, 0, 0]
    assert [one.is_restart for one in readings] == [False] * 4 + [True]
    assert "[3 missing]" in line_of(readings[2])
    assert "[counts anew]" in line_of(readings[4])
    summary = counted.to_json()
    assert (summary["duration_s"], summary["missing"], summary["restarts"]) == (4.0, 3, 1)
    # A heartbeat is 18 bytes on the wire; five in four seconds.
    assert summary["messages"][0]["bytes_per_s"] == 5 * 18 / 4


def test_a_source_is_named_by_its_board():
    interpreter = Interpreter()
    values = dict.fromkeys((f.name for f in message_layout(MessageId.IDENTITY).fields), 0)
    values.update(board_uid=bytes.fromhex("e66138528350b001"), catalogue_fingerprint=b"12345678")
    values.update({f: b"" for f in values if f in TEXT_FIELDS or f == "unit_name"})
    values = {k: b"" if k.startswith("firmware_") else v for k, v in values.items()}
    values.pop("reserved", None)
    assert read(wire(MessageId.IDENTITY, **values), interpreter).board == "e66138528350b001"
    assert read(b"\x01", interpreter).board == "e66138528350b001"


def test_what_else_can_be_wrong():
    unknown = encode_frame(0x7F, 0, b"")[:-1]
    assert read(unknown).problem == "unknown message 0x7f"
    cut = encode_frame(MessageId.HEARTBEAT, 0, b"\1\2\3")[:-1]
    assert read(cut).cause == "payload"
    assert "3 bytes, expected 4" in read(cut).problem
    odd = encode_frame(MessageId.TABLE_SAMPLES, 0, bytes(24) + b"123")[:-1]
    assert read(odd).cause == "payload"
    wrong_way = wire(MessageId.HEARTBEAT, host_beat=1)
    assert read(wrong_way, direction=Direction.TO_HOST).cause == "direction"


def test_control_characters_of_a_log_stay_in_their_line():
    payload = bytes(8) + b"\1\0\0\0" + b"one\ntwo\x1b[31m"
    line = line_of(read(encode_frame(MessageId.LOG, 0, payload)[:-1]))
    assert 'text="one·two·[31m"' in line


def test_the_splitter_gives_endless_bytes_once_and_goes_on():
    splitter = WireSplitter()
    out = [wire for _ in range(30) for wire in splitter.feed(b"z" * 100)]
    assert len(out) == 1
    assert MAX_WIRE < len(out[0]) <= MAX_WIRE + 100
    assert list(splitter.feed(b"zz\0ab\0\0c")) == [b"ab"]
    assert list(splitter.end()) == [b"c"]


def test_flags_by_name():
    assert number_text(TableFlag, 2 | 8) == "homed|at_home"
    assert number_text(TableFlag, 0x81) == "motor_energised|0x80"
    assert number_text(TableFlag, 0) == "0"
    assert number_text(FaultCode, 999) == "999"


def test_meanings_are_of_fields_that_exist():
    layouts = {m.name: message_layout(m.id) for m in MESSAGES.values()}
    fields = {}
    for name, layout in layouts.items():
        fields[name] = {f.name for f in layout.fields}
        if layout.row is not None:
            fields[layout.row.name] = {f.name for f in layout.row.fields}
    everywhere = set().union(*fields.values())
    assert set(_BY_FIELD) <= everywhere
    for layout, field in _BY_MESSAGE_AND_FIELD:
        assert field in fields[layout], (layout, field)
    assert {e for e in ENUMERATIONS if e in {*_BY_FIELD.values(), *_BY_MESSAGE_AND_FIELD.values()}}


@pytest.mark.parametrize(
    "ending", ["us", "mc", "mv", "na", "pa", "ua", "uw", "um", "um_s", "permille"]
)
def test_every_unit_of_the_catalogue_is_known(ending):
    assert unit_of(f"thing_{ending}") is not None
