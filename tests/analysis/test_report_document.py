"""Texts and numbers of a report."""

from __future__ import annotations

import math

import pytest

from nullfield.analysis.report.document import (
    Column,
    Table,
    decimal,
    name_runs,
    printable,
    significant,
    table,
)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["H1"], "H1"),
        (["H1", "H2"], "H1, H2"),
        (["H1", "H2", "H3", "H5", "REF1"], "H1–H3, H5, REF1"),
        (["H9", "H10", "H11"], "H9–H11"),
        (["S01", "S02", "S03"], "S01–S03"),
        (["S09", "S10", "S11"], "S09–S11"),
        (["S1", "S02"], "S1, S02"),
        (["H1-x", "H1-y", "H2-x", "H2-y", "H3-x", "H3-y"], "H1-x–H3-x, H1-y–H3-y"),
        (["", "1", "2", "3"], ", 1–3"),
        (["a1x", "a2x", "a3x", "a4y"], "a1x–a3x, a4y"),
        (["H3", "H2", "H1"], "H3, H2, H1"),
        (["H1", "H1", "H2", "H3"], "H1–H3"),
        (["left", "right"], "left, right"),
        (["MEG 0111", "MEG 0112", "MEG 0113"], "MEG 0111–MEG 0113"),
        (["x" + "9" * 40], "x" + "9" * 40),
    ],
)
def test_runs_of_names_are_drawn_together(names, text):
    assert name_runs(names) == text


def test_sixty_names_become_one_run():
    assert name_runs(f"H{number}" for number in range(1, 61)) == "H1–H60"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.5, "−0.500"), (12.345, "12.3"), (123.45, "123"), (99999.0, "99999"),
        (0.00123, "0.00123"), (1.5e-7, "1.50e−07"), (2.5e9, "2.50e+09"), (9.999, "10.0"),
        (None, "–"), (math.nan, "–"), (math.inf, "–"),
    ],
)  # fmt: skip
def test_significant_digits(value, text):
    assert significant(value) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-0.04, 1, "0.0"), (-0.06, 1, "−0.1"), (2.0, 0, "2"), (None, 1, "–"), (math.nan, 1, "–")],
)
def test_decimals(value, digits, text):
    assert decimal(value, digits) == text


def test_what_cannot_be_shown_is_marked():
    assert printable("a\x00b\u202ec\ud800d\ne") == "a\ufffdb\ufffdc\ufffdd e"
    assert printable("µ√ 中 é") == "µ√ 中 é"
    assert len(printable("x" * 100_000)) < 21_000


def test_a_row_has_as_many_cells_as_columns():
    with pytest.raises(ValueError, match="2 cells, 1 columns"):
        Table("t", (Column("a"),), (("x", "y"),))
    assert table("t", (Column("a"), Column("b")), [(None, "")]).rows == (("–", "–"),)
