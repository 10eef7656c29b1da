"""The engine's thread on virtual boards: jobs, abort, emergency stop, a board that dies."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from console_bench import NOON, PATIENCE_S, HeardEvents, Opened

from nullfield.console.control import Control
from nullfield.console.engine import Engine
from nullfield.console.job import Job
from nullfield.console.start_job import STEPS, start_instrument, switch_off
from nullfield.console.state import StateView
from nullfield.errors import AbortedError, ControlError, EmergencyStopError
from nullfield.instrument.instrument import Instrument
from nullfield_protocol.catalogue import HeadState

pytestmark = pytest.mark.micropython


class Bench:
    """An engine on bench4, and what it shows."""

    def __init__(self, heard: HeardEvents) -> None:
        self.opened = Opened("bench4")
        self.heard = heard
        self.engine = Engine(self.opened, Control(lambda: NOON), heard, again_s=0.0)
        self.seconds = 0.0
        self.view = StateView(self.engine, "bench4", lambda: NOON, self._now_s)

    def _now_s(self) -> float:
        # Each look finds the state that was built before it too old.
        self.seconds += 1.0
        return self.seconds

    def state(self) -> dict[str, Any]:
        return self.view.get()

    def begin_start(self) -> Job:
        job = Job("start", STEPS, self._now_s)
        self.task = self.engine.begin(job, start_instrument)
        return job

    def head_states(self) -> set[HeadState]:
        def read(engine: Engine, instrument: Instrument) -> set[HeadState]:
            seen = {uid: board.telemetry_count for uid, board in instrument.sensors.items()}
            instrument.wait_until(
                lambda: all(b.telemetry_count > seen[u] + 1 for u, b in instrument.sensors.items()),
                2.0,
                "telemetry",
            )
            return set(instrument.head_states().values())

        found: set[HeadState] = self.engine.call(read, PATIENCE_S)
        return found


@pytest.fixture
def bench(heard: HeardEvents) -> Iterator[Bench]:
    bench = Bench(heard)
    bench.engine.start()
    heard.wait_for("connected")
    yield bench
    bench.engine.stop()


def test_start_to_standby_then_off(bench: Bench) -> None:
    assert bench.state()["phase"] == "off"
    assert {head["state"] for head in bench.state()["heads"]} == {"OFF"}
    job = bench.begin_start()
    with pytest.raises(ControlError, match="busy"):
        bench.engine.begin(Job("home", ("table",), bench._now_s), start_instrument)
    with pytest.raises(ControlError, match="busy"):
        bench.engine.call(switch_off)
    assert bench.state()["phase"] == "busy"
    assert bench.task.done.wait(PATIENCE_S)
    assert job.state == "done", job.to_json()
    state = bench.state()
    assert state["phase"] == "standby"
    assert [step["state"] for step in state["job"]["steps"]] == ["skipped", "done", "done"]
    assert {head["state"] for head in state["heads"]} == {"READY"}
    assert state["null"]["after_rms_pt"] < 0.2 * state["null"]["before_rms_pt"]
    assert all(abs(coil["current_ma"]) <= coil["limit_ma"] for coil in state["coils"])
    assert any(abs(coil["current_ma"]) > 0.01 for coil in state["coils"])
    assert all(abs(head["cell_temperature_c"] - 150.0) < 5.0 for head in state["heads"])
    bench.engine.call(switch_off)
    assert bench.head_states() == {HeadState.OFF}
    assert bench.state()["phase"] == "off"
    assert bench.state()["null"] is None


def test_abort_ends_the_job_and_leaves_the_instrument_connected(bench: Bench) -> None:
    with pytest.raises(ControlError):
        bench.engine.abort("ann")
    job = bench.begin_start()
    bench.engine.abort("ann")
    assert bench.task.done.wait(PATIENCE_S)
    assert isinstance(bench.task.error, AbortedError)
    assert job.state == "aborted"
    assert bench.state()["job"]["error"]["error"] == "aborted by ann"
    assert not bench.engine.is_busy
    assert HeadState.FAULT not in bench.head_states()
    assert len(bench.opened.sessions) == 1


def test_emergency_stop_switches_everything_off(bench: Bench) -> None:
    job = bench.begin_start()
    bench.engine.emergency_stop("ben")
    assert bench.task.done.wait(PATIENCE_S)
    assert isinstance(bench.task.error, EmergencyStopError)
    assert job.state == "aborted"
    assert bench.head_states() == {HeadState.OFF}
    state = bench.state()
    assert (state["phase"], state["message"]) == ("off", "emergency stop by ben")
    # While nothing runs it works as well.
    bench.begin_start()
    bench.engine.abort("ben")
    bench.task.done.wait(PATIENCE_S)
    bench.engine.emergency_stop("ben")
    bench.heard.wait_for("all outputs are off", 2)
    assert bench.head_states() == {HeadState.OFF}


def test_a_fault_is_shown_its_last_second_is_kept_and_a_start_clears_it(bench: Bench) -> None:
    sensor: Any = next(iter(bench.opened.sessions[0].instrument.sensors.values()))
    recorder = bench.engine.recorders[sensor.uid]
    assert bench.engine.call(lambda engine, instrument: recorder.read(), PATIENCE_S) is None

    def open_interlock(engine: Engine, instrument: Instrument) -> None:
        sensor.start((0,))
        instrument.wait_s(2.0)
        sensor.link._transport._board.inputs["interlock"] = 0
        instrument.clock.wait(lambda: sensor.link.fault is not None, 5.0)

    bench.engine.call(open_interlock, PATIENCE_S)
    bench.heard.wait_for("interlock open")
    state = bench.state()
    assert state["phase"] == "fault"
    shown = next(board for board in state["boards"] if board["uid"] == sensor.uid)
    assert "interlock open" in shown["fault"].lower().replace("_", " ")

    def read(engine: Engine, instrument: Instrument) -> Any:
        # The tenth of a second after the fault is part of it.
        instrument.clock.wait(lambda: False, 0.5)
        return recorder.read()

    trace = bench.engine.call(read, PATIENCE_S)
    assert trace is not None
    assert trace.time_s[0] < -0.8
    assert trace.time_s[-1] > 0.05
    assert set(trace.values) == {f"head{slot}_light" for slot in range(4)}
    sensor.link._transport._board.inputs["interlock"] = 1
    bench.begin_start()
    assert bench.task.done.wait(PATIENCE_S)
    assert bench.task.error is None
    assert bench.state()["phase"] == "standby"
    assert bench.engine.call(lambda engine, instrument: recorder.read(), PATIENCE_S) is None


def test_a_board_that_dies_is_told_and_connected_anew(bench: Bench) -> None:
    job = bench.begin_start()
    bench.heard.wait_for("connected")
    board: Any = next(iter(bench.opened.sessions[0].instrument.boards.values()))
    os.kill(board.link._transport._board.process.pid, signal.SIGKILL)
    assert bench.task.done.wait(PATIENCE_S)
    assert job.state == "failed"
    assert job.error is not None
    assert "gone" in job.error.message or "died" in job.error.message
    bench.heard.wait_for("connected", 2)
    assert bench.state()["phase"] == "off"
    assert bench.head_states() == {HeadState.OFF}


def test_a_command_nobody_waits_for_any_more_is_not_done_later(bench: Bench) -> None:
    held, released = threading.Event(), threading.Event()
    done: list[str] = []

    def hold(engine: Engine, instrument: Instrument) -> None:
        held.set()
        assert released.wait(PATIENCE_S)

    holding = threading.Thread(target=lambda: bench.engine.call(hold, PATIENCE_S), daemon=True)
    holding.start()
    assert held.wait(PATIENCE_S)
    with pytest.raises(ControlError, match="in time"):
        bench.engine.call(lambda engine, instrument: done.append("late"), timeout_s=0.0)
    released.set()
    holding.join(PATIENCE_S)
    assert not holding.is_alive()
    bench.engine.call(lambda engine, instrument: done.append("after"), PATIENCE_S)
    assert done == ["after"]


def test_a_defect_ends_the_job_not_the_engine(bench: Bench) -> None:
    def broken(engine: Engine, instrument: Instrument) -> None:
        raise KeyError("lost")

    job = Job("broken", ("ready",), bench._now_s)
    task = bench.engine.begin(job, broken)
    assert task.done.wait(PATIENCE_S)
    assert job.error is not None
    assert "internal: KeyError" in job.error.message
    assert bench.head_states() == {HeadState.OFF}


def test_stop_ends_what_runs_and_lets_the_boards_go(heard: HeardEvents) -> None:
    bench = Bench(heard)
    bench.engine.start()
    heard.wait_for("connected")
    bench.begin_start()
    bench.engine.stop()
    assert bench.task.done.is_set()
    assert bench.engine.instrument is None
    with pytest.raises(ControlError, match="not connected"):
        bench.begin_start()
