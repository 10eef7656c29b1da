"""Accounts, passwords and API tokens."""

from __future__ import annotations

from pathlib import Path

import pytest
from access_bench import PASSWORD, Bench, Browser

from nullfield.console.access.passwords import check_password
from nullfield.console.access.refusal import PasswordRefusedError
from nullfield.console.access.secret import new_one_time_password
from nullfield.console.access.user import Role

USERS, TOKENS = "/api/v1/users", "/api/v1/tokens"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def admin(bench: Bench) -> Browser:
    return bench.logged_in("boss", "admin")


def _program(bench: Bench, text: str) -> Browser:
    program = bench.client()
    del program.headers["Origin"]
    program.headers["Authorization"] = f"Bearer {text}"
    return program


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("elevenchars", "fewer than 12"),
        ("x" * 5 + "abcdefg" * 30, "more than 200"),
        ("operator.one", "little more than the name"),
        ("Operator.Oneoperator.one!1", "little more than the name"),
        ("abababababababab", "repeats"),
        ("            ", "repeats"),
    ],
)
def test_easy_passwords_are_refused_with_the_reason(password: str, reason: str) -> None:
    with pytest.raises(PasswordRefusedError, match=reason):
        check_password(password, "operator.one")


def test_good_passwords_are_not_refused() -> None:
    for password in (
        PASSWORD,
        new_one_time_password(),
        "心磁図の計測装置は静かです",
        "kim " + "seven-more",
    ):
        check_password(password, "kim")


