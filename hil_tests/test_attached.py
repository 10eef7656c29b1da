"""What needs something on the board's connectors: currents that flow, cells that warm, motion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_board import GENEROUS_S

from nullfield_protocol.catalogue import HeadState, TableFlag, TableState


@pytest.mark.needs("loopback")
@pytest.mark.roles("coil")
def test_each_current_is_read_back_where_it_was_set(board: Any) -> None:
    board.enable()
    board.stream_start()
    for channel in range(8):
        for current_a in (1e-3, -1e-3):
            board.set_current_a(channel, current_a)
            board.wait_samples(300, GENEROUS_S)
            rows = board.wait_samples(100, GENEROUS_S).rows["current_na"]
            mean_a = rows.mean(axis=0) * 1e-9
            # Sense resistor and converter: 0.5 % together, and an offset of 20 uA.
            assert mean_a[channel] == pytest.approx(current_a, rel=0.005, abs=20e-6)
            others = np.delete(mean_a, channel)
            assert np.abs(others).max() < 20e-6
        board.set_current_a(channel, 0.0)


@pytest.mark.needs("cell")
@pytest.mark.roles("sensor")
def test_a_heater_warms_its_cell_and_no_other(board: Any) -> None:
    before = board.wait_telemetry(lambda _: True, GENEROUS_S)
    board.start([0])
    after = board.wait_telemetry(
        lambda t: t.cell_temperature_c[0] > before.cell_temperature_c[0] + 3.0, 60.0
    )
    assert after.head_state[0] == HeadState.WARM_UP
    assert after.heater_power_w[0] > 0.01
    assert np.all(after.heater_power_w[1:] == 0.0)
    assert np.all(np.abs(after.cell_temperature_c[1:] - before.cell_temperature_c[1:]) < 1.0)


@pytest.mark.needs("motor")
@pytest.mark.roles("table")
def test_home_then_a_move_to_where_it_was_told(board: Any) -> None:
    board.home()
    board.wait_telemetry(lambda t: t.table_state == TableState.IDLE, 60.0)
    board.stream_start()
    board.move_to(5e-3, 10e-3)
    board.wait_telemetry(
        lambda t: t.table_state == TableState.IDLE and abs(t.position_m - 5e-3) < 5e-6, GENEROUS_S
    )
    window = board.wait_samples(20, GENEROUS_S)
    assert window.rows["position_um"][-1] == pytest.approx(5000, abs=3)
    assert window.rows["flags"][-1] & TableFlag.MOTOR_ENERGISED
    board.release()
    window = board.wait_samples(20, GENEROUS_S)
    assert not window.rows["flags"][-1] & TableFlag.MOTOR_ENERGISED
