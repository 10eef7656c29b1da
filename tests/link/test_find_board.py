"""Boards are found by what they are, whatever their ports are called."""

import pytest
from fake_board import FakeBoard, StepClock

from nullfield.devices.find import PortState, find_board, look_at_port, serial_ports
from nullfield.errors import BoardNotFoundError, PortBusyError, TransportError
from nullfield_protocol.catalogue import PROTOCOL_VERSION, Role

SENSOR, COIL = "e66138528350b001", "e66138528351b001"


class Prompt:
    """MicroPython's friendly and raw prompt, as far as control characters go (pyexec.c)."""

    def __init__(self, line=b"", answers=True):
        self.port = "prompt"
        self.line, self.is_raw, self.answers = line, False, answers
        self.executed = []
        self.keys = b""

    def set_receiver(self, callback):
        self.receiver = callback

    def set_lost(self, callback):
        pass

    def open(self):
        pass

    def close(self):
        pass

    def write(self, data):
        for byte in data if self.answers else b"":
            self._key(byte)

    def _key(self, byte):
        self.keys += bytes([byte])
        banner = b"MicroPython v1.25.0 on 2025-04-15; Raspberry Pi Pico2 with RP2350\r\n"
        if byte == 3:
            self.line = b""
            self.receiver(b"" if self.is_raw else b"\r\n>>> ")
        elif self.is_raw and byte == 2:
            self.is_raw, self.line = False, b""
            self.receiver(b"\r\n" + banner + b">>> ")
        elif self.is_raw and byte == 4:
            self.executed.append(self.line)
            self.line = b""
        elif not self.is_raw and not self.line and byte == 2:
            self.receiver(b"\r\n" + banner + b">>> ")
        elif not self.is_raw and not self.line and byte == 1:
            self.is_raw = True
            self.receiver(b"raw REPL; CTRL-B to exit\r\n>")
        elif byte == 0x15 and not self.is_raw:
            self.line = b""
        elif byte >= 32:
            self.line += bytes([byte])
            if not self.is_raw:
                self.receiver(bytes([byte]))


class Closed(Prompt):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def open(self):
        raise self.error


@pytest.fixture
def clock():
    return StepClock()


class Bench:
    """Ports by name."""

    def __init__(self, clock, **behind):
        self.clock = clock
        self.behind = behind
        for port, what in behind.items():
            what.port = port

    def find(self, wanted, usb=None):
        ports = {port: (usb or {}).get(port, "") for port in self.behind}
        return find_board(wanted, self.clock, ports, self.behind.__getitem__)


def board(clock, uid, role=Role.SENSOR):
    return FakeBoard(clock, role, bytes.fromhex(uid))


@pytest.mark.parametrize("wanted", [COIL, COIL.upper(), "51b001", "e66138528351"])
def test_by_uid_and_parts_of_it(clock, wanted):
    bench = Bench(clock, a=board(clock, SENSOR), b=board(clock, COIL, Role.COIL))
    found = bench.find(wanted)
    assert (found.port, found.uid, found.state) == ("b", COIL, PortState.READY)
    assert found.identity.role is Role.COIL
    assert not bench.behind["a"].is_open
    assert not bench.behind["b"].is_open


def test_a_look_changes_nothing_on_the_board(clock):
    one = board(clock, SENSOR)
    Bench(clock, a=one).find(SENSOR)
    clock.run(5)
    assert one.commands == []
    assert one.beats == 0


def test_a_port_is_taken_as_it_is(clock):
    one, other = board(clock, SENSOR), board(clock, COIL)
    one.port = "/dev/one"
    found = find_board("/dev/one", clock, None, {"/dev/one": one, "/dev/other": other}.__getitem__)
    assert found.uid == SENSOR


def test_nobody_there(clock):
    with pytest.raises(BoardNotFoundError, match="S07: no board is plugged in"):
        Bench(clock).find("S07")
    bench = Bench(clock, a=board(clock, SENSOR))
    with pytest.raises(BoardNotFoundError, match=f"S07: no such board.*{SENSOR} at a") as nobody:
        bench.find("S07")
    assert "nullfield boards" in nobody.value.hint


