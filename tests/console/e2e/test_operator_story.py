"""The operator's story in a browser: one button, position, map, report; and who may do what."""

from __future__ import annotations

import re

import pytest
from console_server import Served
from playwright.sync_api import Page, expect
from visits import PATIENCE_MS, accessibility_violations, begin_exam, picture

pytestmark = [pytest.mark.micropython, pytest.mark.browser]


def test_strangers_get_the_login_page_only(served: Served, page: Page) -> None:
    stranger = page.context.browser.new_context(base_url=served.url)  # type: ignore[union-attr]
    visitor = stranger.new_page()
    for path in ("/", "/engineer", "/table", "/studies", "/users"):
        visitor.goto(path)
        assert "/login" in visitor.url
    picture(visitor, "console-login")
    assert accessibility_violations(visitor) == []
    visitor.fill("input[name=name]", "admin")
    visitor.fill("input[name=password]", "certainly not this one")
    visitor.click("main button[type=submit]")
    expect(visitor.get_by_role("alert").first).to_be_visible()
    assert "/login" in visitor.url
    stranger.close()


def test_wrong_entries_are_told_beside_their_field(page: Page) -> None:
    page.goto("/")
    page.fill("#subject_id", "Mister X!")
    page.fill("#year_of_birth", "1776")
    page.click("#start")
    expect(page.locator("#subject_id-problem")).to_be_visible()
    expect(page.locator("#year_of_birth-problem")).to_be_visible()
    assert page.evaluate("fetch('/api/v1/status').then(r => r.json())")["job"] is None


def test_one_button_to_map_and_report(page: Page, second: Page, served: Served) -> None:
    begin_exam(page, "S-001", beats=20)
    expect(page.locator("#progress")).to_be_visible(timeout=PATIENCE_MS)
    # A second click, or another tab, cannot begin a second one.
    second.goto("/")
    expect(second.locator("#progress")).to_be_visible(timeout=PATIENCE_MS)
    expect(second.locator("#subject-form")).to_be_hidden()
    # Another screen sees the same, and commands nothing.
    expect(second.locator("#control-text")).to_contain_text("admin")
    expect(second.locator("#abort")).to_be_hidden()

    expect(page.locator("#question")).to_be_visible(timeout=PATIENCE_MS)
    picture(page, "console-position")
    assert accessibility_violations(page) == []
    # A reload in the middle changes nothing.
    page.reload()
    expect(page.locator("#question")).to_be_visible(timeout=PATIENCE_MS)
    # The heart is 10 mm toward the feet of the array's centre; four heads see that to a few mm.
    move_mm = float(page.input_value("#move_mm"))
    assert move_mm == pytest.approx(10.0, abs=8.0)
    page.click("#accept-move")
    expect(page.locator("#question")).to_be_hidden(timeout=PATIENCE_MS)

    # The map is there while it is still being measured.
    recording = page.locator('#steps li[data-name="record"][data-state="running"]')
    expect(recording).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#play")).to_be_enabled(timeout=PATIENCE_MS)
    picture(page, "console-recording")

    expect(page.locator("#ended")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#open-report")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#play")).to_be_enabled(timeout=PATIENCE_MS)
    # The averaged beat stays, with the time of the map as its cursor.
    beat = page.locator("#beat")
    expect(beat).to_have_attribute("aria-label", re.compile("Averaged beat of"))
    at_r = page.evaluate("document.querySelector('#beat').toDataURL()")
    page.get_by_role("button", name="T wave").click()
    expect(page.locator("#time-text")).not_to_have_text("0 ms")
    assert page.evaluate("document.querySelector('#beat').toDataURL()") != at_r
    picture(page, "console-result")
    assert accessibility_violations(page) == []
    state = page.evaluate("fetch('/api/v1/status').then(r => r.json())")
    assert state["job"]["state"] == "done"
    assert [step["state"] for step in state["job"]["steps"]] == ["done"] * 6
    assert state["table"]["is_energised"] is False
    exam = served.context.studies.get(state["job"]["exam_id"])
    assert exam.state == "done"
    with page.expect_popup() as report:
        page.click("#open-report")
    expect(report.value.locator("body")).to_contain_text("S-001")
    page.click("#next-subject")
    expect(page.locator("#subject-form")).to_be_visible()


def test_the_engineer_sees_the_same_instrument(page: Page) -> None:
    page.goto("/engineer")
    expect(page.locator("#phase-chip")).to_contain_text("Ready", timeout=PATIENCE_MS)
    expect(page.locator("#array-panel")).to_contain_text("ready: 4")
    picture(page, "console-engineer")
    # Spectra are asked for while they are in sight.
    page.locator("#spectra-panel").scroll_into_view_if_needed()
    expect(page.locator("#spectra-panel canvas")).to_be_visible()
    page.goto("/table")
    expect(page.locator("main")).to_contain_text("in position", timeout=PATIENCE_MS)
    picture(page, "console-table")


def test_the_study_can_be_found_and_opened_again(page: Page) -> None:
    page.goto("/studies")
    page.get_by_role("searchbox").first.fill("S-001")
    expect(page.get_by_role("link", name="-001").first).to_be_visible(timeout=PATIENCE_MS)
    picture(page, "console-studies")
    assert accessibility_violations(page) == []
    page.get_by_role("link", name="-001").first.click()
    page.wait_for_url("**/studies/*")
    expect(page.locator("canvas").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#play")).to_be_enabled(timeout=PATIENCE_MS)
    expect(page.locator("#beat")).to_have_attribute("aria-label", re.compile("Averaged beat of"))
    picture(page, "console-study")
    assert accessibility_violations(page) == []


def test_a_second_viewer_takes_the_control_when_it_is_free(page: Page, second: Page) -> None:
    page.goto("/")
    second.goto("/")
    expect(second.locator("#take-control")).to_be_hidden()
    # Who asks for it sees who has it, and the holder who asks.
    expect(second.locator("#ask-control")).to_have_text("Ask admin for the control")
    second.click("#ask-control")
    expect(second.locator("#ask-control")).to_have_text("admin has been asked")
    expect(page.locator("#control-text")).to_contain_text("second-operator asks for it")
    page.click("#release-control")
    second.click("#take-control")
    expect(page.locator("#control-text")).to_contain_text("second-operator")
    second.click("#release-control")
    expect(page.locator("#take-control")).to_be_visible()
