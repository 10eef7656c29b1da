"""Chip-select transactions and the one-wire UART of a real board."""

import machine


class SpiBus:
    """One chip on a shared SPI peripheral.

    The chips of one bus may want different clock phases, so the phase is set for each transaction.
    """

    def __init__(self, spi, baudrate, cs, mode):
        self._spi = spi
        self._baudrate = baudrate
        self._polarity = mode >> 1
        self._phase = mode & 1
        self._cs = machine.Pin(cs, machine.Pin.OUT, value=1)

    def transfer(self, tx, rx):
        """One transaction, full duplex, both buffers of one length."""
        self._spi.init(baudrate=self._baudrate, polarity=self._polarity, phase=self._phase)
        self._cs.value(0)
        self._spi.write_readinto(tx, rx)
        self._cs.value(1)

    def write(self, tx):
        """One transaction whose answer does not matter."""
        self._spi.init(baudrate=self._baudrate, polarity=self._polarity, phase=self._phase)
        self._cs.value(0)
        self._spi.write(tx)
        self._cs.value(1)

    def hand_over(self):
        """Nothing to hand over: this bus is not streamed."""


class SoftBus:
    """A chip whose pins the PIO takes once streaming begins; set up in software before that."""

    def __init__(self, pins, mode):
        self._cs = machine.Pin(pins["cs"], machine.Pin.OUT, value=1)
        if "ldac" in pins:
            machine.Pin(pins["ldac"], machine.Pin.OUT, value=1)
        if "drdy" in pins:
            machine.Pin(pins["drdy"], machine.Pin.IN)
        self._spi = machine.SoftSPI(
            baudrate=1000000,
            polarity=mode >> 1,
            phase=mode & 1,
            sck=machine.Pin(pins["sck"]),
            mosi=machine.Pin(pins["mosi"]),
            miso=machine.Pin(pins["miso"]),
        )
        self._free = True

    def transfer(self, tx, rx):
        """One transaction, full duplex."""
        if not self._free:
            raise OSError("chip is streaming")
        self._cs.value(0)
        self._spi.write_readinto(tx, rx)
        self._cs.value(1)

    def write(self, tx):
        """One transaction whose answer does not matter."""
        if not self._free:
            raise OSError("chip is streaming")
        self._cs.value(0)
        self._spi.write(tx)
        self._cs.value(1)

    def hand_over(self):
        """Leave the pins to the PIO."""
        self._free = False


class UartLine:
    """A UART, also one whose sender and receiver share a wire.

    Parameters
    ----------
    definition : dict
        ``id``, ``tx``, ``rx``, ``baudrate``; ``echo`` if what is sent also comes back.
    """

    def __init__(self, definition):
        self._uart = machine.UART(
            definition["id"],
            baudrate=definition["baudrate"],
            tx=machine.Pin(definition["tx"]),
            rx=machine.Pin(definition["rx"]),
            timeout=4,
            timeout_char=2,
        )
        self._scratch = bytearray(16)
        self._echo = definition.get("echo")

    def write(self, tx):
        """Send, and take the echo off the line."""
        uart = self._uart
        while uart.any():  # rubbish from before must not pass for an answer
            uart.readinto(self._scratch, 1)
        uart.write(tx)
        uart.flush()
        if self._echo:
            uart.readinto(self._scratch, len(tx))

    def transfer(self, tx, rx):
        """Send, then fetch len(rx) bytes; zeros if they do not all come."""
        self.write(tx)
        count = self._uart.readinto(rx)
        if count != len(rx):
            for i in range(len(rx)):
                rx[i] = 0

    def hand_over(self):
        """Nothing to hand over: this line is not streamed."""
