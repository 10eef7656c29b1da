"""Tables of accounts, sessions, tokens, failed logins and the audit trail.

Times are seconds since 1970, UTC: expiry is arithmetic, and SQLite keeps no time zone. Nothing in
these tables lets their reader in: passwords are argon2 hashes, tokens SHA-256 of random numbers.
"""

from __future__ import annotations

from typing import Annotated

from sqlalchemy import CheckConstraint, Double, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from nullfield.console.store.base import Base

Seconds = Annotated[float, mapped_column(Double)]
_ROLES = "role IN ('operator', 'engineer', 'admin')"


class UserRow(Base):
    """An account."""

    __tablename__ = "users"
    # Numbers are never used again: the audit trail names them.
    __table_args__ = (CheckConstraint(_ROLES, name="role"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(32), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(256))
    must_change_password: Mapped[bool]
    is_enabled: Mapped[bool]
    created_unix_s: Mapped[Seconds]


class SessionRow(Base):
    """A login that has not ended."""

    __tablename__ = "sessions"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    address: Mapped[str] = mapped_column(String(64))
    created_unix_s: Mapped[Seconds]
    seen_unix_s: Mapped[Seconds]


class TokenRow(Base):
    """An API token."""

    __tablename__ = "tokens"
    __table_args__ = (CheckConstraint(_ROLES, name="role"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    label: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_unix_s: Mapped[Seconds]
    expires_unix_s: Mapped[Seconds]
    used_unix_s: Mapped[Seconds | None]


class AttemptsRow(Base):
    """Failed logins of one name, one address, or one name from one address, as a digest."""

    __tablename__ = "login_attempts"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    failed_unix_s: Mapped[Seconds]
    blocked_until_unix_s: Mapped[Seconds]


class KnownAddressRow(Base):
    """An address from which a user has logged in."""

    __tablename__ = "login_addresses"
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    address: Mapped[str] = mapped_column(String(64), primary_key=True)
    seen_unix_s: Mapped[Seconds]


class AuditRow(Base):
    """One entry of the audit trail. Triggers refuse to change or delete it."""

    __tablename__ = "audit"
    # No foreign key: what a user did stays when the account is gone.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[int | None]
    user_name: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(64), index=True)
    subject: Mapped[str] = mapped_column(String(200))
    detail: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))


class AuditHeadRow(Base):
    """One row: the end of the audit trail; who appends locks it first."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
