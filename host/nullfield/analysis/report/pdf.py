"""A report as PDF, the same bytes for the same document."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path

import matplotlib
from fpdf import FPDF, XPos, YPos
from fpdf.fonts import FontFace
from PIL import Image

from nullfield.analysis.report.document import (
    Block,
    Column,
    Document,
    Frames,
    Items,
    Missing,
    Picture,
    Section,
    Table,
    Text,
)
from nullfield.analysis.report.html import in_pairs

_FONT = "DejaVu"
_INK = (20, 20, 20)
_SOFT = (75, 75, 75)
_LINE = (170, 170, 170)
_MARGIN_MM = 15.0
_GAP_MM = 6.0
_FULL_WEIGHT = 5.0
"""Weight of a table's columns from which it is as wide as the page."""
_NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands in the file's own date where none is told: the day of writing would change the bytes."""
_TALLEST_LINES = 30
"""Of a cell; a longer one goes on in the next row."""
_MOST_SHARE = 0.6
"""Of a page: a longer section may begin below another one if this much of it has room there."""


class _Report(FPDF):
    """Pages that say what they are not, at the foot of each."""

    document: Document
    known: frozenset[int]

    def shown(self, text: str) -> str:
        """Text with a mark for each sign that the font does not have; the HTML report has it."""
        return "".join(one if ord(one) in self.known else "\ufffd" for one in text)

    def header(self) -> None:
        """Title and the line on research use, from the second page on."""
        if self.page_no() == 1:
            return
        self.set_font(_FONT, "", 7.5)
        self.set_text_color(*_SOFT)
        self.cell(0, 4, _cut(self, self.document.title, self.document.who), align="L")
        self.ln(8)

    def footer(self) -> None:
        """The line on research use, and the page's number."""
        self.set_y(-12)
        self.set_font(_FONT, "B", 7.5)
        self.set_text_color(*_INK)
        self.cell(0, 4, self.document.disclaimer, align="L")
        self.set_font(_FONT, "", 7.5)
        self.set_x(self.l_margin)
        self.cell(0, 4, f"page {self.page_no()} of {{nb}}", align="R")


def pdf_bytes(document: Document, *, is_compressed: bool = True) -> bytes:
    """The document as PDF, A4.

    Parameters
    ----------
    document : Document
    is_compressed : bool
        False for streams that can be read as they stand.
    """
    pdf = _Report(format="A4", unit="mm")
    pdf.document = document
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    pdf.add_font(_FONT, "", fonts / "DejaVuSans.ttf")
    pdf.add_font(_FONT, "B", fonts / "DejaVuSans-Bold.ttf")
    pdf.known = frozenset(getattr(pdf.fonts[_FONT.lower()], "cmap", ()))
    pdf.set_compression(is_compressed)
    pdf.set_lang("en")
    pdf.set_title(document.title)
    pdf.set_subject(document.disclaimer)
    pdf.set_creator("Nullfield")
    pdf.set_creation_date(_date(document.created))
    pdf.set_margins(_MARGIN_MM, 13.0, _MARGIN_MM)
    pdf.set_auto_page_break(True, 18.0)
    pdf.c_margin = 0.0
    pdf.add_page()
    _title(pdf, document)
    for number, section in enumerate(document.sections):
        _section(pdf, section, is_first=number == 0)
    return bytes(pdf.output())


