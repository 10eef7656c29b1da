"""The hal of a real board: RP2040 or RP2350 under MicroPython 1.25 or later.

One block is 1 ms. On boards with a converter its sample clock makes the block; on the others the
processor's timer does. Everything that runs in a block is free of allocation.
"""

from array import array
import os
import sys
import time

import machine
import micropython
from micropython import const

from .. import wire
from .rp2_bus import SoftBus, SpiBus, UartLine
from .rp2_stepper import Stepper
from .rp2_stream import Streams, fill_middle
from .rp2_usb import UsbLink

_BLOCK_US = const(1000)
# Without sample clock the block is given up after this time, so that the link stays alive and the
# application can report the fault.
_CLOCK_LOST_US = const(20000)
_WATCHDOG_MAX_MS = const(8388)  # RP2040 data sheet, section 4.7; used on both chips
_IS_RP2350 = "RP2350" in sys.implementation._machine
# RP2040 data sheet 4.7.6 and RP2350 data sheet 12.9.8: the scratch words keep through resets.
_SCRATCH = 0x400D800C if _IS_RP2350 else 0x4005800C
_SCRATCH_CRASHES = _SCRATCH + 4  # an object made once: it does not fit a small integer
_CLEAN = const(0x4E460001)  # see main.py
# Channel of the temperature sensor: RP2040 data sheet 4.9.1, RP2350A data sheet 12.4.2.
_TEMPERATURE_CHANNEL = const(4)
_ADC_REFERENCE_MV = const(3300)


class Output:
    """Digital output; 1 is "on" whatever the pin's polarity."""

    def __init__(self, definition):
        self._flip = 1 if definition.get("active_low") else 0
        self.safe = definition["safe"]
        self._pin = machine.Pin(definition["pin"], machine.Pin.OUT, value=self.safe ^ self._flip)

    def set(self, level):
        """Set the level, 0 or 1."""
        self._pin.value(level ^ self._flip)

    def get(self):
        """Level at the pin itself, 0 or 1: a short shows."""
        return self._pin.value() ^ self._flip


class Input:
    """Digital input; 1 is "active" whatever the pin's polarity."""

    def __init__(self, definition):
        self._flip = 1 if definition.get("active_low") else 0
        pull = definition.get("pull")
        self._pin = machine.Pin(definition["pin"], machine.Pin.IN)
        if pull == "up":
            self._pin.init(machine.Pin.IN, machine.Pin.PULL_UP)
        elif pull == "down":
            self._pin.init(machine.Pin.IN, machine.Pin.PULL_DOWN)

    def get(self):
        """Level, 0 or 1."""
        return self._pin.value() ^ self._flip


