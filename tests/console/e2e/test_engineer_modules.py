"""The engineer's scripts one by one, in the browser that runs them: frames, rings, columns, rules."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route

from nullfield.console.live.frames import FrameFlags, pack
from nullfield.console.pages import routes
from nullfield.console.pages.explanations import EXPLANATIONS

pytestmark = pytest.mark.browser

_SCRIPTS = Path(routes.__file__).parent / "static" / "js"
_ORIGIN = "http://console.test"


@pytest.fixture(scope="module")
def scripts(browser: Browser) -> Iterator[Page]:
    """An empty page that can import the console's modules; no server stands behind it."""
    page = browser.new_page()

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(_ORIGIN)
        if path.startswith("/static/js/"):
            body = (_SCRIPTS / Path(path).name).read_text()
            route.fulfill(body=body, content_type="text/javascript")
        elif path.startswith("/i18n/"):
            route.fulfill(json={"messages": {}, "explanations": {}})
        else:
            route.fulfill(body="<!doctype html><title>test</title>", content_type="text/html")

    page.route(f"{_ORIGIN}/**", answer)
    page.goto(_ORIGIN)
    yield page
    page.close()


_READ = """async (text) => {
  const { readFrame } = await import("/static/js/live_socket.js");
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const frame = readFrame(bytes.buffer);
  return frame && { ...frame, fieldPt: Array.from(frame.fieldPt, (v) => (Number.isNaN(v) ? null : v)) };
}"""


def read_in_browser(page: Page, message: bytes) -> Any:
    return page.evaluate(_READ, base64.b64encode(message).decode())


def test_a_frame_packed_by_the_server_is_read_by_the_browser(scripts: Page) -> None:
    field_pt = np.array([[1.5, -2.25, np.nan], [4.0, 5.0, 6.0]])
    frame = read_in_browser(scripts, pack(field_pt, 1234.567, 1000.0, FrameFlags.SKIPPED))
    assert frame == {
        "channelCount": 2,
        "sampleCount": 3,
        "rateHz": 1000.0,
        "flags": 1,
        "firstIndex": 1234567,
        "fieldPt": [1.5, -2.25, None, 4.0, 5.0, 6.0],
    }


@pytest.mark.parametrize("cut", [10, 24, -4])
def test_part_of_a_frame_is_not_shown(scripts: Page, cut: int) -> None:
    message = pack(np.ones((2, 5)), 0.0, 1000.0)
    assert read_in_browser(scripts, message[:cut]) is None


_RING = """async (frames) => {
  const { SampleRing } = await import("/static/js/sample_ring.js");
  const ring = new SampleRing(1, 10, 2);
  const continued = frames.map(([firstIndex, values]) =>
    ring.append({ firstIndex, sampleCount: values.length,
                  fieldPt: Float32Array.from(values, (v) => (v === null ? NaN : v)) }));
  const shown = [];
  for (let i = ring.start; i < ring.stop; i += 1) {
    const value = ring.samples[0][i % ring.capacity];
    shown.push(Number.isNaN(value) ? null : value);
  }
  return { continued, shown, missing: ring.missing, stop: ring.stop };
}"""


def test_a_jump_of_the_index_is_a_gap(scripts: Page) -> None:
    found = scripts.evaluate(_RING, [[0, [1, 2]], [5, [6, 7]]])
    assert found["shown"] == [1, 2, None, None, None, 6, 7]
    assert found["missing"] == 3


def test_a_lost_sample_inside_a_frame_counts_as_missing(scripts: Page) -> None:
    found = scripts.evaluate(_RING, [[0, [1, None, 3]]])
    assert found["shown"] == [1, None, 3]
    assert found["missing"] == 1


def test_a_gap_longer_than_the_ring_clears_all_of_it(scripts: Page) -> None:
    found = scripts.evaluate(_RING, [[0, list(range(20))], [100, [7]]])
    assert found["shown"] == [None] * 19 + [7]


def test_what_came_twice_stands_once(scripts: Page) -> None:
    found = scripts.evaluate(_RING, [[0, [1, 2, 3]], [1, [9, 9, 4]]])
    assert found["shown"] == [1, 2, 3, 4]
    assert found["continued"] == [True, True]


def test_boards_that_count_anew_start_an_empty_picture(scripts: Page) -> None:
    found = scripts.evaluate(_RING, [[500, [1, 2, 3]], [0, [8, 9]]])
    assert found["continued"] == [True, False]
    assert found["stop"] == 2
    assert found["shown"] == [8, 9]
    assert found["missing"] == 0


_COLUMNS = """async ([values, columns]) => {
  const { columnExtremes } = await import("/static/js/column_extremes.js");
  const ring = Float32Array.from(values, (v) => (v === null ? NaN : v));
  const low = new Float32Array(columns);
  const high = new Float32Array(columns);
  const range = { start: 0, stop: values.length };
  const each = values.length / columns;
  const all = columnExtremes(ring, values.length, range, 0, columns, each, low, high);
  const told = (list) => Array.from(list, (v) => (Number.isNaN(v) ? null : v));
  return { low: told(low), high: told(high), all };
}"""


