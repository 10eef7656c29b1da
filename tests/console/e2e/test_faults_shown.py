"""Faults of real (virtual) boards on the engineer's and the table page."""

from __future__ import annotations

from typing import Any

import pytest
from console_bench import PATIENCE_S
from console_server import Served
from playwright.sync_api import Page, expect
from visits import PATIENCE_MS, picture

from nullfield.instrument.instrument import Instrument

pytestmark = [pytest.mark.micropython, pytest.mark.browser]


def take_control(page: Page) -> None:
    expect(page.locator("#take-control, #release-control").locator("visible=true")).to_have_count(1)
    if page.locator("#take-control").is_visible():
        page.click("#take-control")
    expect(page.locator("#release-control")).to_be_visible()


def test_the_recorder_draws_the_last_second_before_a_fault(page: Page, served: Served) -> None:
    instrument = served.context.engine.instrument
    assert instrument is not None
    sensor: Any = next(iter(instrument.sensors.values()))
    inputs = sensor.link._transport._board.inputs

    def open_interlock(engine: Any, on: Instrument) -> None:
        sensor.start((0,))
        on.wait_s(2.0)
        inputs["interlock"] = 0
        on.clock.wait(lambda: sensor.link.fault is not None, 5.0)
        # The tenth of a second after the fault is part of the trace.
        on.clock.wait(lambda: False, 0.5)

    page.goto("/engineer")
    served.context.engine.call(open_interlock, PATIENCE_S)
    row = page.locator("#boards-panel tr", has_text=sensor.uid)
    expect(row).to_contain_text("▲ fault", timeout=PATIENCE_MS)
    expect(row).to_contain_text("interlock", ignore_case=True)
    row.get_by_text("Recorder").click()
    text = page.locator("#recorder-panel [data-part=text]")
    expect(text).to_contain_text("head0_light from", timeout=PATIENCE_MS)
    expect(text).to_contain_text("around the fault")
    expect(page.locator("#recorder-panel canvas")).to_be_visible()
    page.locator("#recorder-panel").scroll_into_view_if_needed()
    picture(page, "console-recorder")

    inputs["interlock"] = 1
    take_control(page)
    clear = row.get_by_role("button", name="Clear fault")
    expect(clear).to_be_enabled(timeout=PATIENCE_MS)
    clear.click()
    expect(row).not_to_contain_text("▲ fault", timeout=PATIENCE_MS)
    # Clearing arms the recorder anew: what it held is gone.
    page.click("#recorder-panel [data-part=read]")
    expect(text).to_contain_text("has recorded no fault", timeout=PATIENCE_MS)


def test_the_red_button_at_the_table_is_told_in_plain_words(page: Page, served: Served) -> None:
    instrument = served.context.engine.instrument
    assert instrument is not None
    table: Any = instrument.the_table()
    inputs = table.link._transport._board.inputs

    def push(engine: Any, on: Instrument) -> None:
        inputs["estop"] = 1
        on.clock.wait(lambda: table.link.fault is not None, 5.0)

    page.goto("/table")
    served.context.engine.call(push, PATIENCE_S)
    fault = page.locator("[data-part=fault]")
    expect(fault).to_contain_text("The red button at the table was pressed", timeout=PATIENCE_MS)
    expect(fault).to_contain_text("What to do:")
    # Where a table stands that somebody stopped is not sure.
    expect(page.locator("[data-part=position]")).to_have_text("unknown")
    take_control(page)
    expect(page.locator("[data-part=hold-in]")).to_be_disabled()
    expect(page.locator("[data-part=stop]")).to_be_enabled()
    picture(page, "console-table-fault")
    inputs["estop"] = 0
    page.click("[data-part=clear]")
    expect(fault).to_be_empty(timeout=PATIENCE_MS)
