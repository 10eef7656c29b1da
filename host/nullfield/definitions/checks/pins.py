"""Pins: each used once, brought out by the module, and on an ADC where it must be."""

from __future__ import annotations

from collections.abc import Iterator

from nullfield.definitions.mcus import (
    ADC_PINS,
    HEADER_PINS,
    LED_PIN,
    MCUS,
    MODULE_PINS,
    SUPPLY_DIVIDER,
    SUPPLY_PIN,
    names,
)
from nullfield.definitions.pin_use import free_pins, pin_uses
from nullfield.definitions.problem import Problem
from nullfield.definitions.schema import BoardDefinition


def check_pins(board: BoardDefinition) -> Iterator[Problem]:
    """Pins used twice or not on the module; the supply's ADC."""
    first: dict[int, str] = {}
    free = f"take a free pin: {names(free_pins(board))}"
    for use in pin_uses(board):
        if use.gpio in first:
            yield Problem(use.key, f"GPIO{use.gpio} is used by {first[use.gpio]}, too", free)
        first.setdefault(use.gpio, use.key)
        if use.gpio in HEADER_PINS or use.key == "supply.adc_pin":
            continue
        if use.gpio == LED_PIN and use.key == "outputs.led.pin":
            continue
        yield Problem(
            use.key,
            f"GPIO{use.gpio} {MODULE_PINS[use.gpio]} and is not on the header of a "
            f"{MCUS[board.mcu].module}",
            free,
        )
    yield from _supply(board)


def _supply(board: BoardDefinition) -> Iterator[Problem]:
    supply = board.supply
    if supply is None:
        return
    if supply.adc_pin not in ADC_PINS:
        yield Problem(
            "supply.adc_pin",
            f"GPIO{supply.adc_pin} has no ADC",
            f"take GPIO{SUPPLY_PIN}, where the module measures its own supply, or one of "
            f"{names([gpio for gpio in ADC_PINS if gpio != SUPPLY_PIN])}",
        )
    if supply.adc_pin == SUPPLY_PIN and supply.divider != SUPPLY_DIVIDER:
        yield Problem(
            "supply.divider",
            f"{supply.divider}, but the module divides VSYS by {SUPPLY_DIVIDER} for GPIO{SUPPLY_PIN}",
            f"write {SUPPLY_DIVIDER}",
        )
    # The converter's reference is the module's 3.3 V.
    if supply.minimum_mv >= 3300 * supply.divider:
        yield Problem(
            "supply.minimum_mv",
            f"{supply.minimum_mv} mV is more than GPIO{supply.adc_pin} can tell "
            f"({3300 * supply.divider} mV at full scale)",
            "lower it, or divide more",
        )
