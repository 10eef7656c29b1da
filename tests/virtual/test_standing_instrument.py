"""A virtual instrument standing alone: ports for any serial client, one a board."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nullfield.devices.connect import connect
from nullfield.errors import BoardLostError, InputError
from nullfield.rig import Rig
from nullfield.toolchain import ensure_micropython
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import WallClock
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.standalone import StandingInstrument

GENEROUS_S = 30.0


@pytest.fixture
def make_standing(table_rig: Rig) -> Iterator[Callable[..., StandingInstrument]]:
    """Standing instruments, closed at the end."""
    with contextlib.ExitStack() as stack:

        def make(uids: Any = None) -> StandingInstrument:
            scenario = Scenario(heart_enabled=False)
            instrument = VirtualInstrument(table_rig, scenario, 1, ensure_micropython())
            return stack.enter_context(StandingInstrument(instrument, uids))

        yield make


@contextlib.contextmanager
def _running(standing: StandingInstrument) -> Iterator[None]:
    """Serve the ports in a thread, as the command does in its main one."""
    stop = threading.Event()
    thread = threading.Thread(target=standing.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _uid(standing: StandingInstrument, role: str) -> str:
    return next(b.uid for b in standing.instrument.boards if b.role == role)


def _for_blocks(count: int) -> Callable[[], bool]:
    left = [count]

    def is_over() -> bool:
        left[0] -= 1
        return left[0] < 0

    return is_over


def test_every_board_has_a_raw_port(make_standing: Any) -> None:
    standing = make_standing()
    assert len(set(standing.ports.values())) == 3
    for path in standing.ports.values():
        slave = os.open(path, os.O_RDWR | os.O_NOCTTY)
        local_modes = termios.tcgetattr(slave)[3]
        os.close(slave)
        assert not local_modes & (termios.ECHO | termios.ICANON)


def test_chosen_boards_only(make_standing: Any, table_rig: Rig) -> None:
    uid = table_rig.boards[1].uid
    standing = make_standing([uid])
    assert list(standing.ports) == [uid]
    with pytest.raises(InputError, match="0123456789abcdef"):
        make_standing(["0123456789abcdef"])


def test_without_a_client_bytes_are_discarded_and_counted(make_standing: Any) -> None:
    standing = make_standing()
    standing.run(_for_blocks(600), "max")
    assert all(count > 100 for count in standing.discarded_bytes.values())
    assert not any(standing.lost_bytes.values())
    assert standing.instrument.block == 600


def test_clients_come_and_go(make_standing: Any) -> None:
    standing = make_standing()
    with _running(standing):
        for _ in range(2):
            clock = WallClock()
            board = connect(SerialTransport(standing.ports[_uid(standing, "coil")]), clock)
            board.stream_start()
            window = board.wait_samples(300, GENEROUS_S)
            assert len(window) == 300
            assert board.samples.gaps == []
            assert not board.link.statistics.errors
            board.stream_stop()
            board.close()
    assert not any(standing.lost_bytes.values())


def test_a_board_that_ends_takes_its_port_along(make_standing: Any) -> None:
    standing = make_standing()
    coil_uid, table_uid = _uid(standing, "coil"), _uid(standing, "table")
    with _running(standing):
        clock = WallClock()
        coil = connect(SerialTransport(standing.ports[coil_uid]), clock)
        table = connect(SerialTransport(standing.ports[table_uid]), clock)
        os.kill(standing.instrument.by_uid[coil_uid].process.pid, signal.SIGKILL)
        assert clock.wait(lambda: coil.link.lost_reason is not None, GENEROUS_S)
        with pytest.raises(BoardLostError, match=coil_uid):
            coil.ping()
        table.ping()
        coil.close()
        table.close()
    assert list(standing.lost) == [coil_uid]
    assert coil_uid not in standing.ports
    assert table_uid in standing.ports


def test_closing_releases_the_ports(make_standing: Any) -> None:
    standing = make_standing()
    paths = list(standing.ports.values())
    standing.close()
    assert standing.ports == {}
    assert not any(os.path.exists(path) for path in paths)


def test_as_a_program() -> None:
    arguments = [sys.executable, "-m", "nullfield.virtual.standalone", "bench4"]
    with subprocess.Popen(
        [*arguments, "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())["ports"]
        assert len(ports) == 2
        process.communicate(timeout=GENEROUS_S)
        assert process.returncode == 0
    refused = subprocess.run(
        [*arguments[:-1], "no-such-rig"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 4
    assert refused.stderr.startswith("error: no-such-rig")
    assert refused.stderr.count("\n") == 1
