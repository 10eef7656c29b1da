"""Peripherals: what SPI, UART and PWM can reach, and how fast."""

from __future__ import annotations

from collections.abc import Iterator

from nullfield.definitions.chips import CHIPS
from nullfield.definitions.mcus import (
    HEADER_PINS,
    MCUS,
    Mcu,
    names,
    pwm_slice,
    spi_function,
    uart_functions,
)
from nullfield.definitions.problem import Problem
from nullfield.definitions.schema import BoardDefinition

# The module is the controller: it sends on TX.
_SPI_SIGNALS = {"sck": "SCK", "mosi": "TX", "miso": "RX"}

# Steps of duty below which a heater's power is too coarse: 0.4 %.
_PWM_STEPS_MIN = 256
# The counter has 16 bits and the divider reaches 256 (RP2040 data sheet 4.5, RP2350 12.5).
_PWM_COUNT_MAX = 1 << 24


def check_peripherals(board: BoardDefinition) -> Iterator[Problem]:
    """SPI buses, UARTs and PWM slices."""
    mcu = MCUS[board.mcu]
    yield from _spi_pins(board)
    yield from _spi_clocks(board, mcu)
    yield from _spi_chips(board)
    yield from _uarts(board, mcu)
    yield from _pwm_slices(board)
    yield from _pwm_frequencies(board, mcu)


def _spi_pins(board: BoardDefinition) -> Iterator[Problem]:
    first: dict[int, str] = {}
    for name, bus in board.spi.items():
        if bus.id in first:
            yield Problem(
                f"spi.{name}.id",
                f"SPI{bus.id} is already the bus '{first[bus.id]}'",
                f"write {1 - bus.id}, or put the chips on one bus",
            )
        first.setdefault(bus.id, name)
        for signal, role in _SPI_SIGNALS.items():
            gpio = getattr(bus, signal)
            wanted = f"SPI{bus.id} {role}"
            if spi_function(gpio) != wanted:
                fitting = [g for g in HEADER_PINS if spi_function(g) == wanted]
                yield Problem(
                    f"spi.{name}.{signal}",
                    f"GPIO{gpio} can be {spi_function(gpio)}, {signal.upper()} needs {wanted}",
                    f"take one of {names(fitting)}",
                )


def _spi_clocks(board: BoardDefinition, mcu: Mcu) -> Iterator[Problem]:
    for name, bus in board.spi.items():
        limits = [(mcu.spi_max_hz, f"the {mcu.title}'s SPI")]
        for purpose, chip in board.chips.items():
            if chip.spi == name and chip.chip in CHIPS:
                kind = CHIPS[chip.chip]
                limits.append((kind.clock_max_hz, f"{purpose} ({kind.clock_source})"))
        limit, whose = min(limits)
        if bus.baudrate > limit:
            yield Problem(
                f"spi.{name}.baudrate",
                f"{bus.baudrate} Hz is above the {limit} Hz of {whose}",
                f"write at most {limit}",
            )


def _spi_chips(board: BoardDefinition) -> Iterator[Problem]:
    for purpose, chip in board.chips.items():
        if chip.spi is not None and chip.spi not in board.spi:
            yield Problem(
                f"chips.{purpose}.spi",
                f"there is no bus '{chip.spi}'",
                f"buses of this board: {', '.join(board.spi) or 'none; add one under spi'}",
            )
        kind = CHIPS.get(chip.chip)
        if kind is None:
            continue
        if chip.interface not in kind.interfaces:
            yield Problem(
                f"chips.{purpose}",
                f"the driver of the {kind.title} knows no '{chip.interface}'",
                f"use {' or '.join(kind.interfaces)}",
            )
        elif chip.mode is not None and chip.mode != kind.mode:
            yield Problem(
                f"chips.{purpose}.mode",
                f"SPI mode {chip.mode}, but the {kind.title} speaks mode {kind.mode}",
                f"write {kind.mode}",
            )


def _uarts(board: BoardDefinition, mcu: Mcu) -> Iterator[Problem]:
    first: dict[int, str] = {}
    for purpose, chip in board.chips.items():
        uart = chip.uart
        if uart is None:
            continue
        key = f"chips.{purpose}.uart"
        if uart.id in first:
            yield Problem(f"{key}.id", f"UART{uart.id} already serves '{first[uart.id]}'",
                          f"write {1 - uart.id}")  # fmt: skip
        first.setdefault(uart.id, purpose)
        for signal in ("tx", "rx"):
            gpio = getattr(uart, signal)
            wanted = f"UART{uart.id} {signal.upper()}"
            if wanted not in uart_functions(mcu, gpio):
                fitting = [g for g in HEADER_PINS if wanted in uart_functions(mcu, g)]
                yield Problem(
                    f"{key}.{signal}",
                    f"GPIO{gpio} can be {' or '.join(uart_functions(mcu, gpio))} on an "
                    f"{mcu.title}, not {wanted}",
                    f"take one of {names(fitting)}",
                )
        kind = CHIPS.get(chip.chip)
        if kind is not None and "uart" in kind.interfaces and uart.baudrate > kind.clock_max_hz:
            yield Problem(
                f"{key}.baudrate",
                f"{uart.baudrate} is above {kind.clock_max_hz} ({kind.clock_source})",
                f"write at most {kind.clock_max_hz}",
            )


def _pwm_slices(board: BoardDefinition) -> Iterator[Problem]:
    taken: dict[str, tuple[str, int]] = {}
    frequencies: dict[str, tuple[str, int]] = {}
    for name, pwm in board.pwm.items():
        channel = pwm_slice(pwm.pin)
        number = channel[:-1]
        if channel in taken:
            other, gpio = taken[channel]
            free = [g for g in HEADER_PINS if pwm_slice(g) not in {*taken, channel}]
            yield Problem(
                f"pwm.{name}.pin",
                f"GPIO{pwm.pin} and GPIO{gpio} of {other} are one PWM channel (slice {channel})",
                f"take one of {names(free)}",
            )
            continue
        taken[channel] = name, pwm.pin
        other, frequency = frequencies.setdefault(number, (name, pwm.frequency))
        if frequency != pwm.frequency:
            yield Problem(
                f"pwm.{name}.frequency",
                f"{pwm.frequency} Hz, but GPIO{pwm.pin} shares PWM slice {number} with {other} at "
                f"{frequency} Hz",
                f"write {frequency}, or take a pin of another slice",
            )


def _pwm_frequencies(board: BoardDefinition, mcu: Mcu) -> Iterator[Problem]:
    lowest = mcu.system_hz // _PWM_COUNT_MAX + 1
    highest = mcu.system_hz // _PWM_STEPS_MIN
    for name, pwm in board.pwm.items():
        if not lowest <= pwm.frequency <= highest:
            yield Problem(
                f"pwm.{name}.frequency",
                f"GPIO{pwm.pin}: {pwm.frequency} Hz is outside of {lowest} .. {highest} Hz, where "
                f"an {mcu.title} has at least {_PWM_STEPS_MIN} steps of duty",
                f"write {lowest} .. {highest}",
            )
