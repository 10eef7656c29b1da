"""Abort in every step, emergency stop, and a board that dies, from a browser."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from console_bench import PATIENCE_S
from console_server import Served
from playwright.sync_api import Page, expect
from visits import PATIENCE_MS, begin_exam

from nullfield.instrument.instrument import Instrument
from nullfield_protocol.catalogue import HeadState, TableFlag

pytestmark = [pytest.mark.micropython, pytest.mark.browser]


def status(page: Page) -> Any:
    return page.evaluate("fetch('/api/v1/status').then(r => r.json())")


def running_step(page: Page, name: str) -> None:
    """Wait until the page shows that a step runs."""
    row = page.locator(f'#steps li[data-name="{name}"][data-state="running"]')
    expect(row).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.parametrize("step", ["ready", "table", "adjust", "null", "record", "map"])
def test_abort_leaves_the_table_still_and_the_study_kept(
    page: Page, served: Served, step: str
) -> None:
    begin_exam(page, f"abort-{step}", beats=10 if step == "map" else 200)
    if step in ("null", "record", "map"):
        expect(page.locator("#question")).to_be_visible(timeout=PATIENCE_MS)
        page.click("#leave-table")
    running_step(page, step)
    page.click("#abort")
    # The question whether it is meant, if there is one.
    confirm = page.locator("dialog[open] button.danger")
    if confirm.count():
        confirm.first.click()
    expect(page.locator("#ended")).to_be_visible(timeout=PATIENCE_MS)
    state = status(page)
    assert state["job"]["state"] == "aborted"
    failed = [one["name"] for one in state["job"]["steps"] if one["state"] == "failed"]
    assert failed == [step], state["job"]
    exam = served.context.studies.get(state["job"]["exam_id"])
    assert exam.state == "failed"

    def speed(engine: Any, instrument: Instrument) -> float:
        table = instrument.the_table()
        return table.wait_telemetry(lambda t: abs(t.speed_m_s) < 1e-4, 5.0).speed_m_s

    assert served.context.engine.call(speed, PATIENCE_S) == pytest.approx(0.0, abs=1e-4)
    page.click("#next-subject")


def test_emergency_stop_by_anybody_switches_all_off(
    page: Page, second: Page, served: Served
) -> None:
    begin_exam(page, "stopped")
    running_step(page, "adjust")
    second.goto("/")
    second.click("#emergency-stop")
    expect(page.locator("#ended")).to_be_visible(timeout=PATIENCE_MS)
    # The job ends first, then the boards are switched off one after another.
    expect(page.locator("#phase-chip")).to_contain_text("Off", timeout=PATIENCE_MS)

    def seen(engine: Any, instrument: Instrument) -> tuple[set[HeadState], bool]:
        table = instrument.the_table().wait_telemetry(lambda t: True, 5.0)
        instrument.wait_s(0.5)
        is_energised = bool(table.switches & TableFlag.MOTOR_ENERGISED)
        return set(instrument.head_states().values()), is_energised

    assert served.context.engine.call(seen, PATIENCE_S) == ({HeadState.OFF}, False)
    assert "second-operator" in status(page)["message"]


def test_a_lost_board_is_told_in_plain_words_and_the_console_comes_back(
    page: Page, served: Served
) -> None:
    begin_exam(page, "lost-board")
    running_step(page, "ready")
    board: Any = next(iter(served.opened.sessions[-1].instrument.sensors.values()))
    os.kill(board.link._transport._board.process.pid, signal.SIGKILL)
    expect(page.locator("#ended")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#ended-message")).not_to_be_empty()
    expect(page.locator("#phase-chip")).to_contain_text("Off", timeout=PATIENCE_MS)
    state = status(page)
    exam = served.context.studies.get(state["job"]["exam_id"])
    assert exam.state == "failed"
    assert len(served.opened.sessions) == 2
