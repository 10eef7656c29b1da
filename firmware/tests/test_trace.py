"""The trace catches what it should, where it should, and allocates nothing."""

from array import array

import micropython

from bench import Bench
from nullfield_fw import wire
from nullfield_fw.trace import Trace
from reference import i32, u16, u32

_BLOCK = wire.TRACE_KIND_BLOCK
_SAMPLE = wire.TRACE_KIND_SAMPLE
_NOW = wire.TRACE_TRIGGER_NOW
_RISING = wire.TRACE_TRIGGER_RISING
_FALLING = wire.TRACE_TRIGGER_FALLING
_FAULT = wire.TRACE_TRIGGER_FAULT


class Source:
    """Signals that count blocks and conversions."""

    def __init__(self, words=64):
        self.number = 0
        self.words = array("i", [0] * 4)
        self.adc = array("i", [0] * 160)
        self.time = bytearray(8)
        signals = (
            ("word", "A", -9, _BLOCK, self.words, 2),
            ("attribute", "", 0, _BLOCK, self, "number"),
            ("fast", "", 0, _SAMPLE, None, 3),
            ("wave", "", 0, _BLOCK, self.words, 1),
        )
        self.trace = Trace(signals, words)

    def arm(self, signals, decimation=1, samples=8, before=0, trigger=_NOW, level=0):
        raw = bytes(list(signals) + [255] * (4 - len(signals)))
        error = self.trace.choose(raw, 0)
        return error or self.trace.arm(decimation, samples, before, trigger, level)

    def step(self, missed=0, faults=0):
        """One block: block k has word 1000 + k, attribute k, conversions 16 k .. 16 k + 15."""
        number = self.number + 1
        self.number = number
        self.words[2] = 1000 + number
        self.words[1] = (number % 20) - 10
        for n in range(16):
            self.adc[10 * n + 3] = 16 * number + n
        self.time[0] = number & 255
        self.time[1] = number >> 8
        if self.trace.running:
            micropython.heap_lock()
            try:
                self.trace.block(self.adc, self.time, missed, faults)
            finally:
                micropython.heap_unlock()

    def run(self, most=500):
        while self.trace.running:
            self.step()
            most -= 1
            assert most, "the trace does not end"

    def read(self, first=0, most=255):
        """Samples as tuples."""
        trace = self.trace
        raw = bytearray(1040)
        micropython.heap_lock()
        count = trace.read(raw, 4, first, most)
        micropython.heap_unlock()
        wide = trace.signal_count
        return [tuple(i32(raw, 4 + 4 * (wide * n + s)) for s in range(wide)) for n in range(count)]


def test_now():
    source = Source()
    source.number = 5
    assert source.arm((0, 1)) == wire.ERROR_CODE_OK
    source.run()
    assert source.read() == [(1000 + k, k) for k in range(6, 14)]
    assert source.trace.before_count == 0
    assert source.trace.period_ns == 1000000
    assert source.trace.state == wire.TRACE_STATE_DONE


def test_decimation():
    source = Source()
    source.arm((1,), decimation=7, samples=5)
    source.run()
    assert source.read() == [(1,), (8,), (15,), (22,), (29,)]
    assert source.trace.period_ns == 7000000


