"""Chromium on the console's pages. Debian's browser is used: apt-get install chromium."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

# What the console's other tests share stands one folder up.
sys.path.insert(0, str(Path(__file__).parents[1]))

from console_server import Served, serve_console
from visits import PATIENCE_MS, SIZE, first_login, new_context

# Nothing is timed here: a loaded machine takes what it takes.
expect.set_options(timeout=PATIENCE_MS)

_FLAGS = (
    "--no-sandbox",
    # Containers give /dev/shm some 64 MB, in which a tab of this size dies or hangs.
    "--disable-dev-shm-usage",
    # There is no graphics card; looking for one takes time and can fail.
    "--disable-gpu",
)
_MOST_FAILURES = 3
_failures: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count failures."""
    report = yield
    if report.failed and item.nodeid not in _failures:
        _failures.append(item.nodeid)
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    """After some failures the rest would wait five minutes each for what is broken."""
    if len(_failures) >= _MOST_FAILURES:
        pytest.fail(f"not tried: {_MOST_FAILURES} browser tests have failed", pytrace=False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium; without it these tests are skipped, but never in continuous integration.

    One for each module: while it runs, Playwright's event loop is that of the whole thread, and
    other tests of the same process could not run one of theirs.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("continuous integration has no Chromium: apt-get install chromium")
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*_FLAGS])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A console on four virtual heads with a table."""
    with serve_console(tmp_path_factory.mktemp("console")) as one:
        yield one


@pytest.fixture(scope="module")
def admin(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """The first administrator's browser, logged in, with the tour ended."""
    context = browser.new_context(viewport=SIZE, base_url=served.url)
    first_login(context, served.password)
    yield context
    context.close()


@pytest.fixture
def page(admin: BrowserContext) -> Iterator[Page]:
    """A page of the administrator's, on which no script may fail."""
    page = admin.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    page.close()
    assert failures == []


@pytest.fixture(scope="module")
def operator(browser: Browser, served: Served, admin: BrowserContext) -> Iterator[BrowserContext]:
    """The browser of an operator at another screen."""
    context = new_context(browser, served, "second-operator", "operator")
    yield context
    context.close()


@pytest.fixture
def second(operator: BrowserContext) -> Iterator[Page]:
    """A page at another screen."""
    page = operator.new_page()
    yield page
    page.close()