def test_a_refused_password_changes_nothing(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    for new, words in (("short", "fewer"), (PASSWORD, "the present one")):
        answer = browser.change("POST", "/api/v1/me/password", {"old": PASSWORD, "new": new})
        assert answer.status_code == 422
        assert words in answer.json()["error"]
    assert bench.client().login("kim").status_code == 200


def test_the_same_letters_from_another_keyboard_open(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    one, two = "caf\u00e9 au lait demain", "cafe\u0301 au lait demain"
    browser.change("POST", "/api/v1/me/password", {"old": PASSWORD, "new": one})
    assert bench.client().login("kim", two).status_code == 200


def test_one_time_passwords_differ_and_are_long() -> None:
    made = {new_one_time_password() for _ in range(100)}
    assert len(made) == 100
    assert {len(password) for password in made} == {23}


def test_an_account_is_made_used_shut_opened_and_removed(bench: Bench, admin: Browser) -> None:
    answer = admin.change("POST", USERS, {"name": "Kim", "role": "engineer"})
    assert answer.status_code == 201
    made = answer.json()
    number = made["user"]["id"]
    kim = bench.client()
    assert kim.login("KIM", made["one_time_password"]).json()["must_change_password"]
    kim.change("POST", "/api/v1/me/password", {"old": made["one_time_password"], "new": PASSWORD})
    assert kim.get("/api/v1/tune").status_code == 200
    shut = admin.change("PATCH", f"{USERS}/{number}", {"is_enabled": False})
    assert shut.json()["is_enabled"] is False
    assert kim.get("/api/v1/look").status_code == 401
    assert kim.login("kim").status_code == 401
    admin.change("PATCH", f"{USERS}/{number}", {"is_enabled": True})
    # The old session does not come back with the account.
    assert kim.get("/api/v1/look").status_code == 401
    assert kim.login("kim").status_code == 200
    assert admin.change("DELETE", f"{USERS}/{number}").status_code == 204
    assert kim.get("/api/v1/look").status_code == 401
    assert [user["name"] for user in admin.get(USERS).json()] == ["boss"]
    assert [one for one in bench.actions() if one[0].startswith("user.")][-4:] == [
        ("user.add", "kim"),
        ("user.change", "kim"),
        ("user.change", "kim"),
        ("user.remove", "kim"),
    ]
    # A new account of that name is another one.
    again = admin.change("POST", USERS, {"name": "kim"}).json()
    assert again["user"]["id"] > number


def test_another_role_ends_the_sessions_and_counts_at_once(bench: Bench, admin: Browser) -> None:
    kim = bench.logged_in("kim", "engineer")
    number = bench.access.accounts.id_of("kim")
    admin.change("PATCH", f"{USERS}/{number}", {"role": "operator"})
    assert kim.get("/api/v1/look").status_code == 401
    kim.login("kim")
    assert kim.get("/api/v1/tune").status_code == 403


def test_a_reset_ends_sessions_tokens_and_the_old_password(bench: Bench, admin: Browser) -> None:
    kim = bench.logged_in("kim")
    text = kim.change("POST", TOKENS, {"label": "a"}).json()["text"]
    number = bench.access.accounts.id_of("kim")
    new = admin.change("POST", f"{USERS}/{number}/reset").json()["one_time_password"]
    assert kim.get("/api/v1/look").status_code == 401
    assert _program(bench, text).get("/api/v1/look").status_code == 401
    assert bench.client().login("kim").status_code == 401
    assert kim.login("kim", new).json()["must_change_password"]
    kim.change("POST", "/api/v1/me/password", {"old": new, "new": PASSWORD})
    assert kim.get("/api/v1/look").status_code == 200
    # The token does not come back with the account.
    assert _program(bench, text).get("/api/v1/look").status_code == 401


def test_the_last_admin_can_neither_go_nor_be_made_less(bench: Bench, admin: Browser) -> None:
    number = bench.access.accounts.id_of("boss")
    path = f"{USERS}/{number}"
    tries = (
        ("DELETE", None),
        ("PATCH", {"role": "engineer"}),
        ("PATCH", {"is_enabled": False}),
    )
    for method, body in tries:
        answer = admin.change(method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "AccountError")
        assert "nobody would be left" in answer.json()["error"]
    assert admin.get("/api/v1/manage").status_code == 200
    bench.add("second", "admin")
    assert admin.change("PATCH", path, {"role": "engineer"}).status_code == 200


def test_an_admin_who_is_shut_does_not_count_as_one_left(bench: Bench, admin: Browser) -> None:
    bench.add("second", "admin")
    second = bench.access.accounts.id_of("second")
    admin.change("PATCH", f"{USERS}/{second}", {"is_enabled": False})
    boss = bench.access.accounts.id_of("boss")
    assert admin.change("DELETE", f"{USERS}/{boss}").status_code == 409


@pytest.mark.parametrize("name", ["a", "kim lee", "kim/..", "<b>kim", "-kim", "k" * 33, "kimé"])
def test_names_that_cannot_be_are_refused(admin: Browser, name: str) -> None:
    answer = admin.change("POST", USERS, {"name": name})
    assert (answer.status_code, answer.json()["code"]) == (409, "AccountError")


def test_bad_bodies_are_refused(admin: Browser) -> None:
    for body in ({"name": "kim", "role": "root"}, {"name": ""}, {"name": "kim", "admin": True}):
        assert admin.change("POST", USERS, body).status_code == 422
    for body in ({"label": " "}, {"label": "a", "days": 0}, {"label": "a", "days": 367}):
        assert admin.change("POST", TOKENS, body).status_code == 422
    taken = admin.change("POST", USERS, {"name": "boss"})
    assert taken.status_code == 409
    assert "already" in taken.json()["error"]
    easy = admin.change("POST", USERS, {"name": "kim", "password": "easy"})
    assert easy.json()["code"] == "PasswordRefusedError"
    for method, path in (
        ("PATCH", f"{USERS}/99"), ("DELETE", f"{USERS}/99"), ("POST", f"{USERS}/99/reset"),
        ("DELETE", f"{TOKENS}/99"),
    ):  # fmt: skip
        assert admin.change(method, path, {}).status_code == 404


@pytest.mark.parametrize("role", ["operator", "engineer"])
def test_only_an_admin_manages_accounts_and_reads_the_trail(bench: Bench, role: Role) -> None:
    browser = bench.logged_in("kim", role)
    number = bench.access.accounts.id_of("kim")
    for method, path, body in (
        ("GET", USERS, None),
        ("POST", USERS, {"name": "lee"}),
        ("PATCH", f"{USERS}/{number}", {"role": "admin"}),
        ("POST", f"{USERS}/{number}/reset", None),
        ("DELETE", f"{USERS}/{number}", None),
        ("GET", "/api/v1/audit", None),
        ("GET", "/api/v1/audit/verify", None),
    ):
        answer = browser.change(method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "RoleTooLowError"), path


def test_a_token_opens_without_cookie_until_it_expires(bench: Bench) -> None:
    browser = bench.logged_in("kim", "engineer")
    made = browser.change(
        "POST", TOKENS, {"label": "archive", "role": "operator", "days": 2}
    ).json()
    assert made["text"].startswith("nf_")
    assert len(made["text"]) >= 46
    program = _program(bench, made["text"])
    assert program.get("/api/v1/look").json() == {"name": "kim", "role": "operator"}
    assert program.post("/api/v1/act").status_code == 200
    assert program.get("/api/v1/tune").status_code == 403
    assert program.get("/api/v1/me").json()["is_token"] is True
    (shown,) = browser.get(TOKENS).json()
    assert made["text"] not in str(shown)
    assert shown["used_unix_s"] == bench.clocks.now.timestamp()
    bench.clocks.pass_s(2 * 86400 - 1)
    assert program.get("/api/v1/look").status_code == 200
    bench.clocks.pass_s(1)
    assert program.get("/api/v1/look").status_code == 401


def test_a_socket_by_token_needs_no_origin(bench: Bench) -> None:
    text = bench.logged_in("kim").change("POST", TOKENS, {"label": "a"}).json()["text"]
    program = _program(bench, text)
    url = str(program.base_url).replace("http", "ws") + "/ws/look"
    with program.websocket_connect(url) as socket:
        socket.send_text("")
        assert socket.receive_text() == "kim"


def test_a_token_never_does_more_than_its_maker(bench: Bench, admin: Browser) -> None:
    kim = bench.logged_in("kim", "engineer")
    answer = kim.change("POST", TOKENS, {"label": "a", "role": "admin"})
    assert (answer.status_code, answer.json()["code"]) == (403, "RoleTooLowError")
    text = kim.change("POST", TOKENS, {"label": "a", "role": "engineer"}).json()["text"]
    program = _program(bench, text)
    assert program.get("/api/v1/tune").status_code == 200
    number = bench.access.accounts.id_of("kim")
    admin.change("PATCH", f"{USERS}/{number}", {"role": "operator"})
    assert program.get("/api/v1/tune").status_code == 403
    assert program.get("/api/v1/look").status_code == 200
    admin.change("PATCH", f"{USERS}/{number}", {"is_enabled": False})
    assert program.get("/api/v1/look").status_code == 401


def test_a_token_opens_nothing_before_the_first_own_password(bench: Bench) -> None:
    bench.access.accounts.add(None, "kim", "operator")
    _, text = bench.access.tokens.add(bench.access.accounts.user_of("kim"), "a", "operator")
    assert _program(bench, text).get("/api/v1/look").status_code == 401


def test_a_revoked_token_opens_nothing_and_only_its_owner_or_an_admin_revokes(
    bench: Bench, admin: Browser
) -> None:
    kim, lee = bench.logged_in("kim"), bench.logged_in("lee")
    one = kim.change("POST", TOKENS, {"label": "one"}).json()
    two = kim.change("POST", TOKENS, {"label": "two"}).json()
    assert lee.get(TOKENS).json() == []
    assert lee.get(f"{TOKENS}?all_users=true").json() == []
    assert [t["label"] for t in admin.get(f"{TOKENS}?all_users=true").json()] == ["one", "two"]
    assert lee.change("DELETE", f"{TOKENS}/{one['token']['id']}").status_code == 404
    assert kim.change("DELETE", f"{TOKENS}/{one['token']['id']}").status_code == 204
    assert _program(bench, one["text"]).get("/api/v1/look").status_code == 401
    assert _program(bench, two["text"]).get("/api/v1/look").status_code == 200
    assert admin.change("DELETE", f"{TOKENS}/{two['token']['id']}").status_code == 204
    assert _program(bench, two["text"]).get("/api/v1/look").status_code == 401
    assert bench.actions()[-2:] == [("token.revoke", "one"), ("token.revoke", "two")]


def test_a_token_makes_no_tokens_or_accounts_and_changes_no_password(
    bench: Bench, admin: Browser
) -> None:
    text = admin.change("POST", TOKENS, {"label": "a", "role": "admin"}).json()["text"]
    number = bench.access.accounts.id_of("boss")
    program = _program(bench, text)
    assert program.get(USERS).status_code == 200
    for method, path, body in (
        ("POST", TOKENS, {"label": "b"}),
        ("DELETE", f"{TOKENS}/1", None),
        ("POST", USERS, {"name": "lee"}),
        ("PATCH", f"{USERS}/{number}", {}),
        ("POST", f"{USERS}/{number}/reset", None),
        ("DELETE", f"{USERS}/{number}", None),
        ("POST", "/api/v1/me/password", {"old": PASSWORD, "new": "another four words"}),
        ("POST", "/api/v1/logout", {"everywhere": True}),
    ):
        answer = program.request(method, path, json=body)
        assert answer.status_code == 401, path
        assert "not by API tokens" in answer.json()["error"]


def test_a_bad_token_is_not_rescued_by_a_session(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    session = browser.cookies["nullfield_session"]
    for text in ("nf_wrong", session, ""):
        headers = {"Authorization": f"Bearer {text}"}
        assert browser.get("/api/v1/look", headers=headers).status_code == 401
    token = browser.change("POST", TOKENS, {"label": "a"}).json()["text"]
    as_cookie = bench.client(cookies={"nullfield_session": token})
    assert as_cookie.get("/api/v1/look").status_code == 401


def test_tokens_of_a_user_are_bounded(bench: Bench) -> None:
    browser = bench.logged_in("kim")
    found = [browser.change("POST", TOKENS, {"label": "a"}).status_code for _ in range(51)]
    assert found == [201] * 50 + [409]
