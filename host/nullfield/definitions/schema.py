"""Schema of a board definition: which keys there are and what they hold.

What a pin or a chip can do is not here but in the checks.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

RoleName = Literal["sensor", "coil", "table", "bringup"]
McuName = Literal["rp2040", "rp2350"]

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,23}$"
"""A board's name; the identity message has 24 bytes for it."""

SMALL_INTEGER_MAX = (1 << 30) - 1
"""Above it MicroPython makes an integer a heap object."""

Gpio = Annotated[int, Field(ge=0, le=29)]
Level = Literal[0, 1]
Whole = Annotated[int, Field(ge=-SMALL_INTEGER_MAX, le=SMALL_INTEGER_MAX)]
Positive = Annotated[int, Field(gt=0, le=SMALL_INTEGER_MAX)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SpiBus(_Strict):
    """A bus of the SPI peripheral, shared by chips with a CS of their own."""

    id: Literal[0, 1]
    sck: Gpio
    mosi: Gpio
    miso: Gpio
    baudrate: Positive


class StreamPins(_Strict):
    """Pins of a chip that PIO and DMA serve."""

    sck: Gpio
    cs: Gpio
    mosi: Gpio
    miso: Gpio
    drdy: Gpio | None = None
    ldac: Gpio | None = None


class Uart(_Strict):
    """A UART; ``echo`` if sender and receiver share a wire."""

    id: Literal[0, 1]
    tx: Gpio
    rx: Gpio
    baudrate: Positive
    echo: bool = False


class Chip(_Strict):
    """A chip and how it is reached: ``spi`` with ``cs``, or ``stream``, or ``uart``."""

    chip: str
    mode: Annotated[int, Field(ge=0, le=3)] | None = None
    spi: str | None = None
    cs: Gpio | None = None
    stream: StreamPins | None = None
    samples: Positive | None = None
    stream_channels: Positive | None = None
    stream_samples: Positive | None = None
    uart: Uart | None = None
    address: Annotated[int, Field(ge=0, le=3)] | None = None

    @property
    def interface(self) -> str:
        """``spi``, ``stream`` or ``uart``."""
        if self.stream is not None:
            return "stream"
        return "uart" if self.uart is not None else "spi"

    @model_validator(mode="after")
    def _one_interface(self) -> Chip:
        given = [key for key in ("spi", "stream", "uart") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                f"has {' and '.join(given) or 'none'} of 'spi', 'stream', 'uart': give one"
            )
        if (self.spi is not None) != (self.cs is not None):
            raise ValueError("'spi' and 'cs' belong together: give both, or 'stream'")
        if (self.mode is None) != (self.uart is not None):
            raise ValueError(
                "a chip on SPI or a stream has a 'mode' (0..3), one on a UART has none"
            )
        if (self.address is None) != (self.uart is None):
            raise ValueError("a chip on a UART has an 'address' (0..3), others have none")
        return self


class Pwm(_Strict):
    """A PWM output; off at the start."""

    pin: Gpio
    frequency: Positive


class Output(_Strict):
    """A digital output; 1 is "on" whatever the pin's polarity."""

    pin: Gpio
    safe: Level
    active_low: bool = False

    @property
    def safe_pin_level(self) -> int:
        """Level of the pin itself while the output is safe."""
        return self.safe ^ self.active_low


class Input(_Strict):
    """A digital input; ``pull`` None means an external resistor to ground."""

    pin: Gpio
    pull: Literal["up", "down"] | None
    active_low: bool = False

    @property
    def open_reading(self) -> int:
        """What the firmware reads when the wire is cut."""
        return int(self.pull == "up") ^ self.active_low


class Stepper(_Strict):
    """Step and direction pins; rates in microsteps/s."""

    step: Gpio
    direction: Gpio
    start_stop_rate: Positive
    maximum_rate: Positive


class Supply(_Strict):
    """Supply seen through a divider by an ADC pin; below ``minimum_mv`` it counts as low."""

    adc_pin: Gpio
    divider: Annotated[int, Field(ge=1, le=100)]
    minimum_mv: Annotated[int, Field(gt=0, le=60000)]


class BoardDefinition(_Strict):
    """A board as its file describes it.

    Attributes
    ----------
    name, role, mcu : str
        As told in the handshake.
    spi, chips, pwm, outputs, inputs : dict
        By name; empty where the board has none.
    scales, limits : dict of int
        In whole units that the names tell.
    """

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    role: RoleName
    mcu: McuName
    heads: Positive | None = None
    coils: Positive | None = None
    spi: dict[str, SpiBus]
    chips: dict[str, Chip]
    pwm: dict[str, Pwm]
    outputs: dict[str, Output]
    inputs: dict[str, Input]
    stepper: Stepper | None = None
    supply: Supply | None = None
    scales: dict[str, Whole]
    limits: dict[str, Whole]
