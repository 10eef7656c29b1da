"""Spellings of units, and values that cannot be in the unit that stands beside them."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.errors import InputError
from nullfield.files.units import check_plausible, parse_unit, split_name, wanted_unit


@pytest.mark.parametrize(
    ("text", "kind", "factor"),
    [
        ("T", "magnetic", 1e12),
        ("pT", "magnetic", 1.0),
        ("fT", "magnetic", 1e-3),
        ("nT", "magnetic", 1e3),
        ("uT", "magnetic", 1e6),
        ("µT", "magnetic", 1e6),
        ("\u03bcT", "magnetic", 1e6),
        ("mT", "magnetic", 1e9),
        ("[pT]", "magnetic", 1.0),
        (" (fT) ", "magnetic", 1e-3),
        ("pt", "magnetic", 1.0),
        ("Tesla", "magnetic", 1e12),
        ("femtotesla", "magnetic", 1e-3),
        ("microTesla", "magnetic", 1e6),
        ("V", "electric", 1e6),
        ("mV", "electric", 1e3),
        ("uV", "electric", 1.0),
        ("µV", "electric", 1.0),
        ("nV", "electric", 1e-3),
        ("Volts", "electric", 1e6),
    ],
)
def test_spellings(text, kind, factor):
    unit = parse_unit(text)
    assert (unit.kind, unit.factor) == (kind, factor)


@pytest.mark.parametrize("text", ["fT/cm", "T/m", "pT/cm", "fT per cm", "fT cm-1", "T·m⁻¹"])
def test_gradients_are_no_fields(text):
    assert parse_unit(text).kind == "gradient"


@pytest.mark.parametrize("text", ["", "t", "x", "pTa", "foo", "1", "T/s/s", "qT"])
def test_no_unit(text):
    assert parse_unit(text) is None


@pytest.mark.parametrize(
    ("column", "name", "unit"),
    [
        ("mlii_mV", "mlii", "mV"),
        ("B1_pT", "B1", "pT"),
        ("field_fT", "field", "fT"),
        ("H1-x_pT", "H1-x", "pT"),
        ("Bz [nT]", "Bz", "nT"),
        ("Bz (µT)", "Bz", "µT"),
        ("Bz/fT", "Bz", "fT"),
        ("sensor 4 fT", "sensor 4", "fT"),
        ("MEG 0111", "MEG 0111", None),
        ("00:16-BZ", "00:16-BZ", None),
        ("L101_bz-s1", "L101_bz-s1", None),
        ("lead V", "lead V", None),
        ("grad_fT/cm", "grad", "fT/cm"),
    ],
)
def test_names_and_units_of_columns(column, name, unit):
    found, told = split_name(column)
    assert found == name
    assert (told.text if told else None) == unit


def test_a_unit_that_is_none_names_the_ones_that_are():
    with pytest.raises(InputError, match="gauss") as caught:
        wanted_unit("gauss")
    assert "pT" in caught.value.hint
    with pytest.raises(InputError, match="fT/cm"):
        wanted_unit("fT/cm")


@pytest.mark.parametrize(
    ("unit", "raw", "better"),
    [
        ("pT", 1e-13, "in T they"),
        ("T", 40.0, "pT"),
        ("fT", 8e-14, "in T they"),
        ("mV", 2e-6, "V"),
        ("V", 300.0, "uV"),
    ],
)
def test_values_that_the_unit_cannot_have(unit, raw, better):
    told = parse_unit(unit)
    values = np.random.default_rng(1).normal(size=(3, 500)) * raw * told.factor
    with pytest.raises(InputError, match=f"says {unit}") as caught:
        check_plausible("one.csv", values, told)
    assert better in caught.value.hint
    assert "--unit" in caught.value.hint


@pytest.mark.parametrize(("unit", "raw"), [("pT", 0.02), ("pT", 5e4), ("fT", 60.0), ("mV", 0.5)])
def test_values_that_it_can_have(unit, raw):
    told = parse_unit(unit)
    values = np.random.default_rng(1).normal(size=(3, 500)) * raw * told.factor
    # Large offsets are usual, dead channels and gaps too.
    values += 7e4 * told.factor
    values[0] = 0.0
    values[1, 100:400] = np.nan
    check_plausible("one.csv", values, told)
    check_plausible("one.csv", np.zeros((2, 10)), told)
    check_plausible("one.csv", np.full((2, 10), np.nan), told)
