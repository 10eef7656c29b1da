"""Coil loop against plain Python integers, at the rails and with everything drawn at random."""

from array import array

from nullfield_fw.control import coil_loop as loop
from reference import Random

_FULL = (1 << 23) - 1


class Reference:
    """One channel, with integers that have no end; raises if a word would pass 32 bits."""

    def __init__(self, gain, share):
        self.gain = gain
        self.share = share
        self.command = self.offset = self.trim = self.told = self.told_before = 0
        self.expected = self.low = self.carry = self.coarse = self.cut = 0

    def block(self, samples, target, offset_target, wave, ramp, slew, floor, most):
        value = sum(samples) >> 4
        readback = value * 46875 // (1 << 15)
        # The board takes two parts, whose floors may differ by one from that of the whole.
        readback = (value >> 10) * 46875 // 32 + (value & 1023) * 46875 // 32768
        step = (self.told_before << 4) - self.expected
        self.expected += step // 32768 * self.share + step % 32768 * self.share // 32768
        self.told_before = self.told
        expected = self.expected >> 4
        error = expected - readback
        allowed = floor + abs(expected) // 8
        if abs(error) > allowed:
            error = 0
        error = max(min(error, 100000), -100000)
        self.low += error - (self.low + 128) // 256
        product = _fits(self.low // 8 * self.gain)
        step = product // 1024
        if step * self.cut > 0:
            step = 0
        self.trim = max(min(self.trim + step, 819200000), -819200000)
        self.command += max(min(target - self.command, ramp), -ramp)
        self.offset += max(min(offset_target - self.offset, slew), -slew)
        self.told = max(min(self.command + self.offset + wave, most), -most)
        output = _fits((self.told << 4) + self.trim // 256)
        cut = 0
        rest = output - (self.coarse * 4882 + self.coarse * 13 // 16)
        if abs(rest) > 293000:
            self.coarse = _fits(output // 256 * 1718 + 16384) // 32768
            self.coarse = max(min(self.coarse, 32767), -32768)
            rest = output - (self.coarse * 4882 + self.coarse * 13 // 16)
            if abs(rest) > 624000:
                cut = 1 if rest > 0 else -1
                rest = 624000 * cut
        rest = _fits(rest * 3436 + self.carry)
        fine = _fits(rest + 32768) // 65536
        self.carry = rest - fine * 65536
        self.cut = cut
        return readback, self.told, self.coarse + 32768, fine + 32768


def _fits(value):
    assert -(1 << 31) <= value < 1 << 31, value
    return value


def _run(blocks, draw, most=10000000):
    state = loop.new_state()
    state[loop.ENABLED] = 1
    state[loop.CURRENT_MAX] = most
    state[loop.HOLD_BLOCKS] = 1 << 29
    adc = array("i", bytearray(4 * 160))
    dac = array("I", bytearray(4 * 16))
    row = array("i", bytearray(4 * 18))
    gains = (274, 0, 511, 274, 100, 274, 274, 400)
    shares = (15945, 32768, 1000, 32767, 15945, 1, 20000, 15945)
    references = [Reference(gains[n], shares[n]) for n in range(8)]
    for channel in range(8):
        base = channel * loop.STRIDE
        state[base + loop.LOOP_GAIN] = gains[channel]
        state[base + loop.LAG_SHARE] = shares[channel]
    for block in range(blocks):
        ramp, slew, floor = draw(block, -1, adc)
        state[loop.RAMP_STEP] = ramp
        state[loop.OFFSET_STEP] = slew
        state[loop.MISMATCH_FLOOR] = floor
        wanted = []
        for channel in range(8):
            base = channel * loop.STRIDE
            target, offset, wave, samples = draw(block, channel, adc)
            state[base + loop.TARGET] = target
            state[base + loop.OFFSET_TARGET] = offset
            state[base + loop.WAVE] = wave
            for n in range(16):
                adc[n * 10 + 1 + channel] = samples[n]
            wanted.append(
                references[channel].block(samples, target, offset, wave, ramp, slew, floor, most)
            )
        loop.coil_block(adc, state, dac, row)
        for channel in range(8):
            readback, told, coarse, fine = wanted[channel]
            assert row[channel] == readback, (block, channel)
            assert row[9 + channel] == told, (block, channel)
            assert dac[channel] >> 8 & 0xFFFF == coarse, (block, channel)
            assert dac[8 + channel] >> 8 & 0xFFFF == fine, (block, channel, fine)
            trim = state[channel * loop.STRIDE + loop.TRIM]
            assert trim == references[channel].trim, (block, channel)


def test_random_currents_are_those_of_the_reference():
    random = Random(4)

    def draw(block, channel, adc):
        if channel < 0:
            return random.between(1, 100000), random.between(1, 1000000), 200000
        # Readback near the setpoint most of the time, so that the trim works.
        target = 1000000 * (channel - 4) + random.between(-1000, 1000)
        near = int(target / 1.430511474609375)
        samples = [near + random.between(-40000, 40000) for _ in range(16)]
        return target, random.between(-50000, 50000), random.between(-20000, 20000), samples

    _run(400, draw)


def test_rails_fit_their_words():
    """Everything at its largest, with signs that change: `_fits` finds what would not."""
    random = Random(8)

    def draw(block, channel, adc):
        if channel < 0:
            return 100000, 1000000, 1000000
        sign = 1 if (block // 37 + channel) & 1 else -1
        level = _FULL if sign > 0 else -_FULL - 1
        if block % 5 == 0:
            level = random.between(-_FULL - 1, _FULL)
        return sign * 10000000, sign * 10000000, -sign * 10000000, [level] * 16

    _run(1500, draw)


def test_a_small_board_limit_holds_for_the_sum():
    def draw(block, channel, adc):
        if channel < 0:
            return 100000, 1000000, 200000
        return 900000, 900000, 900000, [0] * 16

    _run(60, draw, most=1000000)
