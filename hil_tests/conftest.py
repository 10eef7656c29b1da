"""Fixtures: a board to test, virtual by default, real with ``--target real --port PORT``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from micropython_service import VirtualBoards, hand_over

from nullfield.devices.board import Board
from nullfield.devices.connect import connect
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import WallClock
from nullfield_protocol.catalogue import BoardState

ROLES = ("sensor", "coil", "table")


def _target(config: pytest.Config) -> str:
    """Target of the run; pytest-embedded owns the option, its default means virtual here."""
    target = config.getoption("target") or "virtual"
    if target not in ("virtual", "real"):
        raise pytest.UsageError(f"--target {target}: use virtual, or real with --port PORT")
    if target == "real" and not config.getoption("port"):
        raise pytest.UsageError("--target real needs --port PORT")
    return str(target)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on every role on virtual boards, on the one that is there on a real one."""
    if "role" in metafunc.fixturenames:
        is_virtual = _target(metafunc.config) == "virtual"
        metafunc.parametrize("role", ROLES if is_virtual else ("any",))


@pytest.fixture(scope="session")
def virtual_boards(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VirtualBoards | None]:
    """The virtual boards, or None on a real target."""
    if _target(request.config) == "real":
        yield None
        return
    boards = VirtualBoards(tmp_path_factory.mktemp("flash"))
    yield boards
    boards.close()


@pytest.fixture
def embedded_services() -> str:
    """pytest-embedded's serial service, whatever the command line says."""
    return "serial"


@pytest.fixture
def port(request: pytest.FixtureRequest, virtual_boards: VirtualBoards | None, role: str) -> str:
    """Port that pytest-embedded opens."""
    if virtual_boards is None:
        return str(request.config.getoption("port"))
    return virtual_boards.port_of_role[role]


@pytest.fixture
def board_port(serial: Any) -> str:
    """Port of a board that is ready, free for our own link."""
    return hand_over(serial)


@pytest.fixture
def board(board_port: str) -> Iterator[Board[Any]]:
    """Board behind our link, safe and without faults; left safe too."""
    with connect(SerialTransport(board_port), WallClock()) as device:
        device.safe_off()
        if device.identity.state == BoardState.FAULT:
            device.clear_faults()
        yield device
        device.stream_stop()
        device.safe_off()
