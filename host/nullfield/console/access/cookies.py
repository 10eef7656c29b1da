"""The two cookies of a session."""

from __future__ import annotations

from fastapi import Request, Response

from nullfield.console.access.secret import new_csrf_token

SESSION_COOKIE = "nullfield_session"
CSRF_COOKIE = "nullfield_csrf"
CSRF_HEADER = "X-CSRF-Token"


def set_cookies(request: Request, response: Response, token: str) -> None:
    """Give the browser a session: the token, which no script can read, and what pages repeat."""
    is_secure = _is_secure(request)
    for name, value, is_hidden in (
        (SESSION_COOKIE, token, True),
        (CSRF_COOKIE, new_csrf_token(token), False),
    ):
        # Without a time: the browser forgets it when it is closed.
        response.set_cookie(
            name, value, path="/", secure=is_secure, httponly=is_hidden, samesite="strict"
        )


def clear_cookies(request: Request, response: Response) -> None:
    """Take the session from the browser."""
    is_secure = _is_secure(request)
    for name, is_hidden in ((SESSION_COOKIE, True), (CSRF_COOKIE, False)):
        response.delete_cookie(
            name, path="/", secure=is_secure, httponly=is_hidden, samesite="strict"
        )


def _is_secure(request: Request) -> bool:
    # Behind a proxy that encrypts, only the page's own address tells.
    is_page_secure = request.headers.get("origin", "").startswith("https://")
    return request.url.scheme == "https" or is_page_secure
