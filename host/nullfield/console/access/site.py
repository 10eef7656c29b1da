"""Whether a request is for this console, and from one of its own pages."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SECURE = ("https", "wss")


def split_host(header: str, scheme: str) -> tuple[str, int] | None:
    """Name and port of a `Host` header; None if it is no such thing."""
    if not header or any(sign in header for sign in "/\\@?# ,\t"):
        return None
    try:
        parts = urlsplit(f"//{header}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not name:
        return None
    return name.rstrip(".").lower(), port or _PORTS.get(scheme, 0)


def is_own_host(header: str, scheme: str, names: Iterable[str]) -> bool:
    """Whether a `Host` header names this console.

    A page of another site can make its own name point at this computer (DNS rebinding); the
    browser then takes it for the same site, but still sends that name.
    """
    found = split_host(header, scheme)
    return found is not None and found[0] in names


def is_same_origin(origin: str, host: str, scheme: str) -> bool:
    """Whether an `Origin` (or `Referer`) header and the `Host` header are the same place.

    Behind a proxy that encrypts, the page is https and this server is not: an encrypted page is
    accepted at a plain server's name, never the other way round.
    """
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    if scheme in _SECURE and parts.scheme != "https":
        return False
    there = (parts.hostname.rstrip(".").lower(), port or _PORTS[parts.scheme])
    # Without a port in it, Host means the port of the page's own scheme.
    return there == split_host(host, parts.scheme)
