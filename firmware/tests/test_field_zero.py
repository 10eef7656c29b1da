"""Field zeroing against a model of a head's response: linear near zero, saturating, Hanle light."""

from nullfield_fw.control import field_zero, lockin
from reference import Random

_NT = 536870  # counts in 1 nT at 100 nT/mA


class Head:
    """What the fast path would have averaged, for the coil commands in the state.

    The lock-in sees the transverse field through a mixing matrix, weaker with the distance from
    zero; along the beam the response is balanced off zero, one way or the other by the sense of
    rotation; the light is largest where the transverse field is zero.
    """

    def __init__(self, ambient_nt, gain=14.0, noise=0, light=2.0e6):
        self.state = lockin.new_state()
        self.ambient = [value * _NT for value in ambient_nt]
        self.gain = gain
        self.light = light
        self.width = 22.0 * _NT
        self.fictitious = 13.0 * _NT
        self.noise = noise
        self.random = Random(11)
        self.zero = field_zero.FieldZero(
            self.state, 0, 13420000, 1610000, 6442000, 9130000, 1332, 537000, 1000
        )
        self.measurements = 0

    def measure(self):
        s = self.state
        x, y, b = (self.ambient[axis] + s[lockin.U_X + axis] for axis in range(3))
        assert all(abs(s[lockin.U_X + axis]) < 150000000 for axis in range(3))
        turn = s[lockin.ROTATION]
        w = self.width
        beam = b - turn * self.fictitious / 1.332 if s[lockin.MODULATION_ON] else b
        strength = self.gain / (1.0 + (beam * beam + x * x + y * y) / (w * w))
        i = strength * (0.9 * x + 0.3 * turn * y)
        q = strength * (-0.25 * x + turn * 0.95 * y)
        if not s[lockin.MODULATION_ON]:
            i = q = 0.0
        light = self.light * (0.6 + 0.4 * (w * w + b * b) / (w * w + b * b + x * x + y * y))
        limit = 8.0 * 8388607
        s[lockin.SUM_I] = int(max(min(i, limit), -limit)) + self._noise()
        s[lockin.SUM_Q] = int(max(min(q, limit), -limit)) + self._noise()
        s[lockin.SUM_DC] = int(light)
        s[lockin.COUNT] = 0
        s[lockin.SETTLE] = 0
        self.measurements += 1

    def _noise(self):
        return self.random.between(-self.noise, self.noise) if self.noise else 0

    def run(self, full=True, limit=5000):
        self.zero.start(full)
        while self.zero.busy():
            assert self.measurements < limit, "does not end"
            assert self.state[lockin.COUNT] == 16
            self.zero.poll()  # not averaged yet: must wait
            self.measure()
            self.zero.poll()
        return self.zero.phase

    def residual_nt(self):
        """Field left: transverse axes, and the beam's effective one."""
        s = self.state
        x, y, b = (self.ambient[axis] + s[lockin.U_X + axis] for axis in range(3))
        return x / _NT, y / _NT, (b - self.fictitious) / _NT


def _assert_zeroed(head, transverse_nt=0.35, beam_nt=0.3):
    x, y, b = head.residual_nt()
    assert abs(x) < transverse_nt and abs(y) < transverse_nt and abs(b) < beam_nt, (x, y, b)


def test_zeroes_from_anywhere_within_reach():
    for ambient in ((0, 0, 0), (3, -4, 5), (-20, 15, -30), (60, -45, 40), (-70, 70, 70)):
        head = Head(ambient)
        assert head.run() == field_zero.DONE, ambient
        _assert_zeroed(head)
        assert head.zero.calibrated
        assert head.state[lockin.MODULATION_ON] == 1
        assert head.state[lockin.ROTATION] == 1
        assert head.state[lockin.COUNT] == 0


def test_finds_the_fictitious_field():
    head = Head((5, 5, -10))
    head.run()
    assert abs(abs(head.zero.fictitious) / _NT - 13.0) < 0.3, head.zero.fictitious / _NT


def test_weights_give_the_field_in_counts():
    head = Head((8, -6, 10))
    head.run()
    s = head.state
    head.ambient[0] += 0.5 * _NT
    head.ambient[1] -= 0.3 * _NT
    head.measure()
    ex = (s[lockin.SUM_I] * s[lockin.W_XI] + s[lockin.SUM_Q] * s[lockin.W_XQ]) >> 18
    ey = (s[lockin.SUM_I] * s[lockin.W_YI] + s[lockin.SUM_Q] * s[lockin.W_YQ]) >> 18
    assert abs(ex / _NT - 0.5) < 0.04 and abs(ey / _NT + 0.3) < 0.04, (ex / _NT, ey / _NT)


def test_disturbance_noise():
    head = Head((12, -9, 20), noise=60000)
    assert head.run() == field_zero.DONE
    _assert_zeroed(head, 0.4, 0.5)


def test_again_without_the_search_is_quick_and_keeps_the_fictitious_field():
    head = Head((10, 10, -10))
    head.run()
    fictitious = head.zero.fictitious
    head.ambient = [value + 0.8 * _NT for value in head.ambient]
    head.measurements = 0
    assert head.run(full=False) == field_zero.DONE
    _assert_zeroed(head)
    assert head.zero.fictitious == fictitious
    assert head.measurements < 80


def test_saturation_field_out_of_reach_fails_or_keeps_commands_in_bounds():
    head = Head((900, 0, 0))
    assert head.run() == field_zero.FAILED
    assert all(abs(head.state[lockin.U_X + a]) <= head.state[lockin.LIMIT] for a in range(3))
    assert head.state[lockin.ROTATION] == 1
    assert head.state[lockin.COUNT] == 0
    assert not head.zero.calibrated
    assert not head.zero.busy()


def test_sensor_failure_no_light_fails_and_restores_the_state():
    head = Head((5, 5, 5), gain=0.0, light=0.0)
    assert head.run() == field_zero.FAILED
    assert head.state[lockin.ROTATION] == 1
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
