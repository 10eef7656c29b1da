"""Certificate and label as PDF."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import matplotlib
import segno
from fpdf import FPDF, XPos, YPos
from fpdf.enums import TableCellFillMode
from fpdf.fonts import FontFace

from nullfield.production.record import counts
from nullfield.production.verdict import Outcome

_FONT = "DejaVu"
_COLOURS = {
    Outcome.PASS: (22, 120, 60),
    Outcome.FAIL: (180, 30, 30),
    Outcome.ERROR: (190, 110, 0),
    Outcome.SKIPPED: (110, 110, 110),
}
_GREY = (110, 110, 110)
_LIGHT = (236, 239, 243)
_BLACK = (0, 0, 0)
LABEL_MM = (62.0, 29.0)
"""A common size of label rolls."""


def label_text(record: dict[str, Any]) -> str:
    """What the QR code says: enough to find board and result."""
    subject = record["subject"]
    fields = {
        "unit": subject["unit"],
        "uid": subject["uid"],
        "board": subject["board"],
        "revision": subject["firmware_revision"],
        "result": record["result_id"],
    }
    return "nullfield:" + ";".join(f"{key}={value}" for key, value in fields.items())


def label_code(record: dict[str, Any]) -> segno.QRCode:
    """QR code of the label, level M."""
    code: segno.QRCode = segno.make(label_text(record), error="m", micro=False)
    return code


def _prepare(pdf: FPDF, title: str) -> None:
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    pdf.add_font(_FONT, "", fonts / "DejaVuSans.ttf")
    pdf.add_font(_FONT, "B", fonts / "DejaVuSans-Bold.ttf")
    pdf.add_font("Mono", "", fonts / "DejaVuSansMono.ttf")
    pdf.set_title(title)
    pdf.set_creator("Nullfield production bench")


class _Certificate(FPDF):
    """Pages with a foot line."""

    foot = ""

    def footer(self) -> None:
        """Result id and page number."""
        self.set_y(-12)
        self.set_font(_FONT, "", 7)
        self.set_text_color(*_GREY)
        self.cell(0, 4, self.foot, align="L")
        self.set_x(self.l_margin)
        self.cell(0, 4, f"page {self.page_no()} of {{nb}}", align="R")


def certificate_pdf(record: dict[str, Any], key_id: str, signer: str) -> bytes:
    """The record for people, with the key that signed its JSON file.

    The PDF is not signed itself: what counts is the JSON file beside it, and the PDF says so.
    """
    pdf = _Certificate(format="A4", unit="mm")
    _prepare(pdf, f"Test certificate {record['subject']['unit']}")
    pdf.set_margins(16, 14, 16)
    pdf.set_auto_page_break(True, 16)
    subject = record["subject"]
    pdf.foot = f"{subject['unit']} · {subject['uid']} · result {record['result_id']}"
    pdf.add_page()
    _head(pdf, record, key_id, signer)
    _summary(pdf, record)
    _values(pdf, record)
    return bytes(pdf.output())


def _head(pdf: FPDF, record: dict[str, Any], key_id: str, signer: str) -> None:
    subject = record["subject"]
    outcome = Outcome(record["outcome"])
    pdf.set_font(_FONT, "B", 17)
    pdf.cell(0, 9, "Test certificate", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_font(_FONT, "", 9)
    pdf.set_text_color(*_GREY)
    pdf.cell(
        0, 5, "Nullfield production bench · research use only, not a medical device",
        new_x=XPos.LMARGIN, new_y=YPos.NEXT,
    )  # fmt: skip
    if subject["target"] != "real":
        pdf.set_text_color(*_COLOURS[Outcome.ERROR])
        pdf.set_font(_FONT, "B", 9)
        pdf.cell(
            0, 5, f"{subject['target'].upper()} BOARD: simulated, says nothing about a real one",
            new_x=XPos.LMARGIN, new_y=YPos.NEXT,
        )  # fmt: skip
    pdf.ln(2)
    top = pdf.get_y()
    image = io.BytesIO()
    label_code(record).save(image, kind="png", scale=8, border=0)
    pdf.image(image, x=pdf.w - pdf.r_margin - 30, y=top, w=30)
    pdf.set_text_color(*_BLACK)
    lines = [
        ("Unit", subject["unit"]),
        ("Board", f"{subject['board']} ({subject['role']})"),
        ("Uid", subject["uid"]),
        ("Firmware", f"{subject['firmware_version']}, revision {subject['firmware_revision']}"),
        ("Catalogue", subject["fingerprint"]),
        ("Fixture", subject["fixture"]),
        ("Tested", f"{record['started_at']}, {record['duration_s']:.0f} s on the bench"),
        ("Result", record["result_id"]),
        ("Signed by", f"{signer}, key {key_id} (Ed25519)"),
    ]
    for name, text in lines:
        pdf.set_font(_FONT, "", 8.5)
        pdf.set_text_color(*_GREY)
        pdf.cell(24, 4.8, name)
        pdf.set_text_color(*_BLACK)
        pdf.cell(0, 4.8, str(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.ln(1.5)
    pdf.set_fill_color(*_COLOURS[outcome])
    pdf.set_text_color(255, 255, 255)
    pdf.set_font(_FONT, "B", 12)
    number = counts(record)
    told = ", ".join(f"{number[one]} {_words(one)}" for one in Outcome if number[one])
    verdict = {"pass": "PASSED", "fail": "FAILED"}.get(outcome, "NOT COMPLETE")
    pdf.cell(0, 9, f"  {verdict}: {told}", fill=True, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_text_color(*_BLACK)
    pdf.set_fill_color(255, 255, 255)
    pdf.ln(2)


def _words(outcome: Outcome) -> str:
    return {"pass": "passed", "fail": "failed", "error": "in error"}.get(outcome, "skipped")


def _heading(pdf: FPDF, text: str) -> None:
    pdf.ln(2)
    pdf.set_font(_FONT, "B", 11)
    pdf.cell(0, 7, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _table(pdf: FPDF, widths: tuple[float, ...], align: tuple[str, ...]) -> Any:
    pdf.set_font(_FONT, "", 7.5)
    pdf.set_draw_color(200, 205, 212)
    return pdf.table(
        col_widths=widths,
        text_align=align,
        line_height=4.2,
        borders_layout="HORIZONTAL_LINES",
        headings_style=FontFace(emphasis="BOLD", fill_color=_LIGHT),
        cell_fill_mode=TableCellFillMode.NONE,
        padding=(0.4, 1.0),
    )


def _summary(pdf: FPDF, record: dict[str, Any]) -> None:
    _heading(pdf, "Tests")
    with _table(pdf, (50, 17, 14, 97), ("LEFT", "LEFT", "RIGHT", "LEFT")) as table:
        table.row(("Test", "Outcome", "Values", "Remark"))
        for test in record["tests"]:
            row = table.row()
            row.cell(test["title"])
            outcome = Outcome(test["outcome"])
            row.cell(outcome.value, style=FontFace(color=_COLOURS[outcome], emphasis="BOLD"))
            row.cell(str(len(test["values"])))
            row.cell(test["reason"])


def _values(pdf: FPDF, record: dict[str, Any]) -> None:
    _heading(pdf, "Measured values")
    pdf.set_font(_FONT, "", 7)
    pdf.set_text_color(*_GREY)
    pdf.multi_cell(
        0, 3.6,
        "u is the standard uncertainty, n the number of samples. Decision rule: simple acceptance; "
        "a two-sided limit asks for 2u within a quarter of its span.",
        new_x=XPos.LMARGIN, new_y=YPos.NEXT,
    )  # fmt: skip
    pdf.set_text_color(*_BLACK)
    align = ("LEFT", "RIGHT", "LEFT", "LEFT", "RIGHT", "RIGHT")
    for test in record["tests"]:
        if not test["values"]:
            continue
        if pdf.will_page_break(24):
            pdf.add_page()
        pdf.ln(1.5)
        pdf.set_font(_FONT, "B", 8.5)
        pdf.cell(0, 5, test["title"], new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.set_font(_FONT, "", 7)
        pdf.set_text_color(*_GREY)
        sources = "; ".join(dict.fromkeys(value["source"] for value in test["values"]))
        pdf.multi_cell(0, 3.8, f"Limits from: {sources}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.set_text_color(*_BLACK)
        with _table(pdf, (66, 24, 18, 42, 18, 10), align) as table:
            table.row(("Value of", "Value", "Unit", "Limits", "u", "n"))
            for value in test["values"]:
                outcome = Outcome(value["outcome"])
                colour = FontFace(color=_COLOURS[outcome], emphasis="BOLD")
                scale, unit = _prefix(value)
                row = table.row()
                row.cell(value["name"])
                row.cell(
                    _digits(value["value"], scale=scale),
                    style=None if outcome == "pass" else colour,
                )
                row.cell(unit)
                row.cell(_limits(value, scale))
                row.cell(_digits(value["uncertainty"], 2, scale) if value["uncertainty"] else "")
                row.cell(str(value["samples"]))


_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))
_SCALED = ("A", "A/s", "m", "m/s", "s", "V", "W")


def _prefix(value: dict[str, Any]) -> tuple[float, str]:
    """Scale and unit in which value and limits read well."""
    unit = value["unit"]
    sizes = [abs(value[key]) for key in ("value", "lower", "upper") if value[key]]
    if unit not in _SCALED or not sizes:
        return 1.0, unit
    largest = max(sizes)
    scale, prefix = next(((s, p) for s, p in _PREFIXES if largest >= s), _PREFIXES[-1])
    return scale, prefix + unit


def _digits(value: float | None, digits: int = 5, scale: float = 1.0) -> str:
    """A number in few digits; null stands for what was not seen."""
    if value is None or not math.isfinite(value):
        return "not seen"
    return f"{value / scale:.{digits}g}"


def _limits(value: dict[str, Any], scale: float) -> str:
    lower, upper = (
        None if value[key] is None else value[key] / scale for key in ("lower", "upper")
    )
    if lower is None and upper is None:
        return ""
    if lower is None:
        return f"≤ {_digits(upper)}"
    if upper is None:
        return f"≥ {_digits(lower)}"
    if lower == upper:
        return f"= {_digits(lower)}"
    return f"{_digits(lower)} … {_digits(upper)}"


def label_pdf(record: dict[str, Any]) -> bytes:
    """Label of 62 x 29 mm: QR code, unit, uid, board, revision, result."""
    pdf = FPDF(format=(LABEL_MM[1], LABEL_MM[0]), unit="mm")
    _prepare(pdf, f"Label {record['subject']['unit']}")
    pdf.set_auto_page_break(False)
    pdf.set_margins(0, 0, 0)
    pdf.add_page(orientation="L", format=(LABEL_MM[1], LABEL_MM[0]))
    _draw_label(pdf, record)
    return bytes(pdf.output())


def _draw_label(pdf: FPDF, record: dict[str, Any]) -> None:
    subject = record["subject"]
    image = io.BytesIO()
    label_code(record).save(image, kind="png", scale=10, border=0)
    pdf.image(image, x=2.5, y=2.5, w=24, h=24)
    left = 29.0
    pdf.set_font(_FONT, "B", 13)
    pdf.text(left, 7.2, subject["unit"][:14])
    pdf.set_font(_FONT, "", 6.5)
    passed = record["outcome"] == Outcome.PASS
    rows = [
        f"{subject['board']}",
        f"fw {subject['firmware_version']} {subject['firmware_revision']}",
        f"{record['started_at'][:10]}  {'PASS' if passed else 'NOT PASSED'}",
    ]
    if subject["target"] != "real":
        rows[2] += f" ({subject['target']})"
    for number, text in enumerate(rows):
        pdf.text(left, 11.8 + 3.4 * number, text)
    pdf.set_font("Mono", "", 6.2)
    pdf.text(left, 22.6, f"uid {subject['uid']}")
    pdf.text(left, 25.9, f"res {record['result_id']}")
