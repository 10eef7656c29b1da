"""The typed-out pin tables against the arithmetic that MicroPython's drivers use."""

import pytest

from nullfield.definitions.mcus import (
    ADC_PINS,
    HEADER_PINS,
    MCUS,
    MODULE_PINS,
    PIN_FUNCTIONS,
    pwm_slice,
    spi_function,
    uart_functions,
)

SIGNALS = ("RX", "CS", "SCK", "TX")
UART_SIGNALS = ("TX", "RX", "CTS", "RTS")


@pytest.mark.parametrize("gpio", range(30))
def test_functions(gpio):
    # Bits 0 and 1 of the number are the signal, bit 3 the peripheral; UARTs are shifted by four.
    assert spi_function(gpio) == f"SPI{gpio >> 3 & 1} {SIGNALS[gpio & 3]}"
    uart = (gpio + 4) >> 3 & 1
    first = f"UART{uart} {UART_SIGNALS[gpio & 3]}"
    assert uart_functions(MCUS["rp2040"], gpio) == (first,)
    more = (f"UART{uart} {UART_SIGNALS[gpio & 1]}",) if gpio & 2 else ()
    assert uart_functions(MCUS["rp2350"], gpio) == (first, *more)
    assert pwm_slice(gpio) == f"{gpio >> 1 & 7}{'AB'[gpio & 1]}"


def test_every_pin_is_on_the_header_or_used_by_the_module():
    assert set(HEADER_PINS) | set(MODULE_PINS) == set(PIN_FUNCTIONS) == set(range(30))
    assert not set(HEADER_PINS) & set(MODULE_PINS)
    assert list(ADC_PINS.items()) == [(26, 0), (27, 1), (28, 2), (29, 3)]


def test_header_leaves_out_ground_and_supply():
    # Pico data sheet, pinout: ground on every fifth pin from 3 on, run, 3V3, VSYS, VBUS.
    others = {3, 8, 13, 18, 23, 28, 33, 38, 30, 35, 36, 37, 39, 40}
    assert set(HEADER_PINS.values()) == set(range(1, 41)) - others
    assert [HEADER_PINS[g] for g in sorted(HEADER_PINS)] == sorted(HEADER_PINS.values())
