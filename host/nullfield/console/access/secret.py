"""Random secrets, and what is stored in their place."""

from __future__ import annotations

import hashlib
import hmac
import secrets

TOKEN_PREFIX = "nf_"
"""Start of every API token: programs that look for leaked secrets can find it."""

_SECRET_BYTES = 32
_NONCE_BYTES = 16
# No letters that are taken for others (0 O, 1 l I): the password is read off a terminal.
_READABLE = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_PASSWORD_GROUPS, _GROUP_LETTERS = 4, 5


def new_session_token() -> str:
    """256 random bits, for a cookie."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def new_api_token() -> str:
    """256 random bits, for an `Authorization` header."""
    return TOKEN_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def new_one_time_password() -> str:
    """A password of 20 letters in groups (about 116 bits), for the first login."""
    letters = [
        "".join(secrets.choice(_READABLE) for _ in range(_GROUP_LETTERS))
        for _ in range(_PASSWORD_GROUPS)
    ]
    return "-".join(letters)


def digest_of(secret: str) -> str:
    """SHA-256, hexadecimal. Enough for 256 random bits; passwords need a slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_csrf_token(session_token: str) -> str:
    """A value for the page to repeat: a nonce, and its HMAC under the session's token.

    A site that can plant cookies (a sister host, a network without TLS) cannot make a pair that
    this session accepts, for it does not know the session's token.
    """
    nonce = secrets.token_urlsafe(_NONCE_BYTES)
    return f"{nonce}.{_signature(session_token, nonce)}"


def is_csrf_token(session_token: str, cookie: str, header: str) -> bool:
    """Whether header and cookie are the same, and made for this session."""
    nonce, _, signature = header.partition(".")
    expected = _signature(session_token, nonce)
    is_same = hmac.compare_digest(cookie.encode(), header.encode())
    return is_same and hmac.compare_digest(signature.encode(), expected.encode())


def _signature(session_token: str, nonce: str) -> str:
    return hmac.new(session_token.encode(), f"csrf:{nonce}".encode(), hashlib.sha256).hexdigest()
