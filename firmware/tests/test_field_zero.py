"""Field zeroing against a model of a head's response: linear near zero, saturating, Hanle light."""

from math import cos, sin

from nullfield_fw.control import field_zero, lockin
from reference import Random

_NT = 536870  # counts in 1 nT at 100 nT/mA


class Head:
    """What the fast path would have averaged, for the coil commands in the state.

    The lock-in sees the transverse field through a mixing matrix, weaker with the distance from
    zero; the beam field turns it, the sense of rotation mirrors y; an offset stays the same with
    either polarity of the modulation; the light is largest where the transverse field is zero.
    """

    def __init__(self, ambient_nt, gain=14.0, noise=0, light=2.0e6, offset=300000):
        self.state = lockin.new_state()
        self.ambient = [value * _NT for value in ambient_nt]
        self.gain = gain
        self.light = light
        self.width = 22.0 * _NT
        self.turn_width = 15.0 * _NT  # not the width that the zero begins with
        self.offset = offset
        self.skew = 0.0  # the y coil leans towards x
        self.noise = noise
        self.beat = lambda measurement: 0.0  # field of a heart on x and y, counts
        self.random = Random(11)
        self.zero = field_zero.FieldZero(self.state, 0, 13420000, 1610000, 9800000)
        self.measurements = 0
        self.cycles_measured = 0

    def lock_in(self, sense):
        """I and Q of a block."""
        s = self.state
        x, y, b = (self.ambient[axis] + s[lockin.U_X + axis] for axis in range(3))
        x += self.skew * s[lockin.U_Y]
        beat = self.beat(self.measurements)
        x += beat
        y -= beat
        w = self.width
        strength = self.gain / (1.0 + (b * b + x * x + y * y) / (w * w))
        turn = b / self.turn_width
        tx = x * cos(turn) - y * sin(turn)
        ty = sense * (y * cos(turn) + x * sin(turn))
        # A modulation along the leaning coil sees some of the tilt along x.
        ty += sense * self.skew * tx
        polarity = s[lockin.POLARITY]
        i = polarity * strength * (0.9 * tx + 0.3 * ty) + self.offset
        q = polarity * strength * (-0.25 * tx + 0.95 * ty) - 2 * self.offset
        limit = 8.0 * 8388607
        return max(min(i, limit), -limit), max(min(q, limit), -limit)

    def measure(self):
        s = self.state
        assert all(abs(s[lockin.U_X + axis]) < 150000000 for axis in range(3))
        blocks = s[lockin.COUNT] // 2
        for sense, word in ((1, lockin.SUM_I), (-1, lockin.SECOND_SUM_I)):
            i, q = self.lock_in(sense) if s[lockin.MODULATION_ON] else (0.0, 0.0)
            s[word] = blocks * int(i / 8) + self._noise()
            s[word + 1] = blocks * int(q / 8) + self._noise()
        x, y, b = (self.ambient[axis] + s[lockin.U_X + axis] for axis in range(3))
        w = self.width
        light = self.light * (0.6 + 0.4 * (w * w + b * b) / (w * w + b * b + x * x + y * y))
        s[lockin.SUM_DC] = int(light)
        s[lockin.COUNT] = 0
        s[lockin.SETTLE] = 0
        self.measurements += 1

    def _noise(self):
        return self.random.between(-self.noise, self.noise) if self.noise else 0

    def run(self, full=True, limit=2000):
        self.zero.start(full)
        while self.zero.busy():
            assert self.measurements < limit, "does not end"
            assert self.state[lockin.COUNT] == 10
            self.zero.poll()  # not averaged yet: must wait
            self.measure()
            self.zero.poll()
        return self.zero.phase

    def residual_nt(self):
        """Field left on the three axes."""
        return tuple(
            (self.ambient[axis] + self.state[lockin.U_X + axis]) / _NT for axis in range(3)
        )


def _assert_zeroed(head, transverse_nt=0.02, beam_nt=0.02):
    x, y, b = head.residual_nt()
    assert abs(x) < transverse_nt and abs(y) < transverse_nt and abs(b) < beam_nt, (x, y, b)


def test_zeroes_three_axes_from_anywhere_within_reach():
    for ambient in ((0, 0, 0), (3, -4, 5), (-20, 15, -30), (60, -45, 40), (-70, 70, 70)):
        head = Head(ambient)
        assert head.run() == field_zero.DONE, ambient
        _assert_zeroed(head)
        assert head.zero.calibrated
        assert head.state[lockin.MODULATION_ON] == 1
        assert head.state[lockin.POLARITY] == 1
        assert head.state[lockin.COUNT] == 0


