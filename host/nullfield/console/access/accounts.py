"""Accounts: made, changed, reset and removed, each noted in the audit trail."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from nullfield.console.access.attempts import Attempts
from nullfield.console.access.passwords import Passwords, check_password
from nullfield.console.access.refusal import AccountError, NoSuchAccountError
from nullfield.console.access.secret import new_one_time_password
from nullfield.console.access.sessions import Sessions
from nullfield.console.access.steady_time import SteadyTime
from nullfield.console.access.tables import TokenRow, UserRow
from nullfield.console.access.trail import Trail
from nullfield.console.access.user import Role, User
from nullfield.console.store.database import Database

FIRST_ADMIN = "admin"
NAME_FORM = r"[a-z0-9][a-z0-9._-]{1,31}"


@dataclass(frozen=True)
class Account:
    """An account, as it is shown."""

    id: int
    name: str
    role: Role
    is_enabled: bool
    must_change_password: bool
    created_unix_s: float


class Accounts:
    """The accounts of the console.

    Parameters
    ----------
    database, trail, passwords, sessions, attempts, time
        What it stands on.
    """

    def __init__(
        self,
        database: Database,
        trail: Trail,
        passwords: Passwords,
        sessions: Sessions,
        attempts: Attempts,
        time: SteadyTime,
    ) -> None:
        self._database = database
        self._trail = trail
        self._passwords = passwords
        self._sessions = sessions
        self._attempts = attempts
        self._time = time

    def all(self) -> list[Account]:
        """All accounts by name."""
        with self._database.reading() as session:
            return [_shown(row) for row in session.scalars(select(UserRow).order_by(UserRow.name))]

    def id_of(self, name: str) -> int:
        """Number of the account of a name."""
        with self._database.reading() as session:
            found = session.scalar(select(UserRow.id).where(UserRow.name == name.lower()))
        if found is None:
            raise NoSuchAccountError(f"there is no account '{name}'", "see the list of users")
        return found

    def user_of(self, name: str) -> User:
        """The user of a name, as the account is now."""
        user_id = self.id_of(name)
        with self._database.reading() as session:
            account = _shown(_row(session, user_id))
        return User(account.id, account.name, account.role)

    def add(
        self, by: User | None, name: str, role: Role, password: str = ""
    ) -> tuple[Account, str]:
        """Make an account.

        Parameters
        ----------
        by : User or None
            Who makes it; None is somebody at the computer itself.
        name : str
        role : Role
        password : str, optional
            One is made up if none is given; either must be changed at the first login.

        Returns
        -------
        account : Account
        password : str
            To hand over; it is stored nowhere.
        """
        name = name.strip().lower()
        if not re.fullmatch(NAME_FORM, name):
            raise AccountError(
                f"'{name[:40]}' cannot be the name of an account",
                "take 2 to 32 of a-z, 0-9, dot, dash and underscore, with a letter or digit first",
            )
        if password:
            check_password(password, name)
        password = password or new_one_time_password()
        stored = self._passwords.hash(password)
        with self._trail.writing() as session:
            if session.scalar(select(UserRow.id).where(UserRow.name == name)) is not None:
                raise AccountError(f"there is an account '{name}' already", "take another name")
            row = UserRow(
                name=name,
                role=role,
                password_hash=stored,
                must_change_password=True,
                is_enabled=True,
                created_unix_s=self._time.now_unix_s(),
            )
            session.add(row)
            session.flush()
            self._trail.append(session, by, "user.add", name, {"role": role, "id": row.id})
            return _shown(row), password

    def change(
        self, by: User | None, user_id: int, role: Role | None = None, enabled: bool | None = None
    ) -> Account:
        """Give an account another role, or shut or open it."""
        with self._trail.writing() as session:
            row = _row(session, user_id)
            was = _shown(row)
            if role is not None:
                row.role = role
            if enabled is not None:
                row.is_enabled = enabled
            _check_an_admin_is_left(session, was)
            if not row.is_enabled or row.role != was.role:
                self._sessions.end_all(session, user_id)
            detail = {"role": [was.role, row.role], "enabled": [was.is_enabled, row.is_enabled]}
            self._trail.append(session, by, "user.change", row.name, detail)
            return _shown(row)

    def reset(self, by: User | None, user_id: int) -> str:
        """Give an account a new one-time password; its sessions end and its tokens are revoked."""
        password = new_one_time_password()
        stored = self._passwords.hash(password)
        with self._trail.writing() as session:
            row = _row(session, user_id)
            row.password_hash, row.must_change_password = stored, True
            self._end_logins(session, user_id)
            self._trail.append(session, by, "password.reset", row.name, {})
        return password

    def remove(self, by: User | None, user_id: int) -> None:
        """Remove an account with its sessions and tokens; the audit trail keeps its name."""
        with self._trail.writing() as session:
            row = _row(session, user_id)
            self._end_logins(session, user_id)
            session.delete(row)
            _check_an_admin_is_left(session, _shown(row))
            self._trail.append(session, by, "user.remove", row.name, {"id": user_id})

    def ensure_admin(self) -> str | None:
        """Make the first administrator if there is no account at all, and give its password."""
        with self._database.reading() as session:
            if session.scalar(select(func.count()).select_from(UserRow)):
                return None
        _, password = self.add(None, FIRST_ADMIN, "admin")
        return password

    def reset_admin(self) -> str:
        """Make `admin` an administrator with a new one-time password, whatever it was before.

        For those at the computer itself who cannot log in any more. Forgets failed logins.
        """
        password = new_one_time_password()
        stored = self._passwords.hash(password)
        with self._trail.writing() as session:
            row = session.scalar(select(UserRow).where(UserRow.name == FIRST_ADMIN))
            if row is None:
                row = UserRow(name=FIRST_ADMIN, created_unix_s=self._time.now_unix_s())
            row.role, row.is_enabled = "admin", True
            row.password_hash, row.must_change_password = stored, True
            session.add(row)
            session.flush()
            self._end_logins(session, row.id)
            self._attempts.forget_all(session)
            self._trail.append(session, None, "admin.reset", row.name, {})
        return password

    def _end_logins(self, session: Session, user_id: int) -> None:
        self._sessions.end_all(session, user_id)
        session.execute(delete(TokenRow).where(TokenRow.user_id == user_id))


def _row(session: Session, user_id: int) -> UserRow:
    row = session.get(UserRow, user_id)
    if row is None:
        raise NoSuchAccountError(f"there is no account {user_id}", "see the list of users")
    return row


def _check_an_admin_is_left(session: Session, changed: Account) -> None:
    if changed.role != "admin":
        return
    session.flush()
    left = session.scalar(
        select(func.count()).where(UserRow.role == "admin", UserRow.is_enabled.is_(True))
    )
    if not left:
        raise AccountError(
            "nobody would be left to manage the console",
            "make another account an administrator first",
        )


def _shown(row: UserRow) -> Account:
    role: Role = row.role  # type: ignore[assignment]  # the table's own check
    return Account(
        row.id, row.name, role, row.is_enabled, row.must_change_password, row.created_unix_s
    )
