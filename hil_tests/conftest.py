"""Hardware in the loop: the same tests on virtual boards (default) and on a real one.

``pytest hil_tests`` starts virtual boards, one of each role; ``pytest hil_tests --target real
--port /dev/ttyACM0`` tests the board at that port, whatever its role.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from micropython_service import (
    ROLES,
    MicroPythonDut,
    MicroPythonSerial,
    VirtualTarget,
    virtual_target,
)

from nullfield.devices.board import Board


def _target(config: pytest.Config) -> str:
    target = config.getoption("target") or "virtual"
    if target not in ("virtual", "real"):
        raise pytest.UsageError(f"--target {target}: virtual or real")
    if target == "real" and not config.getoption("port"):
        raise pytest.UsageError("--target real needs --port")
    return str(target)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on every board that there is."""
    if "board_name" in metafunc.fixturenames:
        is_virtual = _target(metafunc.config) == "virtual"
        metafunc.parametrize("board_name", list(ROLES) if is_virtual else ["real"])


@pytest.fixture(scope="session")
def virtual_boards(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VirtualTarget | None]:
    """The standing instrument, or None for a real target."""
    if _target(request.config) == "real":
        yield None
        return
    with virtual_target(tmp_path_factory.mktemp("flash")) as target:
        yield target


@pytest.fixture
def embedded_services() -> str:
    """pytest-embedded's serial service."""
    return "serial"


@pytest.fixture
def port(
    request: pytest.FixtureRequest, board_name: str, virtual_boards: VirtualTarget | None
) -> str:
    """Port of the board under test."""
    if virtual_boards is None:
        return str(request.config.getoption("port"))
    return virtual_boards.ports[ROLES[board_name]]


@pytest.fixture
def serial(msg_queue: Any, port: str) -> Iterator[MicroPythonSerial]:
    """The serial service of pytest-embedded, made for framed traffic."""
    one = MicroPythonSerial(msg_queue=msg_queue, port=port)
    yield one
    one.close()


@pytest.fixture
def dut(
    serial: MicroPythonSerial,
    pexpect_proc: Any,
    msg_queue: Any,
    app: Any,
    test_case_name: str,
    _pexpect_logfile: str,
    _meta: Any,
) -> Iterator[MicroPythonDut]:
    """The device under test."""
    one = MicroPythonDut(
        serial=serial,
        pexpect_proc=pexpect_proc,
        msg_queue=msg_queue,
        app=app,
        pexpect_logfile=_pexpect_logfile,
        test_case_name=test_case_name,
        meta=_meta,
    )
    yield one
    one.close()


@pytest.fixture
def open_board(dut: MicroPythonDut) -> Iterator[Callable[[], Board[Any]]]:
    """Connect to the board; it is made safe and let go at the end."""
    opened: list[Board[Any]] = []

    def connect() -> Board[Any]:
        board = dut.connect()
        opened.append(board)
        board.safe_off()
        board.clear_faults()
        return board

    yield connect
    for board in opened:
        if board.link.lost_reason is None:
            board.stream_stop()
            board.safe_off()
            board.default_settings()
        board.close()


@pytest.fixture
def board(open_board: Callable[[], Board[Any]]) -> Board[Any]:
    """The connected board."""
    return open_board()
