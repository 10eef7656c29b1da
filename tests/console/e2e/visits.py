"""What visitors of the console do again and again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from console_server import Served
from playwright.sync_api import Browser, BrowserContext, Page, expect

SIZE: Any = {"width": 1366, "height": 900}
PATIENCE_MS = 300_000
PASSWORD = "a passphrase of the tests"
PICTURES = "NULLFIELD_PICTURES"


def first_login(context: BrowserContext, password: str) -> None:
    """Log the first administrator in: the one-time password has to be changed."""
    page = context.new_page()
    page.goto("/")
    log_in(page, "admin", password)
    page.wait_for_url("**/password")
    change_password(page, password, PASSWORD)
    page.get_by_role("button", name="End the tour").click()
    page.close()


def log_in(page: Page, name: str, password: str) -> None:
    """Fill the login form."""
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    page.click("main button[type=submit]")


def change_password(page: Page, old: str, new: str) -> None:
    """Fill the form for a new password."""
    page.fill("input[name=current]", old)
    page.fill("input[name=new]", new)
    page.fill("input[name=again]", new)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: not url.endswith("/password"))


def new_context(
    browser: Browser, served: Served, name: str, role: Literal["operator", "engineer", "admin"]
) -> BrowserContext:
    """A browser in which a new user has logged in for the first time."""
    admin = served.context.access.accounts
    _, password = admin.add(None, name, role)
    context = browser.new_context(viewport=SIZE, base_url=served.url)
    page = context.new_page()
    page.goto("/")
    log_in(page, name, password)
    page.wait_for_url("**/password")
    change_password(page, password, PASSWORD)
    page.get_by_role("button", name="End the tour").click()
    page.close()
    return context


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page for the documentation, if its folder is asked for."""
    folder = os.environ.get(PICTURES)
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")


def accessibility_violations(page: Page) -> list[str]:
    """What axe-core finds wrong: rule and the elements."""
    found = Axe().run(page)
    return [
        f"{one['id']}: {[node['target'] for node in one['nodes']]}"
        for one in found.response["violations"]
    ]


def begin_exam(page: Page, subject: str, beats: int = 10) -> None:
    """Fill the form and press the one button."""
    page.goto("/")
    # The last result stays on the screen until the next subject comes.
    expect(
        page.locator("#subject-form, #next-subject").locator("visible=true").first
    ).to_be_visible(timeout=PATIENCE_MS)
    if page.locator("#next-subject").is_visible():
        page.click("#next-subject")
    page.fill("#subject_id", subject)
    page.locator("#more-fields summary").click()
    page.fill("#beats", str(beats))
    page.click("#start")
