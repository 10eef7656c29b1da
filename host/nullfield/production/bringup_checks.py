"""Acceptance plan of a bare module: nothing is attached, and nothing can be switched on."""

from __future__ import annotations

from typing import Any

from nullfield.production.bench import Bench
from nullfield.production.common_checks import first_checks, last_checks
from nullfield.production.plan import Check
from nullfield.production.verdict import Limit, Value, mean_and_uncertainty

_USB_MAXIMUM_V = 5.5
_SELF_HEATING_K = 25.0


def _seen(bench: Bench) -> list[Any]:
    return bench.watch(2.0)


def supply(bench: Bench) -> list[Value]:
    """Supply rail as the module's own converter sees it."""
    seen = bench.once("quiet", _seen)
    mean, error, count = mean_and_uncertainty(t.supply_v for t in seen)
    least_v = bench.definition["supply"]["minimum_mv"] * 1e-3
    limit = Limit(least_v, _USB_MAXIMUM_V, "board definition: supply.minimum_mv; USB 2.0: 5.5 V")
    return [Value("VSYS", mean, "V", limit, count, error)]


def die_temperature(bench: Bench) -> list[Value]:
    """Temperature of the processor: ambient and what it heats itself by."""
    seen = bench.once("quiet", _seen)
    mean, error, count = mean_and_uncertainty(t.mcu_temperature_c for t in seen)
    ambient_c = bench.fixture.ambient_c
    # The sensor is good to some kelvin only without calibration.
    limit = Limit(
        ambient_c - 10.0, ambient_c + _SELF_HEATING_K + 10.0,
        "fixture: ambient; data sheet RP2040: uncalibrated sensor",
    )  # fmt: skip
    return [Value("processor", mean, "degC", limit, count, error)]


def bringup_plan() -> list[Check]:
    """Every test of a bare module."""
    return [
        *(check for check in first_checks(()) if check.name != "host_silence"),
        Check("supply", "Supply rail", supply, requires=("identity",)),
        Check("die_temperature", "Processor temperature", die_temperature, requires=("identity",)),
        *last_checks(),
    ]
