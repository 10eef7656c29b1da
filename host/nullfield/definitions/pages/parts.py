"""Key parts of a board: chips from the definition, and what its scales and lines ask for."""

from __future__ import annotations

from collections.abc import Iterator

from nullfield.definitions.chips import CHIPS
from nullfield.definitions.mcus import MCUS
from nullfield.definitions.pin_use import chip_labels
from nullfield.definitions.roles import ROLES
from nullfield.definitions.schema import BoardDefinition

_SHEETS = {"rp2040": "Pico, RP2040", "rp2350": "Pico 2, RP2350"}

Row = tuple[str, str, str, str, str]


def part_rows(board: BoardDefinition) -> list[Row]:
    """Part, number, purpose, maker, data sheet."""
    return [_module(board), *_chips(board), *_role_parts(board), *_resistors(board)]


def _module(board: BoardDefinition) -> Row:
    mcu = MCUS[board.mcu]
    return mcu.module, "1", "processor, USB", "Raspberry Pi", _SHEETS[board.mcu]


def _chips(board: BoardDefinition) -> Iterator[Row]:
    needs = ROLES[board.role].chips
    for purpose, unit in chip_labels(board).items():
        kind = CHIPS[board.chips[purpose].chip]
        why = f"{unit}: {needs[purpose].purpose} ({kind.what})"
        yield kind.title, "1", why, kind.maker, kind.sheet


def _plain(part: str, number: int, purpose: str) -> Row:
    return part, str(number), purpose, "", ""


def _role_parts(board: BoardDefinition) -> Iterator[Row]:
    scales = board.scales
    if board.role == "sensor":
        assert board.heads is not None
        heads = board.heads
        ohm = 10**10 // scales["coil_full_scale_na"]
        yield _plain(f"{scales['transimpedance_ohm'] // 1000} kΩ transimpedance amplifier", heads,
                     "photodiodes")  # fmt: skip
        yield _plain(f"difference amplifier, x {scales['modulation_gain']}", heads,
                     "modulation channels")  # fmt: skip
        yield _plain(f"{ohm / 1000:g} kΩ resistor", 3 * heads, "in series with on-head coils")
        yield _plain(f"{scales['cell_reference_ohm'] / 1000:g} kΩ 0.01 % resistor", 1,
                     "reference of the Pt1000")  # fmt: skip
        yield _plain(f"{scales['laser_divider_ohm'] / 1000:g} kΩ 0.1 % resistor", heads,
                     "above the lasers' NTC")  # fmt: skip
        yield _plain("laser current source, 0.5 mA/V, with enable", heads, "lasers")
        yield _plain("TEC driver, 0.2 A/V", heads, "lasers' temperature")
        watts = scales["heater_full_scale_uw"] / 1e6
        yield _plain(f"heater bridge, {watts:g} W, with enable", heads, "cell heaters")
    elif board.role == "coil":
        assert board.coils is not None
        milliamperes = scales["coarse_full_scale_na"] / 1e6
        yield _plain(f"current source, 1 mA/V, ±{milliamperes:g} mA", board.coils, "room coils")
        volts_per_ampere = 1000 * scales["adc_full_scale_uv"] / scales["sense_full_scale_na"]
        yield _plain(f"sense amplifier, {volts_per_ampere:g} V/A", board.coils,
                     "current sense")  # fmt: skip
        yield _plain("relay, normally open", board.coils, "outputs open while not enabled")


def _resistors(board: BoardDefinition) -> Iterator[Row]:
    enables = [name for name in board.outputs if name.endswith("_enable")]
    if enables:
        yield _plain("10 kΩ resistor", len(enables), f"safe level of {', '.join(enables)}")
    open_inputs = [name for name, line in board.inputs.items() if line.pull is None]
    if open_inputs:
        yield _plain("4.7 kΩ resistor", len(open_inputs), f"to ground: {', '.join(open_inputs)}")
    uarts = sum(1 for chip in board.chips.values() if chip.uart is not None and chip.uart.echo)
    if uarts:
        yield _plain("1 kΩ resistor", uarts, "between TX and the one-wire UART")
