"""Which pin a definition uses for what: the one list behind checks, tables and diagrams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nullfield.definitions.chips import CHIPS
from nullfield.definitions.mcus import HEADER_PINS, LED_PIN, SUPPLY_PIN
from nullfield.definitions.roles import ROLES, Line
from nullfield.definitions.schema import BoardDefinition, Chip


@dataclass(frozen=True)
class PinUse:
    """One pin at work.

    Attributes
    ----------
    key : str
        Where the definition says so.
    gpio : int
    signal, connects_to : str
        For people.
    direction : str
        ``in`` or ``out``, seen from the module.
    served_by : str
        ``PIO0``, ``SPI1``, ``GPIO`` and so on.
    level : str
        Safe level of an output or pull of an input.
    """

    key: str
    gpio: int
    signal: str
    connects_to: str
    direction: str
    served_by: str
    level: str = ""


def chip_labels(board: BoardDefinition) -> dict[str, str]:
    """``U1``, ``U2``, ... by the purpose of a chip, in the definition's order."""
    return {purpose: f"U{number}" for number, purpose in enumerate(board.chips, 1)}


def pin_uses(board: BoardDefinition) -> tuple[PinUse, ...]:
    """Every pin of a definition, in its order."""
    return tuple(
        [
            *_bus_pins(board),
            *_chip_pins(board),
            *_pwm_pins(board),
            *_line_pins(board),
            *_stepper_pins(board),
            *_supply_pin(board),
        ]
    )


def free_pins(board: BoardDefinition) -> list[int]:
    """Pins of the module's header that the definition does not use."""
    used = {use.gpio for use in pin_uses(board)}
    return [gpio for gpio in HEADER_PINS if gpio not in used]


def _bus_pins(board: BoardDefinition) -> Iterator[PinUse]:
    labels = chip_labels(board)
    for name, bus in board.spi.items():
        chips = [(labels[p], CHIPS.get(c.chip)) for p, c in board.chips.items() if c.spi == name]
        for signal, direction in (("sck", "out"), ("mosi", "out"), ("miso", "in")):
            to = ", ".join(f"{u} {kind.pins[signal]}" for u, kind in chips if kind) or "no chip"
            yield PinUse(
                f"spi.{name}.{signal}",
                getattr(bus, signal),
                f"{name} {signal.upper()}",
                to,
                direction,
                f"SPI{bus.id}",
            )


def _chip_pins(board: BoardDefinition) -> Iterator[PinUse]:
    for purpose, unit in chip_labels(board).items():
        chip = board.chips[purpose]
        for key, gpio, signal, direction, served_by, level in _signals(chip):
            yield PinUse(
                f"chips.{purpose}.{key}",
                gpio,
                f"{purpose} {signal.upper()}",
                _chip_pin(unit, chip, signal),
                direction,
                served_by,
                level,
            )


def _signals(chip: Chip) -> Iterator[tuple[str, int, str, str, str, str]]:
    if chip.cs is not None:
        yield "cs", chip.cs, "cs", "out", "GPIO", "high"
    if chip.stream is not None:
        levels = {"sck": "low", "cs": "high", "ldac": "high"}
        for signal, gpio in chip.stream:
            if gpio is not None:
                direction = "in" if signal in ("miso", "drdy") else "out"
                yield f"stream.{signal}", gpio, signal, direction, "PIO0", levels.get(signal, "")
    if chip.uart is not None:
        served_by = f"UART{chip.uart.id}"
        yield "uart.tx", chip.uart.tx, "tx", "out", served_by, "high"
        yield "uart.rx", chip.uart.rx, "rx", "in", served_by, ""


def _chip_pin(unit: str, chip: Chip, signal: str) -> str:
    kind = CHIPS.get(chip.chip)
    return f"{unit} {kind.pins.get(signal, signal.upper()) if kind else signal.upper()}"


def _pwm_pins(board: BoardDefinition) -> Iterator[PinUse]:
    needs = ROLES[board.role].pwm
    for name, pwm in board.pwm.items():
        to = needs.get(name, "")
        level = f"low, {pwm.frequency / 1000:g} kHz at work"
        yield PinUse(f"pwm.{name}.pin", pwm.pin, name, to, "out", "PWM", level)


def _line_pins(board: BoardDefinition) -> Iterator[PinUse]:
    needs = ROLES[board.role]
    for name, output in board.outputs.items():
        to = "LED on the module" if output.pin == LED_PIN else _to(needs.outputs, name)
        level = f"{'high' if output.safe_pin_level else 'low'} ({'on' if output.safe else 'off'})"
        if name.endswith("_enable"):
            level += f", 10 kΩ pull-{'up' if output.safe_pin_level else 'down'}"
        yield PinUse(f"outputs.{name}.pin", output.pin, name, to, "out", "GPIO", level)
    for name, line in board.inputs.items():
        pull = f"internal pull-{line.pull}" if line.pull else "external 4.7 kΩ to ground"
        to = _to(needs.inputs, name)
        yield PinUse(f"inputs.{name}.pin", line.pin, name, to, "in", "GPIO", pull)


def _to(lines: dict[str, Line], name: str) -> str:
    return lines[name].to if name in lines else ""


def _stepper_pins(board: BoardDefinition) -> Iterator[PinUse]:
    if board.stepper is None:
        return
    unit = chip_labels(board).get("driver", "driver")
    for signal, gpio, served_by in (
        ("step", board.stepper.step, "PIO1"),
        ("direction", board.stepper.direction, "GPIO"),
    ):
        to = f"{unit} {CHIPS['tmc2209'].pins[signal]}"
        yield PinUse(f"stepper.{signal}", gpio, signal, to, "out", served_by, "low")


def _supply_pin(board: BoardDefinition) -> Iterator[PinUse]:
    if board.supply is not None:
        on_module = board.supply.adc_pin == SUPPLY_PIN
        to = f"VSYS / {board.supply.divider}" + (", on the module" if on_module else "")
        yield PinUse("supply.adc_pin", board.supply.adc_pin, "supply", to, "in", "ADC")
