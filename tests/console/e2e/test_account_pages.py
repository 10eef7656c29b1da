"""Accounts in a browser: users, their one-time passwords, tokens, and the audit trail."""

from __future__ import annotations

import httpx
import pytest
from console_server import Served
from playwright.sync_api import Page, Route, expect
from visits import accessibility_violations, log_in, picture

pytestmark = [pytest.mark.micropython, pytest.mark.browser]


def test_admin_makes_a_user_who_logs_in_and_is_locked_out_again(page: Page, served: Served) -> None:
    page.goto("/users")
    page.fill("#name", "newcomer")
    page.get_by_role("button", name="Add user").click()
    expect(page.locator("#handed-out")).to_contain_text("One-time password for newcomer")
    password = page.locator("#handed-out .secret").inner_text()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="newcomer"))
    expect(row).to_contain_text("Waits for its first login")
    assert accessibility_violations(page) == []
    assert page.context.browser is not None
    stranger = page.context.browser.new_context(base_url=served.url)
    visitor = stranger.new_page()
    visitor.goto("/studies?text=S-001")
    log_in(visitor, "newcomer", password)
    visitor.wait_for_url("**/password")
    assert accessibility_violations(visitor) == []
    row.get_by_role("button", name="Lock: newcomer").click()
    expect(row).to_contain_text("Locked")
    visitor.goto("/")
    visitor.wait_for_url("**/login?next=/")
    expect(page.locator("#audit")).to_contain_text("newcomer")
    picture(page, "console-users")
    stranger.close()


def test_a_login_leads_to_no_other_site(page: Page, served: Served) -> None:
    assert page.context.browser is not None
    stranger = page.context.browser.new_context(base_url=served.url)
    visitor = stranger.new_page()
    visitor.goto("/login?next=//example.org/x")
    log_in(visitor, "admin", "a passphrase of the tests")
    visitor.wait_for_url(lambda url: "/login" not in url)
    assert visitor.url.startswith(served.url)
    stranger.close()


def test_a_token_is_shown_once_works_and_can_be_revoked(page: Page, served: Served) -> None:
    page.goto("/password")
    expect(page.locator("#no-tokens")).to_be_visible()
    page.fill("#days", "400")
    page.fill("#label", "scheduler")
    page.get_by_role("button", name="Make a token").click()
    expect(page.locator("#token-problem")).to_contain_text("1 to 366")
    page.fill("#days", "7")
    page.get_by_role("button", name="Make a token").click()
    token = page.locator("#made-token .secret").inner_text()
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{served.url}/api/v1/status", headers=headers).status_code == 200
    page.reload()
    expect(page.locator("#tokens")).to_contain_text("scheduler")
    expect(page.locator("body")).not_to_contain_text(token)
    assert accessibility_violations(page) == []
    page.get_by_role("button", name="Revoke scheduler").click()
    expect(page.locator("#no-tokens")).to_be_visible()
    assert httpx.get(f"{served.url}/api/v1/status", headers=headers).status_code == 401


def test_a_form_sent_before_its_script_runs_tells_nobody_the_password(
    page: Page, served: Served
) -> None:
    """The script waits for the strings; whoever types faster must not send the form as a page."""
    assert page.context.browser is not None
    stranger = page.context.browser.new_context(base_url=served.url)
    visitor = stranger.new_page()
    held: list[Route] = []
    visitor.route("**/i18n/*.json", lambda route: held.append(route))
    visitor.goto("/login", wait_until="domcontentloaded")
    visitor.fill("input[name=name]", "admin")
    visitor.fill("input[name=password]", "a passphrase of the tests")
    visitor.keyboard.press("Enter")
    expect(visitor.locator("main button[type=submit]")).to_be_disabled()
    assert visitor.url == f"{served.url}/login"
    visitor.wait_for_function("() => true")
    held[0].continue_()
    visitor.click("main button[type=submit]")
    visitor.wait_for_url(lambda url: "/login" not in url)
    stranger.close()
