"""Fingerprint of the catalogue: equal on both sides, or the host refuses to talk."""

from __future__ import annotations

import hashlib

from .catalogue import ENUMERATIONS, MAX_PAYLOAD, PROTOCOL_VERSION
from .layout import Layout, layout_of
from .messages import HEADER, MESSAGES


def _describe(layout: Layout) -> str:
    text = layout.name + "".join(f" {f.name}@{f.offset}:{f.code}{f.count}" for f in layout.fields)
    if layout.row is not None:
        text += " rows(" + _describe(layout.row) + ")"
    return text + (" bytes" if layout.trailing_bytes else "")


def description() -> str:
    """Everything that both sides must agree on, as text."""
    lines = [f"version {PROTOCOL_VERSION} payload {MAX_PAYLOAD}"]
    lines.append(_describe(layout_of("header", HEADER)))
    lines += [
        f"{int(message.id)} " + _describe(layout_of(message.name, message.layout))
        for message in MESSAGES.values()
    ]
    lines += [
        enumeration.__name__
        + "".join(f" {name}={int(m)}" for name, m in enumeration.__members__.items())
        for enumeration in ENUMERATIONS
    ]
    return "\n".join(lines)


def fingerprint() -> bytes:
    """First eight bytes of the SHA-256 of `description`."""
    return hashlib.sha256(description().encode()).digest()[:8]
