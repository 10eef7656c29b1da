"""A hal for tests: chips by their registers, a link whose ends the test holds.

Nothing here allocates while blocks run, so an application may be stepped with the heap locked.
"""

from array import array
import micropython

from nullfield_fw import wire
from nullfield_fw.bits import copy
from nullfield_fw.drivers.tmc2209 import crc8


class Output:
    def __init__(self, safe):
        self.safe = safe
        self.level = safe

    def set(self, level):
        self.level = level

    def get(self):
        return self.level


class Input:
    def __init__(self):
        self.level = 0

    def get(self):
        return self.level


class Pwm:
    def __init__(self):
        self.duty = 0

    def duty_u16(self, value):
        self.duty = value


class FakeAds131m08:
    """Registers behind 24- or 32-bit frames; the answer comes one frame later."""

    def __init__(self):
        self.registers = array("H", bytearray(128))
        self.missing = False
        self._answer = 0

    def transfer(self, tx, rx):
        step = 4 if len(tx) == 40 else 3
        for i in range(len(rx)):
            rx[i] = 0
        if self.missing:
            return
        rx[0] = self._answer >> 8
        rx[1] = self._answer & 0xFF
        command = tx[0] << 8 | tx[1]
        number = command >> 7 & 63
        self._answer = 0
        if command == 0x0011:
            for i in range(64):
                self.registers[i] = 0
            self.registers[0] = 0x2800
        elif command >> 13 == 5:
            self._answer = self.registers[number]
        elif command >> 13 == 3:
            self.registers[number] = tx[step] << 8 | tx[step + 1]

    def write(self, tx):
        pass


class FakeLtc2688:
    """Registers by command byte."""

    def __init__(self):
        self.registers = array("H", bytearray(512))
        self.missing = False
        self._pending = 0

    def write(self, tx):
        command = tx[0]
        if command & 0x80 and command != 0xFF:
            self._pending = command & 0x7F
        else:
            self.registers[command] = tx[1] << 8 | tx[2]

    def transfer(self, tx, rx):
        value = 0 if self.missing else self.registers[self._pending]
        rx[1] = value >> 8
        rx[2] = value & 0xFF


class FakeAds1220:
    """Four registers, and a code for each input."""

    def __init__(self, code):
        self.codes = array("i", [code] * 4)
        self.registers = bytearray(4)
        self.missing = False

    def write(self, tx):
        if tx[0] & 0xF0 == 0x40:
            for i in range(4):
                self.registers[i] = tx[1 + i]

    def transfer(self, tx, rx):
        for i in range(len(rx)):
            rx[i] = 0
        if self.missing:
            return
        if tx[0] == 0x10:
            code = self.codes[self.registers[0] >> 4 & 3]
            rx[1] = code >> 16 & 0xFF
            rx[2] = code >> 8 & 0xFF
            rx[3] = code & 0xFF
        else:
            for i in range(4):
                rx[1 + i] = self.registers[i]


class FakeTmc2209:
    """Registers by datagrams; IFCNT counts the writes."""

    def __init__(self):
        self.registers = [bytearray(4) for _ in range(128)]
        self.missing = False

    def write(self, tx):
        if tx[7] == crc8(tx, 7):
            for i in range(4):
                self.registers[tx[2] & 0x7F][i] = tx[3 + i]
            self.registers[2][3] = (self.registers[2][3] + 1) & 0xFF

    def transfer(self, tx, rx):
        for i in range(8):
            rx[i] = 0
        if self.missing:
            return
        rx[0] = 0x05
        rx[1] = 0xFF
        rx[2] = tx[2]
        for i in range(4):
            rx[3 + i] = self.registers[tx[2]][i]
        rx[7] = crc8(rx, 7)


class Stepper:
    def __init__(self):
        self.rate = 0
        self.count = 0
        self._zero = 0
        self._thousandths = 0

    def set_rate(self, rate):
        self.rate = rate

    def position(self):
        return self.count - self._zero

    def zero(self):
        self._zero = self.count

    def set_position(self, microsteps):
        self._zero = self.count - microsteps

    def advance(self):
        self._thousandths += self.rate
        whole = self._thousandths // 1000
        self._thousandths -= whole * 1000
        self.count += whole


