"""Parts of the real board's hal that need no processor: USB link, outputs, PWM, safe levels."""

from __future__ import annotations

import ast
import builtins
import sys
import types
from pathlib import Path

import pytest

BOARDS = Path(__file__).resolve().parents[2] / "boards"


class Port:
    """USB serial port whose queue has room for so many bytes."""

    def __init__(self) -> None:
        self.incoming = bytearray()
        self.sent = bytearray()
        self.room = 1 << 30
        self.take = 1 << 30

    @property
    def buffer(self) -> Port:
        return self

    def readinto(self, target) -> int:
        assert self.incoming, "would wait"
        target[0] = self.incoming.pop(0)
        return 1

    def write(self, data, at, count) -> int:
        assert count <= self.room, "would wait"
        taken = min(count, self.take)
        self.sent += data[at : at + taken]
        self.room -= taken
        return taken


class Poll:
    def register(self, port, flag) -> None:
        self._port, self._flag = port, flag

    def ipoll(self, _timeout):
        ready = self._port.incoming if self._flag == 1 else self._port.room > 0
        return [(self._port, self._flag)] if ready else []


class Pin:
    OUT, IN, PULL_UP, PULL_DOWN = range(4)
    made: dict[int, Pin] = {}  # noqa: RUF012  (reset by the fixture)

    def __new__(cls, number, *_args, **_options):
        return cls.made.setdefault(number, super().__new__(cls))

    def __init__(self, number, mode=None, value=None) -> None:
        self.number, self.mode = number, mode
        if value is not None:
            self.level = value

    def init(self, mode, pull) -> None:
        self.mode, self.pull = mode, pull

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level
        return None


class Pwm:
    def __init__(self, pin, freq, duty_u16) -> None:
        self.pin, self.frequency, self.duty = pin, freq, duty_u16

    def duty_u16(self, value) -> None:
        self.duty = value


class Anything:
    """Peripheral of which only the set-up is watched."""

    OUT_LOW = OUT_HIGH = SHIFT_LEFT = JOIN_RX = 0

    def __init__(self, *_args, **options) -> None:
        self.options = options
        self.count = 1000
        self.channel = 0
        self.values: list[int] = []

    def put(self, value) -> None:
        self.values.append(value)

    def tx_fifo(self) -> int:
        return 0

    def __getattr__(self, _name):
        return lambda *_args, **_options: 0


def plain_copy(target, places, source, count):
    to, start = places >> 16, places & 0xFFFF
    target[to : to + count] = source[start : start + count]


@pytest.fixture
def rp2(monkeypatch):
    """The hal with stand-ins for what only the processor has."""
    Pin.made = {}
    machine = types.ModuleType("machine")
    for name, value in {
        "Pin": Pin,
        "PWM": Pwm,
        "SPI": Anything,
        "SoftSPI": Anything,
        "UART": Anything,
        "ADC": Anything,
        "mem32": {},
        "WDT_RESET": 3,
        "reset_cause": lambda: 3,
        "unique_id": lambda: b"12345678",
    }.items():
        setattr(machine, name, value)
    monkeypatch.setattr(sys.implementation, "_machine", "Pico 2 with RP2350", raising=False)
    module = types.ModuleType("rp2")
    module.PIO = module.DMA = module.StateMachine = Anything
    module.asm_pio = lambda **_options: lambda program: program
    uctypes = types.ModuleType("uctypes")
    uctypes.addressof = lambda _buffer: 0x20000000
    select = types.ModuleType("select")
    select.poll, select.POLLIN, select.POLLOUT = Poll, 1, 4
    for name, value in (("machine", machine), ("rp2", module), ("uctypes", uctypes)):
        monkeypatch.setitem(sys.modules, name, value)
    monkeypatch.setitem(sys.modules, "select", select)
    for name in ("ptr8", "ptr16", "ptr32", "uint"):
        monkeypatch.setattr(builtins, name, int, raising=False)
    monkeypatch.setattr(sys.modules["micropython"], "kbd_intr", lambda _key: None, raising=False)
    monkeypatch.setattr("time.ticks_us", lambda: 0, raising=False)
    host, device = Port(), Port()
    before = set(sys.modules)
    import nullfield_fw.hal.rp2 as hal
    import nullfield_fw.hal.rp2_usb as usb

    monkeypatch.setattr("nullfield_fw.hal.rp2.fill_middle", lambda *_args: None)
    # The board's own is viper with pointers; it has tests of its own on MicroPython.
    monkeypatch.setattr("nullfield_fw.hal.rp2_usb.copy", plain_copy)

    def connected(make):
        # Only while the object is made: pytest replaces the streams between phases of a test.
        def build(*arguments):
            with monkeypatch.context() as patch:
                patch.setattr(sys, "stdin", host)
                patch.setattr(sys, "stdout", device)
                return make(*arguments)

        return build

    yield types.SimpleNamespace(
        Hal=connected(hal.Hal), UsbLink=connected(usb.UsbLink), host=host, device=device
    )
    # What was imported holds on to the stand-ins.
    for name in set(sys.modules) - before:
        if name.startswith("nullfield_fw.hal"):
            del sys.modules[name]


