"""Numbers with units, as people type and read them."""

import pytest

from nullfield.errors import InputError
from nullfield.quantity import format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("1.5 mA", "A", 1.5e-3),
        ("1.5mA", "A", 1.5e-3),
        ("0.0015", "A", 0.0015),
        ("70 nT", "T", 70e-9),
        ("12 µs", "s", 12e-6),
        ("12 us", "s", 12e-6),
        ("-3 MHz", "Hz", -3e6),
        ("150 °C", "degC", 150.0),
        ("150", "degC", 150.0),
        ("2 degC/s", "degC/s", 2.0),
        ("20 mm/s", "m/s", 0.02),
        ("1e3", "", 1000.0),
        ("on", "", 1.0),
        ("Off", "", 0.0),
    ],
)
def test_parse(text, unit, value):
    assert parse_quantity(text, unit) == value


@pytest.mark.parametrize(
    ("text", "unit"),
    [("1.5 V", "A"), ("fast", "s"), ("", "A"), ("1 xA", "A"), ("1 mdegC", "degC"), ("on", "A"),
     ("3 m", ""), ("1,5", "A"), ("0x10", "")],
)  # fmt: skip
def test_what_is_no_such_quantity(text, unit):
    with pytest.raises(InputError, match=r"setting x: ") as wrong:
        parse_quantity(text, unit, "setting x")
    assert wrong.value.hint


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.5e-3, "A", "1.5 mA"),
        (1e-3, "s", "1 ms"),
        (6.25e-5, "s", "62.5 µs"),
        (0.0, "A", "0 A"),
        (-7.5e-8, "T", "-75 nT"),
        (150.0, "degC", "150 degC"),
        (0.15, "degC", "0.15 degC"),
        (1234567.0, "", "1.23457e+06"),
        (0.999999, "m", "1 m"),
        (1000.0, "Hz", "1 kHz"),
    ],
)
def test_format(value, unit, text):
    assert format_quantity(value, unit) == text


@pytest.mark.parametrize("value", [1e-12, 3.3e-7, -0.02, 1.0, 47.11, 2.5e5])
def test_there_and_back(value):
    assert parse_quantity(format_quantity(value, "A", 12), "A") == pytest.approx(value, rel=1e-11)
