"""The fast path bit by bit against plain Python integers, rails included."""

from array import array

from nullfield_fw.control import lockin
from reference import Random

_FULL = 8388607
_COS1, _COS2, _COS3 = 15137, 11585, 6270


def _scaled(value, factor):
    """The firmware's split product, in integers that cannot overflow."""
    return (value >> 14) * factor + (((value & 0x3FFF) * factor) >> 14)


def _fits(value):
    assert -(1 << 31) <= value < 1 << 31, "32 bits would overflow"
    return value


class Reference:
    """The fast path in Python's big integers, over a copy of the state."""

    def __init__(self, state):
        self.state = list(state)
        self.row = [0] * 12
        self.flags = [0] * 4
        self.dac = [0] * 192

    def demodulate(self, adc):
        for head in range(4):
            base = head * lockin.STRIDE
            a = [adc[10 * n + head + 5] for n in range(16)]
            d = [adc[10 * n + head + 1] for n in range(16)]
            f = [0, 0, 0, 0]
            g = [0, 0, 0, 0]
            for k in (1, 2, 3):
                f[k] = (a[k] - a[k + 8]) + (a[16 - k] - a[8 - k])
                # Sines of sample k are cosines of sample 4 - k.
                g[4 - k] = (a[k] - a[k + 8]) - (a[16 - k] - a[8 - k])
            i = a[0] - a[8] + _scaled(f[1], _COS1) + _scaled(f[2], _COS2) + _scaled(f[3], _COS3)
            q = a[4] - a[12] + _scaled(g[1], _COS1) + _scaled(g[2], _COS2) + _scaled(g[3], _COS3)
            s = self.state
            s[base + lockin.IN_PHASE] = _fits(i)
            s[base + lockin.QUADRATURE] = _fits(q)
            s[base + lockin.DC_SUM] = _fits(sum(d))
            s[base + lockin.SATURATED] = int(any(abs(v) > 8380000 for v in a))
            if s[base + lockin.SETTLE]:
                s[base + lockin.SETTLE] -= 1
            elif s[base + lockin.COUNT]:
                s[base + lockin.COUNT] -= 1
                first = s[lockin.SENSE] > 0
                s[base + (lockin.SUM_I if first else lockin.SECOND_SUM_I)] += i >> 3
                s[base + (lockin.SUM_Q if first else lockin.SECOND_SUM_Q)] += q >> 3
                s[base + lockin.SUM_DC] += sum(d) >> 8

    def close_loops(self):
        s = self.state
        for head in range(4):
            base = head * lockin.STRIDE
            first = s[lockin.SENSE] > 0
            offset = base + (lockin.OFFSET_I if first else lockin.SECOND_OFFSET_I)
            i, q = s[base] - s[offset], s[base + 1] - s[offset + 1]
            at = base + (lockin.W_XI if first else lockin.SECOND_W_XI)
            w = s[at : at + 4]
            ex = _fits(_scaled(i, w[0]) + _scaled(q, w[1])) >> 4
            ey = _fits(_scaled(i, w[2]) + _scaled(q, w[3])) >> 4
            sense = s[lockin.SENSE]
            ex = _fits(ex - (s[base + lockin.RIPPLE_X] >> 6) * sense)
            ey = _fits(ey - (s[base + lockin.RIPPLE_Y] >> 6) * sense)
            if not (s[base + lockin.SETTLE] or s[base + lockin.COUNT]):
                for word, error in ((lockin.RIPPLE_X, ex), (lockin.RIPPLE_Y, ey)):
                    after = _fits(s[base + word] + (error * sense >> 5))
                    s[base + word] = max(min(after, 1 << 29), -(1 << 29))
            s[base + lockin.ERROR_X], s[base + lockin.ERROR_Y] = ex, ey
            flags = s[base + lockin.FLAGS]
            if s[base + lockin.SATURATED]:
                flags |= lockin.FLAG_SATURATED
            railed = s[base + lockin.LIMIT]
            if max(abs(s[base + lockin.U_X]), abs(s[base + lockin.U_Y])) >= railed:
                flags |= lockin.FLAG_SATURATED
            if max(abs(ex), abs(ey)) > 8000000:
                flags |= lockin.FLAG_OVERRANGE
            self.flags[head] = flags
            self.row[3 * head] = ex - s[base + lockin.U2_X]
            self.row[3 * head + 1] = ey - s[base + lockin.U2_Y]
            self.row[3 * head + 2] = -s[base + lockin.U2_B]
            if s[base + lockin.LOOP_CLOSED]:
                limit = s[base + lockin.LIMIT]
                for word, error in ((lockin.U_X, ex), (lockin.U_Y, ey)):
                    after = s[base + word] - _scaled(error, s[base + lockin.GAIN])
                    s[base + word] = max(min(_fits(after), limit), -limit)
            for axis in range(3):
                s[base + lockin.U2_X + axis] = s[base + lockin.U1_X + axis]
                s[base + lockin.U1_X + axis] = s[base + lockin.U_X + axis]

    def fill_dac(self):
        s = self.state
        table = s[lockin.MODULATION : lockin.MODULATION + 16]
        for head in range(4):
            base = head * lockin.STRIDE
            for sample in range(16):
                for axis in range(3):
                    v = s[base + lockin.U_X + axis] + s[base + lockin.SHAPER_X + axis]
                    polarity = s[base + lockin.POLARITY]
                    if s[base + lockin.MODULATION_ON] and axis == 0:
                        v += table[sample] * polarity
                    if s[base + lockin.MODULATION_ON] and axis == 1:
                        v += table[(sample + 4) & 15] * polarity * s[lockin.SENSE]
                    _fits(v)
                    code = max(min((v >> 12) + 32768, 65535), 0)
                    s[base + lockin.SHAPER_X + axis] = v & 4095
                    channel = 3 * head + axis
                    self.dac[12 * sample + channel] = channel << 24 | code << 8
        s[lockin.SENSE] = -s[lockin.SENSE]


