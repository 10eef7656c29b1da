"""The audit trail: it only grows, and shows where somebody touched it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from access_bench import Bench
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from nullfield.console.access.tables import AuditRow
from nullfield.console.access.trail import FIRST, digest_of
from nullfield.console.access.user import User
from nullfield.errors import NullfieldError, StoreError

KIM = User(7, "kim", "operator")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    for number in range(1, 6):
        bench.access.audit(KIM, f"action {number}", f"exam {number}", {"beats": number})
        bench.clocks.pass_s(1)
    return bench


def _behind_its_back(bench: Bench, *statements: str) -> None:
    """What somebody does who has the database file: triggers do not stop that."""
    with bench.database.engine.begin() as connection:
        for trigger in ("audit_no_update", "audit_no_delete", "audit_only_append"):
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        for statement in statements:
            connection.execute(text(statement))


def test_entries_say_who_did_what_when_and_are_chained(bench: Bench) -> None:
    entry, before = bench.access.trail.read(2)
    assert (entry.number, entry.user, entry.action, entry.subject) == (
        5,
        "kim",
        "action 5",
        "exam 5",
    )
    assert entry.detail == {"beats": 5}
    assert entry.time == "2030-01-01T12:00:04.000000Z"
    with bench.database.reading() as session:
        rows = session.execute(text("SELECT previous, digest FROM audit ORDER BY number")).all()
    assert rows[0][0] == FIRST
    assert [row[0] for row in rows[1:]] == [row[1] for row in rows[:-1]]
    assert rows[-1][1] == entry.digest != before.digest
    verdict = bench.access.trail.verify()
    assert verdict.is_whole
    assert (verdict.entries, verdict.broken, verdict.digest) == (5, None, entry.digest)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET detail = '{}' WHERE number = 2",
        "UPDATE audit SET number = 9 WHERE number = 5",
        "DELETE FROM audit WHERE number = 5",
        "DELETE FROM audit",
        "REPLACE INTO audit SELECT number, time, user_id, user_name, 'nothing', subject, detail,"
        " previous, digest FROM audit WHERE number = 2",
        "INSERT INTO audit SELECT 9, time, user_id, user_name, action, subject, detail, previous,"
        " digest FROM audit WHERE number = 2",
    ],
)
def test_the_database_refuses_to_change_it(bench: Bench, statement: str) -> None:
    with pytest.raises(DBAPIError, match="only grows"), bench.database.engine.begin() as raw:
        raw.execute(text(statement))
    # The same through the application's own sessions.
    with (
        pytest.raises((NullfieldError, DBAPIError), match="only grows"),
        bench.database.session() as session,
    ):
        session.execute(text(statement))
    assert bench.access.trail.verify().is_whole


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit SET time = '2030-01-01T11:00:00.000000Z' WHERE number = 3", 3),
        ("UPDATE audit SET user_id = 8 WHERE number = 3", 3),
        ("UPDATE audit SET user_name = 'lee' WHERE number = 3", 3),
        ("UPDATE audit SET action = 'x' WHERE number = 1", 1),
        ("UPDATE audit SET subject = 'x' WHERE number = 5", 5),
        ("UPDATE audit SET detail = '{}' WHERE number = 2", 2),
        ("UPDATE audit SET digest = previous WHERE number = 2", 2),
        ("UPDATE audit SET previous = digest WHERE number = 4", 4),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("DELETE FROM audit WHERE number = 3", 3),
        ("DELETE FROM audit WHERE number = 5", 5),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET number = 6 WHERE number = 5", 5),
        ("UPDATE audit_head SET number = 4", 6),
        ("DELETE FROM audit_head", 6),
    ],
)
def test_the_first_entry_that_was_touched_is_named(
    bench: Bench, statement: str, broken: int
) -> None:
    _behind_its_back(bench, statement)
    verdict = bench.access.trail.verify()
    assert not verdict.is_whole
    assert verdict.broken == broken


def test_an_entry_that_was_sealed_anew_breaks_at_the_next(bench: Bench) -> None:
    with bench.database.reading() as session:
        row = session.get_one(AuditRow, 3)
        session.expunge(row)
    row.subject = "another"
    _behind_its_back(
        bench, f"UPDATE audit SET subject = 'another', digest = '{digest_of(row)}' WHERE number = 3"
    )
    assert bench.access.trail.verify().broken == 4


def test_a_gap_that_was_sealed_anew_is_seen(bench: Bench) -> None:
    with bench.database.reading() as session:
        row = session.get_one(AuditRow, 5)
        session.expunge(row)
    row.number = 6
    sealed = f"number = 6, digest = '{digest_of(row)}'"
    _behind_its_back(
        bench, f"UPDATE audit SET {sealed} WHERE number = 5", f"UPDATE audit_head SET {sealed}"
    )
    assert bench.access.trail.verify().broken == 5


def test_many_threads_append_one_chain(bench: Bench) -> None:
    def append(name: str) -> None:
        for _ in range(10):
            bench.access.audit(None, name, "", {})

    threads = [threading.Thread(target=append, args=(f"t{n}",), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "appending to the trail hangs"
    # Whatever had to wait for the lock is written with the next one.
    bench.access.audit(None, "last", "", {})
    verdict = bench.access.trail.verify()
    assert verdict.is_whole
    assert verdict.entries == 5 + 40 + 1


def test_entries_wait_while_the_database_is_locked_and_keep_their_time(bench: Bench) -> None:
    with bench.locked():
        bench.access.audit(KIM, "emergency stop", "", {})
    bench.clocks.pass_s(100)
    bench.access.audit(KIM, "after", "", {})
    after, stop = bench.access.trail.read(2)
    assert (stop.action, stop.time) == ("emergency stop", "2030-01-01T12:00:05.000000Z")
    assert (after.action, after.time) == ("after", "2030-01-01T12:01:45.000000Z")
    assert bench.access.trail.verify().is_whole


def test_what_needs_its_entry_is_refused_without_it(bench: Bench) -> None:
    with bench.locked(), pytest.raises(StoreError, match="locked"):
        bench.access.audit(KIM, "exam.delete", "20300101-001", {}, is_required=True)
    bench.access.audit(KIM, "after", "", {})
    assert [entry.action for entry in bench.access.trail.read(2)] == ["after", "action 5"]


def test_an_account_that_was_not_made_leaves_no_entry(bench: Bench) -> None:
    """Deed and entry stand or fall together."""
    bench.access.accounts.add(None, "lee", "operator")
    before = bench.actions()
    with pytest.raises(NullfieldError, match="already"):
        bench.access.accounts.add(None, "lee", "operator")
    assert bench.actions() == before


def test_long_details_are_shortened_and_stay_readable(bench: Bench) -> None:
    bench.access.audit(KIM, "a" * 100, "s" * 500, {"text": "é" * 10000})
    (entry,) = bench.access.trail.read(1)
    assert (len(entry.action), len(entry.subject)) == (64, 200)
    assert "shortened" in entry.detail
    assert bench.access.trail.verify().is_whole


def test_an_admin_reads_searches_and_checks_it_and_no_route_changes_it(bench: Bench) -> None:
    admin = bench.logged_in("boss", "admin")
    newest = admin.get("/api/v1/audit").json()
    assert newest[0]["action"] == "login"
    assert [e["number"] for e in admin.get("/api/v1/audit?limit=2&before=4").json()] == [3, 2]
    assert [e["number"] for e in admin.get("/api/v1/audit?action=action 2").json()] == [2]
    assert len(admin.get("/api/v1/audit?name=kim").json()) == 5
    for query in ("limit=0", "limit=1001", "before=0"):
        assert admin.get(f"/api/v1/audit?{query}").status_code == 422
    verdict = admin.get("/api/v1/audit/verify").json()
    assert verdict["is_whole"] is True
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in ("/api/v1/audit", "/api/v1/audit/1", "/api/v1/audit/verify"):
            assert admin.change(method, path, {}).status_code in (404, 405)
    _behind_its_back(bench, "DELETE FROM audit WHERE number = 3")
    assert admin.get("/api/v1/audit/verify").json()["broken"] == 3


def test_every_deed_of_access_is_noted_without_its_secrets(bench: Bench) -> None:
    admin = bench.logged_in("boss", "admin")
    bench.client().login("boss", "wrong")
    made: Any = admin.change("POST", "/api/v1/users", {"name": "lee"}).json()
    number = made["user"]["id"]
    admin.change("PATCH", f"/api/v1/users/{number}", {"role": "engineer"})
    reset = admin.change("POST", f"/api/v1/users/{number}/reset").json()
    token = admin.change("POST", "/api/v1/tokens", {"label": "archive"}).json()
    admin.change("DELETE", f"/api/v1/tokens/{token['token']['id']}")
    admin.change("DELETE", f"/api/v1/users/{number}")
    admin.change("POST", "/api/v1/logout", {})
    bench.access.reset_admin()
    entries = bench.access.trail.read(1000)
    assert [(e.user, e.action, e.subject) for e in reversed(entries)][-9:] == [
        ("", "login.failed", "boss"),
        ("boss", "user.add", "lee"),
        ("boss", "user.change", "lee"),
        ("boss", "password.reset", "lee"),
        ("boss", "token.add", "archive"),
        ("boss", "token.revoke", "archive"),
        ("boss", "user.remove", "lee"),
        ("boss", "logout", "boss"),
        ("", "admin.reset", "admin"),
    ]
    everything = str(entries)
    for secret in (made["one_time_password"], reset["one_time_password"], token["text"]):
        assert secret not in everything


def test_entries_of_a_removed_user_stay(bench: Bench) -> None:
    admin = bench.logged_in("boss", "admin")
    bench.logged_in("lee")
    admin.change("DELETE", f"/api/v1/users/{bench.access.accounts.id_of('lee')}")
    assert ("login", "lee") in bench.actions()
    assert bench.access.trail.verify().is_whole
