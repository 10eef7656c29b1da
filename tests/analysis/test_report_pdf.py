"""The PDF report: the same content as the HTML, the same bytes, and the line on every page."""

from __future__ import annotations

import re

import pytest
from report_pages import Page, pdf_pages
from simulated_heart import make_array, simulate

from nullfield.analysis.chain import analyze
from nullfield.analysis.plots import write_plots
from nullfield.analysis.report import DISCLAIMER, build_document, write_report
from nullfield.analysis.report.document import (
    Column,
    Document,
    Items,
    Missing,
    Picture,
    Section,
    Table,
    Text,
    table,
)
from nullfield.analysis.report.html import html_text
from nullfield.analysis.report.pdf import pdf_bytes


def squeezed(text: str) -> str:
    # A PDF wraps lines, and breaks words that are too long for theirs.
    return re.sub(r"\s+", "", text)


def document_of(*blocks, **kwargs):
    return Document("Report", kwargs.pop("who", ""), (Section("s", "Part", blocks),), **kwargs)


@pytest.fixture(scope="module")
def heart():
    return analyze(simulate(make_array(4, (0, 1)), duration_s=15.0).recording)


def test_pdf_says_what_the_html_says(heart, tmp_path):
    document = build_document(heart, write_plots(heart, tmp_path), {"subject": "S-1"})
    pages = pdf_pages(pdf_bytes(document, is_compressed=False))
    shown = squeezed("".join(pages))
    for section in document.sections:
        assert squeezed(section.title) in shown
        for block in section.blocks:
            if isinstance(block, Table):
                cells = [cell for row in block.rows for cell in row]
                for text in (block.caption, *(one.title for one in block.columns), *cells):
                    assert squeezed(text) in shown
            elif isinstance(block, Text | Missing):
                assert squeezed(block.text) in shown
            elif isinstance(block, Items):
                assert all(squeezed(item) in shown for item in block.items)
            elif isinstance(block, Picture):
                assert squeezed(block.caption) in shown
    assert squeezed(Page(html_text(document)).words()).count(squeezed(DISCLAIMER)) == 2


def test_every_page_says_research_use_and_its_number():
    rows = [(f"setting {number}", number) for number in range(300)]
    columns = (Column("What"), Column("Value", True))
    pages = pdf_pages(pdf_bytes(document_of(table("Many", columns, rows)), is_compressed=False))
    assert len(pages) > 3
    for number, page in enumerate(pages, 1):
        assert DISCLAIMER in page
        assert f"page {number} of" in page
        assert "What" in page


def test_the_same_analysis_gives_the_same_bytes(heart, tmp_path):
    plots = write_plots(heart, tmp_path)
    for name in ("a.pdf", "b.PDF"):
        write_report(tmp_path / name, heart, plots, {"date": "2026-03-04T10:20:00"})
    data = (tmp_path / "a.pdf").read_bytes()
    assert data == (tmp_path / "b.PDF").read_bytes()
    assert data.startswith(b"%PDF")
    assert b"D:20260304102000" in data


@pytest.mark.parametrize("date", ["", "yesterday", "2026-13-45"])
def test_without_a_date_the_day_of_writing_is_not_taken(date):
    assert b"D:19700101000000" in pdf_bytes(document_of(Text("a"), created=date))


def test_units_and_signs_are_in_the_font():
    told = "√Hz µA·m ±1° −3 … 5 × – χ² ∂Bz/∂y →"
    page = pdf_pages(pdf_bytes(document_of(Text(told)), is_compressed=False))[0]
    assert told in page


def test_a_sign_that_the_font_lacks_is_marked_and_a_long_word_is_broken(caplog):
    who = "中文 " + "A" * 400
    columns = (Column("a"), Column("b"))
    cells = table("t", columns, [("B" * 300, "")])
    page = pdf_pages(pdf_bytes(document_of(cells, who=who), is_compressed=False))[0]
    assert "\ufffd\ufffd" in page
    assert page.count("A") >= 400
    assert page.count("B") >= 300
    assert not caplog.records


def test_a_row_higher_than_a_page_is_no_error():
    columns = (Column("a"), Column("b", weight=4.0))
    tall = table("t", columns, [("x", "word " * 4000), ("y", "end")])
    pages = pdf_pages(pdf_bytes(document_of(tall), is_compressed=False))
    assert "end" in pages[-1]


def test_a_table_without_rows_is_left_out():
    pages = pdf_pages(
        pdf_bytes(document_of(table("none", (Column("a"),), [])), is_compressed=False)
    )
    assert "none" not in pages[0]
