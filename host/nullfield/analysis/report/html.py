"""A report as one HTML file with everything in it."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from nullfield.analysis.report.document import (
    Block,
    Document,
    Frames,
    Missing,
    Picture,
    Section,
    Text,
)


def html_text(document: Document) -> str:
    """The document as HTML: no other file and no network is needed to read it."""
    environment = Environment(
        loader=PackageLoader("nullfield.analysis.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        document=document,
        rows=in_pairs,
        encoded=_encoded,
        is_short=is_short,
        has_frames=any(
            isinstance(block, Frames) for section in document.sections for block in section.blocks
        ),
    )


def in_pairs(blocks: Sequence[Block]) -> list[list[Block]]:
    """Blocks by row: two pictures of half width that follow one another share one."""
    rows: list[list[Block]] = []
    for block in blocks:
        is_half = isinstance(block, Picture) and block.is_half
        last = rows[-1] if rows else []
        if is_half and len(last) == 1 and isinstance(last[0], Picture) and last[0].is_half:
            last.append(block)
        else:
            rows.append([block])
    return rows


def is_short(section: Section) -> bool:
    """True for a section of words only: it needs no page of its own."""
    return all(isinstance(block, Missing | Text) for block in section.blocks)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
