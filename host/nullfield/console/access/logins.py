"""Logging in and out, and changing one's password."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from nullfield.console.access.attempts import Attempts, site_of
from nullfield.console.access.login import Login
from nullfield.console.access.passwords import Passwords, check_password
from nullfield.console.access.refusal import (
    LoginFailedError,
    LoginRequiredError,
    PasswordRefusedError,
    TooManyAttemptsError,
)
from nullfield.console.access.secret import digest_of
from nullfield.console.access.sessions import Sessions
from nullfield.console.access.steady_time import SteadyTime
from nullfield.console.access.tables import UserRow
from nullfield.console.access.trail import Trail
from nullfield.console.access.user import Role, User

_SOMEBODY = "(unknown name)"
"""In the audit trail: what was typed as a name may have been the password."""


@dataclass(frozen=True)
class NewSession:
    """A session that has just begun; the token goes into the cookie and nowhere else."""

    login: Login
    token: str


class Logins:
    """Logs people in and out.

    Parameters
    ----------
    trail, passwords, sessions, attempts, time
        What it stands on.
    """

    def __init__(
        self,
        trail: Trail,
        passwords: Passwords,
        sessions: Sessions,
        attempts: Attempts,
        time: SteadyTime,
    ) -> None:
        self._trail = trail
        self._passwords = passwords
        self._sessions = sessions
        self._attempts = attempts
        self._time = time

    def login(self, name: str, password: str, address: str, old_token: str = "") -> NewSession:
        """Begin a session; one that the browser had before ends.

        Raises
        ------
        TooManyAttemptsError
            Before the password is looked at.
        LoginFailedError
            The same, after the same work, for a wrong password, an unknown name and a shut account.
        """
        with self._passwords.place():
            return self._login(name.strip().lower(), password, site_of(address), old_token)

    def _login(self, name: str, password: str, site: str, old_token: str) -> NewSession:
        user_id, stored = self._reserve(name, site)
        if not self._passwords.is_right(stored, password):
            self._note_failure(name, user_id, site)
            raise LoginFailedError(
                "name or password is wrong", "try again, or ask an administrator for a new password"
            )
        assert user_id is not None
        assert stored is not None
        renewed = self._passwords.hash(password) if self._passwords.is_outdated(stored) else None
        now_unix_s = self._time.now_unix_s()
        with self._trail.writing() as session:
            row = session.get(UserRow, user_id)
            if row is None or not row.is_enabled or row.password_hash != stored:
                # Removed, shut or changed while the password was looked at.
                raise LoginFailedError("name or password is wrong", "try again")
            if renewed is not None:
                row.password_hash = renewed
            self._attempts.succeed(session, name, user_id, site, now_unix_s)
            if old_token:
                self._sessions.end(session, digest_of(old_token))
            token = self._sessions.begin(session, user_id, site, now_unix_s)
            self._trail.append(session, _user(row), "login", row.name, {"address": site})
            return NewSession(_login(row, token), token)

    def change_password(self, login: Login, old: str, new: str, address: str) -> NewSession:
        """Change one's password: all sessions end, and a new one begins for who changed it."""
        with self._passwords.place():
            return self._change_password(login.user, old, new, site_of(address))

    def _change_password(self, user: User, old: str, new: str, site: str) -> NewSession:
        _, stored = self._reserve(user.name, site)
        if not self._passwords.is_right(stored, old):
            self._note_failure(user.name, user.id, site)
            raise PasswordRefusedError("the present password is wrong", "type it once more")
        assert stored is not None
        now_unix_s = self._time.now_unix_s()
        with self._trail.writing() as session:
            self._attempts.succeed(session, user.name, user.id, site, now_unix_s)
        check_password(new, user.name)
        if self._passwords.is_right(stored, new):
            raise PasswordRefusedError("the new password is the present one", "take another")
        renewed = self._passwords.hash(new)
        with self._trail.writing() as session:
            row = session.get(UserRow, user.id)
            if row is None or not row.is_enabled or row.password_hash != stored:
                raise LoginRequiredError("the account was changed meanwhile", "log in again")
            row.password_hash, row.must_change_password = renewed, False
            self._sessions.end_all(session, user.id)
            token = self._sessions.begin(session, user.id, site, now_unix_s)
            self._trail.append(session, user, "password.change", user.name, {"address": site})
            return NewSession(_login(row, token), token)

    def logout(self, login: Login, *, everywhere: bool) -> None:
        """End the session, or all sessions of its user."""
        with self._trail.writing() as session:
            if everywhere:
                self._sessions.end_all(session, login.user.id)
            elif login.session_digest is not None:
                self._sessions.end(session, login.session_digest)
            detail = {"everywhere": everywhere}
            self._trail.append(session, login.user, "logout", login.user.name, detail)

    def _reserve(self, name: str, site: str) -> tuple[int | None, str | None]:
        """Number and hash of an account that may log in; the attempt is counted as failed."""
        now_unix_s = self._time.now_unix_s()
        with self._trail.writing() as session:
            row = _by_name(session, name)
            user_id = row.id if row is not None else None
            wait_s = self._attempts.reserve(session, name, user_id, site, now_unix_s)
            stored = row.password_hash if row is not None and row.is_enabled else None
        if wait_s > 0:
            seconds = math.ceil(wait_s)
            raise TooManyAttemptsError(
                f"too many failed logins: wait {seconds} s",
                "wait, then type name and password with care",
                wait_s=seconds,
            )
        return user_id, stored

    def _note_failure(self, name: str, user_id: int | None, site: str) -> None:
        subject = name if user_id is not None else _SOMEBODY
        now_unix_s = self._time.now_unix_s()
        with self._trail.writing() as session:
            self._trail.append(session, None, "login.failed", subject, {"address": site})
            if self._attempts.is_blocked_now(session, name, user_id, site, now_unix_s):
                self._trail.append(session, None, "login.blocked", subject, {"address": site})


def _by_name(session: Session, name: str) -> UserRow | None:
    return session.scalar(select(UserRow).where(UserRow.name == name))


def _user(row: UserRow) -> User:
    role: Role = row.role  # type: ignore[assignment]  # the table's own check
    return User(row.id, row.name, role)


def _login(row: UserRow, token: str) -> Login:
    return Login(_user(row), row.must_change_password, digest_of(token))
