"""``nullfield users``: accounts from the computer itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from access_bench import CHEAP, PASSWORD, Bench
from sqlalchemy import text
from typer.testing import CliRunner, Result

from nullfield.cli import users
from nullfield.console.access import access
from nullfield.errors import AccessError, InputError, NullfieldError

app = typer.Typer()
users.register(app)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def _run(bench: Bench, *words: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users, "_now", lambda: bench.clocks.now)
        patch.setattr(access, "Policy", lambda: CHEAP)
        return CliRunner().invoke(app, ["users", *words, "--data", str(bench.folder)])


def _json(bench: Bench, *words: str) -> Any:
    result = _run(bench, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _refusal(bench: Bench, *words: str) -> NullfieldError:
    error = _run(bench, *words).exception
    assert isinstance(error, NullfieldError)
    return error


def test_an_account_is_made_and_its_password_opens(bench: Bench) -> None:
    made = _json(bench, "add", "kim", "--role", "engineer")
    assert made["name"] == "kim"
    answer = bench.client().login("kim", made["one_time_password"])
    assert answer.json()["role"] == "engineer"
    (listed,) = _json(bench, "list")
    assert (listed["name"], listed["role"], listed["is_enabled"]) == ("kim", "engineer", True)
    assert "hash" not in str(listed)


def test_accounts_are_shut_and_opened_while_the_console_runs(bench: Bench) -> None:
    kim = bench.logged_in("kim")
    bench.add("boss", "admin")
    assert _json(bench, "disable", "kim")["is_enabled"] is False
    assert kim.get("/api/v1/look").status_code == 401
    assert "shut" in _run(bench, "list").stdout
    _json(bench, "enable", "KIM")
    assert kim.login("kim").status_code == 200
    assert ("user.change", "kim") in bench.actions()


def test_admin_gets_in_again_whatever_was_done_to_it(bench: Bench) -> None:
    bench.access.ensure_admin()
    with bench.database.session() as session:
        session.execute(text("UPDATE users SET role = 'operator', is_enabled = false"))
    for _ in range(6):
        bench.client().login("admin", "wrong")
    password = _json(bench, "reset", "admin")["one_time_password"]
    answer = bench.client().login("admin", password)
    assert answer.json() | {"id": 0} == {
        "id": 0, "name": "admin", "role": "admin", "must_change_password": True, "is_token": False,
    }  # fmt: skip


def test_admin_is_made_if_it_was_removed(bench: Bench) -> None:
    bench.add("boss", "admin")
    password = _json(bench, "reset", "admin")["one_time_password"]
    assert bench.client().login("admin", password).status_code == 200


def test_others_are_reset_too(bench: Bench) -> None:
    bench.add("kim")
    shown = _run(bench, "reset", "kim")
    password = shown.stdout.split()[-1]
    assert bench.client().login("kim", PASSWORD).status_code == 401
    assert bench.client().login("kim", password).status_code == 200


def test_a_token_is_made_for_a_program_not_above_its_account(bench: Bench) -> None:
    bench.add("kim", "engineer")
    made = _json(bench, "token", "kim", "--label", "archive", "--role", "engineer", "--days", "3")
    headers = {"Authorization": f"Bearer {made['text']}"}
    assert bench.client().get("/api/v1/tune", headers=headers).json() == {"name": "kim"}
    assert _run(bench, "token", "kim", "--label", "a").stdout.startswith("nf_")
    assert isinstance(
        _refusal(bench, "token", "kim", "--label", "a", "--role", "admin"), AccessError
    )
    assert "400 days" in _refusal(bench, "token", "kim", "--label", "a", "--days", "400").message


def test_the_trail_is_checked(bench: Bench) -> None:
    bench.add("kim")
    assert _json(bench, "audit")["is_whole"] is True
    assert "whole" in _run(bench, "audit").stdout
    with bench.database.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("UPDATE audit SET subject = 'x' WHERE number = 2"))
    error = _refusal(bench, "audit")
    assert "broken at entry 2" in error.message


def test_what_cannot_be_done_is_said(bench: Bench, tmp_path: Path) -> None:
    bench.add("boss", "admin")
    assert "there is no account 'kim'" in _refusal(bench, "reset", "kim").message
    assert "there is no role 'root'" in _refusal(bench, "add", "kim", "--role", "root").message
    assert isinstance(_refusal(bench, "disable", "boss"), AccessError)
    empty = tmp_path / "empty"
    result = CliRunner().invoke(app, ["users", "list", "--data", str(empty)])
    assert isinstance(result.exception, InputError)
    assert not empty.exists()


def test_help_has_an_example_for_each(bench: Bench) -> None:
    for command in ("list", "add", "reset", "disable", "enable", "token", "audit"):
        shown = CliRunner().invoke(app, ["users", command, "--help"]).stdout
        assert f"nullfield users {command}" in " ".join(shown.split())
