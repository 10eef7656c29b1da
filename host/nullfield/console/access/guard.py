"""What every request passes: own host, own pages, headers that bind the browser."""

from __future__ import annotations

import json
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nullfield.console.access.site import LOOPBACK_NAMES, is_own_host, is_same_origin

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'"
)
"""For a report: one file with its own style and script. In the sandbox it is a page of nowhere,
that reads no cookie and calls no route. A route sets it as its own `Content-Security-Policy`."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), usb=()",
}
_POLICY_VIOLATION = 1008


class Guard:
    """ASGI middleware in front of all routes, WebSockets included.

    Parameters
    ----------
    app : ASGIApp
    host_names : iterable of str, optional
        Names under which the console may be asked for, beside the loopback ones.
    """

    def __init__(self, app: ASGIApp, host_names: Iterable[str] = ()) -> None:
        self._app = app
        self._names = LOOPBACK_NAMES | {name.strip("[]").lower() for name in host_names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with headers added to the answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is not None:
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
                return
            await self._app(scope, receive, send)
            return
        send = _with_headers(scope, send)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str, str, str] | None:
        headers = Headers(scope=scope)
        scheme = str(scope.get("scheme", "http"))
        hosts = headers.getlist("host")
        host = hosts[0] if len(hosts) == 1 else ""
        if not is_own_host(host, scheme, self._names):
            return (
                400,
                "the console does not go by the name in this address",
                "use the address it printed at its start, or start it with --host-name NAME",
                "HostError",
            )
        if scope["type"] == "http" and scope["method"] in _SAFE:
            return None
        if _is_from_here(headers, host, scheme, scope["type"] == "websocket"):
            return None
        return (
            403,
            "this request comes from a page of another site",
            "use the console's own pages; programs use an API token",
            "OriginError",
        )


def _is_from_here(headers: Headers, host: str, scheme: str, is_socket: bool) -> bool:
    origin = headers.get("origin")
    if origin is not None:
        return is_same_origin(origin, host, scheme)
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    if headers.get("authorization", "").lower().startswith("bearer "):
        # No browser adds this by itself, and no page of another site can.
        return True
    referer = headers.get("referer")
    return not is_socket and referer is not None and is_same_origin(referer, host, scheme)


def _with_headers(scope: Scope, send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            if "content-security-policy" not in headers:
                headers["content-security-policy"] = CONTENT_POLICY
            if "frame-ancestors 'none'" in headers["content-security-policy"]:
                headers["x-frame-options"] = "DENY"
            # What is static stands under /static; all else shows what only this user may see.
            if not scope["path"].startswith("/static/"):
                headers["cache-control"] = "no-store"
        await send(message)

    return sending


async def _answer(send: Send, status: int, error: str, hint: str, code: str) -> None:
    body = json.dumps({"error": error, "hint": hint, "code": code}).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