def test_a_single_spike_is_never_lost_between_columns(scripts: Page) -> None:
    values = np.zeros(1000)
    values[777] = 50.0
    values[300] = -20.0
    found = scripts.evaluate(_COLUMNS, [values.tolist(), 37])
    assert max(found["high"]) == 50.0
    assert min(found["low"]) == -20.0
    assert found["all"] == {"low": -20.0, "high": 50.0}


def test_a_column_of_lost_samples_stays_empty(scripts: Page) -> None:
    found = scripts.evaluate(_COLUMNS, [[1, 2, None, None, 5, 6], 3])
    assert found["low"] == [1, None, 5]
    assert found["high"] == [2, None, 6]


_VALUE = """async ([setting, typed]) => {
  const { readValue } = await import("/static/js/setting_rules.js");
  return readValue(setting, typed);
}"""


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2", {"value": 2}),
        ("2,5", {"value": 2.5}),
        (" 60 ", {"value": 60}),
        ("0.1", {"problem": "low"}),
        ("60.1", {"problem": "high"}),
        ("", {"problem": "empty"}),
        ("two", {"problem": "number"}),
        ("1e999", {"problem": "number"}),
    ],
)
def test_a_setting_is_judged_by_the_board_s_own_limits(
    scripts: Page, typed: str, expected: dict[str, Any]
) -> None:
    assert scripts.evaluate(_VALUE, [{"minimum": 0.2, "maximum": 60}, typed]) == expected


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (9.97e-6, "A", "9.97 µA"),
        (0.05, "m/s^2", "50 mm/s²"),
        (0, "V", "0 V"),
        (1234, "count", "1234 count"),
    ],
)
def test_numbers_carry_the_prefix_of_their_size(
    scripts: Page, value: float, unit: str, text: str
) -> None:
    script = """async ([value, unit]) =>
      (await import("/static/js/si_prefix.js")).withPrefix(value, unit)"""
    assert scripts.evaluate(script, [value, unit]) == text


_HOLD = """async (fails) => {
  const { holdToRun } = await import("/static/js/hold_button.js");
  const button = document.createElement("button");
  document.body.replaceChildren(button);
  window.sent = [];
  window.problems = [];
  window.release = null;
  // The test, not the time, says when the repetition is due.
  window.setInterval = (action) => (window.comeRound = action);
  window.clearInterval = () => (window.comeRound = null);
  window.hold = holdToRun([{ button, direction: 1 }], {
    send: (direction) => {
      window.sent.push(direction);
      if (fails && direction) return Promise.reject({ error: "refused" });
      if (!direction) return Promise.resolve();
      return new Promise((resolve) => (window.release = resolve));
    },
    onHeld: () => {},
    onProblem: (problem) => window.problems.push(problem.error),
  });
  button.dispatchEvent(new PointerEvent("pointerdown", { button: 0, pointerId: 1 }));
  await Promise.resolve();
}"""


@pytest.mark.parametrize("end", ["pointerup", "pointerleave", "pointercancel", "blur", "keyup"])
def test_whatever_ends_the_holding_sends_a_stop(scripts: Page, end: str) -> None:
    scripts.evaluate(_HOLD, False)
    scripts.evaluate(
        "(name) => document.querySelector('button').dispatchEvent(new Event(name))", end
    )
    assert scripts.evaluate("[window.sent, window.hold.isHeld()]") == [[1, 0], False]


def test_another_window_ends_the_holding(scripts: Page) -> None:
    scripts.evaluate(_HOLD, False)
    scripts.evaluate("window.dispatchEvent(new Event('blur'))")
    assert scripts.evaluate("[window.sent, window.hold.isHeld()]") == [[1, 0], False]


def test_a_command_still_on_its_way_is_followed_by_a_second_stop(scripts: Page) -> None:
    """It could overtake the first stop and start the table again."""
    scripts.evaluate(_HOLD, False)
    scripts.evaluate("window.hold.stop()")
    scripts.evaluate("window.release()")
    scripts.wait_for_function("window.sent.length === 3")
    assert scripts.evaluate("window.sent") == [1, 0, 0]


def test_a_slow_network_does_not_queue_commands_up(scripts: Page) -> None:
    scripts.evaluate(_HOLD, False)
    # The first is not answered: none follows, however often the repetition comes round.
    scripts.evaluate("for (let i = 0; i < 5; i += 1) window.comeRound()")
    assert scripts.evaluate("window.sent") == [1]
    scripts.evaluate("window.release()")
    scripts.evaluate("window.comeRound()")
    assert scripts.evaluate("window.sent") == [1, 1]
    scripts.evaluate("window.hold.stop()")


def test_a_refusal_ends_the_holding_and_is_told(scripts: Page) -> None:
    scripts.evaluate(_HOLD, True)
    scripts.wait_for_function("window.problems.length === 1")
    assert scripts.evaluate("[window.hold.isHeld(), window.sent]") == [False, [1, 0, 0]]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("table_pico2: table stall", "TABLE_STALL"),
        ("TABLE_EMERGENCY_STOP", "TABLE_EMERGENCY_STOP"),
        ("supply low", ""),
    ],
)
def test_a_fault_of_the_table_finds_its_plain_words(scripts: Page, fault: str, code: str) -> None:
    script = """async (fault) => (await import("/static/js/table_words.js")).faultProblem(fault)"""
    assert scripts.evaluate(script, fault) == {"error": fault, "hint": "", "code": code}
    assert not code or code in EXPLANATIONS
