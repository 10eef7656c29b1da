"""The console's guard: who is there, what they may do, and what they did."""

from __future__ import annotations

from fastapi import Request, WebSocket

from nullfield.console.access.login import Login
from nullfield.console.access.user import Role, User


class Access:
    """The console's guard."""

    def login_of(self, request: Request) -> Login:
        """Who sent a request."""
        raise NotImplementedError

    def visitor_of(self, request: Request) -> Login | None:
        """Who looks at a page, or None."""
        raise NotImplementedError

    def user_of(self, request: Request, least: Role) -> User:
        """Who sent a request, if the role is high enough."""
        raise NotImplementedError

    def socket_user(self, websocket: WebSocket) -> User | None:
        """Who opened a WebSocket, or None."""
        raise NotImplementedError
