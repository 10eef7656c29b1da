"""Chromium on the console's pages. Debian's browser is used: apt-get install chromium."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

# What the console's other tests share stands one folder up.
sys.path.insert(0, str(Path(__file__).parents[1]))

from console_server import Served, serve_console

SIZE = {"width": 1366, "height": 900}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium; without it these tests are skipped, but never in continuous integration."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("continuous integration has no Chromium: apt-get install chromium")
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A console on four virtual heads with a table."""
    with serve_console(tmp_path_factory.mktemp("console")) as one:
        yield one