def _date(text: str) -> datetime:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return _NO_DATE
    # The file's zone must not depend on the machine's.
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _title(pdf: _Report, document: Document) -> None:
    pdf.set_text_color(*_INK)
    pdf.set_font(_FONT, "B", 17)
    _lines(pdf, document.title, 8.0)
    if document.who:
        pdf.set_font(_FONT, "", 9.5)
        pdf.set_text_color(*_SOFT)
        _lines(pdf, document.who, 5.0)
    pdf.ln(2)
    pdf.set_font(_FONT, "B", 10)
    pdf.set_text_color(*_INK)
    pdf.set_draw_color(*_INK)
    pdf.cell(0, 8, f"  {document.disclaimer}", border=1, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _section(pdf: _Report, section: Section, *, is_first: bool) -> None:
    wanted = min(_height_mm(pdf, section), _MOST_SHARE * pdf.h)
    if not is_first and pdf.will_page_break(wanted):
        pdf.add_page()
    pdf.ln(3)
    pdf.set_font(_FONT, "B", 13)
    pdf.set_text_color(*_INK)
    pdf.start_section(section.title)
    _lines(pdf, section.title, 7.0)
    pdf.set_draw_color(*_SOFT)
    pdf.line(pdf.l_margin, pdf.get_y(), pdf.w - pdf.r_margin, pdf.get_y())
    pdf.ln(3)
    for row in in_pairs(section.blocks):
        if len(row) == 2:
            _pair(pdf, row)
        else:
            _block(pdf, row[0])


def _height_mm(pdf: _Report, section: Section) -> float:
    """About the height of a section; the rows of a table are taken as of one line."""
    height = 16.0
    for row in in_pairs(section.blocks):
        tallest = 0.0
        for block in row:
            if isinstance(block, Picture):
                width = 0.5 * (pdf.epw - _GAP_MM) if block.is_half else pdf.epw
                size = _size_mm(block, width)[1] + 12.0
            elif isinstance(block, Table):
                size = 16.0 + 6.0 * len(block.rows)
            elif isinstance(block, Items):
                size = 8.0 + 4.5 * len(block.items)
            else:
                size = 0.0 if isinstance(block, Frames) else 10.0
            tallest = max(tallest, size)
        height += tallest
    return height


def _block(pdf: _Report, block: Block) -> None:
    match block:
        case Text():
            pdf.set_font(_FONT, "B" if block.kind == "warning" else "", 8.5)
            pdf.set_text_color(*(_SOFT if block.kind == "note" else _INK))
            _lines(pdf, block.text, 4.3)
            pdf.ln(2)
        case Missing():
            pdf.set_font(_FONT, "", 8.5)
            pdf.set_text_color(*_SOFT)
            _lines(pdf, block.text, 4.3)
            pdf.ln(2)
        case Items():
            _items(pdf, block)
        case Table():
            _table(pdf, block)
        case Picture():
            _picture(pdf, block)
        case Frames():
            # Paper does not move: the series beside it shows these moments.
            pass


def _items(pdf: _Report, block: Items) -> None:
    pdf.set_text_color(*_INK)
    if block.title:
        pdf.set_font(_FONT, "B", 9)
        _lines(pdf, block.title, 5.0)
    pdf.set_font(_FONT, "", 8.5)
    for item in block.items:
        _lines(pdf, f"•  {item}", 4.3)
    pdf.ln(2)


def _table(pdf: _Report, block: Table) -> None:
    if not block.rows:
        return
    if pdf.will_page_break(24.0):
        pdf.add_page()
    pdf.set_font(_FONT, "B", 9)
    pdf.set_text_color(*_INK)
    _lines(pdf, block.caption, 5.0)
    pdf.ln(1)
    size = 8.0 if len(block.columns) <= 6 else 7.0
    pdf.set_font(_FONT, "", size)
    pdf.set_draw_color(*_LINE)
    bold = FontFace(emphasis="BOLD")
    # A table of two numbers across the whole page would part what belongs together.
    share = min(1.0, sum(column.weight for column in block.columns) / _FULL_WEIGHT)
    with pdf.table(
        align="LEFT",
        width=share * pdf.epw,
        borders_layout="HORIZONTAL_LINES",
        col_widths=tuple(column.weight for column in block.columns),
        headings_style=bold,
        line_height=1.35 * size * 0.3528,
        padding=(0.8, 2.0, 0.8, 0.3),
        text_align=tuple("RIGHT" if column.is_number else "LEFT" for column in block.columns),
        v_align="TOP",
    ) as drawn:
        head = drawn.row()
        for column in block.columns:
            head.cell(pdf.shown(column.title))
        for cells in block.rows:
            for part in _parts(pdf, cells, block.columns, share * pdf.epw):
                row = drawn.row()
                for number, cell in enumerate(part):
                    row.cell(cell, style=bold if number == 0 else None)
    pdf.ln(4)


def _parts(
    pdf: _Report, cells: tuple[str, ...], columns: tuple[Column, ...], width_mm: float
) -> Iterator[tuple[str, ...]]:
    """A row as one or more, none of which is higher than a page."""
    whole = sum(column.weight for column in columns)
    pieces = []
    for cell, column in zip(cells, columns, strict=True):
        room_mm = _TALLEST_LINES * max(4.0, width_mm * column.weight / whole - 2.5)
        text = pdf.shown(cell)
        parts = -(-int(pdf.get_string_width(text)) // int(room_mm)) or 1
        size = -(-len(text) // parts)
        pieces.append([text[i : i + size] for i in range(0, len(text), size)])
    yield from zip_longest(*pieces, fillvalue="")


def _picture(pdf: _Report, block: Picture) -> None:
    if block.mime == "image/gif":
        return
    width = 0.5 * (pdf.epw - _GAP_MM) if block.is_half else pdf.epw
    across, height = _size_mm(block, width)
    if pdf.will_page_break(height + 12.0):
        pdf.add_page()
    top = pdf.get_y()
    _draw(pdf, block, pdf.l_margin, top, across)
    pdf.set_y(top + height + 1.0)
    _caption(pdf, block, pdf.l_margin, pdf.epw)
    pdf.ln(3)


def _pair(pdf: _Report, row: list[Block]) -> None:
    pictures = [block for block in row if isinstance(block, Picture)]
    width = 0.5 * (pdf.epw - _GAP_MM)
    sizes = [_size_mm(picture, width) for picture in pictures]
    tallest = max(height for _, height in sizes)
    if pdf.will_page_break(tallest + 18.0):
        pdf.add_page()
    top, lowest = pdf.get_y(), 0.0
    for number, picture in enumerate(pictures):
        left = pdf.l_margin + number * (width + _GAP_MM)
        _draw(pdf, picture, left, top, sizes[number][0])
        pdf.set_y(top + tallest + 1.0)
        _caption(pdf, picture, left, width)
        lowest = max(lowest, pdf.get_y())
    pdf.set_y(lowest)
    pdf.ln(3)


def _size_mm(picture: Picture, width_mm: float) -> tuple[float, float]:
    """Width and height on paper: the width given, less if the page would be too short."""
    with Image.open(io.BytesIO(picture.data)) as image:
        across, along = image.size
    height = width_mm * along / across
    shrink = min(1.0, 225.0 / height)
    return width_mm * shrink, height * shrink


def _draw(pdf: _Report, picture: Picture, x_mm: float, y_mm: float, width_mm: float) -> None:
    with Image.open(io.BytesIO(picture.data)) as image:
        # An alpha channel would be stored beside the picture, and it is white below anyway.
        flat = Image.new("RGB", image.size, "white")
        full = image.convert("RGBA")
        flat.paste(full, mask=full.getchannel("A"))
    pdf.image(flat, x=x_mm, y=y_mm, w=width_mm, alt_text=picture.alt)


def _caption(pdf: _Report, picture: Picture, x_mm: float, width_mm: float) -> None:
    pdf.set_font(_FONT, "", 7.5)
    pdf.set_text_color(*_SOFT)
    pdf.set_x(x_mm)
    pdf.multi_cell(
        width_mm, 3.8, pdf.shown(picture.caption), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
    )


def _lines(pdf: _Report, text: str, height_mm: float) -> None:
    pdf.set_x(pdf.l_margin)
    pdf.multi_cell(0, height_mm, pdf.shown(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _cut(pdf: _Report, title: str, who: str) -> str:
    text = pdf.shown(f"{title} · {who}" if who else title)
    while len(text) > 2 and pdf.get_string_width(text) > 0.95 * pdf.epw:
        text = text[: int(0.9 * len(text))].rstrip(" …") + " …"
    return text
