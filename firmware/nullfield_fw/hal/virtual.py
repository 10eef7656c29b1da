"""The hal of a virtual board: the same objects as `rp2`, talking to the plant.

Each block is one message to the rig process and one back over a packet socket (`virtual_port`, which
stands for the chip's own boot code). Chip-select transactions within a block are messages of their
own, so a driver reads the register that the chip model really holds. Message layouts stand in the
host's ``nullfield.virtual.exchange``.
"""

from array import array
import os

import micropython
import virtual_port

from .. import wire
from ..bits import copy, get_u16, put_i32, put_u16

_TICK_HEADER = 16
_TOCK_HEADER = 40
_SAMPLES = 16
_FRAME_WORDS = 10
_LINK_ROOM = 4096
_LINK_IN = 256
_POSTED_ROOM = 512
_CLEAN = 0x4E460001  # see main.py


@micropython.viper
def _take_words(target: ptr32, source: ptr8, offset: int, count: int):
    words = ptr32(uint(source) + offset)
    for i in range(count):
        target[i] = words[i]


@micropython.viper
def _give_words(target: ptr8, offset: int, source: ptr32, count: int):
    words = ptr32(uint(target) + offset)
    for i in range(count):
        words[i] = source[i]


class _Output:
    def __init__(self, hal, bit, safe):
        self._hal = hal
        self._bit = bit
        self.safe = safe
        self.set(safe)

    def set(self, level):
        if level:
            self._hal.output_bits |= 1 << self._bit
        else:
            self._hal.output_bits &= ~(1 << self._bit)

    def get(self):
        return self._hal.output_bits >> self._bit & 1


class _Input:
    def __init__(self, hal, bit):
        self._hal = hal
        self._bit = bit

    def get(self):
        return (self._hal.input_bits >> self._bit) & 1


class _Pwm:
    def __init__(self, hal, index):
        self._hal = hal
        self._offset = 16 + 2 * index

    def duty_u16(self, value):
        put_u16(self._hal.tock, self._offset, value)


class _Bus:
    def __init__(self, hal, device):
        self._hal = hal
        self._device = device

    def transfer(self, tx, rx):
        self._hal.exchange(self._device, tx, rx)

    def write(self, tx):
        self._hal.post(self._device, tx)


class _Stepper:
    def __init__(self, hal):
        self._hal = hal
        self._zero = 0

    def set_rate(self, microsteps_per_s):
        self._hal.step_rate = microsteps_per_s

    def position(self):
        return self._hal.step_count - self._zero

    def zero(self):
        self._zero = self._hal.step_count

    def set_position(self, microsteps):
        self._zero = self._hal.step_count - microsteps