def board(name):
    tree = ast.parse((BOARDS / name / "board.py").read_text())
    return ast.literal_eval(tree.body[-1].value)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in BOARDS.glob("*/board.py")))
def test_outputs_start_and_end_safe(rp2, name):
    definition = board(name)
    hal = rp2.Hal(definition)
    assert hal.reset_cause == 2

    def levels():
        return {key: Pin.made[item["pin"]].level for key, item in definition["outputs"].items()}

    safe = {
        key: item["safe"] ^ item.get("active_low", False)
        for key, item in definition["outputs"].items()
    }
    assert levels() == safe
    for key in definition["outputs"]:
        hal.output(key).set(1)
    for key in definition["pwm"]:
        assert hal.pwm(key).duty == 0
        assert hal.pwm(key).frequency == 100000
        hal.pwm(key).duty_u16(30000)
    assert levels() != safe
    hal.safe()
    assert levels() == safe
    assert not any(hal.pwm(key).duty for key in definition["pwm"])


def test_block_sizes(rp2):
    assert (len(rp2.Hal(board("sensor_pico2")).adc), len(rp2.Hal(board("sensor_pico2")).dac)) == (
        160,
        192,
    )
    assert (len(rp2.Hal(board("coil_pico2")).adc), len(rp2.Hal(board("coil_pico2")).dac)) == (
        160,
        16,
    )
    assert (len(rp2.Hal(board("table_pico2")).adc), len(rp2.Hal(board("table_pico2")).dac)) == (
        0,
        0,
    )


def test_stepper_periods(rp2):
    stepper = rp2.Hal(board("table_pico2")).stepper
    for rate, period in ((10000, 985), (1, 19985), (10**7, 85), (0, 0)):
        stepper.set_rate(rate)
        assert stepper._machine.values[-1] == period


def test_receives_what_is_there_and_never_waits(rp2):
    link = rp2.UsbLink()
    rp2.host.incoming += bytes(range(256)) * 3
    link.start_block()
    link.service()
    assert link.count == 4, "a little at a time"
    for _ in range(200):
        link.service()
    assert link.count == 512
    assert link.received == bytes(range(256)) * 2
    link.start_block()
    for _ in range(64):
        link.service()
    assert link.received[: link.count] == bytes(range(256))


def send(link, data):
    at = 0
    while at < len(data):
        at += link.write(data, at, len(data) - at)
        link.start_block()
        link.service()
    # One packet a call: the rest of the ring.
    for _ in range(4096 // 64):
        link.start_block()
        link.service()


def test_sends_whole_packets_and_loses_nothing(rp2):
    link = rp2.UsbLink()
    frames = [bytes([1 + i % 255]) * (i % 150) + b"\0" for i in range(400)]
    stream = bytearray(b"".join(frames))
    send(link, stream)
    sent = bytes(rp2.device.sent)
    assert len(sent) % 64 == 0
    assert [part for part in sent.split(b"\0") if part] == [f[:-1] for f in frames if len(f) > 1]


def test_half_a_frame_waits_for_the_rest(rp2):
    link = rp2.UsbLink()
    send(link, bytearray(b"\x05half"))
    assert not rp2.device.sent
    send(link, bytearray(b"whole\0"))
    assert rp2.device.sent == b"\x05halfwhole".ljust(64, b"\0")


def test_short_write_is_continued(rp2):
    link = rp2.UsbLink()
    rp2.device.take = 10
    data = bytearray(range(1, 200)) + b"\0"
    send(link, data)
    for _ in range(60):
        link.start_block()
        link.service()
    assert bytes(rp2.device.sent).rstrip(b"\0") == bytes(range(1, 200))


def test_full_port_is_left_alone_and_the_ring_bounds_what_is_taken(rp2):
    link = rp2.UsbLink()
    rp2.device.room = 128
    data = bytearray([7] * 8192)
    link.start_block()
    assert link.write(data, 0, len(data)) == 4095
    for packets in (1, 2, 2):
        link.service()
        assert len(rp2.device.sent) == 64 * packets
    assert link.write(data, 0, len(data)) == 128
