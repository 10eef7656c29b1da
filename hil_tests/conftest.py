"""Hardware in the loop: one suite on virtual boards (default), an emulated one, and real ones.

``pytest hil_tests`` starts virtual boards, one of each role. ``--target emulated`` boots the real
RP2040 image on an emulated chip. ``--target real --port /dev/ttyACM0|/dev/ttyACM1`` tests the boards at
these ports, whatever their roles; ``--attached loopback,cell,motor`` says what hangs on them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from board_report import (  # noqa: F401 - hooks of this folder's reports
    BOARD,
    pytest_html_results_summary,
    pytest_html_results_table_header,
    pytest_html_results_table_row,
    pytest_runtest_makereport,
    pytest_terminal_summary,
)
from micropython_service import MicroPythonDut, MicroPythonSerial
from targets import NEEDS, ROLES, Target, open_target

from nullfield.devices.board import Board


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options beside those of pytest-embedded."""
    group = parser.getgroup("nullfield hardware in the loop")
    group.addoption("--attached", default="", help=f"on real boards: {', '.join(NEEDS)}")
    group.addoption("--long", action="store_true", help="ten minutes of streaming a board")


def _target(config: pytest.Config) -> str:
    target = config.getoption("target") or "virtual"
    if target not in ("virtual", "emulated", "real"):
        raise pytest.UsageError(f"--target {target}: virtual, emulated or real")
    if target == "real" and not config.getoption("port"):
        raise pytest.UsageError("--target real needs --port")
    unknown = _attached(config) - set(NEEDS)
    if unknown:
        raise pytest.UsageError(f"--attached {','.join(sorted(unknown))}: know {', '.join(NEEDS)}")
    return str(target)


def _attached(config: pytest.Config) -> set[str]:
    return {one for one in str(config.getoption("attached")).split(",") if one}


def _ports(config: pytest.Config) -> list[str]:
    return str(config.getoption("port") or "").split("|")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on every board that there is."""
    if "board_name" in metafunc.fixturenames:
        names = {"virtual": list(ROLES), "emulated": ["bringup"], "real": _ports(metafunc.config)}
        metafunc.parametrize("board_name", names[_target(metafunc.config)])


@pytest.fixture(scope="session")
def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """All boards of the run."""
    config = request.config
    with open_target(
        _target(config),
        _ports(config),
        _attached(config),
        bool(config.getoption("long")),
        tmp_path_factory.mktemp("flash"),
    ) as one:
        yield one


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest) -> None:
    """Skip what the bench lacks, and say what that is."""
    marks = list(request.node.iter_markers("needs"))
    if marks:
        attached = request.getfixturevalue("target").attached
        missing = [need for mark in marks for need in mark.args if need not in attached]
        if missing:
            pytest.skip("; ".join(f"missing {need}: {NEEDS[need]}" for need in missing))


@pytest.fixture(autouse=True)
def _roles(request: pytest.FixtureRequest) -> None:
    """Skip what is not for this board's role."""
    mark = request.node.get_closest_marker("roles")
    if mark is not None:
        # Virtual boards are named by their role; a real one has to be asked.
        role = request.getfixturevalue("board_name")
        if role not in ROLES:
            role = request.getfixturevalue("board").identity.role.name.lower()
        if role not in mark.args:
            pytest.skip(f"for {' and '.join(mark.args)} boards; this is a {role} board")


@pytest.fixture
def embedded_services() -> str:
    """pytest-embedded's serial service."""
    return "serial"


@pytest.fixture
def port(request: pytest.FixtureRequest, target: Target) -> str:
    """Port of the board under test.

    pytest-embedded asks for it in every test; one about several boards has no board of its own.
    """
    if "board_name" in request.fixturenames:
        return target.ports[request.getfixturevalue("board_name")]
    return next(iter(target.ports.values()))


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
    target: Target,
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
    one.make_clock = target.make_clock
    yield one
    one.close()


def put_back(board: Board[Any], before: dict[str, float]) -> None:
    """Give a board the settings back that it had: a calibration is not a test's to lose."""
    for name, value in before.items():
        if board.settings.get(name) != value:
            board.settings.set(name, value)


@pytest.fixture
def open_board(
    dut: MicroPythonDut, board_name: str, request: pytest.FixtureRequest
) -> Iterator[Callable[[], Board[Any]]]:
    """Connect to the board; it is made safe and let go at the end."""
    opened: list[tuple[Board[Any], dict[str, float]]] = []

    def connect() -> Board[Any]:
        board = dut.connect()
        opened.append((board, {name: board.settings.get(name) for name in board.settings.names()}))
        request.node.stash[BOARD] = board.description()
        board.safe_off()
        board.clear_faults()
        return board

    yield connect
    for board, before in opened:
        try:
            if board.link.lost_reason is None and not board.link.statistics.sequence_restarts:
                board.stream_stop()
                board.safe_off()
                put_back(board, before)
        finally:
            # Whatever happened, the port is free for the next test.
            board.close()


@pytest.fixture
def board(open_board: Callable[[], Board[Any]]) -> Board[Any]:
    """The connected board."""
    return open_board()
