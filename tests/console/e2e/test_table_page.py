"""The table page on a served console: hold to run, stop, limits, and who may do what."""

from __future__ import annotations

from typing import Any

import pytest
from console_bench import PATIENCE_S
from console_server import Served
from playwright.sync_api import Page, expect
from visits import PATIENCE_MS, accessibility_violations

from nullfield.devices.table import TableTelemetry
from nullfield.instrument.instrument import Instrument

pytestmark = [pytest.mark.micropython, pytest.mark.browser]


def telemetry(served: Served, is_still: bool = False) -> TableTelemetry:
    """What the table's board itself says, once it stands still if asked for."""

    def read(engine: Any, instrument: Instrument) -> TableTelemetry:
        def good(one: TableTelemetry) -> bool:
            return not is_still or abs(one.speed_m_s) < 1e-5

        return instrument.the_table().wait_telemetry(good, 10.0)

    return served.context.engine.call(read, PATIENCE_S)


@pytest.fixture
def table(page: Page) -> Page:
    """The page with control taken and the table homed."""
    page.goto("/table")
    expect(page.locator("[data-part=drawing]")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#take-control, #release-control").locator("visible=true")).to_have_count(1)
    if page.locator("#take-control").is_visible():
        page.click("#take-control")
    expect(page.locator("[data-part=home]")).to_be_enabled(timeout=PATIENCE_MS)
    if page.locator("[data-part=to-in]").is_disabled():
        page.click("[data-part=home]")
    expect(page.locator("[data-part=to-in]")).to_be_enabled(timeout=PATIENCE_MS)
    return page


def until_free(page: Page) -> None:
    """Wait until no work runs on the instrument any more."""
    expect(page.locator("[data-part=home]")).to_be_enabled(timeout=PATIENCE_MS)


def position_mm(page: Page) -> float:
    return float(page.locator("[data-part=position]").inner_text().removesuffix(" mm"))


def wait_beyond(page: Page, mm: float) -> None:
    page.wait_for_function(
        "(mm) => parseFloat(document.querySelector('[data-part=position]').textContent) > mm",
        arg=mm,
        timeout=PATIENCE_MS,
    )


def press(page: Page, part: str) -> None:
    box = page.locator(f"[data-part={part}]").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()


def test_the_table_moves_while_a_button_is_held_and_stops_after(
    table: Page, served: Served
) -> None:
    start_mm = position_mm(table)
    table.locator("[data-part=hold-in]").scroll_into_view_if_needed()
    press(table, "hold-in")
    wait_beyond(table, start_mm + 1.0)
    table.mouse.up()
    still = telemetry(served, is_still=True)
    assert start_mm + 1.0 < still.position_m * 1e3 < 599.0


def test_leaving_the_button_stops_too(table: Page, served: Served) -> None:
    start_mm = position_mm(table)
    table.locator("[data-part=hold-in]").scroll_into_view_if_needed()
    press(table, "hold-in")
    wait_beyond(table, start_mm + 0.5)
    table.mouse.move(5, 5)
    expect(table.locator(".is-held")).to_have_count(0)
    assert telemetry(served, is_still=True).position_m * 1e3 < 599.0
    table.mouse.up()


def test_space_on_the_keyboard_holds(table: Page, served: Served) -> None:
    start_mm = position_mm(table)
    table.focus("[data-part=hold-in]")
    table.keyboard.down("Space")
    wait_beyond(table, start_mm + 0.5)
    table.keyboard.up("Space")
    expect(table.locator(".is-held")).to_have_count(0)
    assert telemetry(served, is_still=True).position_m * 1e3 < 599.0


def test_a_browser_that_dies_while_holding_leaves_the_table_still(
    table: Page, served: Served
) -> None:
    """Nobody sends the stop: the board ends the move by itself."""
    start_mm = position_mm(table)
    table.locator("[data-part=hold-in]").scroll_into_view_if_needed()
    press(table, "hold-in")
    wait_beyond(table, start_mm + 0.5)
    table.context.set_offline(True)
    try:
        assert telemetry(served, is_still=True).position_m * 1e3 < 599.0
    finally:
        table.context.set_offline(False)
        table.mouse.up()


def test_go_to_a_position_and_a_step(table: Page, served: Served) -> None:
    table.fill("#go-position", "40")
    table.click("[data-part=go-button]")
    expect(table.locator("[data-part=position]")).to_have_text("40.0 mm", timeout=PATIENCE_MS)
    expect(table.locator("[data-jog='5']")).to_be_enabled(timeout=PATIENCE_MS)
    table.click("[data-jog='5']")
    expect(table.locator("[data-part=position]")).to_have_text("45.0 mm", timeout=PATIENCE_MS)
    until_free(table)
    assert telemetry(served).position_m == pytest.approx(0.045, abs=1e-4)
    # The motor's field would stand in the recording.
    expect(table.locator("[data-part=lamp]")).to_have_text("Motor off", timeout=PATIENCE_MS)


@pytest.mark.parametrize("typed", ["", "left", "-1", "100000"])
def test_a_position_that_is_none_is_not_sent(table: Page, typed: str) -> None:
    sent: list[str] = []
    table.on("request", lambda one: sent.append(one.url) if one.method == "POST" else None)
    table.fill("#go-position", typed)
    table.click("[data-part=go-button]")
    expect(table.locator("#go-problem")).to_contain_text("Type a position")
    expect(table.locator("#go-position")).to_have_attribute("aria-invalid", "true")
    assert sent == []


def test_stop_ends_a_move(table: Page, served: Served) -> None:
    table.click("[data-part=to-in]")
    expect(table.locator("[data-part=state]")).to_contain_text("moves", timeout=PATIENCE_MS)
    table.click("[data-part=stop]")
    until_free(table)
    still = telemetry(served, is_still=True)
    assert still.position_m * 1e3 < 549.0


def test_who_has_no_control_may_only_stop(table: Page, second: Page) -> None:
    second.goto("/table")
    expect(second.locator("[data-part=drawing]")).to_be_visible(timeout=PATIENCE_MS)
    expect(second.locator("[data-part=why]")).to_contain_text("Take control")
    enabled = second.locator("#table-page button:enabled:visible")
    expect(enabled).to_have_count(1)
    expect(enabled).to_contain_text("Stop the table")


def test_limits_come_from_the_board(table: Page, served: Served) -> None:
    expect(table.locator("[data-part=limit-speed]")).to_contain_text("mm/s", timeout=PATIENCE_MS)

    def maximum(engine: Any, instrument: Instrument) -> float:
        return instrument.the_table().settings.describe("speed_max").maximum

    most = served.context.engine.call(maximum, PATIENCE_S)
    expect(table.locator("[data-part=limit-speed]")).to_contain_text(f"at most {most * 1e3:g} mm/s")


def test_the_table_page_keeps_the_rules_of_accessibility(table: Page) -> None:
    assert accessibility_violations(table) == []
