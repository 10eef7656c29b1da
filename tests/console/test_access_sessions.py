"""Logins: roles, sessions, their end, CSRF, WebSockets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from access_bench import BASE, CHEAP, PASSWORD, Bench
from sqlalchemy import text
from starlette.websockets import WebSocketDisconnect

from nullfield.console.access.user import Role

LOOK, ACT = "/api/v1/look", "/api/v1/act"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_without_a_login_nothing_is_shown(bench: Bench) -> None:
    browser = bench.client()
    for path in (LOOK, "/api/v1/tune", "/api/v1/manage", "/api/v1/me", "/api/v1/audit"):
        answer = browser.get(path)
        assert answer.status_code == 401, path
        assert answer.json()["code"] == "LoginRequiredError"


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("operator", [200, 403, 403]), ("engineer", [200, 200, 403]), ("admin", [200, 200, 200])],
)
def test_each_role_may_do_what_the_one_before_may(
    bench: Bench, role: Role, allowed: list[int]
) -> None:
    browser = bench.logged_in("kim", role)
    found = [browser.get(f"/api/v1/{path}").status_code for path in ("look", "tune", "manage")]
    assert found == allowed
    assert browser.get(LOOK).json() == {"name": "kim", "role": role}


def test_the_first_admin_must_change_the_password_before_anything_else(bench: Bench) -> None:
    password = bench.access.ensure_admin()
    assert password is not None
    assert bench.access.ensure_admin() is None
    browser = bench.client()
    answer = browser.login("admin", password)
    assert answer.json()["must_change_password"] is True
    for path in (LOOK, "/api/v1/users", "/api/v1/audit", "/api/v1/tokens"):
        refused = browser.get(path)
        assert (refused.status_code, refused.json()["code"]) == (403, "PasswordChangeRequired")
    with pytest.raises(WebSocketDisconnect), browser.socket():
        pass
    body = {"old": password, "new": PASSWORD}
    assert browser.change("POST", "/api/v1/me/password", body).status_code == 200
    assert browser.get("/api/v1/manage").status_code == 200
    with browser.socket():
        pass
    assert bench.client().login("admin", password).status_code == 401


def test_the_cookie_is_hidden_strict_and_secure_with_tls(bench: Bench) -> None:
    bench.add("kim")
    for base, is_secure in ((BASE, False), ("https://console.example", True)):
        answer = bench.client(base=base).login("kim")
        session, csrf = answer.headers.get_list("set-cookie")
        assert session.startswith("nullfield_session=")
        assert "HttpOnly" in session
        assert "HttpOnly" not in csrf
        for cookie in (session, csrf):
            assert "samesite=strict" in cookie.lower()
            assert ("secure" in cookie.lower()) is is_secure


def test_the_cookie_is_secure_behind_a_proxy_that_encrypts(bench: Bench) -> None:
    bench.add("kim")
    browser = bench.client(base="http://console.example")
    browser.headers["Origin"] = "https://console.example"
    answer = browser.login("kim")
    assert answer.status_code == 200
    assert all("secure" in c.lower() for c in answer.headers.get_list("set-cookie"))


def test_no_secret_stands_in_the_database(bench: Bench, tmp_path: Path) -> None:
    browser = bench.logged_in("kim")
    made = browser.change("POST", "/api/v1/tokens", {"label": "a"}).json()["text"]
    session = browser.cookies["nullfield_session"]
    bench.database.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"login.failed" not in stored
    assert b"password.change" in stored
    for secret in (made, session, PASSWORD):
        assert secret.encode() not in stored


def test_a_session_ends_after_half_an_hour_of_rest_and_not_before(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    bench.clocks.pass_s(29 * 60)
    assert browser.get(LOOK).status_code == 200
    bench.clocks.pass_s(29 * 60)
    assert browser.get(LOOK).status_code == 200
    bench.clocks.pass_s(30 * 60)
    assert browser.get(LOOK).status_code == 401


def test_a_page_that_only_refreshes_itself_does_not_prolong_the_session(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    with browser.socket() as socket:
        for _ in range(29):
            bench.clocks.pass_s(60)
            assert browser.get("/api/v1/live/look").status_code == 200
            socket.send_text("")
            assert socket.receive_text() == "kim"
        bench.clocks.pass_s(60)
        assert browser.get(LOOK).status_code == 401
        socket.send_text("")
        assert socket.receive_text() == ""


def test_a_session_ends_after_twelve_hours_of_work(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    for _ in range(47):
        bench.clocks.pass_s(15 * 60)
        assert browser.get(LOOK).status_code == 200
    bench.clocks.pass_s(15 * 60)
    assert browser.get(LOOK).status_code == 401


def test_a_clock_set_back_prolongs_no_session(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    bench.clocks.pass_s(20 * 60)
    bench.clocks.set_by_s(-20 * 60)
    assert browser.get("/api/v1/live/look").status_code == 200
    bench.clocks.pass_s(10 * 60)
    assert browser.get(LOOK).status_code == 401


def test_a_clock_set_forward_and_back_leaves_no_session_of_the_future(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    bench.clocks.set_by_s(25 * 60)
    assert browser.get(LOOK).status_code == 200
    bench.clocks.set_by_s(-25 * 60)
    assert browser.get(LOOK).status_code == 401


def test_a_restart_keeps_sessions_but_not_if_the_clock_went_back(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    again = bench.restarted()
    next_browser = again.client(cookies=dict(browser.cookies))
    assert next_browser.get(LOOK).status_code == 200
    # Long after the last request that was noted, yet before the last entry of the trail.
    again.clocks.pass_s(20 * 60)
    again.access.audit(None, "x", "x", {})
    again.clocks.set_by_s(-10 * 60)
    third = again.restarted()
    assert third.client(cookies=dict(browser.cookies)).get(LOOK).status_code == 401
    assert third.actions()[-1] == ("clock.back", "all sessions ended")


def test_login_and_password_change_give_a_new_session_and_end_the_old(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    first = browser.cookies["nullfield_session"]
    other = bench.client()
    other.login("kim")
    assert browser.login("kim").status_code == 200
    second = browser.cookies["nullfield_session"]
    body = {"old": PASSWORD, "new": "another four words"}
    assert browser.change("POST", "/api/v1/me/password", body).status_code == 200
    third = browser.cookies["nullfield_session"]
    assert len({first, second, third}) == 3
    assert browser.get(LOOK).status_code == 200
    assert other.get(LOOK).status_code == 401
    for token in (first, second):
        stale = bench.client(cookies={"nullfield_session": token})
        assert stale.get(LOOK).status_code == 401


def test_login_ends_the_session_that_the_browser_had(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    first = browser.cookies["nullfield_session"]
    browser.login("kim")
    assert bench.client(cookies={"nullfield_session": first}).get(LOOK).status_code == 401


def test_logout_here_and_everywhere(bench: Bench) -> None:
    one, two, three = bench.logged_in("kim"), bench.client(), bench.client()
    two.login("kim")
    three.login("kim")
    token = one.cookies["nullfield_session"]
    assert one.change("POST", "/api/v1/logout", {}).status_code == 204
    assert "nullfield_session" not in one.cookies
    assert bench.client(cookies={"nullfield_session": token}).get(LOOK).status_code == 401
    assert two.get(LOOK).status_code == 200
    two.change("POST", "/api/v1/logout", {"everywhere": True})
    assert three.get(LOOK).status_code == 401


def test_what_changes_something_must_repeat_the_cookie_of_this_session(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    other = bench.client()
    other.login("kim")
    good = browser.cookies["nullfield_csrf"]
    foreign = other.cookies["nullfield_csrf"]
    assert browser.post(ACT, headers={"X-CSRF-Token": good}).status_code == 200
    for header in ("", "x", good[:-1], foreign, good.split(".")[0] + "."):
        answer = browser.post(ACT, headers={"X-CSRF-Token": header})
        assert (answer.status_code, answer.json()["code"]) == (403, "CsrfError"), header
    # Cookies planted by another site: same in both places, but not of this session.
    browser.cookies.delete("nullfield_csrf")
    browser.cookies.set("nullfield_csrf", foreign)
    assert browser.post(ACT, headers={"X-CSRF-Token": foreign}).status_code == 403
    # The header alone, of this session, without the cookie.
    browser.cookies.delete("nullfield_csrf")
    assert browser.post(ACT, headers={"X-CSRF-Token": good}).status_code == 403


def test_a_socket_needs_a_login_and_a_page_of_this_console(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    with browser.socket() as socket:
        socket.send_text("")
        assert socket.receive_text() == "kim"
    for client, origin in (
        (bench.client(), BASE),
        (browser, "http://evil.example"),
        (browser, "http://127.0.0.1:9999"),
        (browser, "null"),
        # The socket asks for itself: it does not lean on the guard in front.
        (bench.unguarded(browser), "http://evil.example"),
    ):
        with pytest.raises(WebSocketDisconnect), client.socket(origin):
            pass


def test_a_locked_database_neither_logs_out_nor_holds_up_the_emergency_stop(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    assert browser.get(LOOK).status_code == 200
    bench.clocks.pass_s(60)
    with bench.locked():
        assert browser.get(LOOK).status_code == 200
        assert browser.change("POST", "/api/v1/emergency-stop").status_code == 200
    # Nor after a restart, when nobody is remembered: what cannot be noted is left out.
    again = bench.restarted()
    with again.locked():
        assert again.client(cookies=dict(browser.cookies)).get(LOOK).status_code == 200


def test_who_watched_for_an_hour_may_still_press_the_emergency_stop(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    bench.clocks.pass_s(3600)
    bench.logged_in("lee")
    assert browser.change("POST", "/api/v1/emergency-stop").status_code == 200
    assert browser.get(LOOK).status_code == 401
    assert browser.change("POST", ACT).status_code == 401
    assert browser.change("POST", "/api/v1/emergency-stop").status_code == 200
    # That was no sign of life: nothing else opens by it, with or without the database.
    with bench.away():
        assert browser.get(LOOK).status_code == 401
    assert browser.get(LOOK).status_code == 401
    bench.clocks.pass_s(11 * 3600)
    assert browser.change("POST", "/api/v1/emergency-stop").status_code == 401


def test_a_session_that_was_ended_presses_nothing(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    token = browser.cookies["nullfield_session"]
    csrf = browser.cookies["nullfield_csrf"]
    browser.change("POST", "/api/v1/logout", {})
    stale = bench.client(cookies={"nullfield_session": token, "nullfield_csrf": csrf})
    assert stale.change("POST", "/api/v1/emergency-stop").status_code == 401


def test_the_emergency_stop_does_not_even_ask_the_database(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = bench.logged_in("kim")
    assert browser.get(LOOK).status_code == 200
    bench.clocks.pass_s(60)

    def hangs(*_: object) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(bench.database, "reading", hangs)
    monkeypatch.setattr(bench.database, "session", hangs)
    assert browser.change("POST", "/api/v1/emergency-stop").status_code == 200
    with pytest.raises(AssertionError):
        browser.get(LOOK)
    browser.cookies.delete("nullfield_csrf")
    assert browser.post("/api/v1/emergency-stop").status_code == 403


def test_with_the_database_gone_who_was_here_may_stop_and_a_stranger_may_not(
    bench: Bench, tmp_path: Path
) -> None:
    browser, out = bench.logged_in("kim"), bench.logged_in("lee")
    stale = {"nullfield_session": out.cookies["nullfield_session"]}
    out.change("POST", "/api/v1/logout", {})
    assert browser.get(LOOK).status_code == 200
    (tmp_path / "studies.sqlite3").unlink()
    assert browser.change("POST", "/api/v1/emergency-stop").status_code == 200
    assert browser.get(LOOK).status_code == 200
    assert bench.client(cookies=stale).get(LOOK).status_code == 401
    assert bench.client(cookies={"nullfield_session": "x"}).get(LOOK).status_code == 401
    bench.clocks.pass_s(30 * 60)
    assert browser.change("POST", "/api/v1/emergency-stop").status_code == 401


def test_an_account_shut_in_the_database_itself_is_shut(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    with bench.database.session() as session:
        session.execute(text("UPDATE users SET is_enabled = false"))
    assert browser.get(LOOK).status_code == 401


def test_a_hash_of_another_cost_is_renewed_at_login(bench: Bench) -> None:
    bench.add("kim")

    def stored(some: Bench) -> str:
        with some.database.reading() as session:
            return str(session.scalar(text("SELECT password_hash FROM users")))

    assert "$argon2id$" in stored(bench)
    assert "t=1" in stored(bench)
    dearer = bench.restarted(replace(CHEAP, hash_passes=2))
    assert dearer.client().login("kim", "wrong").status_code == 401
    assert "t=1" in stored(dearer)
    assert dearer.client().login("kim").status_code == 200
    assert "t=2" in stored(dearer)
    assert dearer.client().login("kim").status_code == 200


def test_who_logged_out_is_not_present_any_more(bench: Bench) -> None:
    assert not bench.access.is_present("kim")
    first, second = bench.logged_in("kim"), bench.client()
    second.login("kim")
    assert bench.access.is_present("kim")
    first.change("POST", "/api/v1/logout", {})
    assert bench.access.is_present("kim")
    # The bench itself has logged in once.
    second.change("POST", "/api/v1/logout", {"everywhere": True})
    assert not bench.access.is_present("kim")


def test_a_session_that_rests_too_long_is_nobody_s_presence(bench: Bench) -> None:
    bench.logged_in("kim")
    bench.clocks.pass_s(bench.access.policy.idle_s - 1.0)
    assert bench.access.is_present("kim")
    bench.clocks.pass_s(2.0)
    assert not bench.access.is_present("kim")


def test_a_locked_account_is_not_present_and_a_program_in_use_is(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    made = browser.change("POST", "/api/v1/tokens", {"label": "scheduler"}).json()["text"]
    browser.change("POST", "/api/v1/logout", {"everywhere": True})
    assert not bench.access.is_present("kim")
    program = bench.client()
    program.headers["Authorization"] = f"Bearer {made}"
    assert program.get(LOOK).status_code == 200
    assert bench.access.is_present("kim")
    bench.clocks.pass_s(bench.access.policy.idle_s + 1.0)
    assert not bench.access.is_present("kim")
    program.get(LOOK)
    assert bench.access.is_present("kim")
    admin = bench.logged_in("ada", "admin")
    number = bench.access.accounts.id_of("kim")
    assert admin.change("PATCH", f"/api/v1/users/{number}", {"is_enabled": False}).status_code < 300
    assert not bench.access.is_present("kim")


def test_a_database_that_cannot_be_read_takes_the_control_from_nobody(bench: Bench) -> None:
    bench.logged_in("kim")
    with bench.away():
        assert bench.access.is_present("kim")
