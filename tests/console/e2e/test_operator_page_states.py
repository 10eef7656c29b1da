"""The operator's page in every state: what it shows, what it sends, and that all can use it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from scripted_console import Script, exam_job, map_of_a_plane, serve_script
from state_example import state
from visits import accessibility_violations

from nullfield.console.pages.language import translation

pytestmark = pytest.mark.browser

QUESTION = {
    "id": "q1", "kind": "move_table", "move_mm": 22.5, "to_mm": 572.5, "offset_mm": [-8.2, -22.5],
    "uncertainty_mm": 3.1, "beats": 8, "reason": "",
}  # fmt: skip
TABLE = {"state": "IDLE", "position_mm": 550.0, "travel_mm": 1100.0, "is_energised": False}
STALL = {"error": "table 1: fault TABLE_STALL", "hint": "clear it", "code": "BoardFaultError"}
STATES: dict[str, dict[str, Any]] = {
    "idle": {"phase": "standby", "job": None},
    "off": {"phase": "off", "job": None},
    "watching": {"phase": "standby", "job": None, "control": {"holder": "bob", "since": None}},
    "free": {"phase": "standby", "job": None, "control": {"holder": None, "since": None}},
    "table": {"phase": "busy", "job": exam_job("table")},
    "question": {"phase": "question", "job": exam_job("adjust", question=QUESTION), "table": TABLE},
    "record": {"phase": "busy", "job": exam_job("record")},
    "done": {"phase": "standby", "job": exam_job(None)},
    "failed": {"phase": "fault", "job": exam_job("table", state="failed", error=STALL)},
    "lost": {"phase": "lost", "job": None, "message": "s1: the board is gone", "hint": "cable"},
}


@pytest.fixture(scope="module")
def script() -> Iterator[Script]:
    with serve_script(Script(state())) as one:
        yield one


@pytest.fixture
def context(browser: Browser, script: Script) -> Iterator[BrowserContext]:
    script.state, script.map, script.beat = state(**STATES["idle"]), None, None
    script.refusal, script.wait = None, None
    script.told.clear()
    context = browser.new_context(base_url=script.url, viewport={"width": 1280, "height": 800})
    context.add_init_script("localStorage.setItem('nullfield-tour-operator-ann', 'seen')")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto("/")
    expect(page.locator("#phase-chip")).not_to_have_text("Connecting")
    yield page
    assert failures == []


def beat() -> dict[str, Any]:
    times = [float(ms) for ms in range(-200, 401, 4)]
    return {
        "count": 31, "time_ms": times, "traces_pt": {"A1.z": [50.0 if t == 0 else 0.0 for t in times]},
        "landmarks_ms": {"R": 0.0, "T": 240.0, "T_onset": 180.0, "P": None},
        "quality": {"lights": {"signal": "good", "beats": "fair", "heads": "poor"}}, "reason": "",
    }  # fmt: skip


_UNTIL_SHOWN = """async (version) => {
  const { onState } = await import("/static/js/state.js");
  await new Promise((done) => {
    const end = onState((state) => {
      if (state.version === version) setTimeout(() => { end(); done(); });
    });
  });
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
}"""


def each_state(page: Page, script: Script, names: Iterable[str] = STATES) -> Iterator[str]:
    """Show one state after the other on an open page, as the server would."""
    script.map, script.beat = map_of_a_plane(), beat()
    for name in names:
        shown = {**state(), **STATES[name]}
        shown.pop("version")
        script.show(**shown)
        page.evaluate(_UNTIL_SHOWN, script.state["version"])
        yield name


@pytest.mark.parametrize("theme", ["dark", "room", "light"])
def test_every_state_is_accessible_in_every_colour(
    theme: str, script: Script, context: BrowserContext
) -> None:
    context.add_cookies([{"name": "nullfield_theme", "value": theme, "url": script.url}])
    page = context.new_page()
    page.goto("/")
    expect(page.locator("#phase-chip")).not_to_have_text("Connecting")
    wrong = {name: accessibility_violations(page) for name in each_state(page, script)}
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.parametrize("code", ["en", "ja"])
def test_nothing_overflows_and_the_stop_is_in_reach(
    code: str, script: Script, context: BrowserContext
) -> None:
    context.add_cookies([{"name": "nullfield_lang", "value": code, "url": script.url}])
    page = context.new_page()
    page.goto("/")
    for name in each_state(page, script, ("idle", "question", "record", "failed")):
        expect(
            page.locator("#subject-form, #progress, #ended").locator("visible=true").first
        ).to_be_visible()
        for width, height in ((1024, 768), (1366, 900), (3840, 2160), (768, 1024)):
            page.set_viewport_size({"width": width, "height": height})
            too_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert not too_wide, f"{name} at {width} x {height}"
            page.evaluate("scrollTo(0, document.body.scrollHeight)")
            expect(page.locator("#emergency-stop")).to_be_in_viewport(ratio=1)


def test_buttons_and_fields_are_large_enough_for_a_finger(page: Page, script: Script) -> None:
    for name in each_state(page, script):
        expect(
            page.locator("#subject-form, #progress, #ended").locator("visible=true").first
        ).to_be_visible()
        small = page.evaluate(
            """[...document.querySelectorAll(
                'button, .button, input:not([type=checkbox]), select, summary, .check')]
            .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44 - 0.01)
            .map((one) => one.outerHTML.slice(0, 80))"""
        )
        assert [one for one in small if 'type="range"' not in one] == [], name


def test_form_says_what_is_wrong_and_sends_nothing(page: Page, script: Script) -> None:
    page.click("#start")
    expect(page.locator("#subject_id-problem")).to_have_text("Enter a code for the subject.")
    page.fill("#subject_id", "Mr X")
    page.fill("#year_of_birth", "1776")
    page.click("#start")
    expect(page.locator("#subject_id-problem")).to_contain_text("only letters")
    expect(page.locator("#year_of_birth-problem")).to_contain_text("1900")
    expect(page.locator("#subject_id")).to_be_focused()
    assert script.told == []


def test_one_button_takes_the_control_and_starts(page: Page, script: Script) -> None:
    script.show(**STATES["free"])
    expect(page.locator("#control-text")).to_contain_text("Nobody has control")
    page.fill("#subject_id", "S-01")
    page.click("#start")
    expect(page.locator("#subject_id")).to_have_value("")
    assert [path for path, _ in script.told] == ["control/take", "exams"]
    body = script.told[1][1]
    assert body == {
        "subject_id": "S-01", "name": None, "sex": "unknown", "year_of_birth": None, "notes": "",
        "beats": 60,
    }  # fmt: skip


def test_a_double_click_starts_once(page: Page, script: Script) -> None:
    script.wait = threading.Event()
    page.fill("#subject_id", "S-01")
    page.dblclick("#start")
    expect(page.locator("#start")).to_be_disabled()
    page.locator("#start").dispatch_event("click")
    page.keyboard.press("Enter")
    script.wait.set()
    expect(page.locator("#start")).to_be_enabled()
    assert script.count("exams") == 1


def test_a_refusal_is_told_in_plain_words_and_the_form_is_kept(page: Page, script: Script) -> None:
    script.refusal = (409, {"error": "bob has the control", "hint": "", "code": "ControlError"})
    page.fill("#subject_id", "S-01")
    page.click("#start")
    notice = page.locator("#form-problem")
    expect(notice).to_contain_text("Somebody else has control")
    expect(notice).to_contain_text("What to do:")
    expect(page.locator("#subject_id")).to_have_value("S-01")
    page.locator("#form-problem summary").click()
    expect(notice).to_contain_text("bob has the control")


def test_text_of_an_error_is_not_taken_as_markup(page: Page, script: Script) -> None:
    script.refusal = (500, {"error": "<img src=x onerror=alert(1)>", "hint": "", "code": ""})
    page.fill("#subject_id", "S-01")
    page.click("#start")
    expect(page.locator("#form-problem")).to_contain_text("<img src=x")
    expect(page.locator("#form-problem img")).to_have_count(0)


def test_who_watches_sees_why_nothing_can_be_started(page: Page, script: Script) -> None:
    script.show(**STATES["watching"])
    expect(page.locator("#form-reason")).to_have_text("bob has control; you are watching.")
    expect(page.locator("#start")).to_be_disabled()
    script.show(**{**STATES["question"], "control": {"holder": "bob", "since": None}})
    expect(page.locator("#question")).to_be_visible()
    expect(page.locator("#question-form")).to_be_hidden()
    expect(page.locator("#question-viewer")).to_be_visible()
    expect(page.locator("#abort")).to_be_hidden()
    expect(page.locator("#emergency-stop")).to_be_enabled()


def test_escape_twice_is_the_emergency_stop_everywhere(page: Page, script: Script) -> None:
    page.locator("#subject_id").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    assert script.count("emergency-stop") == 0
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#subject_id")).to_be_visible()
    page.locator("h2").first.click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Emergency stop")
    page.click("#emergency-stop")  # not covered by the dialog
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    assert script.count("emergency-stop") == 3


def test_abort_by_key_is_sent_once(page: Page, script: Script) -> None:
    page.keyboard.press("Alt+a")  # nothing runs
    assert script.told == []
    script.show(**STATES["table"])
    expect(page.locator("#abort")).to_be_visible()
    with page.expect_request("**/exams/current/abort"):
        page.keyboard.press("Alt+a")
    expect(page.locator("#abort")).to_be_enabled()
    assert script.count("exams/current/abort") == 1


def test_question_tells_offset_and_takes_another_move(page: Page, script: Script) -> None:
    script.show(**STATES["question"])
    facts = page.locator("#question-facts")
    expect(facts).to_contain_text("8.2 mm to the patient's right")
    expect(facts).to_contain_text("22.5 mm toward the feet")
    expect(facts).to_contain_text("+22.5 mm")
    expect(facts).to_contain_text("± 3.1 mm")
    expect(page.locator("#question")).to_be_focused()
    page.fill("#move_mm", "900")
    page.click("#accept-move")
    expect(page.locator("#move_mm-problem")).to_contain_text("-550.0 to 550.0 mm")
    assert script.told == []
    page.fill("#move_mm", "12,5")
    page.click("#accept-move")
    expect(page.locator("#accept-move")).to_be_enabled()
    assert script.told == [("exams/current/answer", {"id": "q1", "accept": True, "move_mm": 12.5})]


def test_question_can_be_declined(page: Page, script: Script) -> None:
    script.show(**STATES["question"])
    page.click("#leave-table")
    expect(page.locator("#leave-table")).to_be_enabled()
    assert script.told == [("exams/current/answer", {"id": "q1", "accept": False, "move_mm": None})]


def test_what_is_typed_into_the_question_survives_new_states(page: Page, script: Script) -> None:
    script.show(**STATES["question"])
    page.fill("#move_mm", "7")
    script.show(viewers=9)
    expect(page.locator("#viewers")).to_contain_text("9")
    expect(page.locator("#move_mm")).to_have_value("7")


def test_recording_shows_map_beat_and_lights(page: Page, script: Script) -> None:
    script.map, script.beat = map_of_a_plane(), beat()
    script.show(**STATES["record"])
    expect(page.locator("#map")).to_have_attribute(
        "aria-label",
        "Map of the heart's field at 0 ms: highest 60.0 pT at x 60 mm, y -60 mm; "
        "lowest -60.0 pT at x -60 mm, y -60 mm.",
    )
    expect(page.locator("#lights")).to_contain_text("Signal: good")
    expect(page.locator("#lights")).to_contain_text("Beats used: fair")
    expect(page.locator("#lights")).to_contain_text("Sensors: poor")
    expect(page.locator("#progress-text")).to_have_text("31 of 60 beats recorded.")
    page.get_by_role("button", name="T wave").click()
    expect(page.locator("#time-text")).to_have_text("240 ms")
    with page.expect_request("**/live/map?time_ms=242"):
        page.locator("#time").press("ArrowRight")


_SWITCHED_WITHIN_THE_GAP = """async (map) => {
  const { HeartView } = await import("/static/js/heart_view.js");
  const view = new HeartView();
  const source = (key) => {
    let tell;
    const asked = new Promise((done) => { tell = done; });
    return { key, map: async () => { tell(); return map; }, asked };
  };
  const live = source("live"), stored = source("stored");
  view.show(live, "");
  await live.asked;
  while (!view.map) await null;
  view.show(null, "");
  view.show(stored, "");
  const problem = new Error("the stored map was not asked for");
  const never = new Promise((_, fail) => setTimeout(fail, 20000, problem));
  await Promise.race([stored.asked, never]);
  while (!view.map) await null;
  return document.getElementById("play").disabled;
}"""


def test_a_source_chosen_just_after_an_answer_is_asked(page: Page, script: Script) -> None:
    # The last live map can come a moment before the examination ends and the stored one is shown.
    assert page.evaluate(_SWITCHED_WITHIN_THE_GAP, map_of_a_plane()) is False


def test_map_has_the_patients_left_at_the_right_and_red_out_of_the_chest(
    page: Page, script: Script
) -> None:
    script.map, script.beat = map_of_a_plane(), beat()
    script.show(**STATES["record"])
    expect(page.locator("#map")).to_have_attribute("aria-label", re.compile("60.0 pT"))
    left, right = page.evaluate(
        """() => {
          const canvas = document.getElementById('map');
          const pixels = canvas.getContext('2d');
          const at = (share) => [...pixels.getImageData(
            canvas.width * share, canvas.height * 0.4, 1, 1).data];
          return [at(0.3), at(0.7)];
        }"""
    )
    assert left[2] > left[0] + 40  # blue at the patient's right
    assert right[0] > right[2] + 40  # red at the patient's left


def test_done_shows_report_and_the_next_subject_survives_a_reload(
    page: Page, script: Script
) -> None:
    script.map = map_of_a_plane()
    script.show(**STATES["done"])
    expect(page.locator("#open-report")).to_have_attribute(
        "href", "/api/v1/exams/20260304-001/files/report.html"
    )
    page.click("#next-subject")
    expect(page.locator("#subject_id")).to_be_focused()
    page.reload()
    expect(page.locator("#subject-form")).to_be_visible()
    expect(page.locator("#ended")).to_be_hidden()


def test_fault_is_explained_and_the_instrument_can_be_started_again(
    page: Page, script: Script
) -> None:
    board = {**state()["boards"][0], "name": "table 1", "fault": "fault TABLE_STALL (source 0)"}
    script.show(**STATES["failed"], boards=[board])
    expect(page.locator("#faults")).to_contain_text("The table was held back")
    expect(page.locator("#ended-message")).to_contain_text("What was recorded until then is kept.")
    page.click("#start-instrument")
    expect(page.locator("#start-instrument")).to_be_enabled()
    assert script.count("instrument/start") == 1


def test_a_cut_connection_is_told_and_heals(
    page: Page, context: BrowserContext, script: Script
) -> None:
    context.set_offline(True)
    expect(page.locator("#banner")).to_contain_text(
        "connection to the console is lost", timeout=30000
    )
    expect(page.locator("#start")).to_be_disabled()
    context.set_offline(False)
    expect(page.locator("#banner")).to_be_hidden(timeout=30000)
    expect(page.locator("#start")).to_be_enabled()


def test_language_and_colours_change_from_the_menu_and_stay(page: Page, script: Script) -> None:
    page.locator(".menu summary").click()
    page.select_option("#theme", "room")
    expect(page.locator("html")).to_have_attribute("data-theme", "room")
    page.select_option("#language", "ja")
    words = translation("ja").gettext
    expect(page.locator("#start")).to_have_text(words("Start the examination"))
    expect(page.locator("#control-text")).to_have_text(words("You have control."))
    expect(page.locator("html")).to_have_attribute("data-theme", "room")


def test_tour_is_given_once_and_again_from_the_menu(browser: Browser, script: Script) -> None:
    context = browser.new_context(base_url=script.url)
    page = context.new_page()
    page.goto("/")
    tour = page.get_by_role("dialog")
    expect(tour).to_contain_text("1 of 5")
    for _ in range(4):
        page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_role("button", name="Done", exact=True).click()
    expect(tour).to_have_count(0)
    page.reload()
    expect(page.locator("#phase-chip")).to_contain_text("Ready")
    expect(tour).to_have_count(0)
    page.locator(".menu summary").click()
    page.click("#show-tour")
    expect(tour).to_contain_text("1 of 5")
    context.close()


def test_every_control_is_reached_by_the_tab_key(page: Page) -> None:
    wanted = set(
        page.evaluate(
            """[...document.querySelectorAll('button, a[href], input, select, summary')]
            .filter((one) => one.checkVisibility() && !one.disabled)
            .map((one) => one.id || one.textContent.trim())"""
        )
    )
    reached: set[str] = set()
    page.evaluate("document.activeElement.blur()")
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
        )
    assert wanted <= reached


def test_lines_of_equal_field_lie_where_the_field_is_equal(page: Page) -> None:
    segments = page.evaluate(
        """async () => (await import('/static/js/contours.js')).contourSegments(
            [0, 10, 20], [0, 10], [[0, 10, 20], [10, 20, 30]], 15)"""
    )
    assert segments
    for x0, y0, x1, y1 in segments:
        assert x0 + y0 == pytest.approx(15)
        assert x1 + y1 == pytest.approx(15)


def test_a_saddle_of_the_field_has_lines_that_do_not_cross(page: Page) -> None:
    segments = page.evaluate(
        """async () => (await import('/static/js/contours.js')).contourSegments(
            [0, 1], [0, 1], [[1, -1], [-1, 1]], 0.5)"""
    )
    assert len(segments) == 2
    sides = [sorted((round(x0 + y0, 6) < 1, round(x1 + y1, 6) < 1)) for x0, y0, x1, y1 in segments]
    assert sorted(map(tuple, sides)) == [(False, False), (True, True)]


@pytest.mark.parametrize(("value", "expected"), [(43, 50), (51, 60), (0.11, 0.2), (100, 100)])
def test_colour_scale_ends_at_a_round_number(page: Page, value: float, expected: float) -> None:
    found = page.evaluate(
        f"async () => (await import('/static/js/colour_map.js')).niceCeiling({json.dumps(value)})"
    )
    assert found == pytest.approx(expected)
