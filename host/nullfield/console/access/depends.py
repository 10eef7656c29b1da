"""Dependencies of routes: who may call them.

A route that takes `user: Operator` (`Engineer`, `Admin`) is refused with 401 to those who are not
logged in, and with 403 to those whose role is too low, whose request that changes something does
not carry the header `X-CSRF-Token`, or who must first change their password.
"""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request, WebSocket

from nullfield.console.access.access import Access
from nullfield.console.access.login import Login
from nullfield.console.access.user import User


def access_of(connection: Request | WebSocket) -> Access:
    """What guards the app that a request or socket belongs to."""
    return cast(Access, connection.app.state.console.access)


def current_login(request: Request) -> Login:
    """Who sent a request, even if the password must be changed first."""
    return access_of(request).login_of(request)


def visitor(request: Request) -> Login | None:
    """Who looks at a page, or None: for pages that send strangers to the login."""
    return access_of(request).visitor_of(request)


def _operator(request: Request) -> User:
    return access_of(request).user_of(request, "operator")


def _engineer(request: Request) -> User:
    return access_of(request).user_of(request, "engineer")


def _admin(request: Request) -> User:
    return access_of(request).user_of(request, "admin")


def socket_user(websocket: WebSocket) -> User | None:
    """Who opened a WebSocket; None if not logged in, or opened by a page of another site.

    Asking again later, on an open socket, tells whether the login is still good. It does not count
    as activity: a page that is merely left open ends its session like a closed one.
    """
    return access_of(websocket).socket_user(websocket)


CurrentLogin = Annotated[Login, Depends(current_login)]
Operator = Annotated[User, Depends(_operator)]
Engineer = Annotated[User, Depends(_engineer)]
Admin = Annotated[User, Depends(_admin)]