def test_every_conversion():
    source = Source()
    source.arm((2, 1), samples=32)
    source.run()
    assert source.read() == [(16 + n, 1 + n // 16) for n in range(32)]
    assert source.trace.period_ns == 62500
    source.arm((2,), decimation=5, samples=20)
    first = source.number + 1
    source.run()
    assert source.read() == [(16 * first + 5 * n,) for n in range(20)]


def test_level_triggers_stand_where_they_should():
    for trigger, level, last, at in ((_RISING, 3, 2, 3), (_FALLING, -8, 9, -10)):
        source = Source()
        source.arm((3, 1), samples=12, before=5, trigger=trigger, level=level)
        source.run()
        wave = [one[0] for one in source.read()]
        assert (wave[4], wave[5]) == (last, at), wave
        numbers = [one[1] for one in source.read()]
        assert numbers == list(range(numbers[0], numbers[0] + 12))
        assert source.trace.before_count == 5
        # The time of the block whose value met the trigger.
        assert source.trace.time[0] == numbers[5]


def test_a_level_is_crossed_not_just_held():
    source = Source()
    source.words[1] = 5
    source.arm((0,), samples=4, trigger=_RISING, level=500)
    for _ in range(100):
        source.step()
    # The signal is above the level from the first sample on.
    assert source.trace.state == wire.TRACE_STATE_ARMED
    assert source.read() == []


def test_the_part_before_is_full_when_a_level_triggers():
    for before in range(0, 40, 3):
        source = Source(80)
        assert not source.arm((3, 1), samples=40, before=before, trigger=_RISING, level=0)
        source.run()
        samples = source.read()
        assert len(samples) == 40
        assert samples[before][0] == 0
        assert samples[0][1] >= 1
        assert [one[1] for one in samples] == list(range(samples[0][1], samples[0][1] + 40))


def test_a_fault_triggers_at_its_block_even_early():
    for early, before in ((30, 10), (4, 4)):
        source = Source()
        source.arm((1,), samples=20, before=10, trigger=_FAULT)
        for _ in range(early):
            source.step(faults=7)
        assert source.trace.state == wire.TRACE_STATE_ARMED
        source.step(faults=8)
        while source.trace.running:
            source.step(faults=8)
        samples = source.read()
        assert source.trace.before_count == before
        assert samples[before] == (early + 1,)
        assert len(samples) == 20


def test_a_fault_in_a_block_that_is_passed_over_is_not_missed():
    for early in (20, 21, 22):
        source = Source()
        source.arm((1,), samples=20, before=4, trigger=_FAULT, decimation=3)
        for _ in range(early):
            source.step(faults=7)
        source.step(faults=8)
        for _ in range(3 * 20):
            source.step(faults=8)
        assert source.trace.state == wire.TRACE_STATE_DONE, early


def test_conversions_trigger_within_a_block():
    source = Source()
    source.number = 99
    source.arm((2,), samples=30, before=20, trigger=_RISING, level=16 * 102 + 3)
    source.run()
    samples = source.read()
    assert samples[20] == (16 * 102 + 3,)
    # Conversion 3 of 16 is 12 conversions of 62.5 us before the end of block 102; the time word of
    # the test counts blocks, so it borrows from the upper word.
    low = u32(source.trace.time, 0)
    assert low == (102 - 750) & 0xFFFFFFFF
    assert u32(source.trace.time, 4) == 0xFFFFFFFF


def test_read_in_parts():
    source = Source()
    source.arm((1, 0), samples=32, before=9, trigger=_RISING, level=40)
    source.run()
    whole = source.read()
    parts = []
    while len(parts) < 32:
        parts += source.read(len(parts), 7)
    assert parts == whole
    assert source.read(32) == []
    assert source.read(31, 255) == whole[31:]


def test_missed_blocks_are_counted():
    source = Source()
    source.arm((1,), samples=8)
    source.step()
    source.step(missed=3)
    source.run()
    assert source.trace.missed_blocks == 3
    source.arm((1,), samples=8)
    assert source.trace.missed_blocks == 0


def test_what_cannot_be_armed():
    source = Source(64)
    bad = wire.ERROR_CODE_BAD_ARGUMENT
    assert source.arm((4,)) == bad
    assert source.trace.detail == 4
    assert source.arm((0,), decimation=0) == bad
    assert source.arm((0,), decimation=1001) == bad
    assert source.arm((0, 1, 3), samples=22) == wire.ERROR_CODE_ABOVE_MAXIMUM
    assert source.trace.detail == 21
    assert source.arm((0,), samples=0) == bad
    assert source.arm((0,), samples=8, before=8) == bad
    assert source.arm((0,), trigger=4) == bad
    assert not source.trace.running
    assert source.arm((0, 1, 3), samples=21) == wire.ERROR_CODE_OK
    assert source.arm(()) == wire.ERROR_CODE_OK
    assert source.trace.state == wire.TRACE_STATE_IDLE
    assert not source.trace.running


# ------------------------------------------------------------------ through the link


def _signals(bench):
    """Number, unit, exponent and kind by name."""
    found = {}
    number = 0
    count = 1
    while number < count:
        message, body = bench.ask(
            wire.TRACE_DESCRIBE_REQUEST, number.to_bytes(2, "little") + bytes(2)
        )
        assert message == wire.TRACE_DESCRIPTION
        assert u16(body, wire.TRACE_DESCRIPTION_INDEX) == number
        count = u16(body, wire.TRACE_DESCRIPTION_SIGNAL_COUNT)
        assert u16(body, wire.TRACE_DESCRIPTION_BUFFER_WORDS) == 2048
        at = wire.TRACE_DESCRIPTION_NAME
        name = body[at : at + 32].rstrip(b"\0").decode()
        at = wire.TRACE_DESCRIPTION_UNIT
        unit = body[at : at + 8].rstrip(b"\0").decode()
        exponent = body[wire.TRACE_DESCRIPTION_EXPONENT]
        assert name not in found
        found[name] = (
            number,
            unit,
            exponent - 256 if exponent > 127 else exponent,
            body[wire.TRACE_DESCRIPTION_KIND],
        )
        number += 1
    message, body = bench.ask(wire.TRACE_DESCRIBE_REQUEST, count.to_bytes(2, "little") + bytes(2))
    assert message == wire.ACKNOWLEDGE
    assert u16(body, wire.ACKNOWLEDGE_ERROR) == wire.ERROR_CODE_BAD_ARGUMENT
    return found


def _read(bench, wide):
    """(state, samples) of the trace."""
    samples = []
    while True:
        message, body = bench.ask(
            wire.TRACE_READ_REQUEST, len(samples).to_bytes(2, "little") + b"\xff\0"
        )
        assert message == wire.TRACE_DATA
        words = (len(body) - wire.TRACE_DATA_SIZE) // 4
        at = wire.TRACE_DATA_SIZE
        for n in range(words // wide):
            samples.append(tuple(i32(body, at + 4 * (wide * n + s)) for s in range(wide)))
        if words == 0 or len(samples) >= u16(body, wire.TRACE_DATA_SAMPLE_COUNT):
            return body[wire.TRACE_DATA_STATE], samples


def test_all_boards_describe_their_signals():
    expected = {
        "sensor": ("head0_in_phase", "head3_cell_temperature", "head2_modulation_adc"),
        "coil": ("coil0_setpoint", "coil7_current", "coil3_trim", "coil1_adc"),
        "table": ("position", "speed", "target"),
        "bringup": ("mcu_temperature", "led"),
    }
    for role, names in expected.items():
        signals = _signals(Bench(role))
        for name in names + ("block_load", "supply"):
            assert name in signals, (role, name)
        assert all(len(name) <= 32 and len(one[1]) <= 8 for name, one in signals.items())


def test_a_coil_ramp_is_seen():
    bench = Bench("coil")
    signals = _signals(bench)
    chosen = (signals["coil2_command"][0], signals["coil2_current"][0], 255, 255)
    bench.command(wire.COMMAND_COIL_ENABLE, 1)
    bench.write(2, 20000000)  # 20 mA/s: 20 uA a block
    assert bench.arm(chosen, 1, 200, 50, _RISING, 100000) == (0, 0)
    bench.run(80)
    assert _read(bench, 2)[0] == wire.TRACE_STATE_ARMED
    bench.command(wire.COMMAND_COIL_SET, 2, 1000000)
    bench.run(250)
    state, samples = _read(bench, 2)
    assert state == wire.TRACE_STATE_DONE
    command = [one[0] for one in samples]
    assert len(command) == 200
    assert command[49] < 100000 <= command[50]
    assert command[0] == 0
    # The ramp's own step, from sample to sample.
    assert all(command[n + 1] - command[n] == 20000 for n in range(50, 90))
    assert abs(samples[-1][1] - 1000000) < 5000


def test_a_fault_is_caught_with_what_came_before():
    bench = Bench("coil")
    signals = _signals(bench)
    bench.command(wire.COMMAND_COIL_ENABLE, 1)
    bench.command(wire.COMMAND_COIL_SET, 0, 5000000)
    bench.run(600)
    chosen = (signals["coil0_current"][0], signals["coil0_setpoint"][0], 255, 255)
    assert bench.arm(chosen, 1, 400, 300, _FAULT, 0) == (0, 0)
    bench.run(320)
    bench.world.broken[0] = True
    bench.run(500)
    assert bench.board.faults.code == wire.FAULT_CODE_COIL_OPEN
    state, samples = _read(bench, 2)
    assert state == wire.TRACE_STATE_DONE
    # 200 blocks from the break to the fault, which took the setpoint away.
    assert samples[50][0] > 4900000 and abs(samples[250][0]) < 100000
    assert samples[299][1] == 5000000 and samples[300][1] == 0


def test_raw_conversions_of_a_sensor_board():
    bench = Bench("sensor")
    signals = _signals(bench)
    chosen = (signals["head1_modulation_adc"][0], signals["head1_in_phase"][0], 255, 255)
    bench.run(5)
    for n in range(16):
        bench.hal.adc[n * 10 + 6] = 100 * n
    bench.world.update = lambda: None  # the test's words stay
    assert bench.arm(chosen, 1, 32, 0, _NOW, 0) == (0, 0)
    bench.run(4)
    _, samples = _read(bench, 2)
    assert [one[0] for one in samples] == [100 * n for n in range(16)] * 2


def test_a_host_may_ask_anything():
    bench = Bench("table")
    assert bench.arm((0, 1, 2, 3), 1, 512, 0, _NOW, 0) == (0, 0)
    error, most = bench.arm((0, 1, 2, 3), 1, 513, 0, _NOW, 0)
    assert (error, most) == (wire.ERROR_CODE_ABOVE_MAXIMUM, 512)
    assert bench.arm((0, 255, 255, 255), 1, 10, 0, _RISING, -(1 << 31))[0] == 0
    for size in (0, 5, 40):
        message, body = bench.ask(wire.TRACE_ARM_REQUEST, bytes(size))
        assert message == wire.ACKNOWLEDGE
        assert u16(body, wire.ACKNOWLEDGE_ERROR) == wire.ERROR_CODE_BAD_LENGTH
