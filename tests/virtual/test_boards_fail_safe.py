"""Whatever goes wrong, outputs go off and the host gets one line that says what."""

from __future__ import annotations

import os
import shutil
import signal
from typing import Any

import pytest

from nullfield.errors import BoardFaultError, BoardLostError, RequestError
from nullfield.virtual import process
from nullfield.virtual.instrument import VirtualInstrument
from nullfield_protocol.catalogue import BoardState, FaultCode, HeadState, ResetCause


def _start_everything(bench: Any) -> tuple[Any, Any, Any]:
    """Heaters on, a coil current flowing, the table on its way."""
    sensor, coil, table = bench.sensor(), bench.coil(), bench.table()
    sensor.start()
    coil.enable()
    coil.set_current_a(0, 2e-3)
    table.home()
    bench.run_s(0.4)
    assert bench.heater_power_w() > 0.01
    assert bench.coil_current_ma() == pytest.approx(2.0, rel=0.05)
    assert bench.motor_is_on()
    return sensor, coil, table


def _all_off(bench: Any) -> bool:
    return (
        bench.heater_power_w() == 0.0
        and bench.laser_current_ma() == 0.0
        and bench.coil_current_ma() == 0.0
        and not bench.motor_is_on()
    )


def test_a_silent_host_switches_everything_off(bench: Any) -> None:
    boards = _start_everything(bench)
    for board in boards:
        board.settings.set("host_timeout", 0.5)
        # The program hangs: no heartbeat any more, but the port stays open.
        board.link._cancel_beat()
    silent_s = bench.clock.now_s()
    bench.run_s(0.3)
    assert not _all_off(bench)
    # The last heartbeat may be a quarter of a second old when the host falls silent.
    assert bench.clock.wait(lambda: _all_off(bench), 0.25)
    assert bench.clock.now_s() - silent_s <= 0.5 + 0.01
    bench.run_s(0.1)
    for board in boards:
        assert board.link.fault.code == FaultCode.HOST_SILENT
        with pytest.raises(BoardFaultError, match="host silent"):
            board.check()


@pytest.mark.parametrize("role", ["sensor", "coil", "table"])
def test_a_killed_board_lets_go_and_the_others_can_be_made_safe(bench: Any, role: str) -> None:
    boards = dict(zip(("sensor", "coil", "table"), _start_everything(bench), strict=True))
    os.kill(bench.of(role).process.pid, signal.SIGKILL)
    bench.run_s(0.05)
    off = {
        "sensor": lambda: bench.heater_power_w() == 0.0,
        "coil": lambda: bench.coil_current_ma() == 0.0,
        "table": lambda: not bench.motor_is_on(),
    }
    assert off[role]()
    with pytest.raises(BoardLostError) as lost:
        boards[role].ping()
    assert bench.of(role).uid in lost.value.message
    assert "\n" not in lost.value.message
    for other in set(boards) - {role}:
        assert not off[other]()
        boards[other].safe_off()
    bench.run_s(0.05)
    assert _all_off(bench)


def test_a_hanging_board_is_given_up(monkeypatch: Any, make_bench: Any) -> None:
    monkeypatch.setattr(process, "_HANG_S", 0.3)
    bench = make_bench()
    coil, table = bench.coil(), bench.table()
    coil.enable()
    coil.set_current_a(1, 1e-3)
    bench.run_s(0.3)
    os.kill(bench.of("coil").process.pid, signal.SIGSTOP)
    bench.run_s(0.05)
    assert bench.coil_current_ma() == 0.0
    with pytest.raises(BoardLostError, match="hangs"):
        coil.ping()
    table.ping()


def test_the_watchdog_resets_a_board_that_does_not_feed_it(bench: Any, monkeypatch: Any) -> None:
    coil = bench.coil()
    coil.enable()
    coil.set_current_a(0, 1e-3)
    bench.run_s(0.3)
    board = bench.of("coil")
    receive = board.process.receive_tock
    monkeypatch.setattr(board.process, "receive_tock", lambda: receive()._replace(fed=False))
    bench.run_s(1.9)
    assert bench.coil_current_ma() > 0.5
    bench.clock.wait(lambda: bench.coil_current_ma() == 0.0, 0.2)
    monkeypatch.undo()
    assert bench.coil_current_ma() == 0.0
    coil.close()
    bench.devices.clear()
    again = bench.coil()
    assert again.identity.reset_cause == ResetCause.WATCHDOG
    assert again.identity.state == BoardState.SAFE


def test_a_board_that_restarts_is_noticed_by_its_host(bench: Any) -> None:
    coil = bench.coil()
    coil.enable()
    coil.set_current_a(0, 1e-3)
    bench.run_s(0.3)
    coil.check()
    bench.instrument.reset(bench.of("coil"), ResetCause.WATCHDOG)
    # Its heartbeat comes four times a second and counts from zero again.
    bench.run_s(0.6)
    with pytest.raises(BoardLostError, match="restarted"):
        coil.check()


