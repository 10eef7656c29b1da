"""Every command of the catalogue: taken in the right state by the right role, refused otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from test_board import GENEROUS_S, activate

from nullfield.errors import RequestError
from nullfield_protocol.catalogue import BoardState, Command, ErrorCode, Role

LEAVING = {Command.ENTER_REPL, Command.RESET, Command.WATCHDOG_TEST}
"""Tested where the board is followed through its restart."""

ROLE_COMMANDS = {
    Role.SENSOR: {c for c in Command if c.name.startswith("SENSOR_")},
    Role.COIL: {c for c in Command if c.name.startswith("COIL_")},
    Role.TABLE: {c for c in Command if c.name.startswith("TABLE_")},
    Role.BRINGUP: set(),
}
ALL_ROLES = set().union(*ROLE_COMMANDS.values())


def code_of(board: Any, command: Command, *arguments: int) -> ErrorCode:
    """Error code that a command is answered with."""
    try:
        board.link.command(command, *arguments, timeout_s=5.0)
    except RequestError as error:
        return ErrorCode(error.code)
    return ErrorCode.OK


def test_common_commands_at_rest(board: Any) -> None:
    for command in sorted(set(Command) - ALL_ROLES - LEAVING):
        arguments = (1,) if command == Command.BLINK else ()
        assert code_of(board, command, *arguments) == ErrorCode.OK, command.name
    board.blink(0)
    board.stream_stop()


def test_a_board_refuses_commands_of_other_roles(board: Any) -> None:
    for command in sorted(ALL_ROLES - ROLE_COMMANDS[board.identity.role]):
        assert code_of(board, command, 1, 1) == ErrorCode.UNKNOWN_COMMAND, command.name
    assert board.link.last_heartbeat is None or board.link.last_heartbeat.state != BoardState.ACTIVE


@pytest.mark.roles("sensor")
def test_sensor_commands_need_heads_that_exist_and_are_ready(board: Any) -> None:
    for command in ROLE_COMMANDS[Role.SENSOR]:
        for mask in (0, 16, -1):
            assert code_of(board, command, mask) == ErrorCode.BAD_ARGUMENT
    for command in ROLE_COMMANDS[Role.SENSOR] - {Command.SENSOR_START}:
        assert code_of(board, command, 1) == ErrorCode.WRONG_STATE


@pytest.mark.roles("coil")
def test_coil_commands(board: Any) -> None:
    assert code_of(board, Command.COIL_SET, 0, 1000) == ErrorCode.WRONG_STATE
    assert code_of(board, Command.COIL_ENABLE, 2) == ErrorCode.BAD_ARGUMENT
    board.enable()
    assert code_of(board, Command.COIL_SET, 8, 0) == ErrorCode.BAD_ARGUMENT
    assert code_of(board, Command.COIL_SET, 0, 10_000_001) == ErrorCode.ABOVE_MAXIMUM
    assert code_of(board, Command.COIL_SET, 0, -10_000_001) == ErrorCode.BELOW_MINIMUM
    assert code_of(board, Command.COIL_RAMP_TO_ZERO) == ErrorCode.OK


@pytest.mark.roles("table")
def test_table_commands(board: Any) -> None:
    assert code_of(board, Command.TABLE_STOP) == ErrorCode.OK
    assert code_of(board, Command.TABLE_RELEASE) == ErrorCode.OK


@pytest.mark.roles("sensor", "coil", "table")
def test_what_writes_flash_is_refused_with_outputs_on(board: Any) -> None:
    activate(board)
    for command in (
        Command.SAVE_SETTINGS,
        Command.CONFIRM_FIRMWARE,
        Command.SELF_TEST,
        Command.DEFAULT_SETTINGS,
    ):
        assert code_of(board, command) == ErrorCode.WRONG_STATE, command.name
    board.safe_off()
    board.wait_telemetry(lambda t: t.board_state == BoardState.SAFE, GENEROUS_S)
    board.stream_start()
    for command in (Command.SAVE_SETTINGS, Command.CONFIRM_FIRMWARE, Command.SELF_TEST):
        assert code_of(board, command) == ErrorCode.STREAMING, command.name
