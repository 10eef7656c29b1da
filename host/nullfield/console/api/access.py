"""Routes of logins, accounts, API tokens and the audit trail."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from nullfield.console.access.cookies import SESSION_COOKIE, clear_cookies, set_cookies
from nullfield.console.access.depends import Admin, CurrentLogin, Operator, access_of
from nullfield.console.access.login import Login
from nullfield.console.access.refusal import LoginRequiredError
from nullfield.console.api.access_bodies import (
    AuditEntry,
    AuditVerdict,
    Credentials,
    LogoutBody,
    Me,
    NewToken,
    NewUser,
    OneTimePassword,
    PasswordBody,
    TokenMade,
    TokenShown,
    UserChange,
    UserMade,
    UserShown,
)

router = APIRouter(prefix="/api/v1", tags=["access"])

_MOST_NUMBER = 2**31 - 1
Number = Annotated[int, Path(ge=1, le=_MOST_NUMBER)]


@router.post("/login")
def login(body: Credentials, request: Request, response: Response) -> Me:
    """Log in: sets the cookies of a session."""
    address = request.client.host if request.client is not None else ""
    old = request.cookies.get(SESSION_COOKIE, "")
    made = access_of(request).logins.login(body.name, body.password, address, old)
    set_cookies(request, response, made.token)
    return _me(made.login)


@router.post("/logout", status_code=204)
def logout(body: LogoutBody, request: Request, response: Response, login: CurrentLogin) -> None:
    """End this session, or all sessions of the user."""
    _check_person(login)
    access_of(request).logins.logout(login, everywhere=body.everywhere)
    clear_cookies(request, response)


@router.get("/me")
def me(login: CurrentLogin) -> Me:
    """Who is logged in."""
    return _me(login)


@router.post("/me/password")
def change_password(
    body: PasswordBody, request: Request, response: Response, login: CurrentLogin
) -> Me:
    """Change one's own password; all other sessions of the user end."""
    _check_person(login)
    address = request.client.host if request.client is not None else ""
    made = access_of(request).logins.change_password(login, body.old, body.new, address)
    set_cookies(request, response, made.token)
    return _me(made.login)


@router.get("/users")
def users(request: Request, user: Admin) -> list[UserShown]:
    """All accounts."""
    return [UserShown.model_validate(one) for one in access_of(request).accounts.all()]


@router.post("/users", status_code=201)
def add_user(body: NewUser, request: Request, user: Admin, login: CurrentLogin) -> UserMade:
    """Make an account; its password must be changed at the first login."""
    _check_person(login)
    account, password = access_of(request).accounts.add(user, body.name, body.role, body.password)
    return UserMade(user=UserShown.model_validate(account), one_time_password=password)


@router.patch("/users/{user_id}")
def change_user(
    user_id: Number, body: UserChange, request: Request, user: Admin, login: CurrentLogin
) -> UserShown:
    """Give an account another role, or shut or open it; its sessions end."""
    _check_person(login)
    account = access_of(request).accounts.change(user, user_id, body.role, body.is_enabled)
    return UserShown.model_validate(account)


@router.post("/users/{user_id}/reset")
def reset_user(
    user_id: Number, request: Request, user: Admin, login: CurrentLogin
) -> OneTimePassword:
    """Give an account a new one-time password; its sessions end, its tokens are revoked."""
    _check_person(login)
    return OneTimePassword(one_time_password=access_of(request).accounts.reset(user, user_id))


@router.delete("/users/{user_id}", status_code=204)
def remove_user(user_id: Number, request: Request, user: Admin, login: CurrentLogin) -> None:
    """Remove an account with its sessions and tokens."""
    _check_person(login)
    access_of(request).accounts.remove(user, user_id)


@router.get("/tokens")
def tokens(
    request: Request, user: Operator, all_users: Annotated[bool, Query()] = False
) -> list[TokenShown]:
    """One's own API tokens; an administrator may see those of all users."""
    whose = None if all_users and user.role == "admin" else user
    return [TokenShown.model_validate(one) for one in access_of(request).tokens.all(whose)]


@router.post("/tokens", status_code=201)
def add_token(body: NewToken, request: Request, user: Operator, login: CurrentLogin) -> TokenMade:
    """Make an API token with a role not above one's own."""
    _check_person(login)
    token, text = access_of(request).tokens.add(user, body.label, body.role, body.days)
    return TokenMade(token=TokenShown.model_validate(token), text=text)


@router.delete("/tokens/{token_id}", status_code=204)
def revoke_token(token_id: Number, request: Request, user: Operator, login: CurrentLogin) -> None:
    """Revoke an API token: one's own; an administrator any."""
    _check_person(login)
    access_of(request).tokens.revoke(user, token_id)


@router.get("/audit")
def audit(
    request: Request,
    user: Admin,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int | None, Query(ge=1, le=_MOST_NUMBER)] = None,
    action: Annotated[str, Query(max_length=64)] = "",
    name: Annotated[str, Query(max_length=32)] = "",
) -> list[AuditEntry]:
    """Entries of the audit trail, newest first."""
    found = access_of(request).trail.read(limit, before, action, name)
    return [AuditEntry.model_validate(one) for one in found]


@router.get("/audit/verify")
def verify_audit(request: Request, user: Admin) -> AuditVerdict:
    """Go through the whole audit trail."""
    return AuditVerdict.model_validate(access_of(request).trail.verify())


def _check_person(login: Login) -> None:
    """A token that has leaked must not make others, nor shut its owner out."""
    if login.is_token:
        raise LoginRequiredError(
            "accounts and tokens are managed by people, not by API tokens",
            "log in with name and password",
        )


def _me(login: Login) -> Me:
    user = login.user
    return Me(
        id=user.id,
        name=user.name,
        role=user.role,
        must_change_password=login.must_change_password,
        is_token=login.is_token,
    )
