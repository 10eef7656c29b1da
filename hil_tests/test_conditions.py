"""Faults by conditions from outside: brown-out, interlock, emergency stop, power cycle, heat."""

from __future__ import annotations

from typing import Any

import pytest
from test_board import GENEROUS_S, activate

from nullfield.errors import RequestError
from nullfield_protocol.catalogue import (
    BoardState,
    ErrorCode,
    FaultCode,
    ResetCause,
    SelfTestFlag,
)

pytestmark = pytest.mark.needs("injection")


def wait_fault(board: Any, code: FaultCode) -> None:
    """Wait for a fault and check that it is this one."""
    assert board.clock.wait(lambda: board.link.fault is not None, GENEROUS_S)
    assert board.link.fault.code == code
    assert board.link.fault.board_state == BoardState.FAULT


@pytest.mark.roles("sensor", "coil", "table")
def test_brown_out_latches_and_switches_off(board: Any, board_name: str, target: Any) -> None:
    activate(board)
    target.condition(board_name, supply_mv=4100)
    try:
        wait_fault(board, FaultCode.SUPPLY_LOW)
        assert board.link.fault.value == pytest.approx(4100, abs=60)
        with pytest.raises(RequestError) as refused:
            activate(board)
        assert refused.value.code == ErrorCode.FAULT_LATCHED
        # The cause is still there: the fault comes back by itself, and the self-test shows it.
        board.clear_faults()
        wait_fault(board, FaultCode.SUPPLY_LOW)
        assert board.self_test() & SelfTestFlag.SUPPLY
    finally:
        target.condition(board_name, supply_mv=5000)


def test_low_supply_shows_in_the_self_test(board: Any, board_name: str, target: Any) -> None:
    target.condition(board_name, supply_mv=4000)
    try:
        assert board.clock.wait(
            lambda: (
                board.link.last_heartbeat is not None and board.link.last_heartbeat.supply_mv < 4200
            ),
            GENEROUS_S,
        )
        assert board.self_test() & ~target.known_findings == SelfTestFlag.SUPPLY
    finally:
        target.condition(board_name, supply_mv=5000)
        board.clock.wait(lambda: board.link.last_heartbeat.supply_mv > 4500, GENEROUS_S)
        board.clear_faults()


@pytest.mark.roles("sensor")
def test_open_interlock(board: Any, board_name: str, target: Any) -> None:
    activate(board)
    target.condition(board_name, input="interlock", level=0)
    try:
        wait_fault(board, FaultCode.INTERLOCK_OPEN)
        board.clear_faults()
        with pytest.raises(RequestError) as refused:
            board.start()
        assert refused.value.code == ErrorCode.WRONG_STATE
    finally:
        target.condition(board_name, input="interlock", level=1)


@pytest.mark.roles("table")
def test_emergency_stop(board: Any, board_name: str, target: Any) -> None:
    activate(board)
    target.condition(board_name, input="estop", level=1)
    try:
        wait_fault(board, FaultCode.TABLE_EMERGENCY_STOP)
    finally:
        target.condition(board_name, input="estop", level=0)


def test_a_power_cycle_starts_safe_with_its_cause(
    board: Any, board_name: str, target: Any, dut: Any
) -> None:
    target.condition(board_name, power_cycle=True)
    again = dut.after_reset(board)
    try:
        assert again.identity.reset_cause == ResetCause.POWER_ON
        assert again.identity.state == BoardState.SAFE
    finally:
        again.close()


def test_a_hot_die_is_told(board: Any, board_name: str, target: Any) -> None:
    target.condition(board_name, die_temperature_c=80)
    try:
        assert board.clock.wait(
            lambda: (
                board.link.last_heartbeat is not None
                and board.link.last_heartbeat.mcu_temperature_mc == pytest.approx(80_000, abs=2000)
            ),
            GENEROUS_S,
        )
    finally:
        target.condition(board_name, die_temperature_c=35)