def test_reset_command(bench: Any) -> None:
    from nullfield_protocol.catalogue import Command

    coil = bench.coil()
    assert coil.identity.reset_cause == ResetCause.POWER_ON
    coil.enable()
    coil.set_current_a(0, 1e-3)
    bench.run_s(0.2)
    coil.link.command(Command.RESET)
    bench.run_s(0.05)
    assert bench.coil_current_ma() == 0.0
    coil.close()
    bench.devices.clear()
    # The RP2 tells a software reset as one of the watchdog, which carries it out.
    assert bench.coil().identity.reset_cause == ResetCause.WATCHDOG


def test_open_interlock(bench: Any) -> None:
    sensor = bench.sensor()
    bench.of("sensor").inputs["interlock"] = 0
    bench.run_s(0.01)
    with pytest.raises(RequestError):
        sensor.start()
    bench.of("sensor").inputs["interlock"] = 1
    bench.run_s(0.01)
    sensor.start()
    bench.run_s(0.3)
    assert bench.heater_power_w() > 0.0
    bench.of("sensor").inputs["interlock"] = 0
    bench.run_s(0.03)
    assert _all_off(bench)
    assert sensor.link.fault.code == FaultCode.INTERLOCK_OPEN
    sensor.clear_faults()
    with pytest.raises(RequestError):
        sensor.start()


def _force_cell_temperature(bench: Any, monkeypatch: Any, value_c: dict[int, float]) -> None:
    """Let the plant's cells have temperatures of the test's choice."""
    plant = bench.instrument.plant
    step = plant.step

    def forced(inputs: Any) -> Any:
        result = step(inputs)
        for head, temperature_c in value_c.items():
            plant.outputs.cell_temperature_c[head] = temperature_c
        return result

    monkeypatch.setattr(plant, "step", forced)


def test_over_temperature(bench: Any, monkeypatch: Any) -> None:
    sensor = bench.sensor()
    cells = dict.fromkeys(range(4), 160.0)
    _force_cell_temperature(bench, monkeypatch, cells)
    bench.run_s(0.2)
    sensor.start()
    bench.run_s(0.3)
    assert sensor.link.fault is None
    cells[2] = 171.0
    bench.run_s(0.15)
    assert _all_off(bench)
    assert sensor.link.fault.code == FaultCode.CELL_OVER_TEMPERATURE
    assert sensor.link.fault.source == 2
    assert sensor.link.fault.value == pytest.approx(171000, abs=100)


def test_a_heater_stuck_on_is_noticed_while_everything_is_off(bench: Any, monkeypatch: Any) -> None:
    sensor = bench.sensor()
    cells = dict.fromkeys(range(4), 50.0)
    _force_cell_temperature(bench, monkeypatch, cells)
    bench.run_s(0.2)
    for _ in range(16):
        cells[1] += 0.4
        bench.run_s(0.05)
    assert sensor.link.fault.code == FaultCode.HEATER_STUCK_ON
    assert sensor.link.fault.source == 1
    assert _all_off(bench)


def test_a_dead_head_does_not_stop_the_rest(bench: Any, monkeypatch: Any) -> None:
    sensor = bench.sensor()
    cells = dict.fromkeys(range(4), 100.0)
    _force_cell_temperature(bench, monkeypatch, cells)
    bench.run_s(0.2)
    sensor.start()
    bench.run_s(0.3)
    cells[1] = 140.0
    bench.run_s(0.3)
    telemetry = sensor.wait_telemetry(lambda t: True, 1.0)
    assert telemetry.head_state[1] == HeadState.FAULT
    assert telemetry.head_fault[1] == FaultCode.CELL_SENSOR
    assert telemetry.head_state[0] == HeadState.WARM_UP
    assert telemetry.heater_power_w[1] == 0.0
    assert telemetry.heater_power_w[0] > 0.0


def test_outputs_are_off_after_closing_the_instrument(make_bench: Any) -> None:
    bench = make_bench()
    _start_everything(bench)
    pids = [board.process.pid for board in bench.instrument.boards]
    bench.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_firmware_that_raises_is_told_in_one_line(
    monkeypatch: Any, tmp_path: Any, table_rig: Any
) -> None:
    from nullfield.toolchain import ensure_micropython
    from nullfield.virtual.plant import Scenario

    shipped = process.firmware_directory()
    shutil.copytree(shipped / "virtual", tmp_path / "virtual")
    shutil.copy(shipped / "main.py", tmp_path)
    (tmp_path / "start.py").write_text("raise ValueError('no such pin')\n", encoding="utf-8")
    monkeypatch.setattr(process, "firmware_directory", lambda: tmp_path)
    scenario = Scenario(heart_enabled=False)
    instrument = VirtualInstrument(table_rig, scenario, 1, ensure_micropython())
    with instrument:
        assert all(not board.alive for board in instrument.boards)
        for board in instrument.boards:
            assert "no such pin" in board.reason
            assert "\n" not in board.reason
