"""The chips that have a driver, with what a definition and a wiring table must know of them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ChipKind:
    """One kind of chip.

    Attributes
    ----------
    title, maker, sheet, what : str
        For the bill of parts.
    interfaces : tuple of str
        How the drivers reach it: ``spi``, ``stream``, ``uart``.
    mode : int or None
        SPI mode.
    clock_max_hz : int
        Fastest SPI clock, or baud rate of a UART.
    clock_source : str
    pins : dict of str to str
        Its own pin for each signal of a definition.
    """

    title: str
    maker: str
    sheet: str
    what: str
    interfaces: tuple[str, ...]
    mode: int | None
    clock_max_hz: int
    clock_source: str
    pins: dict[str, str] = field(default_factory=dict)


CHIPS: dict[str, ChipKind] = {
    "ads131m08": ChipKind(
        "ADS131M08",
        "Texas Instruments",
        "SBAS950",
        "8-channel 24-bit simultaneous ADC",
        ("stream",),
        1,
        25_000_000,
        "SBAS950, timing requirements: SCLK period 40 ns at DVDD above 2.7 V",
        {"sck": "SCLK", "cs": "CS", "mosi": "DIN", "miso": "DOUT", "drdy": "DRDY"},
    ),
    "ltc2688": ChipKind(
        "LTC2688",
        "Analog Devices",
        "LTC2688 Rev. 0",
        "16-channel 16-bit DAC",
        ("spi", "stream"),
        0,
        50_000_000,
        "LTC2688 Rev. 0, timing characteristics: SCK frequency",
        {"sck": "SCK", "cs": "CS", "mosi": "SDI", "miso": "SDO", "ldac": "LDAC"},
    ),
    "ads1220": ChipKind(
        "ADS1220",
        "Texas Instruments",
        "SBAS501",
        "4-channel 24-bit ADC with current sources",
        ("spi",),
        1,
        6_666_666,
        "SBAS501, SPI timing requirements: SCLK period 150 ns",
        {"sck": "SCLK", "cs": "CS", "mosi": "DIN", "miso": "DOUT"},
    ),
    "tmc2209": ChipKind(
        "TMC2209",
        "Trinamic (Analog Devices)",
        "TMC2209 Rev. 1.09",
        "stepper driver",
        ("uart",),
        None,
        500_000,
        "TMC2209 Rev. 1.09, section 4.1: 9600 to 500k baud",
        {"tx": "PDN_UART through 1 kΩ", "rx": "PDN_UART", "step": "STEP", "direction": "DIR"},
    ),
}
