"""What a page may load, and who may frame it: sent with every page and every asset."""

from __future__ import annotations

from collections.abc import Mapping

from nullfield.console.access.guard import CONTENT_POLICY

HEADERS: Mapping[str, str] = {
    # Everything is shipped; a hospital's network is closed, and an injected script finds no way out.
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # A new version of the software must not run with the old version's scripts.
    "Cache-Control": "no-cache",
}
