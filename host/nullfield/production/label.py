"""Label as a picture, for printers that take no PDF."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from nullfield.production.pdf import LABEL_MM, label_code
from nullfield.production.verdict import Outcome

DOTS_PER_MM = 12
"""About 300 dots an inch."""


def label_png(record: dict[str, Any]) -> bytes:
    """The same label as `pdf.label_pdf`, black on white."""
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    subject = record["subject"]
    size = tuple(round(side * DOTS_PER_MM) for side in LABEL_MM)
    picture = Image.new("L", (size[0], size[1]), 255)
    draw = ImageDraw.Draw(picture)

    code = label_code(record)
    modules = code.symbol_size(border=0)[0]
    raw = io.BytesIO()
    # Whole dots a module: an interpolated code reads badly.
    code.save(raw, kind="png", scale=max(24 * DOTS_PER_MM // modules, 1), border=0)
    picture.paste(Image.open(raw).convert("L"), (round(2.5 * DOTS_PER_MM),) * 2)

    def text(y_mm: float, words: str, size_mm: float, name: str = "DejaVuSans.ttf") -> None:
        font = ImageFont.truetype(str(fonts / name), round(size_mm * DOTS_PER_MM))
        draw.text((29 * DOTS_PER_MM, y_mm * DOTS_PER_MM), words, fill=0, font=font, anchor="ls")

    passed = record["outcome"] == Outcome.PASS
    verdict = "PASS" if passed else "NOT PASSED"
    if subject["target"] != "real":
        verdict += f" ({subject['target']})"
    text(7.2, subject["unit"][:14], 4.6, "DejaVuSans-Bold.ttf")
    text(11.8, subject["board"], 2.3)
    text(15.2, f"fw {subject['firmware_version']} {subject['firmware_revision']}", 2.3)
    text(18.6, f"{record['started_at'][:10]}  {verdict}", 2.3)
    text(22.6, f"uid {subject['uid']}", 2.2, "DejaVuSansMono.ttf")
    text(25.9, f"res {record['result_id']}", 2.2, "DejaVuSansMono.ttf")
    out = io.BytesIO()
    picture.save(out, "png", dpi=(DOTS_PER_MM * 25.4, DOTS_PER_MM * 25.4))
    return out.getvalue()
