"""Real ptys: exclusive claim, loss, errors with a fix; and the wall clock."""

import contextlib
import os
import socket
import threading
import tty

import pytest
from fake_board import FakeBoard, StepClock

from nullfield.errors import PortBusyError, RequestTimeoutError, TransportError
from nullfield.link import Link
from nullfield.places import boards_directory
from nullfield.transport.serial_port import UDEV_RULE, SerialTransport
from nullfield.transport.timing import WallClock
from nullfield_protocol.messages import MessageId

LONG_S = 20.0
"""Only a failing test waits as long."""


@pytest.fixture
def pty():
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for descriptor in (master, slave):
        with contextlib.suppress(OSError):
            os.close(descriptor)


class Bytes:
    def __init__(self, transport, clock):
        self.data, self.lost, self.clock = b"", None, clock
        transport.set_receiver(self.take)
        transport.set_lost(self.end)

    def take(self, data):
        self.data += data
        self.clock.wake()

    def end(self, reason):
        self.lost = reason
        self.clock.wake()


def test_bytes_both_ways(pty):
    master, path = pty
    clock, transport = WallClock(), SerialTransport(path)
    seen = Bytes(transport, clock)
    transport.open()
    os.write(master, b"hello\0\r\n\x03")
    assert clock.wait(lambda: seen.data == b"hello\0\r\n\x03", LONG_S)
    transport.write(bytes(range(256)))
    got = b""
    while len(got) < 256:
        got += os.read(master, 256)
    assert got == bytes(range(256))
    transport.close()
    transport.close()
    assert seen.lost is None
    with pytest.raises(TransportError, match="not open"):
        transport.write(b"x")


def test_second_open_is_busy_and_the_first_goes_on(pty):
    master, path = pty
    clock, first = WallClock(), SerialTransport(path)
    seen = Bytes(first, clock)
    first.open()
    with pytest.raises(PortBusyError) as caught:
        SerialTransport(path).open()
    assert path in caught.value.message
    assert "close the other program" in caught.value.hint
    os.write(master, b"still here")
    assert clock.wait(lambda: seen.data == b"still here", LONG_S)
    first.close()
    again = SerialTransport(path)
    again.open()
    again.close()


def test_lost_port_is_told(pty):
    master, path = pty
    clock, transport = WallClock(), SerialTransport(path)
    seen = Bytes(transport, clock)
    transport.open()
    os.close(master)
    assert clock.wait(lambda: seen.lost is not None, LONG_S)
    transport.close()


def test_absent_port():
    with pytest.raises(TransportError) as caught:
        SerialTransport("/dev/nullfield-not-there").open()
    assert "there is no such port" in caught.value.message
    assert "nullfield boards" in caught.value.hint


def test_unknown_scheme():
    with pytest.raises(TransportError, match="not a serial port or URL"):
        SerialTransport("carrier-pigeon://x").open()


def test_no_permission(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("serial.serial_for_url", refuse)
    with pytest.raises(TransportError) as caught:
        SerialTransport("/dev/ttyACM0").open()
    assert "dialout" in caught.value.hint
    assert UDEV_RULE in caught.value.hint
    shipped = (boards_directory() / "udev" / "70-nullfield.rules").read_text(encoding="utf-8")
    assert UDEV_RULE in shipped.splitlines()
    assert "udev" in caught.value.hint


def test_socket_url():
    server = socket.create_server(("127.0.0.1", 0))
    clock = WallClock()
    transport = SerialTransport(f"socket://127.0.0.1:{server.getsockname()[1]}")
    seen = Bytes(transport, clock)
    transport.open()
    peer, _ = server.accept()
    peer.sendall(b"x" * 5000)
    assert clock.wait(lambda: len(seen.data) == 5000, LONG_S)
    transport.write(b"answer")
    assert peer.recv(6) == b"answer"
    peer.close()
    assert clock.wait(lambda: seen.lost is not None, LONG_S)
    transport.close()
    server.close()


def test_nobody_listens_at_the_socket():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(TransportError, match="cannot connect"):
        SerialTransport(f"socket://127.0.0.1:{port}").open()


def test_link_over_a_pty(pty):
    """The fake board answers from a thread of its own, so all of this crosses threads."""
    master, path = pty
    fake = FakeBoard(StepClock())
    fake.open()
    fake.set_receiver(lambda data: os.write(master, data))

    def serve():
        while True:
            try:
                data = os.read(master, 4096)
            except OSError:
                return
            fake._hear(data)
            fake.clock.run(0.01)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    link = Link(SerialTransport(path), WallClock())
    frames = []
    link.subscribe(lambda frame, host_time_s: frames.append(frame.message))
    link.open()
    assert link.identity.uid == "0102030405060708"
    assert len(link.exchange_time(3)) == 3
    link.close()
    assert frames.count(MessageId.IDENTITY) == 1


def test_silent_port_times_out(pty):
    _, path = pty
    link = Link(SerialTransport(path), WallClock())
    with pytest.raises(RequestTimeoutError, match="nothing came"):
        link.open()
    SerialTransport(path).open()


def test_wall_clock_wait():
    clock = WallClock()
    assert clock.wait(lambda: True, 0) is True
    assert clock.wait(lambda: False, 0) is False
    flag = threading.Event()
    threading.Thread(target=lambda: (flag.set(), clock.wake())).start()
    assert clock.wait(flag.is_set, LONG_S)


def test_wall_clock_timers():
    clock = WallClock()
    calls = []

    def call(name):
        calls.append(name)
        clock.wake()

    cancel_a = clock.call_every(1e-3, lambda: call("a"))
    cancel_b = clock.call_every(1e-3, lambda: call("b"))
    assert clock.wait(lambda: calls.count("a") > 3 and calls.count("b") > 3, LONG_S)
    cancel_a()
    cancel_b()
    clock.call_every(1e-3, lambda: call("c"))
    assert clock.wait(lambda: calls.count("c") > 1, LONG_S)


def test_wall_clock_timer_cancels_itself():
    clock = WallClock()
    calls = []

    def once():
        calls.append(1)
        cancels[0]()
        clock.wake()

    cancels = [lambda: None]
    cancels[0] = clock.call_every(1e-3, once)
    assert clock.wait(lambda: len(calls) == 1, LONG_S)
    other = []
    clock.call_every(1e-3, lambda: (other.append(1), clock.wake()))
    assert clock.wait(lambda: len(other) > 5, LONG_S)
    assert len(calls) == 1
