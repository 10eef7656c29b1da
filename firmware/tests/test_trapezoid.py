"""The motion profile against a stepper that does, loses, or misses steps."""

from nullfield_fw.control.trapezoid import Trapezoid
from reference import Random

_CREEP = 200


class Axis:
    """Counts steps of one-millisecond blocks; `grip` is the share of steps that are done."""

    def __init__(self, position=0):
        self.position = position
        self._fraction = 0.0

    def step(self, rate, grip=1.0):
        self._fraction += rate * 1e-3 * grip
        whole = int(self._fraction // 1)
        self._fraction -= whole
        self.position += whole


def _move(axis, profile, target, cruise, limit_ms=200000, check=True):
    """Run to the end; speeds of every block."""
    start = axis.position
    profile.go(target, cruise)
    speeds = [profile.speed]
    low, high = min(start, target), max(start, target)
    while True:
        speed = profile.step(axis.position, 1)
        speeds.append(speed)
        axis.step(speed)
        if check:
            assert low <= axis.position <= high, "overshoot"
            assert abs(speed) <= max(cruise, 0)
            change = abs(speeds[-1] - speeds[-2])
            # One unit for the carried fraction; the last microsteps creep from standstill.
            most = profile.acceleration // 1000 + 1
            assert change <= most or max(abs(speeds[-1]), abs(speeds[-2])) <= _CREEP, speeds[-2:]
        if profile.done(axis.position):
            return speeds
        assert len(speeds) < limit_ms, "did not arrive"


def test_arrives_exactly_in_the_expected_time():
    axis = Axis()
    speeds = _move(axis, Trapezoid(32000), 352000, 25600)
    assert axis.position == 352000
    # 550 mm at 40 mm/s and 50 mm/s^2: 13.75 s cruise and 0.8 s for the ramps.
    ideal_ms = 1000 * (352000 / 25600 + 25600 / 32000)
    assert ideal_ms - 2 <= len(speeds) <= ideal_ms + 150, (len(speeds), ideal_ms)
    assert max(speeds) == 25600


def test_both_ways_and_anywhere():
    random = Random(10)
    profile = Trapezoid(32000)
    axis = Axis()
    for _ in range(12):
        target = random.between(0, 40000)
        _move(axis, profile, target, random.between(50, 32000))
        assert axis.position == target


def test_triangular_and_tiny_moves():
    profile = Trapezoid(32000)
    for distance in (1, 2, 3, 10, 64, 640, 3000):
        for sign in (1, -1):
            axis = Axis(5000)
            _move(axis, profile, 5000 + sign * distance, 32000)
            assert axis.position == 5000 + sign * distance


def test_no_move_at_all():
    axis = Axis(77)
    assert _move(axis, Trapezoid(32000), 77, 1000) == [0, 0]


def test_slow_cruise_and_soft_acceleration():
    profile = Trapezoid(3200)
    axis = Axis()
    _move(axis, profile, 2000, 640)
    assert axis.position == 2000
    _move(axis, profile, 1990, 1)
    assert axis.position == 1990


def test_speed_is_limited_to_what_its_square_allows():
    profile = Trapezoid(128000)
    profile.go(10000000, 1000000)
    assert profile.cruise == Trapezoid.MAX_SPEED


def test_reversal_on_the_way_brakes_first():
    profile = Trapezoid(32000)
    axis = Axis()
    profile.go(100000, 20000)
    for _ in range(1000):
        axis.step(profile.step(axis.position, 1))
    assert profile.speed == 20000
    before = profile.speed
    profile.go(0, 20000)
    furthest = axis.position
    for _ in range(20000):
        speed = profile.step(axis.position, 1)
        assert abs(speed - before) <= 33 or max(abs(speed), abs(before)) <= _CREEP
        before = speed
        axis.step(speed)
        furthest = max(furthest, axis.position)
        if profile.done(axis.position):
            break
    assert axis.position == 0
    # v^2 / 2a beyond the place of the order.
    assert furthest < 19700 - 10000 + 6250 + 100 + 10000


def test_stop_ahead_is_reached():
    """What the application does for a stop: aim at the braking distance."""
    profile = Trapezoid(32000)
    axis = Axis()
    profile.go(300000, 25600)
    for _ in range(2000):
        axis.step(profile.step(axis.position, 1))
    ahead = profile.speed * profile.speed // (2 * profile.acceleration) + profile.speed // 500
    target = axis.position + ahead
    _move(axis, profile, target, profile.cruise)
    assert axis.position == target


def test_halt_stops_at_once():
    profile = Trapezoid(32000)
    profile.go(300000, 25600)
    for _ in range(500):
        profile.step(0, 1)
    profile.halt()
    assert profile.speed == 0


def test_disturbance_lost_steps_are_made_up():
    """The position comes from outside, so a motor that slips arrives all the same."""
    profile = Trapezoid(32000)
    axis = Axis()
    profile.go(50000, 20000)
    blocks = 0
    while not profile.done(axis.position):
        axis.step(profile.step(axis.position, 1), 0.7 if 1000 < blocks < 2500 else 1.0)
        blocks += 1
        assert blocks < 20000
    assert axis.position == 50000


def test_sensor_failure_stuck_position_never_exceeds_the_cruise_speed():
    profile = Trapezoid(32000)
    profile.go(50000, 20000)
    for _ in range(5000):
        assert 0 <= profile.step(100, 1) <= 20000
    assert profile.speed == 20000


def test_acceleration_changed_on_the_way():
    profile = Trapezoid(64000)
    axis = Axis()
    profile.go(30000, 20000)
    for blocks in range(20000):
        if blocks == 400:
            profile.acceleration = 128000
        axis.step(profile.step(axis.position, 1))
        assert 0 <= axis.position <= 30000
        if profile.done(axis.position):
            break
    assert axis.position == 30000