def _compare(state, adcs):
    """Run firmware and reference over some blocks; everything must be the same."""
    reference = Reference(state)
    row = bytearray(52)
    dac = array("I", bytearray(4 * 192))
    for adc in adcs:
        lockin.demodulate(adc, state)
        reference.demodulate(adc)
        assert list(state) == reference.state, "demodulate"
        lockin.close_loops(state, row)
        reference.close_loops()
        assert list(state) == reference.state, "close_loops"
        fields = [
            int.from_bytes(row[4 * n : 4 * n + 4], "little") - ((row[4 * n + 3] >> 7) << 32)
            for n in range(12)
        ]
        assert fields == reference.row
        assert list(row[48:]) == reference.flags
        lockin.fill_dac(state, dac)
        reference.fill_dac()
        assert list(state) == reference.state and list(dac) == reference.dac, "fill_dac"
    return reference


def _state(random, weight=lockin.WEIGHT_LIMIT, command=120000000):
    state = lockin.new_state()
    for head in range(4):
        base = head * lockin.STRIDE
        for word in range(lockin.W_XI, lockin.W_YQ + 1):
            state[base + word] = random.between(-weight, weight)
            state[base + lockin.SECOND_W_XI + word - lockin.W_XI] = random.between(-weight, weight)
            offset = random.between(-lockin.OFFSET_LIMIT, lockin.OFFSET_LIMIT)
            state[base + lockin.OFFSET_I + word - lockin.W_XI] = offset
        state[base + lockin.RIPPLE_X] = random.between(-(1 << 29), 1 << 29)
        state[base + lockin.RIPPLE_Y] = random.between(-(1 << 29), 1 << 29)
        state[base + lockin.LOOP_CLOSED] = head & 1
        state[base + lockin.GAIN] = random.between(0, 4000)
        for axis in range(3):
            state[base + lockin.U_X + axis] = random.between(-command, command)
        state[base + lockin.MODULATION_ON] = head >> 1
        state[base + lockin.POLARITY] = -1 if random.bits() & 1 else 1
        state[base + lockin.FLAGS] = random.between(0, 63)
        state[base + lockin.SETTLE] = random.between(0, 3)
        state[base + lockin.COUNT] = random.between(0, 5)
    lockin.set_modulation(state, 37581000)  # 70 nT
    return state


