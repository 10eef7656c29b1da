"""The console's guard: who is there, what they may do, and what they did."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import Request, WebSocket
from starlette.requests import HTTPConnection

from nullfield.console.access.accounts import Accounts
from nullfield.console.access.attempts import Attempts
from nullfield.console.access.cookies import CSRF_COOKIE, CSRF_HEADER, SESSION_COOKIE
from nullfield.console.access.identify import Identify
from nullfield.console.access.login import Login
from nullfield.console.access.logins import Logins
from nullfield.console.access.passwords import Passwords
from nullfield.console.access.policy import Policy
from nullfield.console.access.refusal import (
    CsrfError,
    LoginRequiredError,
    PasswordChangeRequired,
    RoleTooLowError,
)
from nullfield.console.access.remembered import Remembered
from nullfield.console.access.secret import is_csrf_token
from nullfield.console.access.sessions import Sessions
from nullfield.console.access.site import is_same_origin
from nullfield.console.access.steady_time import SteadyTime
from nullfield.console.access.tokens import Tokens
from nullfield.console.access.trail import Trail
from nullfield.console.access.user import Role, User, has_role
from nullfield.console.store.database import Database
from nullfield.errors import StoreError

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_WATCHING = ("/api/v1/status", "/api/v1/live/")
"""What an open page asks for by itself: it shows no person."""
_EMERGENCY_STOP = "/emergency-stop"
_MOST_WAITING = 1000
_log = logging.getLogger(__name__)


class Access:
    """The console's guard.

    Parameters
    ----------
    database : Database
        Migrated already.
    clock : callable
        Gives the time, UTC.
    policy : Policy, optional
    monotonic_s : callable, optional
        Seconds that never go back.

    Attributes
    ----------
    accounts : Accounts
    tokens : Tokens
    logins : Logins
    trail : Trail
    policy : Policy
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        policy: Policy | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy = policy or Policy()
        steady = SteadyTime(clock, monotonic_s)
        self._time = steady
        self.trail = Trail(database, steady)
        passwords = Passwords(self.policy)
        remembered = Remembered(self.policy.idle_s)
        sessions, attempts = Sessions(self.policy, remembered), Attempts(self.policy)
        parts = (self.trail, passwords, sessions, attempts, steady)
        self.accounts = Accounts(database, *parts)
        self.logins = Logins(*parts)
        self.tokens = Tokens(database, self.trail, steady, self.policy)
        self._identify = Identify(database, sessions, self.tokens, steady, remembered)
        self._identify.end_sessions_of_another_time(self.trail)
        self._waiting: deque[tuple[User | None, str, str, dict[str, Any], str]] = deque(
            maxlen=_MOST_WAITING
        )
        self._waiting_lock = threading.Lock()

    def ensure_admin(self) -> str | None:
        """One-time password of a new administrator `admin`; None if there is an account."""
        return self.accounts.ensure_admin()

    def reset_admin(self) -> str:
        """New one-time password of `admin`, for those at the computer itself."""
        return self.accounts.reset_admin()

    def audit(
        self,
        user: User | None,
        action: str,
        subject: str,
        detail: dict[str, Any],
        *,
        is_required: bool = False,
    ) -> None:
        """Write an entry into the audit trail.

        A database that cannot be written must not stop the instrument: the entry then waits, with
        its time, for the next one that can be written.

        Parameters
        ----------
        user : User or None
            Who did it; None is somebody at the computer itself, or nobody.
        action, subject : str
            What was done, and to what.
        detail : dict
            What JSON can hold.
        is_required : bool
            Whether what is about to be done must not happen without its entry.

        Raises
        ------
        StoreError
            If it is required and cannot be written.
        """
        entry = (user, action, subject, detail, self._time.shown())
        with self._waiting_lock:
            try:
                with self.trail.writing() as session:
                    for one in (*self._waiting, entry):
                        self.trail.append(session, *one)
            except StoreError as error:
                if is_required:
                    raise
                self._waiting.append(entry)
                _log.error("audit: %d entries wait: %s", len(self._waiting), error.message)
            else:
                self._waiting.clear()

    def login_of(self, request: Request) -> Login:
        """Who sent a request, even if the password must be changed first.

        Raises
        ------
        LoginRequiredError
            If nobody is logged in.
        CsrfError
            If the request changes something and does not come from the console's page.
        """
        path = request.url.path
        is_active = not path.startswith(_WATCHING)
        # Neither a locked database nor half an hour without a click may stand in its way.
        is_urgent = path.endswith(_EMERGENCY_STOP)
        login = self._identify.who(request, is_active=is_active, is_urgent=is_urgent)
        if login is None:
            raise LoginRequiredError("nobody is logged in, or the login has ended", "log in")
        if not login.is_token and request.method not in _SAFE:
            _check_csrf(request)
        return login

    def is_present(self, name: str) -> bool:
        """Whether somebody of this name has a login, or a token in use; yes if that cannot be read."""
        try:
            return self._identify.is_present(name)
        except StoreError:
            return True

    def visitor_of(self, request: Request) -> Login | None:
        """Who looks at a page, or None."""
        return self._identify.who(request, is_active=True)

    def user_of(self, request: Request, least: Role) -> User:
        """Who sent a request, if the role is high enough.

        Raises
        ------
        LoginRequiredError, CsrfError
            As `login_of`.
        PasswordChangeRequired
            If the password was handed out, and must be changed first.
        RoleTooLowError
            If the role is not high enough.
        """
        login = self.login_of(request)
        if login.must_change_password:
            raise PasswordChangeRequired(
                "this password was handed out and must be changed first", "choose a password"
            )
        if not has_role(login.user, least):
            raise RoleTooLowError(
                f"this needs the role {least}; {login.user.name} is {login.user.role}",
                "ask an administrator",
            )
        return login.user

    def socket_user(self, websocket: WebSocket) -> User | None:
        """Who opened a WebSocket; None if not logged in, or from a page of another site."""
        login = self._identify.who(websocket, is_active=False)
        if login is None or login.must_change_password:
            return None
        if login.is_token:
            return login.user
        origin = websocket.headers.get("origin", "")
        host = websocket.headers.get("host", "")
        return login.user if is_same_origin(origin, host, websocket.url.scheme) else None


def _check_csrf(connection: HTTPConnection) -> None:
    token = connection.cookies.get(SESSION_COOKIE, "")
    cookie = connection.cookies.get(CSRF_COOKIE, "")
    header = connection.headers.get(CSRF_HEADER, "")
    if not is_csrf_token(token, cookie, header):
        raise CsrfError(
            f"the request does not carry this session's {CSRF_HEADER}",
            "load the page again; programs use an API token",
        )
