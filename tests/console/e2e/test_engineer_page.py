"""The engineer's page on a served console of four virtual heads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from console_bench import PATIENCE_S
from console_server import Served
from playwright.sync_api import Browser, Page, expect
from visits import PATIENCE_MS, accessibility_violations, new_context

from nullfield_protocol.catalogue import Role

pytestmark = [pytest.mark.micropython, pytest.mark.browser]

_SNAPSHOT = "(selector) => document.querySelector(selector).toDataURL()"


@pytest.fixture
def engineer(page: Page) -> Page:
    """The page, opened, with the control taken."""
    page.goto("/engineer")
    expect(page.locator("#array-panel canvas")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#take-control, #release-control").locator("visible=true")).to_have_count(1)
    if page.locator("#take-control").is_visible():
        page.click("#take-control")
    expect(page.locator("#release-control")).to_be_visible()
    return page


@pytest.fixture
def board_uid(served: Served) -> str:
    """Uid of the sensor board."""
    instrument = served.context.engine.instrument
    assert instrument is not None
    return next(iter(instrument.sensors))


def settings_of(page: Page, uid: str) -> None:
    page.select_option("#settings-board", uid)
    expect(page.locator("#setting-host_timeout")).to_be_visible(timeout=PATIENCE_MS)


def value_on_board(served: Served, uid: str, name: str) -> float:
    def read(engine: Any, instrument: Any) -> float:
        return float(instrument.boards[uid].settings.describe(name).value)

    return served.context.engine.call(read, PATIENCE_S)


def test_every_head_stands_in_the_table_with_its_state(engineer: Page, served: Served) -> None:
    instrument = served.context.engine.instrument
    assert instrument is not None
    engineer.locator("#array-panel details summary").click()
    rows = engineer.locator("#array-panel tbody tr")
    names = [head.name for head in instrument.rig.heads]
    expect(rows).to_have_count(len(names))
    assert rows.locator("th").all_inner_texts() == names
    expect(rows.first.locator("td").first).to_contain_text("off")


def test_the_array_turns_by_keys_and_by_the_pointer_and_comes_back(engineer: Page) -> None:
    canvas = engineer.locator("#array-panel canvas")
    at = "#array-panel canvas"
    canvas.focus()
    engineer.keyboard.press("0")
    first = engineer.evaluate(_SNAPSHOT, at)
    engineer.keyboard.press("ArrowLeft")
    assert engineer.evaluate(_SNAPSHOT, at) != first
    engineer.keyboard.press("0")
    assert engineer.evaluate(_SNAPSHOT, at) == first
    box = canvas.bounding_box()
    assert box is not None
    engineer.mouse.move(box["x"] + 20, box["y"] + 20)
    engineer.mouse.down()
    engineer.mouse.move(box["x"] + 80, box["y"] + 40)
    engineer.mouse.up()
    assert engineer.evaluate(_SNAPSHOT, at) != first


def test_a_head_is_chosen_from_the_table_and_described(engineer: Page) -> None:
    engineer.locator("#array-panel details summary").click()
    button = engineer.locator("#array-panel tbody button").first
    name = button.inner_text()
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(engineer.locator("#array-panel [data-part=chosen]")).to_contain_text(name)


def test_traces_move_stop_with_pause_and_go_on(engineer: Page) -> None:
    plot = "#traces-panel .trace-plot"
    engineer.wait_for_function(
        "(at) => Number(document.querySelector(at).dataset.fps) > 2", arg=plot, timeout=PATIENCE_MS
    )
    expect(engineer.locator("#traces-panel [data-part=empty]")).to_be_hidden()
    traces = f"{plot} canvas:last-child"
    engineer.click("#traces-panel [data-part=pause]")
    paused = engineer.evaluate(_SNAPSHOT, traces)
    engineer.wait_for_function(
        "(at) => Number(document.querySelector(at).dataset.fps) === 0", arg=plot
    )
    assert engineer.evaluate(_SNAPSHOT, traces) == paused
    engineer.click("#traces-panel [data-part=pause]")
    engineer.wait_for_function(
        "(at) => Number(document.querySelector(at).dataset.fps) > 2", arg=plot, timeout=PATIENCE_MS
    )


def test_lanes_of_heads_that_are_off_are_dim(engineer: Page, served: Served) -> None:
    """What an off head sends is no field, and must not pass for one."""
    instrument = served.context.engine.instrument
    assert instrument is not None
    names = " ".join(head.name for head in instrument.rig.heads)
    plot = engineer.locator("#traces-panel .trace-plot")
    expect(plot).to_have_attribute("data-not-ready", names)


def test_channels_are_chosen_and_their_lanes_labelled(engineer: Page) -> None:
    engineer.locator("#traces-panel details summary").click()
    boxes = engineer.locator("#traces-panel .channel-list input[type=checkbox]")
    expect(boxes).not_to_have_count(0)
    engineer.get_by_role("button", name="None").click()
    expect(engineer.locator("#traces-panel .trace-plot")).to_be_hidden()
    expect(engineer.locator("#traces-panel [data-part=count]")).to_contain_text("0 channels")
    boxes.first.check()
    expect(engineer.locator("#traces-panel .trace-plot")).to_be_visible()
    name = boxes.first.get_attribute("value")
    assert engineer.locator("#spectrum-channel option").all_inner_texts() == ["none", name]


def test_boards_show_load_memory_and_loss(engineer: Page, served: Served) -> None:
    instrument = served.context.engine.instrument
    assert instrument is not None
    rows = engineer.locator("#boards-panel tbody tr")
    expect(rows).to_have_count(len(instrument.boards))
    for uid in instrument.boards:
        expect(rows.filter(has_text=uid)).to_contain_text("KiB")
    expect(engineer.locator("#boards-panel [data-part=loss]")).to_contain_text("board's queue: ")


def test_a_board_without_a_fault_has_an_empty_recorder(engineer: Page, board_uid: str) -> None:
    engineer.locator("#boards-panel tr", has_text=board_uid).get_by_text("Recorder").click()
    expect(engineer.locator("#recorder-panel [data-part=text]")).to_contain_text(
        "has recorded no fault", timeout=PATIENCE_MS
    )
    expect(engineer.locator("#recorder-panel canvas")).to_be_hidden()


def test_a_value_beyond_the_limits_is_not_sent(
    engineer: Page, served: Served, board_uid: str
) -> None:
    sent: list[str] = []
    engineer.on("request", lambda one: sent.append(one.url) if one.method == "PUT" else None)
    settings_of(engineer, board_uid)
    before = value_on_board(served, board_uid, "rows_per_frame")
    field = engineer.locator("#setting-rows_per_frame")
    field.fill("17")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(engineer.locator("#setting-rows_per_frame-message")).to_contain_text("1 to 16")
    expect(engineer.get_by_role("button", name="Write rows_per_frame")).to_be_disabled()
    field.press("Enter")
    field.fill("")
    expect(engineer.locator("#setting-rows_per_frame-message")).to_contain_text("Type a number")
    assert sent == []
    assert value_on_board(served, board_uid, "rows_per_frame") == before


def test_a_setting_is_written_to_the_board(engineer: Page, served: Served, board_uid: str) -> None:
    settings_of(engineer, board_uid)
    engineer.locator("#setting-host_timeout").fill("2.5")
    engineer.get_by_role("button", name="Write host_timeout").press("Enter")
    expect(engineer.locator("#setting-host_timeout-message")).to_contain_text(
        "Written", timeout=PATIENCE_MS
    )
    assert value_on_board(served, board_uid, "host_timeout") == pytest.approx(2.5)


def test_a_refusal_by_the_server_stands_beside_the_setting(engineer: Page, board_uid: str) -> None:
    settings_of(engineer, board_uid)
    problem = {"error": "the board refuses it", "hint": "try another", "code": "RequestError"}
    engineer.route(
        "**/settings/host_timeout", lambda route: route.fulfill(status=422, json=problem)
    )
    engineer.locator("#setting-host_timeout").fill("3.5")
    engineer.get_by_role("button", name="Write host_timeout").press("Enter")
    expect(engineer.locator("#setting-host_timeout-message")).to_contain_text("try another")
    expect(engineer.locator("#setting-host_timeout")).to_have_attribute("aria-invalid", "true")


@pytest.fixture
def watcher(browser: Browser, served: Served) -> Iterator[Page]:
    """Another engineer, who does not have the control."""
    context = new_context(browser, served, "watching-engineer", "engineer")
    yield context.new_page()
    context.close()


def test_who_has_no_control_reads_settings_but_cannot_write(
    engineer: Page, watcher: Page, board_uid: str
) -> None:
    watcher.goto("/engineer")
    settings_of(watcher, board_uid)
    expect(watcher.locator("#setting-host_timeout")).to_be_disabled()
    expect(watcher.locator("#settings-panel [data-part=locked]")).to_be_visible()
    expect(watcher.locator("#settings-panel [data-part=save]")).to_be_disabled()


def test_an_operator_does_not_get_the_page(second: Page) -> None:
    answer = second.goto("/engineer")
    assert answer is not None
    assert answer.status == 403
    expect(second.locator("#array-panel")).to_have_count(0)


def test_events_are_filtered_by_words_and_kind(engineer: Page, served: Served) -> None:
    served.context.engine.events.add("a heater smells of roses", "warning")
    rows = engineer.locator("#events-panel li")
    expect(rows.filter(has_text="smells of roses")).to_have_count(1)
    engineer.fill("#event-words", "ROSES")
    expect(rows).to_have_count(1)
    engineer.select_option("#event-level", "error")
    expect(rows).to_have_count(0)
    expect(engineer.locator("#events-panel [data-part=empty]")).to_contain_text("No event fits")


def test_coils_show_current_and_limit(engineer: Page, served: Served) -> None:
    instrument = served.context.engine.instrument
    assert instrument is not None
    rows = engineer.locator("#coils-panel tbody tr")
    expect(rows).to_have_count(len(instrument.rig.coils))
    coil = instrument.rig.coils[0]
    expect(rows.first).to_contain_text(coil.name)
    expect(rows.first).to_contain_text(f"± {coil.current_max_ma:.1f} mA")
    expect(rows.first.locator("td").nth(1)).to_contain_text("mA")


def test_the_page_keeps_the_rules_of_accessibility(engineer: Page, board_uid: str) -> None:
    settings_of(engineer, board_uid)
    for details in engineer.locator("main details").all():
        details.locator("summary").click()
    assert accessibility_violations(engineer) == []


@pytest.mark.parametrize("width", [1280, 1920])
def test_nothing_runs_out_of_the_page(engineer: Page, width: int, board_uid: str) -> None:
    engineer.set_viewport_size({"width": width, "height": 800})
    settings_of(engineer, board_uid)
    assert engineer.evaluate("document.documentElement.scrollWidth") <= width


def test_roles_of_the_boards_are_told(engineer: Page, served: Served) -> None:
    instrument = served.context.engine.instrument
    assert instrument is not None
    table = next(b for b in instrument.boards.values() if b.identity.role is Role.TABLE)
    expect(engineer.locator("#boards-panel tr", has_text=table.uid)).to_contain_text("table")