def _adc(value):
    return array("i", [value(n // 10, n % 10) for n in range(160)])


def test_bit_equal_at_random():
    for seed in range(8):
        random = Random(100 + seed)
        level = _FULL >> random.between(0, 16)
        blocks = [_adc(lambda n, c: random.between(-level, level)) for _ in range(6)]
        _compare(_state(random), blocks)


def test_bit_equal_at_the_rails():
    random = Random(7)
    for pattern in range(8):
        # Each sample at a rail, worst case of every fold: signs follow cosine or sine.
        def rail(n, c, pattern=pattern):
            signs = (
                1,
                -1,
                1 if (n + 4) & 8 == 0 else -1,
                1 if n & 8 == 0 else -1,
                1 if (n + 2) & 8 == 0 else -1,
                1 if n & 1 else -1,
                1 if n & 4 else -1,
                1 if c & 1 else -1,
            )
            return _FULL if signs[pattern] > 0 else -_FULL - 1

        reference = _compare(_state(random), [_adc(rail)] * 3)
        assert all(flag & lockin.FLAG_SATURATED for flag in reference.flags)


def test_bit_equal_with_commands_and_modulation_at_their_limits():
    random = Random(8)
    state = _state(random)
    lockin.set_modulation(state, 53687091)  # 100 nT
    for head in range(4):
        base = head * lockin.STRIDE
        state[base + lockin.MODULATION_ON] = 1
        for axis in range(3):
            state[base + lockin.U_X + axis] = (125000000, -125000000)[(head + axis) & 1]
            state[base + lockin.SHAPER_X + axis] = 4095
    reference = _compare(state, [_adc(lambda n, c: random.between(-_FULL, _FULL))] * 4)
    codes = [word >> 8 & 0xFFFF for word in reference.dac]
    assert max(codes) == 65535
    assert min(codes) == 0


def test_a_cosine_is_demodulated_to_its_amplitude():
    from math import cos, pi, sin

    state = lockin.new_state()
    adc = _adc(
        lambda n, c: int(
            300000
            + 4000000 * cos(2 * pi * n / 16)
            + 1000000 * sin(2 * pi * n / 16)
            + 500000 * cos(pi * n / 4)
        )
    )
    lockin.demodulate(adc, state)
    assert abs(state[lockin.IN_PHASE] - 8 * 4000000) < 2500
    assert abs(state[lockin.QUADRATURE] - 8 * 1000000) < 2500
    assert abs(state[lockin.DC_SUM] - sum(adc[10 * n + 1] for n in range(16))) == 0


def test_saturation_flag_and_its_threshold():
    state = lockin.new_state()
    row = bytearray(52)
    for level, expected in ((8380000, 0), (8380001, 2), (-8380000, 0), (-8380001, 2)):
        for place in (0, 7, 15):
            adc = _adc(lambda n, c, p=place, v=level: v if n == p and c == 6 else 0)
            lockin.demodulate(adc, state)
            lockin.close_loops(state, row)
            assert list(row[48:]) == [0, expected, 0, 0], (level, place)


def test_overrange_flag():
    state = lockin.new_state()
    state[lockin.W_XI] = 32767
    row = bytearray(52)
    adc = _adc(lambda n, c: (_FULL if (n + 4) & 8 == 0 else -_FULL) if c == 5 else 0)
    lockin.demodulate(adc, state)
    lockin.close_loops(state, row)
    assert row[48] & lockin.FLAG_OVERRANGE
    assert not row[49] & lockin.FLAG_OVERRANGE


def test_noise_shaping_keeps_the_mean():
    state = lockin.new_state()
    dac = array("I", bytearray(4 * 192))
    for command in (0, 1, -1, 1234567, -7654321, 4095, 4096, 100000001):
        for axis in range(3):
            state[lockin.U_X + axis] = command
            state[lockin.SHAPER_X + axis] = 0
        total = [0, 0, 0]
        blocks = 64
        for _ in range(blocks):
            lockin.fill_dac(state, dac)
            for sample in range(16):
                for axis in range(3):
                    code = (dac[12 * sample + axis] >> 8 & 0xFFFF) - 32768
                    total[axis] += code << 12
                    # Never more than one step away from the command.
                    assert abs((code << 12) - command) <= 4096
        for axis in range(3):
            # Whatever is left of the mean is what the shaper still holds, less than one step in all.
            assert 0 <= command * 16 * blocks - total[axis] < 4096, command


def test_modulation_table():
    from math import pi, sin

    state = lockin.new_state()
    for amplitude in (5368709, 37581000, 53687091):
        lockin.set_modulation(state, amplitude)
        for n in range(16):
            exact = amplitude * sin(2 * pi * (n + 0.5) / 16 - 0.13)
            assert abs(state[lockin.MODULATION + n] - exact) < 4096, (amplitude, n)


def test_closed_loop_removes_a_step_of_field():
    """A head with ideal response: the error decays, the row shows the field all the way."""
    state = lockin.new_state()
    gain = 12  # lock-in units per count of field
    state[lockin.W_XI] = state[lockin.SECOND_W_XI] = (1 << 18) // gain
    state[lockin.W_YQ] = (1 << 18) // gain
    state[lockin.GAIN] = 1300
    state[lockin.LOOP_CLOSED] = 1
    row = bytearray(52)
    dac = array("I", bytearray(4 * 192))
    field = 2684000  # 5 nT
    errors = []
    for _ in range(200):
        residual = field + state[lockin.U2_X]
        state[lockin.IN_PHASE] = gain * residual
        state[lockin.QUADRATURE] = 0
        lockin.close_loops(state, row)
        lockin.fill_dac(state, dac)
        shown = int.from_bytes(row[:4], "little") - ((row[3] >> 7) << 32)
        assert abs(shown - field) < 3000
        errors.append(abs(state[lockin.ERROR_X]))
    assert errors[0] > 2600000
    assert max(errors[100:]) < errors[0] // 1000
    assert errors.index(max(errors)) < 4


def test_what_differs_between_the_senses_is_taken_out_of_the_row():
    state = lockin.new_state()
    for word in (lockin.W_XI, lockin.SECOND_W_XI):
        state[word] = (1 << 18) // 12
    row = bytearray(52)
    dac = array("I", bytearray(4 * 192))
    for _ in range(30000):
        # 1 nT of field, and 100 pT more or less by the sense.
        state[lockin.IN_PHASE] = 12 * (536870 + 53687 * state[lockin.SENSE])
        lockin.close_loops(state, row)
        lockin.fill_dac(state, dac)
    seen = []
    for _ in range(2):
        state[lockin.IN_PHASE] = 12 * (536870 + 53687 * state[lockin.SENSE])
        lockin.close_loops(state, row)
        lockin.fill_dac(state, dac)
        seen.append(state[lockin.ERROR_X])
    assert abs(seen[0] - seen[1]) < 100, seen
    assert all(abs(error - 536870) < 600 for error in seen), seen


def test_closed_loop_clamps_and_comes_back_without_windup():
    state = lockin.new_state()
    state[lockin.W_XI] = 1 << 14
    state[lockin.GAIN] = 1300
    state[lockin.LOOP_CLOSED] = 1
    row = bytearray(52)
    limit = state[lockin.LIMIT]
    for _ in range(2000):
        state[lockin.IN_PHASE] = 60000000
        lockin.close_loops(state, row)
    assert state[lockin.U_X] == -limit
    state[lockin.IN_PHASE] = -60000000
    lockin.close_loops(state, row)
    assert state[lockin.U_X] > -limit
