"""Waveforms against plain Python integers, and against what they should be."""

from math import pi, sin

from nullfield_fw.control import coil_loop as loop
from nullfield_fw.control import waveform

_WRAP = 1 << 32


class Channel:
    def __init__(self, shape, amplitude, increment, phase=0, cycles=0, decay=0, number=3):
        self.state = loop.new_state()
        self.table = waveform.new_table()
        base = number * loop.STRIDE
        self.base = base
        for word, value in (
            (waveform.SHAPE, shape),
            (waveform.AMPLITUDE, amplitude),
            (waveform.INCREMENT, _signed(increment)),
            (waveform.PHASE_START, _signed(phase)),
            (waveform.CYCLES, cycles),
            (waveform.DECAY, decay),
            (waveform.ARMED, 1),
        ):
            self.state[base + word] = value
        assert waveform.start(self.state)

    def run(self, blocks, elapsed=1):
        out = []
        for _ in range(blocks):
            self.state[loop.ELAPSED] = elapsed
            waveform.wave_block(self.state, self.table)
            out.append(self.state[self.base + loop.WAVE])
        return out


def _signed(value):
    return value - _WRAP if value >= 1 << 31 else value


def test_table_is_a_sine():
    table = waveform.new_table()
    for number in range(257):
        wanted = sin(pi / 2 * number / 256)
        assert abs(table[number] / (1 << 22) - wanted) < 4e-7, number
    assert table[0] == 0
    assert table[256] == 1 << 22


def test_sine_is_one_at_the_rails_and_for_any_frequency():
    for amplitude in (1, 1000, 9999999, 10000000):
        increment = 123456789
        values = Channel(1, amplitude, increment, 1 << 30).run(500)
        for n, value in enumerate(values):
            angle = 2 * pi * ((n * increment + (1 << 30)) % _WRAP) / _WRAP
            assert abs(value - amplitude * sin(angle)) < 2 + 2e-5 * amplitude
        assert max(values) <= amplitude
        assert min(values) >= -amplitude - 1


def test_phase_follows_the_number_of_the_block_for_hours():
    channel = Channel(1, 10000000, 42949673)
    channel.state[waveform.BLOCK] = 12000000 - 1
    value = channel.run(1)[0]
    angle = 2 * pi * (12000000 * 42949673 % _WRAP) / _WRAP
    assert abs(value - 1e7 * sin(angle)) < 400


def test_missed_blocks_count():
    every = Channel(1, 10000000, 1 << 25).run(30)
    channel = Channel(1, 10000000, 1 << 25)
    assert channel.run(1, 4) == every[:1]
    assert channel.run(9, 3) == every[3::3]


def test_square_has_equal_halves_and_ends_after_its_cycles():
    values = Channel(2, 5000, 1 << 28, 0, 3).run(60)
    assert values == ([5000] * 8 + [-5000] * 8) * 3 + [0] * 12


def test_pseudo_random_sequence_has_the_correlation_of_its_kind():
    values = Channel(3, 1, 1).run(1023)
    assert sum(values) in (1, -1)
    for shift in (1, 7, 100, 511):
        assert sum(values[n] * values[(n + shift) % 1023] for n in range(1023)) == -1, shift
    later = Channel(3, 1, 1, 100 << 22).run(1023)
    assert later == values[100:] + values[:100]
    slow = Channel(3, 1, 5).run(100)
    assert slow[::5] == values[:20]
    assert slow == [values[n // 5] for n in range(100)]


def test_degaussing_falls_to_zero_in_even_steps_or_by_a_factor():
    # 16 blocks a cycle: the fifth block is the crest.
    linear = Channel(4, 8000000, 1 << 28, 0, 10).run(200)
    crests = [linear[16 * n + 4] for n in range(10)]
    assert crests == [800000 * (10 - n) for n in range(10)]
    assert linear[160:] == [0] * 40
    by_factor = Channel(4, 8000000, 1 << 28, 0, 10, 32768).run(160)
    for n in range(10):
        assert abs(by_factor[16 * n + 4] - 8000000 // (1 << n)) < 3


def test_stopping_hands_the_value_over_to_the_ramp():
    channel = Channel(2, 700000, 1 << 28)
    channel.run(3)
    waveform.stop(channel.state)
    assert channel.state[channel.base + loop.COMMAND] == 700000
    assert channel.run(2) == [0, 0]
    assert channel.state[waveform.ANY_RUNNING] == 0


def test_channels_share_their_start():
    state = loop.new_state()
    table = waveform.new_table()
    for number in (0, 7):
        base = number * loop.STRIDE
        state[base + waveform.SHAPE] = 1
        state[base + waveform.AMPLITUDE] = 1000000
        state[base + waveform.INCREMENT] = 1 << 27
        state[base + waveform.ARMED] = 1
    assert waveform.start(state)
    assert not waveform.start(state), "nothing is armed any more"
    for _ in range(100):
        waveform.wave_block(state, table)
        assert state[loop.WAVE] == state[7 * loop.STRIDE + loop.WAVE]
        assert state[loop.STRIDE + loop.WAVE] == 0
