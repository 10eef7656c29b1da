"""An application on a fake hal with its world, and a host that talks to it."""

import gc
import micropython

from boards import BRINGUP, COIL, SENSOR, TABLE
from fake_hal import FakeHal
from nullfield_fw import wire
from nullfield_fw.app.bringup import BringupApplication
from nullfield_fw.app.coil import CoilApplication
from nullfield_fw.app.sensor import SensorApplication
from nullfield_fw.app.table import TableApplication
from nullfield_fw.boot_state import Boot
from reference import decode_all, encode, i32, u16, u32
from worlds import BareWorld, CoilWorld, SensorWorld, TableWorld


class Bench:
    """Board under test.

    Parameters
    ----------
    role : str
    root : str, optional
        Folder that plays the board's flash.
    break_chip : str, optional
        Chip that does not answer.
    """

    def __init__(self, role, root="/nowhere", break_chip=None, mount_error=None, boot=None):
        board = {"sensor": SENSOR, "coil": COIL, "table": TABLE, "bringup": BRINGUP}[role]
        self.hal = FakeHal(board, root)
        self.hal.mount_error = mount_error
        if break_chip:
            self.hal.chips[break_chip].missing = True
        kind = {
            "sensor": SensorApplication,
            "coil": CoilApplication,
            "table": TableApplication,
            "bringup": BringupApplication,
        }[role]
        self.board = kind(board, self.hal, boot or Boot())
        self.board.prepare()
        if role == "sensor":
            self.world = SensorWorld(self.hal, self.board)
        elif role == "coil":
            self.world = CoilWorld(self.hal)
        elif role == "table":
            self.world = TableWorld(self.hal)
        else:
            self.world = BareWorld()
        self.blocks = 0
        self.frames = []
        self._id = 100
        self._beats = True
        self._sequence = 0
        gc.collect()

    def _frame(self, message, payload):
        self._sequence += 1
        return encode(message, self._sequence, payload)

    def step(self, missed=0, lock=True, data=b""):
        """One block, with the heap locked unless told otherwise."""
        hal = self.hal
        hal.wait_block()
        self.world.update()
        if self._beats and self.blocks % 250 == 0:
            data += self._frame(wire.HEARTBEAT, self.blocks.to_bytes(4, "little"))
        if data:
            hal.put(bytearray(data))
        step = self.board.step
        # Off as while an application runs: a collection would hide what a block allocates.
        gc.disable()
        if lock:
            micropython.heap_lock()
            try:
                step(missed)
            finally:
                micropython.heap_unlock()
        else:
            before = gc.mem_alloc()
            step(missed)
            after = gc.mem_alloc()
            assert after == before, "allocated %d bytes in block %d" % (after - before, self.blocks)
        gc.enable()
        self.blocks += 1

    def run(self, blocks, lock=True):
        """Some blocks."""
        for _ in range(blocks):
            self.step(lock=lock)

    def forget(self):
        """Drop what the board sent; at the end of a block only whole frames are out."""
        self.hal.sent_count = 0

    def host_falls_silent(self):
        """No heartbeats from now on."""
        self._beats = False

    def take(self):
        """New frames from the board."""
        return decode_all(self.hal.take())

    def ask(self, message, payload, lock=True):
        """Answer to one request, as (message, payload); None if none came."""
        self.hal.sent_count = 0
        self._id += 1
        self.step(data=self._frame(message, self._id.to_bytes(4, "little") + payload), lock=lock)
        for answer, _, body in self.take():
            if 0x81 <= answer <= 0x87 and u32(body, 0) == self._id:
                return answer, body
        return None

    def command(self, command, first=0, second=0, lock=True):
        """(error, detail) of a command."""
        payload = command.to_bytes(2, "little") + bytes(2)
        for value in (first, second, 0, 0):
            payload += (value & 0xFFFFFFFF).to_bytes(4, "little")
        message, body = self.ask(wire.COMMAND_REQUEST, payload, lock)
        assert message == wire.ACKNOWLEDGE
        assert u16(body, wire.ACKNOWLEDGE_COMMAND) == command
        return u16(body, wire.ACKNOWLEDGE_ERROR), i32(body, wire.ACKNOWLEDGE_DETAIL)

    def compensate(self, sequence, hold_ms, offsets_na):
        """Let a compensation come in; nothing answers it."""
        payload = sequence.to_bytes(4, "little") + hold_ms.to_bytes(2, "little") + bytes(2)
        for value in offsets_na:
            payload += (value & 0xFFFFFFFF).to_bytes(4, "little")
        self.step(data=self._frame(wire.COIL_COMPENSATION, payload))

    def request_of(self, command):
        """Frame of a command without arguments."""
        self._id += 1
        payload = self._id.to_bytes(4, "little") + command.to_bytes(2, "little") + bytes(18)
        return self._frame(wire.COMMAND_REQUEST, payload)

    def write(self, number, value):
        """(error, value) of a setting write."""
        body = self.ask(
            wire.SETTING_WRITE_REQUEST,
            number.to_bytes(2, "little") + bytes(2) + (value & 0xFFFFFFFF).to_bytes(4, "little"),
        )[1]
        return u16(body, wire.SETTING_VALUE_ERROR), i32(body, wire.SETTING_VALUE_VALUE)

    def arm(self, signals, decimation, samples, before, trigger, level, lock=True):
        """(error, detail) of arming the trace."""
        payload = bytes(signals)
        for value in (decimation, samples, before):
            payload += value.to_bytes(2, "little")
        payload += bytes((trigger, 0)) + (level & 0xFFFFFFFF).to_bytes(4, "little")
        body = self.ask(wire.TRACE_ARM_REQUEST, payload, lock)[1]
        return u16(body, wire.ACKNOWLEDGE_ERROR), i32(body, wire.ACKNOWLEDGE_DETAIL)

    def read(self, number):
        """(error, value) of a setting."""
        body = self.ask(wire.SETTING_READ_REQUEST, number.to_bytes(2, "little") + bytes(2))[1]
        return u16(body, wire.SETTING_VALUE_ERROR), i32(body, wire.SETTING_VALUE_VALUE)

    def faults(self):
        """(code, source, value) of the fault messages that came."""
        return [
            (u16(body, wire.FAULT_CODE), body[wire.FAULT_SOURCE], i32(body, wire.FAULT_VALUE))
            for message, _, body in self.take()
            if message == wire.FAULT
        ]

    def chatter(self, blocks, commands, lock):
        """Everything a host may ask, over some blocks, again and again."""
        items = len(self.board.settings.items)
        for number in range(blocks):
            turn = number % 40
            if turn == 3:
                self.ask(wire.IDENTIFY_REQUEST, b"\x01\0\0\0", lock)
            elif turn == 6:
                self.ask(wire.TIME_REQUEST, b"", lock)
            elif turn == 9:
                place = (number // 40 % (items + 2)).to_bytes(2, "little") + bytes(2)
                self.ask(wire.SETTING_DESCRIBE_REQUEST, place, lock)
                self.ask(wire.SETTING_READ_REQUEST, place, lock)
            elif turn == 12:
                index = number // 40 % items
                item = self.board.settings.items[index]
                for value in (self.board.value[index], item.maximum + 1, -(1 << 31), 0x7FFFFFFF):
                    self.ask(
                        wire.SETTING_WRITE_REQUEST,
                        index.to_bytes(2, "little")
                        + bytes(2)
                        + (value & 0xFFFFFFFF).to_bytes(4, "little"),
                        lock,
                    )
            elif turn == 15:
                # A trace of whatever is there, good and bad ones, and a look at it.
                turns = number // 40
                if turns % 3 == 0:
                    self.ask(wire.TRACE_DESCRIBE_REQUEST, (turns % 70).to_bytes(4, "little"), lock)
                elif turns % 3 == 1:
                    self.arm((turns % 70, 1, 255, turns % 5), turns % 4, 40, 3, turns % 5, 0, lock)
                else:
                    self.ask(wire.TRACE_READ_REQUEST, bytes((turns % 9, 0, 255, 0)), lock)
            elif turn == 20:
                name, first, second = commands[number // 40 % len(commands)]
                self.command(name, first, second, lock)
            elif turn == 25:
                self.command(wire.COMMAND_PING, 0x7FFFFFFF, -(1 << 31), lock)
                self.command(999, 0x7FFFFFFF, -(1 << 31), lock)
            elif turn == 30:
                self.step(data=b"\x05garbage\0" + self._frame(0x33, bytes(8)), lock=lock)
            elif turn == 33:
                self.step(missed=2, lock=lock)
            else:
                self.step(lock=lock)
