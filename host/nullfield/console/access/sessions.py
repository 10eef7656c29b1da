"""Sessions: who is logged in, until when."""

from __future__ import annotations

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from nullfield.console.access.policy import Policy
from nullfield.console.access.remembered import Remembered
from nullfield.console.access.secret import digest_of, new_session_token
from nullfield.console.access.tables import SessionRow, UserRow

_STORE_EVERY_S = 30.0
AHEAD_S = 5.0
"""Clocks are set by small steps; a session further ahead of the time is one of another time."""


class Sessions:
    """Sessions in the database, of which only the token's digest is kept.

    Parameters
    ----------
    policy : Policy
        Gives the times after which a session ends.
    remembered : Remembered
        Forgets all when a session ends.
    """

    def __init__(self, policy: Policy, remembered: Remembered) -> None:
        self._policy = policy
        self._remembered = remembered

    def begin(self, session: Session, user_id: int, site: str, now_unix_s: float) -> str:
        """Make a session, and give its token."""
        token = new_session_token()
        self._sweep(session, now_unix_s)
        session.add(
            SessionRow(
                digest=digest_of(token),
                user_id=user_id,
                address=site,
                created_unix_s=now_unix_s,
                seen_unix_s=now_unix_s,
            )
        )
        session.flush()
        return token

    def find(
        self, session: Session, token: str, now_unix_s: float, *, even_rested: bool = False
    ) -> UserRow | None:
        """User of a session that has not ended, or that has ended by rest alone."""
        row = session.get(SessionRow, digest_of(token))
        if row is None or not self._is_good(row, now_unix_s, even_rested):
            return None
        user = session.get(UserRow, row.user_id)
        return user if user is not None and user.is_enabled else None

    def has_any(self, session: Session, user_id: int, now_unix_s: float) -> bool:
        """Whether a user has a session that has not ended."""
        rows = session.scalars(select(SessionRow).where(SessionRow.user_id == user_id))
        return any(self._is_good(row, now_unix_s, False) for row in rows)

    def touch(self, session: Session, digest: str, now_unix_s: float) -> None:
        """Note a request; not each one, for the database writes while a recording does."""
        # In one statement that can only go forward: two requests at once, and a swept row.
        session.execute(
            update(SessionRow)
            .where(SessionRow.digest == digest)
            .where(SessionRow.seen_unix_s <= now_unix_s - _STORE_EVERY_S)
            .values(seen_unix_s=now_unix_s)
        )

    def needs_touch(self, session: Session, digest: str, now_unix_s: float) -> bool:
        """Whether the last request that was noted is some time ago."""
        row = session.get(SessionRow, digest)
        return row is not None and row.seen_unix_s <= now_unix_s - _STORE_EVERY_S

    def end(self, session: Session, digest: str) -> None:
        """End one session."""
        self._remembered.forget_all()
        session.execute(delete(SessionRow).where(SessionRow.digest == digest))

    def end_all(self, session: Session, user_id: int) -> None:
        """End all sessions of a user."""
        self._remembered.forget_all()
        session.execute(delete(SessionRow).where(SessionRow.user_id == user_id))

    def end_everything(self, session: Session) -> None:
        """End the sessions of all users."""
        session.execute(delete(SessionRow))

    def last_seen_unix_s(self, session: Session) -> float | None:
        """When the newest request of any session was noted."""
        return session.scalar(select(func.max(SessionRow.seen_unix_s)))

    def _sweep(self, session: Session, now_unix_s: float) -> None:
        session.execute(
            delete(SessionRow).where(
                SessionRow.created_unix_s <= now_unix_s - self._policy.absolute_s
            )
        )

    def _is_good(self, row: SessionRow, now_unix_s: float, even_rested: bool) -> bool:
        is_of_this_time = row.seen_unix_s <= now_unix_s + AHEAD_S
        is_active = even_rested or now_unix_s - row.seen_unix_s < self._policy.idle_s
        is_young = now_unix_s - row.created_unix_s < self._policy.absolute_s
        return is_of_this_time and is_active and is_young