def test_offsets_are_those_of_the_head():
    head = Head((4, 4, 4), offset=-250000)
    head.run()
    s = head.state
    assert abs(s[lockin.OFFSET_I] + 250000) < 2000 and abs(s[lockin.OFFSET_Q] - 500000) < 2000
    assert abs(s[lockin.SECOND_OFFSET_I] + 250000) < 2000


def test_coils_that_are_not_square_do_not_shift_the_beam_zero():
    for skew in (0.03, -0.03):
        head = Head((5, -4, 6))
        head.skew = skew
        assert head.run() == field_zero.DONE
        assert abs(head.residual_nt()[2]) < 0.03, head.residual_nt()


def test_weights_of_both_senses_give_the_field_in_counts():
    head = Head((8, -6, 10))
    head.run()
    s = head.state
    head.ambient[0] += 0.5 * _NT
    head.ambient[1] -= 0.3 * _NT
    for sense, w, o in (
        (1, lockin.W_XI, lockin.OFFSET_I),
        (-1, lockin.SECOND_W_XI, lockin.SECOND_OFFSET_I),
    ):
        i, q = head.lock_in(sense)
        i, q = int(i) - s[o], int(q) - s[o + 1]
        ex = (i * s[w] + q * s[w + 1]) >> 18
        ey = (i * s[w + 2] + q * s[w + 3]) >> 18
        # The steps of 3 nT have bent the response by 2 %; the zero knows by how much.
        assert abs(ex / _NT - 0.5) < 0.004 and abs(ey / _NT + 0.3) < 0.004, (ex / _NT, ey / _NT)


def test_disturbance_noise():
    head = Head((12, -9, 20), noise=10000)
    assert head.run() == field_zero.DONE
    _assert_zeroed(head, 0.03, 0.1)


def test_disturbance_a_heart_beats_now_and_then():
    """75 pT for two points, once a second: less than a third of the cycles see it."""
    head = Head((5, 5, 5))
    head.beat = lambda n: 0.075 * _NT if n % 50 < 2 else 0.0
    assert head.run() == field_zero.DONE
    _assert_zeroed(head, 0.03, 0.05)


def test_again_without_the_search_is_quick_and_follows_all_three_axes():
    head = Head((10, 10, -10))
    head.run()
    for moved, most in ((0.5, 21), (0.005, 14), (-2.5, 28)):
        head.ambient = [value + moved * _NT for value in head.ambient]
        head.measurements = 0
        assert head.run(full=False) == field_zero.DONE
        _assert_zeroed(head)
        assert head.measurements <= most, head.measurements


def test_again_searches_by_light_if_the_field_has_jumped():
    head = Head((10, 10, -10))
    head.run()
    head.ambient = [60.0 * _NT, -30.0 * _NT, 50.0 * _NT]
    assert head.run(full=False) == field_zero.DONE
    _assert_zeroed(head)


def test_saturation_field_out_of_reach_fails_or_keeps_commands_in_bounds():
    head = Head((900, 0, 0))
    assert head.run() == field_zero.FAILED
    assert all(abs(head.state[lockin.U_X + a]) <= head.state[lockin.LIMIT] for a in range(3))
    assert head.state[lockin.POLARITY] == 1
    assert head.state[lockin.COUNT] == 0
    assert not head.zero.calibrated
    assert not head.zero.busy()


def test_sensor_failure_no_light_fails_and_restores_the_state():
    head = Head((5, 5, 5), gain=0.0, light=0.0)
    assert head.run() == field_zero.FAILED
    assert head.state[lockin.POLARITY] == 1
    assert head.state[lockin.COUNT] == 0
    assert not head.zero.calibrated


def test_sensor_failure_weak_response_fails():
    """Weights beyond their format would overflow the fast path."""
    head = Head((5, 5, 5), gain=0.8)
    phase = head.run()
    weights = [head.state[lockin.W_XI + n] for n in range(4)]
    assert phase == field_zero.FAILED
    assert max(abs(w) for w in weights) <= lockin.WEIGHT_LIMIT
    strong = Head((5, 5, 5), gain=3.0)
    assert strong.run() == field_zero.DONE


def test_stop_in_the_middle():
    head = Head((5, 5, 5))
    head.zero.start(True)
    head.measure()
    head.zero.poll()
    assert head.zero.busy()
    head.zero.stop()
    assert not head.zero.busy()
    assert head.zero.phase == field_zero.IDLE
    assert head.state[lockin.COUNT] == 0
    head.zero.poll()
    assert head.zero.phase == field_zero.IDLE


def test_starts_again_after_a_failure():
    head = Head((5, 5, 5), gain=0.0, light=0.0)
    head.run()
    head.gain = 14.0
    head.light = 2.0e6
    head.measurements = 0
    assert head.run() == field_zero.DONE
    _assert_zeroed(head)
