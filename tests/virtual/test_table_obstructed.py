"""Something stands in the table's way, and the board's power comes and goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nullfield.errors import BoardFaultError, RequestError
from nullfield.virtual.plant.table_motion import FRICTION_N, PULL_OUT_N
from nullfield_protocol.catalogue import Command, ErrorCode, FaultCode, TableFlag, TableState


def _idle(table: Any, timeout_s: float = 40.0) -> Any:
    return table.wait_telemetry(
        lambda t: t.table_state == TableState.IDLE and t.speed_m_s == 0.0, timeout_s
    )


def _homed(bench: Any) -> Any:
    table = bench.table()
    table.home()
    _idle(table)
    return table


def _moved_and_released(bench: Any, position_m: float) -> Any:
    table = _homed(bench)
    table.move_to(position_m, 0.05)
    _idle(table)
    table.release()
    bench.run_s(0.3)
    return table


def _is_homed(table: Any) -> bool:
    telemetry = table.wait_telemetry(lambda t: True, 2.0)
    return bool(telemetry.switches & TableFlag.HOMED)


@pytest.mark.parametrize("speed_m_s", [0.01, 0.02, 0.05])
def test_an_obstruction_is_noticed_before_the_motor_slips(bench: Any, speed_m_s: float) -> None:
    """The driver feels the load by its back-EMF; the plant's spring tells how hard it pushed."""
    table = _homed(bench)
    motion = bench.instrument.plant.table
    motion.obstruction_mm = 60.0
    table.move_to(0.3, speed_m_s)
    bench.clock.wait(lambda: table.link.fault is not None, 20.0)
    assert table.link.fault.code == FaultCode.TABLE_STALL
    assert table.link.fault.source == 2
    bench.run_s(0.01)
    assert not bench.motor_is_on()
    assert bench.instrument._inputs.table_step_rate_hz == 0.0
    most_n = PULL_OUT_N * 21 / 32 - FRICTION_N
    assert 20.0 < motion.pushed_n < 0.85 * most_n
    assert motion.position_mm < 64.0
    with pytest.raises(BoardFaultError, match="table stall") as fault:
        table.check()
    assert "look for what blocks it" in fault.value.hint
    # Its place is not trusted, and homing leads it out of what it is in.
    table.clear_faults()
    with pytest.raises(RequestError) as refused:
        table.move_to(0.1, 0.02)
    assert refused.value.code == ErrorCode.WRONG_STATE
    table.home()
    assert _idle(table).position_m == pytest.approx(0.0, abs=1e-4)
    assert motion.position_mm < 1.0


def test_with_the_watch_off_the_motor_slips_and_the_count_lies(bench: Any) -> None:
    """What the watch is for: nothing else notices a table that is held in mid-travel."""
    table = _homed(bench)
    table.settings.set("stall_threshold", 0)
    motion = bench.instrument.plant.table
    motion.obstruction_mm = 60.0
    table.move_to(0.12, 0.04)
    assert _idle(table).position_m == pytest.approx(0.12, abs=1e-5)
    assert motion.position_mm < 66.0
    assert table.link.fault is None


@pytest.mark.parametrize("acceleration", [0.05, 0.2])
def test_a_free_table_is_never_stopped(bench: Any, acceleration: float) -> None:
    table = bench.table()
    table.settings.set("acceleration", acceleration)
    table.home()
    _idle(table)
    for position_m, speed_m_s in ((0.1, 0.05), (0.095, 0.005), (0.0, 0.05), (0.005, 0.002)):
        table.move_to(position_m, speed_m_s)
        assert _idle(table).position_m == pytest.approx(position_m, abs=2e-6)
    assert table.link.fault is None


def test_the_end_of_the_rails_is_felt_too(bench: Any) -> None:
    """A home switch that does not close: the table runs against its end, and stops there."""
    bench.instrument._table.stuck_level["home"] = 0
    table = bench.table()
    table.home()
    bench.clock.wait(lambda: table.link.fault is not None, 20.0)
    assert table.link.fault.code == FaultCode.TABLE_STALL
    bench.run_s(0.01)
    assert not bench.motor_is_on()


def test_the_place_is_known_after_a_restart_of_the_board(bench: Any) -> None:
    table = _moved_and_released(bench, 0.1)
    table.link.command(Command.RESET)
    table.close()
    bench.devices.remove(table)
    bench.run_s(0.5)
    again = bench.table()
    assert _is_homed(again)
    assert again.wait_telemetry(lambda t: True, 2.0).position_m == pytest.approx(0.1, abs=2e-6)
    again.move_to(0.05, 0.05)
    assert _idle(again).position_m == pytest.approx(0.05, abs=2e-6)
    assert bench.instrument.plant.table.position_mm == pytest.approx(50.0, abs=0.6)


def _power_cycled(make_bench: Callable[..., Any], folder: Path, before: Any) -> Any:
    """The same flash and the same table, without the power in between."""
    position_mm = before.instrument.plant.table.position_mm
    before.instrument.close()
    after = make_bench(flash_directory=folder)
    after.instrument.plant.table.position_mm = position_mm
    after.instrument.plant._update_switches()
    after.run_s(0.01)
    return after


def test_the_place_is_known_after_a_loss_of_power_at_rest(
    make_bench: Callable[..., Any], tmp_path: Path
) -> None:
    bench = make_bench(flash_directory=tmp_path)
    _moved_and_released(bench, 0.1)
    after = _power_cycled(make_bench, tmp_path, bench)
    assert _is_homed(after.table())


@pytest.mark.parametrize("after_s", [0.02, 0.5, 1.5])
def test_the_place_is_unknown_after_a_loss_of_power_in_a_move(
    make_bench: Callable[..., Any], tmp_path: Path, after_s: float
) -> None:
    bench = make_bench(flash_directory=tmp_path)
    table = _moved_and_released(bench, 0.1)
    table.move_to(0.2, 0.05)
    bench.run_s(after_s)
    again = _power_cycled(make_bench, tmp_path, bench).table()
    assert not _is_homed(again)
    with pytest.raises(RequestError) as refused:
        again.move_to(0.1, 0.02)
    assert refused.value.code == ErrorCode.WRONG_STATE
    again.home()
    _idle(again)