class Hal:
    """Everything the applications may touch.

    Parameters
    ----------
    board : dict
        A board definition, see ``boards/``. Outputs take their safe levels at once.

    Attributes
    ----------
    adc : array of int32
        The finished block: 16 samples of STATUS, eight codes and CRC; empty without converter.
    dac : array of uint32
        Words for the block after next, filled in place; all channels at mid scale at the start.
    link_in, link_in_count
        Bytes that came over USB during the block.
    """

    mcu = wire.MCU_RP2350 if _IS_RP2350 else wire.MCU_RP2040

    def __init__(self, board):
        self._outputs = {name: Output(item) for name, item in board["outputs"].items()}
        self._pwms = {
            name: machine.PWM(machine.Pin(item["pin"]), freq=item["frequency"], duty_u16=0)
            for name, item in board["pwm"].items()
        }
        self._output_list = list(self._outputs.values())
        self._pwm_list = list(self._pwms.values())
        self._inputs = {name: Input(item) for name, item in board["inputs"].items()}
        self.stepper = Stepper(board["stepper"]) if "stepper" in board else None
        self.uid = machine.unique_id()
        # A reset by software goes through the watchdog too and cannot be told from it.
        self.reset_cause = (
            wire.RESET_CAUSE_WATCHDOG
            if machine.reset_cause() == machine.WDT_RESET
            else wire.RESET_CAUSE_POWER_ON
        )
        supply = board.get("supply")
        self._supply_adc = machine.ADC(supply["adc_pin"]) if supply else None
        self._supply_divider = supply["divider"] if supply else 0
        self._temperature_adc = machine.ADC(_TEMPERATURE_CHANNEL)
        self._open_chips(board)
        self._usb = UsbLink()
        self.link_in = self._usb.received
        self.link_in_count = 0
        self.flash_root = ""
        self._watchdog = None
        self._began_us = time.ticks_us()
        self._busy_us = 0
        micropython.kbd_intr(-1)  # byte 3 is data on this link, and would empty the receive ring

    def _open_chips(self, board):
        shared = {}
        for name, item in board["spi"].items():
            shared[name] = (
                machine.SPI(
                    item["id"],
                    baudrate=item["baudrate"],
                    sck=machine.Pin(item["sck"]),
                    mosi=machine.Pin(item["mosi"]),
                    miso=machine.Pin(item["miso"]),
                ),
                item["baudrate"],
            )
        self._buses = {}
        for name, chip in board["chips"].items():
            if "stream" in chip:
                self._buses[name] = SoftBus(chip["stream"], chip["mode"])
            elif "uart" in chip:
                self._buses[name] = UartLine(chip["uart"])  # type: ignore[assignment]
            else:
                spi, baudrate = shared[chip["spi"]]
                bus = SpiBus(spi, baudrate, chip["cs"], chip["mode"])
                self._buses[name] = bus  # type: ignore[assignment]
        adc = board["chips"].get("adc")
        dac = board["chips"].get("stream_dac")
        dac_words = dac["stream_channels"] * dac["stream_samples"] if dac else 0
        self.dac = array("I", bytearray(4 * dac_words))
        if dac:
            fill_middle(self.dac, dac_words, dac["stream_channels"])
        self._streams = Streams(adc, dac) if adc else None
        self.adc = self._streams.block if adc else array("i")

    def spi(self, name):
        """Chip behind its chip select; a streamed chip only until the first `wait_block`."""
        return self._buses[name]

    uart = spi

    def output(self, name):
        """Digital output by its name in the board definition."""
        return self._outputs[name]

    def input(self, name):
        """Digital input by its name."""
        return self._inputs[name]

    def pwm(self, name):
        """PWM output by its name: ``duty_u16(value)``."""
        return self._pwms[name]

    def safe(self):
        """Every output to its safe level; callable at any time, allocates nothing."""
        for output in self._output_list:
            output.set(output.safe)
        for pwm in self._pwm_list:
            pwm.duty_u16(0)
        if self.stepper:
            self.stepper.set_rate(0)

    def wait_block(self):
        """Hand the DAC block over and wait for the next block; returns blocks missed."""
        usb = self._usb
        usb.start_block()
        self._busy_us = time.ticks_diff(time.ticks_us(), self._began_us)
        if self.stepper:
            self.stepper.poll()
        missed = self._wait_clock(usb) if self._streams else self._wait_timer(usb)
        self.link_in_count = usb.count
        return missed

    def _wait_clock(self, usb):
        """Block of the converter's DMA."""
        streams = self._streams
        if not streams.running:
            for bus in self._buses.values():
                bus.hand_over()
            streams.start(self.dac)
            self._began_us = time.ticks_us()
        streams.give(self.dac)
        waited = False
        while not streams.finished():
            waited = True
            usb.service()
            if time.ticks_diff(time.ticks_us(), self._began_us) > _CLOCK_LOST_US:
                streams.clear_block()
                self._began_us = time.ticks_us()
                return _CLOCK_LOST_US // _BLOCK_US
        usb.service()
        now = time.ticks_us()
        elapsed = time.ticks_diff(now, self._began_us)
        blocks = (elapsed + _BLOCK_US // 2) // _BLOCK_US
        # The buffers alternate, so the number of blocks since the last one is odd or even for
        # certain; the clock only has to tell which of those it was.
        if (blocks & 1) != streams.take():
            blocks += 1 if elapsed >= blocks * _BLOCK_US else -1
        if blocks < 1:
            blocks = 1
        if waited:
            self._began_us = now
        else:
            self._began_us = time.ticks_add(self._began_us, blocks * _BLOCK_US)
        return blocks - 1

    def _wait_timer(self, usb):
        """Block of the processor's own clock."""
        usb.service()
        while time.ticks_diff(time.ticks_us(), self._began_us) < _BLOCK_US:
            usb.service()
        elapsed = time.ticks_diff(time.ticks_us(), self._began_us)
        blocks = elapsed // _BLOCK_US
        self._began_us = time.ticks_add(self._began_us, blocks * _BLOCK_US)
        return blocks - 1

    def link_write(self, buffer, start, count):
        """Queue bytes for the host; returns how many were taken."""
        return self._usb.write(buffer, start, count)

    def block_phase_us(self):
        """Time since the block began."""
        return time.ticks_diff(time.ticks_us(), self._began_us)

    def load_permille(self):
        """Share of the last block that the application used; a block is 1000 us."""
        return self._busy_us

    def watchdog_start(self, timeout_ms):
        """From now on the board is reset unless it is fed in time; it cannot be stopped."""
        self._watchdog = machine.WDT(timeout=min(timeout_ms, _WATCHDOG_MAX_MS))

    def watchdog_feed(self):
        """Put the reset off."""
        if self._watchdog:
            self._watchdog.feed()

    def supply_mv(self):
        """Supply of the module by its divider; 0 on a board without one."""
        adc = self._supply_adc
        if adc is None:
            return 0
        return (adc.read_u16() * _ADC_REFERENCE_MV >> 16) * self._supply_divider

    def mcu_temperature_mc(self):
        """Temperature of the die: RP2040 data sheet 4.9.5, the same in the RP2350; some K uncertain.

        27 degC at 706 mV, -1.721 mV/K.
        """
        tenth_mv = self._temperature_adc.read_u16() * (_ADC_REFERENCE_MV * 10) >> 16
        return 27000 - (tenth_mv - 7060) * 100000 // 1721

    def outputs_are_safe(self):
        """True if every output pin reads its safe level."""
        for output in self._output_list:
            if output.get() != output.safe:
                return False
        return True

    def settled(self):
        """The firmware has run for a while: crashes before do not count any more."""
        machine.mem32[_SCRATCH_CRASHES] = 0

    def hang(self):
        """Never return and never feed the watchdog, on purpose."""
        while True:
            pass

    def reset(self):
        """Outputs safe, then a hard reset, marked as asked for."""
        self.safe()
        machine.mem32[_SCRATCH] = _CLEAN
        machine.reset()

    def enter_repl(self):
        """Outputs safe, streams off, Ctrl-C back on, and out of the application to the prompt.

        Leaves by KeyboardInterrupt, which no handler of the application catches. The watchdog, once
        started, is fed by a timer from then on; a soft reset ends that timer, so tools must use
        their "resume" mode.
        """
        self.safe()
        machine.mem32[_SCRATCH] = _CLEAN
        if self._streams:
            self._streams.stop()
        micropython.kbd_intr(3)
        if self._watchdog:
            # The longest time there is: a timer cannot feed while one call erases sector by sector.
            watchdog = machine.WDT(timeout=_WATCHDOG_MAX_MS)
            self._keeper = machine.Timer(
                -1, period=1000, mode=machine.Timer.PERIODIC, callback=lambda _: watchdog.feed()
            )
            watchdog.feed()
        raise KeyboardInterrupt

    def file_system(self):
        """Use the flash that the boot code mounted; raises OSError when it could not.

        Never formats: a damaged file system holds a calibration that may still be saved.
        """
        self.flash_root = ""
        os.statvfs("/")