class Left(Exception):
    """The application asked for a reset or the prompt."""


class FakeHal:
    """As hal.virtual, with everything in reach of the test."""

    mcu = wire.MCU_VIRTUAL

    def __init__(self, board, root="/nowhere"):
        self.supply = 5000
        self.settled_count = 0
        self.uid = b"\x01\x02\x03\x04\x05\x06\x07\x08"
        self.reset_cause = wire.RESET_CAUSE_POWER_ON
        dac = board["chips"].get("stream_dac")
        self.adc = array("i", bytearray(4 * 160 if "adc" in board["chips"] else 0))
        self.dac = array(
            "I", bytearray(4 * dac["stream_channels"] * dac["stream_samples"] if dac else 0)
        )
        self.link_in = bytearray(512)
        self.link_in_count = 0
        self.sent = bytearray(1 << 15)
        self.sent_count = 0
        self.link_room = 4096
        self.flash_root = root
        self.mount_error = None
        self.fed = 0
        self.watchdog_ms = 0
        self.safe_count = 0
        self.outputs = {name: Output(board["outputs"][name]["safe"]) for name in board["outputs"]}
        self.inputs = {name: Input() for name in board["inputs"]}
        self.pwms = {name: Pwm() for name in board["pwm"]}
        self._output_list = list(self.outputs.values())
        self._pwm_list = list(self.pwms.values())
        self.stepper = Stepper()
        self.chips = {}
        for name, entry in board["chips"].items():
            kind = entry["chip"]
            if kind == "ads131m08":
                self.chips[name] = FakeAds131m08()
            elif kind == "ltc2688":
                self.chips[name] = FakeLtc2688()
            elif kind == "tmc2209":
                self.chips[name] = FakeTmc2209()
            else:
                # 25 degC: 1097 Ohm against 4020, half of the supply for the thermistor.
                self.chips[name] = FakeAds1220(2289856 if name == "cell_adc" else 4194304)
        if "interlock" in self.inputs:
            self.inputs["interlock"].level = 1

    def spi(self, name):
        return self.chips[name]

    uart = spi

    def output(self, name):
        return self.outputs[name]

    def input(self, name):
        return self.inputs[name]

    def pwm(self, name):
        return self.pwms[name]

    def safe(self):
        self.safe_count += 1
        for output in self._output_list:
            output.set(output.safe)
        for pwm in self._pwm_list:
            pwm.duty_u16(0)

    def outputs_are_off(self):
        return all(o.level == o.safe for o in self._output_list) and not any(
            p.duty for p in self._pwm_list
        )

    def wait_block(self):
        self.link_in_count = 0
        self.stepper.advance()
        return 0

    def link_write(self, buffer, start, count):
        if count > self.link_room:
            count = self.link_room
        if self.sent_count + count > len(self.sent):
            self.sent_count = 0  # nobody looks: the oldest go
        copy_far(self.sent, self.sent_count, buffer, start, count)
        self.sent_count += count
        return count

    def file_system(self):
        if self.mount_error is not None:
            raise self.mount_error

    def watchdog_start(self, timeout_ms):
        self.watchdog_ms = timeout_ms

    def watchdog_feed(self):
        self.fed += 1

    def block_phase_us(self):
        return 17

    def load_permille(self):
        return 123

    def supply_mv(self):
        return self.supply

    def mcu_temperature_mc(self):
        return 31000

    def outputs_are_safe(self):
        return all(o.level == o.safe for o in self._output_list)

    def settled(self):
        self.settled_count += 1

    def hang(self):
        raise Left("hang")

    def reset(self):
        raise Left("reset")

    def enter_repl(self):
        raise Left("prompt")

    # For the test, with the heap unlocked.

    def put(self, data):
        """Bytes from the host, for the next block."""
        copy(self.link_in, self.link_in_count << 16, data, len(data))
        self.link_in_count += len(data)

    def take(self):
        """Bytes to the host so far."""
        data = bytes(self.sent[: self.sent_count])
        self.sent_count = 0
        return data


@micropython.viper
def copy_far(target: ptr8, at: int, source: ptr8, start: int, count: int):
    for i in range(count):
        target[at + i] = source[start + i]
