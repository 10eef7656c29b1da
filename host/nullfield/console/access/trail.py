"""The audit trail: a chain of entries, each sealed with the SHA-256 of the one before.

The database refuses to change or delete an entry (triggers of migration 0002), and no route does.
Who has the database file itself can drop the triggers; then the chain shows the first entry that
was touched. Cutting off the end is seen as long as the head row stands; against somebody who
rewrites everything only a digest helps that was noted elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from nullfield.console.access.steady_time import SteadyTime
from nullfield.console.access.tables import AuditHeadRow, AuditRow
from nullfield.console.access.user import User
from nullfield.console.store.database import Database

FIRST = "0" * 64
"""What the first entry has in place of the digest before it."""

_HEAD = 1
_MOST_SUBJECT, _MOST_ACTION, _MOST_DETAIL = 200, 64, 4000


@dataclass(frozen=True)
class Entry:
    """One entry of the trail, as it is shown."""

    number: int
    time: str
    user: str
    action: str
    subject: str
    detail: dict[str, Any]
    digest: str


@dataclass(frozen=True)
class Verdict:
    """Whether the trail is whole.

    Attributes
    ----------
    is_whole : bool
    entries : int
        Entries that were read.
    broken : int or None
        Number of the first entry that is changed, missing, or does not follow the one before.
    digest : str
        Digest of the last good entry: note it elsewhere to prove later that nothing was rewritten.
    """

    is_whole: bool
    entries: int
    broken: int | None
    digest: str


class Trail:
    """Appends to the audit trail and checks it.

    Parameters
    ----------
    database : Database
    time : SteadyTime
    """

    def __init__(self, database: Database, time: SteadyTime) -> None:
        self._database = database
        self._time = time

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that may append: what is done and what is noted stand or fall together.

        The lock on the head row makes writers in other processes wait (PostgreSQL; in SQLite the
        transaction itself is the lock): two entries must not follow the same one.
        """
        with self._database.session() as session:
            session.get_one(AuditHeadRow, _HEAD, with_for_update=True)
            yield session

    def append(
        self,
        session: Session,
        user: User | None,
        action: str,
        subject: str,
        detail: dict[str, Any],
        at: str | None = None,
    ) -> None:
        """Add an entry in a transaction of `writing`; `at` is its time, if not now."""
        head = session.get_one(AuditHeadRow, _HEAD, populate_existing=True)
        text = json.dumps(detail, sort_keys=True, ensure_ascii=False, default=str)
        if len(text) > _MOST_DETAIL:
            text = json.dumps({"shortened": text[:_MOST_DETAIL]}, ensure_ascii=False)
        row = AuditRow(
            number=head.number + 1,
            time=at or self._time.shown(),
            user_id=user.id if user is not None else None,
            user_name=user.name if user is not None else "",
            action=action[:_MOST_ACTION],
            subject=subject[:_MOST_SUBJECT],
            detail=text,
            previous=head.digest,
        )
        row.digest = digest_of(row)
        session.add(row)
        head.number, head.digest = row.number, row.digest
        session.flush()

    def verify(self) -> Verdict:
        """Go through the whole trail."""
        number, digest = 0, FIRST
        with self._database.reading() as session:
            rows = session.scalars(
                select(AuditRow)
                .order_by(AuditRow.number)
                .execution_options(yield_per=1000, populate_existing=True)
            )
            for row in rows:
                follows = row.number == number + 1 and row.previous == digest
                if not follows or row.digest != digest_of(row):
                    return Verdict(False, number, number + 1, digest)
                number, digest = row.number, row.digest
            head = session.get(AuditHeadRow, _HEAD, populate_existing=True)
        if head is None or (head.number, head.digest) != (number, digest):
            return Verdict(False, number, number + 1, digest)
        return Verdict(True, number, None, digest)

    def latest(self, session: Session) -> str | None:
        """Time of the last entry."""
        return session.scalar(select(AuditRow.time).order_by(AuditRow.number.desc()).limit(1))

    def read(
        self, limit: int, before: int | None = None, action: str = "", user: str = ""
    ) -> list[Entry]:
        """Entries, newest first."""
        wanted = select(AuditRow).order_by(AuditRow.number.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(AuditRow.number < before)
        if action:
            wanted = wanted.where(AuditRow.action == action)
        if user:
            wanted = wanted.where(AuditRow.user_name == user)
        with self._database.reading() as session:
            return [
                Entry(
                    row.number, row.time, row.user_name, row.action, row.subject,
                    json.loads(row.detail), row.digest,
                )
                for row in session.scalars(wanted)
            ]  # fmt: skip


def digest_of(row: AuditRow) -> str:
    """SHA-256 of an entry and of the digest before it."""
    content = [
        row.number, row.time, row.user_id, row.user_name, row.action, row.subject, row.detail,
        row.previous,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()
