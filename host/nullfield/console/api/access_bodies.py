"""What the routes of logins, accounts, tokens and the audit trail take and give."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from nullfield.console.access.user import Role

_MOST_SECRET = 1000
Secret = Annotated[str, Field(min_length=1, max_length=_MOST_SECRET)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Credentials(_Body):
    """Name and password."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Secret


class LogoutBody(_Body):
    """Whether all sessions of the user end."""

    everywhere: bool = False


class PasswordBody(_Body):
    """The present password and a new one."""

    old: Secret
    new: Secret


class NewUser(_Body):
    """An account to be made; without a password one is made up."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    role: Role = "operator"
    password: Annotated[str, Field(max_length=_MOST_SECRET)] = ""


class UserChange(_Body):
    """What is to be changed of an account."""

    role: Role | None = None
    is_enabled: bool | None = None


class NewToken(_Body):
    """A token to be made."""

    label: Annotated[str, Field(min_length=1, max_length=64, pattern=r"\S")]
    role: Role = "operator"
    days: Annotated[int | None, Field(ge=1, le=366)] = None


class Me(BaseModel):
    """Who is logged in."""

    id: int
    name: str
    role: Role
    must_change_password: bool
    is_token: bool


class UserShown(BaseModel):
    """An account."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    name: str
    role: Role
    is_enabled: bool
    must_change_password: bool
    created_unix_s: float


class UserMade(BaseModel):
    """An account, and the password to hand over: it is shown this once."""

    user: UserShown
    one_time_password: str


class OneTimePassword(BaseModel):
    """A password to hand over: it is shown this once."""

    one_time_password: str


class TokenShown(BaseModel):
    """An API token; never the token itself."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    user: str
    label: str
    role: Role
    created_unix_s: float
    expires_unix_s: float
    used_unix_s: float | None
    is_expired: bool


class TokenMade(BaseModel):
    """An API token, and its text: it is shown this once."""

    token: TokenShown
    text: str


class AuditEntry(BaseModel):
    """One entry of the audit trail."""

    model_config = ConfigDict(from_attributes=True)
    number: int
    time: str
    user: str
    action: str
    subject: str
    detail: dict[str, Any]
    digest: str


class AuditVerdict(BaseModel):
    """Whether the audit trail is whole; `broken` is the number of the first entry that is not."""

    model_config = ConfigDict(from_attributes=True)
    is_whole: bool
    entries: int
    broken: int | None
    digest: str
