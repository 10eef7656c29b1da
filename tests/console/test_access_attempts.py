"""Failed logins: waiting, by name and by address, and what a stranger can learn."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from access_bench import CHEAP, PASSWORD, Bench, Browser
from sqlalchemy import text

from nullfield.console.access.attempts import site_of
from nullfield.console.access.passwords import Passwords

FAR = "192.0.2.7"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.add("kim")
    return bench


def _fail(browser: Browser, times: int, name: str = "kim") -> list[int]:
    return [browser.login(name, "wrong").status_code for _ in range(times)]


def _wait_s(bench: Bench, browser: Browser, name: str = "kim") -> int:
    """Seconds that the console asks to wait; looked at without counting as an attempt."""
    answer = browser.login(name, "wrong")
    assert answer.status_code == 429
    return int(answer.headers["Retry-After"])


def test_waiting_doubles_up_to_a_limit_and_ends(bench: Bench) -> None:
    browser = bench.client(FAR)
    assert _fail(browser, 5) == [401] * 5
    waits = []
    for _ in range(11):
        waits.append(_wait_s(bench, browser))
        bench.clocks.pass_s(waits[-1] - 0.5)
        assert browser.login("kim").status_code == 429
        bench.clocks.pass_s(0.5)
        assert browser.login("kim", "wrong").status_code == 401
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    bench.clocks.pass_s(300)
    assert browser.login("kim").status_code == 200
    # The name's failures are forgotten: no wait, up to the limit of the address.
    assert _fail(browser, 5) == [401] * 4 + [429]


def test_the_right_password_does_not_open_while_waiting(bench: Bench) -> None:
    browser = bench.client(FAR)
    _fail(browser, 5)
    answer = browser.login("kim")
    assert answer.status_code == 429
    assert answer.json()["error"] == "too many failed logins: wait 1 s"


def test_failures_are_forgotten_after_an_hour_of_quiet(bench: Bench) -> None:
    browser = bench.client(FAR)
    _fail(browser, 4)
    bench.clocks.pass_s(3601)
    assert _fail(browser, 5) == [401] * 5
    assert _wait_s(bench, browser) == 1


def test_a_restart_forgets_no_failure(bench: Bench) -> None:
    _fail(bench.client(FAR), 5)
    again = bench.restarted()
    assert _wait_s(again, again.client(FAR)) == 1


def test_a_clock_set_back_shuts_nobody_out(bench: Bench) -> None:
    browser = bench.client(FAR)
    _fail(browser, 5)
    bench.clocks.set_by_s(-365 * 86400)
    again = bench.restarted()
    browser = again.client(FAR)
    assert _wait_s(again, browser) == 1
    again.clocks.pass_s(1)
    assert browser.login("kim").status_code == 200


def test_those_who_try_a_name_from_elsewhere_do_not_keep_its_user_out(bench: Bench) -> None:
    for number in range(5):
        _fail(bench.client(f"198.51.100.{number}"), 1)
    assert bench.client(FAR).login("kim").status_code == 429
    # Where the user has logged in before, only what failed there counts.
    at_home = bench.client("127.0.0.1")
    assert at_home.login("kim").status_code == 200
    assert _fail(at_home, 5) == [401] * 5
    assert at_home.login("kim").status_code == 429


def test_an_address_that_tries_many_names_waits_and_others_do_not(bench: Bench) -> None:
    browser = bench.client(FAR)
    assert [browser.login(f"name{n}", "x").status_code for n in range(20)] == [401] * 20
    assert browser.login("kim").status_code == 429
    assert bench.client("192.0.2.8").login("kim").status_code == 200


def test_an_own_account_does_not_clear_the_address(bench: Bench) -> None:
    bench.add("lee")
    browser = bench.client(FAR)
    for n in range(19):
        browser.login(f"name{n}", "x")
    assert browser.login("lee").status_code == 200
    assert browser.login("another", "x").status_code == 401
    assert browser.login("kim").status_code == 429


def test_a_success_is_no_failure_of_the_address(bench: Bench) -> None:
    browser = bench.client(FAR)
    assert [browser.login("kim").status_code for _ in range(30)] == [200] * 30
    assert browser.login("kim", "wrong").status_code == 401
    assert browser.login("kim").status_code == 200


def test_many_attempts_at_once_count_as_many(bench: Bench) -> None:
    """What another request finds while a password is looked at: the attempt counts already."""
    found: list[int] = []
    right = Passwords.is_right

    def nested(self: Passwords, stored: str | None, password: str) -> bool:
        if len(found) < 30:
            at = len(found)
            found.append(0)
            found[at] = bench.client(FAR).login("kim", "wrong").status_code
        return right(self, stored, password)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Passwords, "is_right", nested)
        bench.client(FAR).login("kim", "wrong")
    assert found == [401] * 4 + [429]


def test_a_stranger_learns_no_name(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.add("shut")
    bench.access.accounts.change(None, bench.access.accounts.id_of("shut"), enabled=False)
    work: list[str] = []
    seen: dict[str, list[tuple[int, Any]]] = {}
    hasher = bench.access.logins._passwords._hasher
    verify = type(hasher).verify

    def counted(self: Any, stored: str, password: str) -> bool:
        work.append(stored.rsplit("$", 2)[0])
        return bool(verify(self, stored, password))

    monkeypatch.setattr(type(hasher), "verify", counted)
    for name, address in (("kim", "192.0.2.1"), ("nobody", "192.0.2.2"), ("shut", "192.0.2.3")):
        work.clear()
        browser = bench.client(address)
        answers = [browser.login(name, "wrong") for _ in range(7)]
        seen[name] = [(a.status_code, a.json()) for a in answers]
        # As much work, of the same kind, for each: the time tells nothing either.
        assert len(work) == 5
        assert set(work) == {"$argon2id$v=19$m=8,t=1,p=1"}
    assert seen["kim"] == seen["nobody"] == seen["shut"]
    assert [status for status, _ in seen["kim"]] == [401] * 5 + [429] * 2


def test_a_shut_account_does_not_open_with_its_password(bench: Bench) -> None:
    bench.access.accounts.change(None, bench.access.accounts.id_of("kim"), enabled=False)
    answer = bench.client().login("kim")
    assert (answer.status_code, answer.json()["error"]) == (401, "name or password is wrong")
    assert bench.actions()[-1] == ("login.failed", "kim")


def test_what_was_typed_as_a_name_is_kept_nowhere(bench: Bench, tmp_path: Path) -> None:
    bench.client(FAR).login("hunter2-typed-in-the-wrong-field", "x")
    assert bench.actions()[-1] == ("login.failed", "(unknown name)")
    bench.database.close()
    assert b"hunter2" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_made_up_names_do_not_fill_the_table(bench: Bench) -> None:
    for n in range(12):
        bench.client(f"198.51.100.{n}").login(f"name{n}", "x")
    bench.clocks.pass_s(3601)
    bench.client(FAR).login("one-more", "x")
    with bench.database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM login_attempts")) == 2


def test_failures_and_waiting_stand_in_the_trail(bench: Bench) -> None:
    _fail(bench.client(FAR), 6)
    assert bench.actions()[-6:] == [("login.failed", "kim")] * 5 + [("login.blocked", "kim")]


def test_guessing_the_present_password_is_slowed_too(bench: Bench) -> None:
    browser = bench.client()
    browser.login("kim")
    body = {"old": "wrong", "new": "another four words"}
    found = [browser.change("POST", "/api/v1/me/password", body).status_code for _ in range(6)]
    assert found == [422] * 5 + [429]


def test_a_reset_at_the_computer_lets_the_admin_in_at_once(bench: Bench) -> None:
    bench.add("admin", "admin")
    browser = bench.client("127.0.0.1")
    _fail(browser, 5, "admin")
    password = bench.access.reset_admin()
    assert browser.login("admin", password).status_code == 200


def test_a_flood_of_logins_leaves_the_server_to_others_and_shuts_nobody_out(
    bench: Bench,
) -> None:
    browser = bench.client()
    browser.login("kim")
    passwords = bench.access.logins._passwords
    body = {"old": PASSWORD, "new": "another four words"}
    with ExitStack() as flood:
        for _ in range(8):
            flood.enter_context(passwords.place())
        refused = [bench.client().login("kim", "wrong") for _ in range(9)]
        assert {answer.status_code for answer in refused} == {429}
        assert "at a time" in refused[0].json()["error"]
        assert browser.change("POST", "/api/v1/me/password", body).status_code == 429
        assert browser.change("POST", "/api/v1/emergency-stop").status_code == 200
    assert bench.client().login("kim").status_code == 200
    assert _fail(bench.client(), 5) == [401] * 5


def test_the_limits_are_those_of_the_policy(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(CHEAP, tries_of_name=2, most_wait_s=3.0))
    bench.add("kim")
    browser = bench.client(FAR)
    assert _fail(browser, 3) == [401, 401, 429]


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::1", "::1"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_customer_is_one_address(address: str, site: str) -> None:
    assert site_of(address) == site
