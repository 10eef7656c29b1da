"""What the pins of an RP2040 and an RP2350A can do, and what a Pico module brings out.

Sources: RP2040 data sheet, section 2.19.2 "Function Select"; RP2350 data sheet, section 9.4
"Function Select" (QFN-60, the RP2350A); Raspberry Pi Pico and Pico 2 data sheets, "Pinout".
"""

from __future__ import annotations

from dataclasses import dataclass

# GPIO: SPI (F1), UART (F2), PWM slice and channel (F4). For GPIO 0..29 these three columns are the
# same in both data sheets.
PIN_FUNCTIONS: dict[int, tuple[str, str, str]] = {
    0: ("SPI0 RX", "UART0 TX", "0A"),
    1: ("SPI0 CS", "UART0 RX", "0B"),
    2: ("SPI0 SCK", "UART0 CTS", "1A"),
    3: ("SPI0 TX", "UART0 RTS", "1B"),
    4: ("SPI0 RX", "UART1 TX", "2A"),
    5: ("SPI0 CS", "UART1 RX", "2B"),
    6: ("SPI0 SCK", "UART1 CTS", "3A"),
    7: ("SPI0 TX", "UART1 RTS", "3B"),
    8: ("SPI1 RX", "UART1 TX", "4A"),
    9: ("SPI1 CS", "UART1 RX", "4B"),
    10: ("SPI1 SCK", "UART1 CTS", "5A"),
    11: ("SPI1 TX", "UART1 RTS", "5B"),
    12: ("SPI1 RX", "UART0 TX", "6A"),
    13: ("SPI1 CS", "UART0 RX", "6B"),
    14: ("SPI1 SCK", "UART0 CTS", "7A"),
    15: ("SPI1 TX", "UART0 RTS", "7B"),
    16: ("SPI0 RX", "UART0 TX", "0A"),
    17: ("SPI0 CS", "UART0 RX", "0B"),
    18: ("SPI0 SCK", "UART0 CTS", "1A"),
    19: ("SPI0 TX", "UART0 RTS", "1B"),
    20: ("SPI0 RX", "UART1 TX", "2A"),
    21: ("SPI0 CS", "UART1 RX", "2B"),
    22: ("SPI0 SCK", "UART1 CTS", "3A"),
    23: ("SPI0 TX", "UART1 RTS", "3B"),
    24: ("SPI1 RX", "UART1 TX", "4A"),
    25: ("SPI1 CS", "UART1 RX", "4B"),
    26: ("SPI1 SCK", "UART1 CTS", "5A"),
    27: ("SPI1 TX", "UART1 RTS", "5B"),
    28: ("SPI1 RX", "UART0 TX", "6A"),
    29: ("SPI1 CS", "UART0 RX", "6B"),
}

# RP2350 only: the UARTs' data lines on the pins of CTS and RTS (F11).
_UART_AUX: dict[int, str] = {
    2: "UART0 TX",
    3: "UART0 RX",
    6: "UART1 TX",
    7: "UART1 RX",
    10: "UART1 TX",
    11: "UART1 RX",
    14: "UART0 TX",
    15: "UART0 RX",
    18: "UART0 TX",
    19: "UART0 RX",
    22: "UART1 TX",
    23: "UART1 RX",
    26: "UART1 TX",
    27: "UART1 RX",
}

# ADC inputs 0..3: RP2040 section 4.9.1, RP2350 section 12.4.1 (QFN-60).
ADC_PINS: dict[int, int] = {26: 0, 27: 1, 28: 2, 29: 3}


@dataclass(frozen=True)
class Mcu:
    """One microcontroller.

    Attributes
    ----------
    uart_aux : dict
        More UART functions by GPIO.
    pio_blocks, state_machines, dma_channels : int
        `state_machines` of one block.
    system_hz : int
        Clock under MicroPython 1.25.
    spi_max_hz : int
        Half of the peripheral clock, which is the system clock.
    has_pull_down_erratum : bool
        RP2350-E9: an input with its pull-down on can stay high.
    """

    title: str
    module: str
    uart_aux: dict[int, str]
    pio_blocks: int
    state_machines: int
    dma_channels: int
    system_hz: int
    spi_max_hz: int
    has_pull_down_erratum: bool


MCUS: dict[str, Mcu] = {
    # RP2040 data sheet: PIO 3.1, DMA 2.5, SPI 4.4.
    "rp2040": Mcu("RP2040", "Raspberry Pi Pico", {}, 2, 4, 12, 125_000_000, 62_500_000, False),
    # RP2350 data sheet: PIO 11.1, DMA 12.6, SPI 12.3, erratum E9.
    "rp2350": Mcu(
        "RP2350A", "Raspberry Pi Pico 2", _UART_AUX, 3, 4, 16, 150_000_000, 75_000_000, True
    ),
}

# Pin number of the module by GPIO; the same on Pico and Pico 2.
HEADER_PINS: dict[int, int] = {
    0: 1, 1: 2, 2: 4, 3: 5, 4: 6, 5: 7, 6: 9, 7: 10, 8: 11, 9: 12, 10: 14, 11: 15, 12: 16, 13: 17,
    14: 19, 15: 20, 16: 21, 17: 22, 18: 24, 19: 25, 20: 26, 21: 27, 22: 29, 26: 31, 27: 32, 28: 34,
}  # fmt: skip

LED_PIN = 25
SUPPLY_PIN = 29
SUPPLY_DIVIDER = 3
"""The module divides VSYS by three for GPIO29 (Pico and Pico 2 data sheets, "Pinout")."""

# What the module uses its other pins for.
MODULE_PINS: dict[int, str] = {
    23: "sets the mode of the module's voltage converter",
    24: "senses VBUS on the module",
    LED_PIN: "drives the module's LED",
    SUPPLY_PIN: "measures VSYS / 3 on the module",
}

VSYS_PIN, VBUS_PIN, OUT_3V3_PIN = 39, 40, 36
GROUND_PINS = (3, 8, 13, 18, 23, 28, 33, 38)


def spi_function(gpio: int) -> str:
    """SPI function of a pin, for instance ``SPI1 RX``."""
    return PIN_FUNCTIONS[gpio][0]


def uart_functions(mcu: Mcu, gpio: int) -> tuple[str, ...]:
    """UART functions of a pin."""
    functions = (PIN_FUNCTIONS[gpio][1],)
    return (*functions, mcu.uart_aux[gpio]) if gpio in mcu.uart_aux else functions


def pwm_slice(gpio: int) -> str:
    """PWM slice and channel of a pin, for instance ``1A``."""
    return PIN_FUNCTIONS[gpio][2]


def names(gpios: list[int]) -> str:
    """Pins for a message: ``GPIO8, GPIO12``."""
    return ", ".join(f"GPIO{gpio}" for gpio in gpios) or "none"
