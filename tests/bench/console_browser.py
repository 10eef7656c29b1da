"""Chromium on the engineer's page: how many pictures of the traces it draws a second."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.console_server import PASSWORD

_READ = "Array.from(document.querySelectorAll('[data-fps]'), (e) => Number(e.dataset.fps))"


class Screen:
    """A page, or none where there is no browser."""

    def __init__(self, page: Any) -> None:
        self._page = page

    def pictures_per_s(self) -> list[float]:
        """What the page tells of itself now; empty without a browser or before the first picture."""
        if self._page is None:
            return []
        found = [float(value) for value in self._page.evaluate(_READ)]
        return [min(found)] if found and min(found) > 0 else []


@contextmanager
def engineer_page(url: str) -> Iterator[Screen]:
    """Open the engineer's page in headless Chromium, with all traces."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        yield Screen(None)
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        page.goto(f"{url}/login")
        page.fill("input[name=name]", "admin")
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda address: "/login" not in address)
        page.goto(f"{url}/engineer")
        yield Screen(page)
        browser.close()
