"""API tokens: for programs that read or drive the console in somebody's name."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from nullfield.console.access.policy import Policy
from nullfield.console.access.refusal import AccountError, NoSuchAccountError, RoleTooLowError
from nullfield.console.access.secret import digest_of, new_api_token
from nullfield.console.access.steady_time import SteadyTime
from nullfield.console.access.tables import TokenRow, UserRow
from nullfield.console.access.trail import Trail
from nullfield.console.access.user import Role, User, has_role, lower_role
from nullfield.console.store.database import Database

_DAY_S = 86400.0
_STORE_EVERY_S = 60.0
_MOST_OF_USER = 50


@dataclass(frozen=True)
class Token:
    """An API token, as it is shown: never the token itself."""

    id: int
    user: str
    label: str
    role: Role
    created_unix_s: float
    expires_unix_s: float
    used_unix_s: float | None
    is_expired: bool


class Tokens:
    """The API tokens of all accounts.

    Parameters
    ----------
    database, trail, time, policy
        What it stands on.
    """

    def __init__(self, database: Database, trail: Trail, time: SteadyTime, policy: Policy) -> None:
        self._database = database
        self._trail = trail
        self._time = time
        self._policy = policy

    def add(self, user: User, label: str, role: Role, days: int | None = None) -> tuple[Token, str]:
        """Make a token with a role not above its maker's.

        Returns
        -------
        token : Token
        text : str
            The token itself, shown this once.
        """
        days = self._policy.token_days if days is None else days
        if not 1 <= days <= self._policy.most_token_days:
            raise AccountError(
                f"a token cannot last {days} days",
                f"choose from 1 to {self._policy.most_token_days} days",
            )
        if not has_role(user, role):
            raise RoleTooLowError(
                f"a token cannot have the role {role}: {user.name} is {user.role}",
                "choose a role not above your own",
            )
        text = new_api_token()
        now_unix_s = self._time.now_unix_s()
        with self._trail.writing() as session:
            mine = session.scalars(select(TokenRow.id).where(TokenRow.user_id == user.id)).all()
            if len(mine) >= _MOST_OF_USER:
                raise AccountError(f"{user.name} has {len(mine)} tokens", "revoke old ones first")
            row = TokenRow(
                user_id=user.id,
                label=label,
                role=role,
                digest=digest_of(text),
                created_unix_s=now_unix_s,
                expires_unix_s=now_unix_s + days * _DAY_S,
                used_unix_s=None,
            )
            session.add(row)
            session.flush()
            detail = {"id": row.id, "role": role, "days": days}
            self._trail.append(session, user, "token.add", label, detail)
            return self._shown(row, user.name), text

    def all(self, user: User | None = None) -> list[Token]:
        """Tokens of one user, or of all."""
        wanted = select(TokenRow, UserRow.name).join(UserRow, UserRow.id == TokenRow.user_id)
        if user is not None:
            wanted = wanted.where(TokenRow.user_id == user.id)
        with self._database.reading() as session:
            rows = session.execute(wanted.order_by(TokenRow.id)).all()
            return [self._shown(row, name) for row, name in rows]

    def revoke(self, user: User, token_id: int) -> None:
        """Revoke a token: one's own; an administrator any."""
        with self._trail.writing() as session:
            row = session.get(TokenRow, token_id)
            is_theirs = row is not None and (row.user_id == user.id or has_role(user, "admin"))
            if row is None or not is_theirs:
                raise NoSuchAccountError(f"there is no token {token_id}", "see the list of tokens")
            session.delete(row)
            self._trail.append(session, user, "token.revoke", row.label, {"id": token_id})

    def find(self, session: Session, text: str) -> tuple[User, TokenRow] | None:
        """User of a token that is good now, with the lower of both roles."""
        row = session.scalar(select(TokenRow).where(TokenRow.digest == digest_of(text)))
        if row is None or row.expires_unix_s <= self._time.now_unix_s():
            return None
        owner = session.get(UserRow, row.user_id)
        # A password that was handed out opens nothing, not even by an older token.
        if owner is None or not owner.is_enabled or owner.must_change_password:
            return None
        return User(owner.id, owner.name, lower_role(_role(row.role), _role(owner.role))), row

    def note_use(self, token_id: int) -> None:
        """Note when a token was used, to the minute: every request would be a write."""
        with self._database.session() as session:
            now_unix_s = self._time.now_unix_s()
            session.execute(
                update(TokenRow).where(TokenRow.id == token_id).values(used_unix_s=now_unix_s)
            )

    def needs_note(self, row: TokenRow) -> bool:
        """Whether the last use that was noted is some time ago."""
        return (
            row.used_unix_s is None or row.used_unix_s <= self._time.now_unix_s() - _STORE_EVERY_S
        )

    def is_used_of_late(self, session: Session, user_id: int, now_unix_s: float) -> bool:
        """Whether a token of a user that still holds was used within the time of a session's rest."""
        since_unix_s = now_unix_s - self._policy.idle_s
        return (
            session.scalar(
                select(TokenRow.id)
                .where(TokenRow.user_id == user_id)
                .where(TokenRow.expires_unix_s > now_unix_s)
                .where(TokenRow.used_unix_s > since_unix_s)
                .limit(1)
            )
            is not None
        )

    def _shown(self, row: TokenRow, user_name: str) -> Token:
        return Token(
            row.id, user_name, row.label, _role(row.role), row.created_unix_s, row.expires_unix_s,
            row.used_unix_s, row.expires_unix_s <= self._time.now_unix_s(),
        )  # fmt: skip


def _role(text: str) -> Role:
    role: Role = text  # type: ignore[assignment]  # the table's own check
    return role
