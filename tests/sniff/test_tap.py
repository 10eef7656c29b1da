"""The pass-through changes nothing, and shows what passes."""

import contextlib
import os
import threading
import tty

import pytest
from fake_ports import FakePort, board_port

from nullfield.devices.connect import connect
from nullfield.errors import PortBusyError, TransportError
from nullfield.sniff.interpret import Interpreter
from nullfield.sniff.tap import Tap
from nullfield.sniff.wire import Direction
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import WallClock
from nullfield_protocol.catalogue import Role

UID = "e66138528350b001"
GENEROUS_S = 30.0


@pytest.fixture
def tapped():
    """A tap before a board's port, and all that is closed at the end."""
    with contextlib.ExitStack() as stack:

        def make(port=None, **options):
            behind = port or board_port(Role.SENSOR, UID)
            stack.callback(behind.close)
            tap = Tap(SerialTransport(behind.path), WallClock(), **options)
            tap.open()
            stack.callback(tap.close)
            return tap

        yield make


def passed(tap, count):
    """The next frames, or fewer at the end."""
    interpreter = Interpreter()
    out = []
    for frame in tap.live.frames(lambda: len(out) >= count):
        out.append(interpreter.read(frame))
    return out


@pytest.mark.parametrize("way", ["pty", "tcp"])
def test_a_client_works_through_it_and_both_directions_are_shown(tapped, way):
    tap = tapped(tcp_port=0)
    with connect(SerialTransport(tap.path if way == "pty" else tap.address), WallClock()) as board:
        assert board.uid == UID
        names = board.settings.names()
        board.ping()
    shown = passed(tap, 8 + 2 * len(names))
    assert not [one for one in shown if one.problem]
    assert [one.missing for one in shown] == [0] * len(shown)
    messages = [(one.direction, one.message) for one in shown]
    asked = (Direction.TO_BOARD, "setting_describe_request")
    assert messages[0] == (Direction.TO_BOARD, "identify_request")
    assert messages.count(asked) == len(names)
    assert messages.count((Direction.TO_HOST, "setting_description")) == len(names)
    assert shown[-1].board == UID
    times = [one.frame.time_s for one in shown]
    assert times == sorted(times)


def test_one_client_after_another(tapped):
    tap = tapped(tcp_port=0)
    for place in (tap.path, tap.address, tap.path):
        with connect(SerialTransport(place), WallClock()) as board:
            assert board.uid == UID


def test_bytes_pass_unchanged(tapped):
    heard = bytearray()
    enough = threading.Event()
    sent = bytes(range(256)) * 40

    def hear(port, data):
        heard.extend(data)
        if len(heard) >= len(sent):
            enough.set()
        port.write(bytes(data))

    tap = tapped(FakePort(hear))
    client = os.open(tap.path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(client)
    back = bytearray()
    writer = threading.Thread(target=lambda: _write(client, sent))
    writer.start()
    while len(back) < len(sent):
        back += os.read(client, 4096)
    writer.join()
    assert enough.wait(GENEROUS_S)
    os.close(client)
    assert bytes(heard) == sent
    assert bytes(back) == sent
    assert tap.lost_bytes == 0


def _write(descriptor, data):
    while data:
        data = data[os.write(descriptor, data) :]


def test_ports_that_cannot_be_had(tapped):
    tap = tapped(tcp_port=0)
    board = tap.live
    with pytest.raises(PortBusyError):
        Tap(SerialTransport(tap._transport.port), WallClock()).open()
    taken = int(tap.address.rsplit(":", 1)[1])
    with pytest.raises(TransportError, match=f"TCP port {taken}: cannot listen"):
        Tap(SerialTransport("/dev/null-board"), WallClock(), taken).open()
    assert board.lost_reason is None


class BarePort:
    """A pty that nobody serves."""

    def __init__(self):
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)

    def close(self):
        if self.master >= 0:
            os.close(self.master)
        self.master = -1


def test_a_port_that_goes_away_ends_the_look(tapped):
    port = BarePort()
    tap = tapped(port)
    os.write(port.master, b"\x01\0")
    frames = tap.live.frames()
    assert next(frames).wire == b"\x01"
    port.close()
    assert list(frames) == []
    assert tap.live.lost_reason
