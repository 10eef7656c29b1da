"""From a cookie or a header to a user."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from sqlalchemy import select
from starlette.requests import HTTPConnection

from nullfield.console.access.cookies import SESSION_COOKIE
from nullfield.console.access.login import Login
from nullfield.console.access.remembered import Remembered
from nullfield.console.access.secret import TOKEN_PREFIX, digest_of
from nullfield.console.access.sessions import AHEAD_S, Sessions
from nullfield.console.access.steady_time import SteadyTime
from nullfield.console.access.tables import UserRow
from nullfield.console.access.tokens import Tokens
from nullfield.console.access.trail import Trail
from nullfield.console.access.user import Role, User
from nullfield.console.store.database import Database
from nullfield.errors import StoreError


class Identify:
    """Finds who sent a request.

    Parameters
    ----------
    database, sessions, tokens, time, remembered
        What it stands on.
    """

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        tokens: Tokens,
        time: SteadyTime,
        remembered: Remembered,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._tokens = tokens
        self._time = time
        self._remembered = remembered

    def who(
        self, connection: HTTPConnection, *, is_active: bool, is_urgent: bool = False
    ) -> Login | None:
        """User of a request or a WebSocket, by API token or by session.

        Parameters
        ----------
        connection : HTTPConnection
        is_active : bool
            Whether it shows that somebody is there, which prolongs the session.
        is_urgent : bool
            Whether who was here a moment ago is taken without asking the database, and a session
            that has ended by rest alone is taken too: whoever watches a patient clicks nothing.
        """
        secret, is_token = _secret_of(connection)
        if not secret:
            return None
        digest = digest_of(secret)
        now_unix_s = self._time.now_unix_s()
        if is_urgent and (login := self._remembered.get(digest, now_unix_s)) is not None:
            return login
        try:
            login = (
                self._token(secret)
                if is_token
                else self._session(secret, digest, is_active, is_urgent)
            )
        except StoreError:
            # The database is locked or gone: who was here a moment ago may still stop a motor.
            return self._remembered.get(digest, now_unix_s)
        if not is_urgent:
            self._remembered.put(digest, login, now_unix_s)
        return login

    def is_present(self, name: str) -> bool:
        """Whether a session of this user has not ended, or a token of theirs was used of late.

        Raises
        ------
        StoreError
            If the database cannot be read.
        """
        now_unix_s = self._time.now_unix_s()
        with self._database.reading() as session:
            user = session.scalar(select(UserRow).where(UserRow.name == name))
            if user is None or not user.is_enabled:
                return False
            return self._sessions.has_any(
                session, user.id, now_unix_s
            ) or self._tokens.is_used_of_late(session, user.id, now_unix_s)

    def end_sessions_of_another_time(self, trail: Trail) -> None:
        """End all sessions if the clock was set back while the console did not run."""
        now_unix_s = self._time.now_unix_s()
        with self._database.reading() as session:
            seen_unix_s = self._sessions.last_seen_unix_s(session)
            if seen_unix_s is None:
                return
            noted = trail.latest(session)
        latest_unix_s = max(
            seen_unix_s, datetime.fromisoformat(noted).timestamp() if noted else seen_unix_s
        )
        if latest_unix_s <= now_unix_s + AHEAD_S:
            return
        with trail.writing() as session:
            self._sessions.end_everything(session)
            detail = {"back_s": round(latest_unix_s - now_unix_s)}
            trail.append(session, None, "clock.back", "all sessions ended", detail)

    def _session(self, token: str, digest: str, is_active: bool, is_urgent: bool) -> Login | None:
        now_unix_s = self._time.now_unix_s()
        with self._database.reading() as session:
            row = self._sessions.find(session, token, now_unix_s, even_rested=is_urgent)
            if row is None:
                return None
            needs_touch = self._sessions.needs_touch(session, digest, now_unix_s)
            role: Role = row.role  # type: ignore[assignment]  # the table's own check
            login = Login(User(row.id, row.name, role), row.must_change_password, digest)
        if is_active and needs_touch and not is_urgent:
            # What cannot be noted ends the session earlier, no more.
            with suppress(StoreError), self._database.session() as session:
                self._sessions.touch(session, digest, now_unix_s)
        return login

    def _token(self, text: str) -> Login | None:
        with self._database.reading() as session:
            found = self._tokens.find(session, text)
            if found is None:
                return None
            user, row = found
            token_id, needs_note = row.id, self._tokens.needs_note(row)
        if needs_note:
            with suppress(StoreError):
                self._tokens.note_use(token_id)
        return Login(user, False, None)


def _secret_of(connection: HTTPConnection) -> tuple[str, bool]:
    """Token or session of a request; a token goes first, and is never both."""
    kind, _, text = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        text = text.strip()
        return (text, True) if text.startswith(TOKEN_PREFIX) else ("", True)
    return connection.cookies.get(SESSION_COOKIE, ""), False
