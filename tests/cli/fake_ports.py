"""Fake boards behind ptys, served by threads, so that the command line meets real ports."""

import contextlib
import os
import threading
import tty

from fake_board import FakeBoard, StepClock

from nullfield_protocol.catalogue import Role


class FakePort:
    """One pty with something behind it; `path` is what a rig would name."""

    def __init__(self, hear):
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        # Held open: a pty without a client reports a hang-up.
        self._slave = slave
        self._hear = hear
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def write(self, data):
        with contextlib.suppress(OSError):
            os.write(self.master, data)

    def close(self):
        # With both ends closed the reader's read ends in an error.
        os.close(self._slave)
        os.close(self.master)

    def _serve(self):
        while True:
            try:
                data = os.read(self.master, 4096)
            except OSError:
                return
            if not data:
                return
            self._hear(self, data)


def board_port(role=Role.SENSOR, uid="0102030405060708", change=lambda fake: None):
    """A port with a fake board; ``change`` spoils the board first."""
    fake = FakeBoard(StepClock(), role, bytes.fromhex(uid))
    change(fake)

    def hear(port, data):
        fake.set_receiver(port.write)
        fake.open()
        fake._hear(data)
        fake.clock.run(0.01)

    return FakePort(hear)


def noise_port(answer):
    """A port that answers whatever comes with the same bytes."""
    return FakePort(lambda port, data: port.write(answer))
