"""A finished examination's page, without an instrument: map, averaged beat, and the time on both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from access_bench import CHEAP
from playwright.sync_api import Browser, Page, expect
from served_thread import serve
from stored_exam import copy_of_analysed
from visits import SIZE, accessibility_violations, first_login, picture

from nullfield.console.app import create_app
from nullfield.console.build import build_console
from nullfield.errors import TransportError

pytestmark = pytest.mark.browser


@contextmanager
def _nothing(wrap: Any) -> Iterator[Any]:
    raise TransportError("there is no instrument", "this console is for the tests")
    yield


def nothing(wrap: Any) -> AbstractContextManager[Any]:
    return _nothing(wrap)


@pytest.fixture(scope="module")
def study(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page of an examination that was recorded and analysed some time ago."""
    folder = tmp_path_factory.mktemp("study")
    exam_id = copy_of_analysed(tmp_path_factory, folder)
    built = build_console(folder, "made-up", nothing, policy=CHEAP)
    assert built.password is not None
    try:
        with serve(create_app(built.context)) as url:
            context = browser.new_context(viewport=SIZE, base_url=url)
            first_login(context, built.password)
            page = context.new_page()
            page.goto(f"/studies/{exam_id}")
            yield page
            context.close()
    finally:
        built.lock.close()


def test_the_averaged_beat_stays_with_the_time_of_the_map_on_it(study: Page) -> None:
    beat = study.locator("#beat")
    expect(beat).to_have_attribute("aria-label", re.compile(r"Averaged beat of \d+ channels"))
    at_start = study.evaluate("document.querySelector('#beat').toDataURL()")
    study.locator("#time").fill("100")
    expect(study.locator("#time-text")).to_have_text("100 ms")
    assert study.evaluate("document.querySelector('#beat').toDataURL()") != at_start
    # A click into the beat chooses the moment, as the slider does.
    box = beat.bounding_box()
    assert box is not None
    beat.click(position={"x": box["width"] * 0.3, "y": box["height"] / 2})
    expect(study.locator("#time-text")).not_to_have_text("100 ms")
    study.get_by_role("button", name="R wave").click()
    expect(study.locator("#lights .light")).not_to_have_count(0)
    picture(study, "console-study-beat")


def test_the_page_is_accessible_and_nothing_overflows(study: Page) -> None:
    assert accessibility_violations(study) == []
    assert study.evaluate("document.documentElement.scrollWidth <= innerWidth")