class Hal:
    """Everything the applications may touch; see `rp2.Hal` for the meaning on a real board."""

    def __init__(self, board):
        self._in = virtual_port.received
        self._out = virtual_port.sent
        has_adc = "adc" in board["chips"]
        dac = board["chips"].get("stream_dac")
        self._adc_words = _SAMPLES * _FRAME_WORDS if has_adc else 0
        self._dac_words = dac["stream_channels"] * dac["stream_samples"] if dac else 0
        self.adc = array("i", bytearray(4 * self._adc_words))
        self.dac = array("I", bytearray(4 * self._dac_words))
        # A word of zeros would mean channel 0 at its negative rail: start at mid-scale.
        for word in range(self._dac_words):
            self.dac[word] = word % dac["stream_channels"] << 24 | 0x800000
        self.link_in = bytearray(_LINK_IN)
        self.link_in_count = 0
        self._tick = bytearray(_TICK_HEADER + 4 * self._adc_words + _LINK_IN)
        self._body = _TOCK_HEADER + 4 * self._dac_words
        self.tock = bytearray(self._body + _POSTED_ROOM + _LINK_ROOM)
        self._posted = bytearray(_POSTED_ROOM)
        self._posted_count = 0
        self._link = bytearray(_LINK_ROOM)
        self._link_count = 0
        self._request = bytearray(8 + _POSTED_ROOM + 256)
        self.input_bits = 0
        self.output_bits = 0
        self.step_rate = 0
        self.step_count = 0
        self._feed = 0
        self._watchdog_ms = 0
        self.flash_root = ""
        self.uid = virtual_port.uid
        self.reset_cause = virtual_port.reset_cause
        self._chip = virtual_port.Chip()
        self._devices = {name: number for number, name in enumerate(sorted(board["chips"]))}
        self._outputs = {
            name: _Output(self, number, board["outputs"][name]["safe"])
            for number, name in enumerate(sorted(board["outputs"]))
        }
        self._inputs = {
            name: _Input(self, number) for number, name in enumerate(sorted(board["inputs"]))
        }
        self._pwms = {
            name: _Pwm(self, number) for number, name in enumerate(sorted(board.get("pwm", ())))
        }
        self._output_list = list(self._outputs.values())
        self._pwm_list = list(self._pwms.values())
        self.stepper = _Stepper(self)

    def spi(self, name):
        """Chip behind its chip select."""
        return _Bus(self, self._devices[name])

    uart = spi

    def output(self, name):
        """Digital output by its name in the board definition."""
        return self._outputs[name]

    def input(self, name):
        """Digital input by its name."""
        return self._inputs[name]

    def pwm(self, name):
        """PWM output by its name."""
        return self._pwms[name]

    def safe(self):
        """Every output to its safe level; callable from anywhere."""
        for output in self._output_list:
            output.set(output.safe)
        for pwm in self._pwm_list:
            pwm.duty_u16(0)
        self.step_rate = 0

    mcu = wire.MCU_VIRTUAL

    def wait_block(self):
        """Hand the block over and wait for the next one; returns blocks missed (never here)."""
        tock = self.tock
        tock[0] = 75  # 'K'
        tock[1] = self._feed | (2 if self._watchdog_ms else 0)
        self._feed = 0
        put_u16(tock, 2, self._link_count)
        put_i32(tock, 8, self.output_bits)
        put_i32(tock, 12, self.step_rate)
        put_u16(tock, 32, self._posted_count)
        put_u16(tock, 34, self._watchdog_ms)
        if self._dac_words:
            _give_words(tock, _TOCK_HEADER, self.dac, self._dac_words)
        size = self._body
        if self._posted_count:
            copy(tock, size << 16, self._posted, self._posted_count)
            size += self._posted_count
            self._posted_count = 0
        if self._link_count:
            copy(tock, size << 16, self._link, self._link_count)
            size += self._link_count
            self._link_count = 0
        # A packet socket: one write is one message. The length is an argument, so no slice is made.
        self._out.write(tock, size)
        tick = self._tick
        if self._in.readinto(tick) == 0:
            raise SystemExit
        self.input_bits = tick[8]
        self.step_count = _signed(tick, 12)
        if self._adc_words:
            _take_words(self.adc, tick, _TICK_HEADER, self._adc_words)
        count = get_u16(tick, 2)
        if count:
            copy(self.link_in, _TICK_HEADER + 4 * self._adc_words, tick, count)
        self.link_in_count = count
        return 0

    def link_write(self, buffer, start, count):
        """Queue bytes for the host; returns how many were taken."""
        room = _LINK_ROOM - self._link_count
        if count > room:
            count = room
        copy(self._link, self._link_count << 16 | start, buffer, count)
        self._link_count += count
        return count

    def post(self, device, tx):
        """Write-only transaction, done in order before the block ends."""
        count = len(tx)
        at = self._posted_count
        if at + 2 + count > _POSTED_ROOM:
            raise OSError("too many writes in one block")
        posted = self._posted
        posted[at] = device
        posted[at + 1] = count
        copy(posted, (at + 2) << 16, tx, count)
        self._posted_count = at + 2 + count

    def exchange(self, device, tx, rx):
        """Full transaction, answered at once; posted writes go first."""
        request = self._request
        request[0] = 88  # 'X'
        request[1] = device
        put_u16(request, 2, len(tx))
        put_u16(request, 4, self._posted_count)
        put_u16(request, 6, len(rx))
        copy(request, 8 << 16, self._posted, self._posted_count)
        copy(request, (8 + self._posted_count) << 16, tx, len(tx))
        size = 8 + self._posted_count + len(tx)
        self._posted_count = 0
        self._out.write(request, size)
        self._in.readinto(rx)

    def file_system(self):
        """Use the flash that the start mounted; raises OSError when it could not be read."""
        os.statvfs(virtual_port.root)
        self.flash_root = virtual_port.root

    def watchdog_start(self, timeout_ms):
        """From now on the board is reset unless it is fed in time."""
        self._watchdog_ms = timeout_ms
        self._feed = 1

    def watchdog_feed(self):
        """Put the reset off."""
        self._feed = 1

    def block_phase_us(self):
        """Time since the block began; the virtual board is infinitely fast."""
        return 0

    def load_permille(self):
        """Share of the block used; meaningless here, so zero."""
        return 0

    def supply_mv(self):
        """Supply of the module, as its divided-down ADC channel reads it."""
        return get_u16(self._tick, 10)

    def mcu_temperature_mc(self):
        """Temperature of the processor's die."""
        return (self._tick[1] - 100) * 1000

    def outputs_are_safe(self):
        """True if every output pin is at its safe level."""
        for output in self._output_list:
            if output.get() != output.safe:
                return False
        return True

    def settled(self):
        """The firmware has run for a while: crashes before do not count any more."""
        self._chip.set_scratch(1, 0)

    def hang(self):
        """Never return and never feed the watchdog, on purpose."""
        while True:
            self._feed = 0
            self.wait_block()

    def reset(self):
        """Hard reset, marked as asked for."""
        self.safe()
        self._chip.set_scratch(0, _CLEAN)
        virtual_port.leave(0)

    def enter_repl(self):
        """Outputs safe and out of the application to the prompt."""
        self.safe()
        self.wait_block()
        self._chip.set_scratch(0, _CLEAN)
        raise KeyboardInterrupt


@micropython.viper
def _signed(buffer: ptr8, offset: int) -> int:
    words = ptr32(uint(buffer) + offset)
    return words[0]