def test_two_boards_answer(clock):
    bench = Bench(clock, a=board(clock, SENSOR), b=board(clock, SENSOR))
    with pytest.raises(BoardNotFoundError, match=r"2 boards answer to it.* at a;.* at b"):
        bench.find(SENSOR)
    bench = Bench(clock, a=board(clock, SENSOR), b=board(clock, COIL))
    with pytest.raises(BoardNotFoundError, match="b001: 2 boards answer"):
        bench.find("b001")


def test_a_taken_port_is_named_when_the_board_is_not_elsewhere(clock):
    busy = Closed(PortBusyError("a: the port is in use by another program", "close the other"))
    bench = Bench(clock, a=busy, b=board(clock, COIL))
    assert bench.find(COIL).port == "b"
    with pytest.raises(BoardNotFoundError) as nobody:
        bench.find(SENSOR)
    assert nobody.value.hint == "a: the port is in use by another program: close the other"


def test_a_named_port_that_is_taken_or_forbidden(clock):
    for error in (PortBusyError("/dev/a: in use"), TransportError("/dev/a: no permission")):
        with pytest.raises(type(error), match=error.message):
            find_board("/dev/a", clock, None, lambda port, e=error: Closed(e))


@pytest.mark.parametrize("line", [b"", b"print(1"], ids=["empty line", "half a line"])
def test_plain_micropython(clock, line):
    prompt = Prompt(line)
    found = look_at_port("prompt", clock, lambda port: prompt, SENSOR)
    assert found.state is PortState.PROMPT
    assert found.banner.startswith("MicroPython v1.25.0")
    assert found.uid == SENSOR
    assert "nullfield flash prompt" in found.error.hint
    # The prompt is left as it should be: friendly, empty, nothing was run.
    assert (prompt.is_raw, prompt.line, prompt.executed) == (False, b"", [])


class Starting(Prompt):
    """A board that hears everything in its boot window, and says nothing."""

    def write(self, data):
        self.keys += data


def test_a_look_does_not_interrupt_a_board_that_starts(clock):
    starting = Starting()
    assert look_at_port("prompt", clock, lambda port: starting).state is PortState.SILENT
    assert starting.keys.count(b"\0") >= 8
    assert not {3, 4} & set(starting.keys)


def test_ctrl_c_only_after_the_prompt_told_its_version(clock):
    class Chatty(Starting):
        def write(self, data):
            super().write(data)
            self.receiver(b">>> ")

    chatty = Chatty()
    look_at_port("prompt", clock, lambda port: chatty)
    assert not {3, 4} & set(chatty.keys)


def test_plain_micropython_is_found_by_its_usb_uid_and_named_otherwise(clock):
    bench = Bench(clock, a=Prompt(), b=board(clock, COIL))
    assert bench.find(SENSOR, {"a": SENSOR}).state is PortState.PROMPT
    with pytest.raises(BoardNotFoundError) as nobody:
        bench.find("S01")
    assert "nullfield flash a" in nobody.value.hint


def test_silence_at_a_board_that_usb_names(clock):
    bench = Bench(clock, a=Prompt(answers=False))
    with pytest.raises(BoardNotFoundError, match=f"USB says it is board {SENSOR}.*nothing came"):
        bench.find(SENSOR, {"a": SENSOR})


@pytest.mark.parametrize(
    "change", [{"version": PROTOCOL_VERSION + 1}, {"catalogue": b"\xab" * 8}], ids=str
)
def test_another_version_is_found_too(clock, change):
    one = board(clock, SENSOR)
    vars(one).update(change)
    found = Bench(clock, a=one).find(SENSOR)
    assert found.state is PortState.OTHER_VERSION
    assert found.announcement.firmware == "0.1.0"
    assert found.announcement.protocol_version == one.version
    assert SENSOR in found.error.message


def test_only_boards_are_looked_at_by_themselves(monkeypatch):
    from serial.tools import list_ports
    from serial.tools.list_ports_common import ListPortInfo

    def info(device, vid, serial_number):
        one = ListPortInfo(device)
        one.vid, one.serial_number = vid, serial_number
        return one

    machine = [
        info("/dev/ttyS0", None, None),
        info("/dev/ttyUSB0", 0x0403, "FT123"),
        info("/dev/ttyACM0", 0x2E8A, SENSOR.upper()),
    ]
    monkeypatch.setattr(list_ports, "comports", lambda: machine)
    assert serial_ports() == {"/dev/ttyACM0": SENSOR}
