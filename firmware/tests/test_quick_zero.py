"""The quick ways to zero: for a head whose calibration is known, after its field has moved."""

from bench import Bench
from nullfield_fw import wire
from nullfield_fw.control import field_zero, lockin
from nullfield_fw.control.response import POINTS
from test_field_zero import _NT, Head, _assert_zeroed


def _run(head, full, quick, limit=2000):
    """Measurements that it took."""
    before = head.measurements
    head.zero.start(full, quick)
    while head.zero.busy():
        assert head.measurements - before < limit, "does not end"
        head.measure()
        head.zero.poll()
    assert head.zero.phase == field_zero.DONE
    return head.measurements - before


def _calibration(head):
    s = head.state
    weights = tuple(s[lockin.W_XI + n] for n in range(4))
    second = tuple(s[lockin.SECOND_W_XI + n] for n in range(4))
    return weights, second, tuple(s[lockin.OFFSET_I + n] for n in range(4))


def test_full_and_quick_finds_a_field_far_away_and_keeps_the_offsets():
    for moved in ((10, -8, 6), (-40, 35, 50), (60, 50, -70)):
        slow, quick = Head((3, -4, 5)), Head((3, -4, 5))
        for head in (slow, quick):
            head.run()
            for axis in range(3):
                head.ambient[axis] += moved[axis] * _NT
        offsets = _calibration(quick)[2]
        took_quick, took_slow = _run(quick, True, True), _run(slow, True, False)
        _assert_zeroed(quick)
        assert _calibration(quick)[2] == offsets
        assert took_quick < 0.7 * took_slow, (took_quick, took_slow)


def test_one_cycle_near_zero_counts_and_the_weights_stay():
    head = Head((3, -4, 5))
    head.run()
    before = _calibration(head)
    for moved in ((0.2, 0.1, -0.3), (2.0, -1.5, 3.0), (-4.0, 3.0, 6.0)):
        for axis in range(3):
            head.ambient[axis] += int(moved[axis] * _NT)
        took = _run(head, False, True)
        # A few nT at a stroke come out within a percent or two; what is near, exactly.
        _assert_zeroed(head, 0.02, 0.1)
        assert took <= 3 * POINTS, took
        assert _calibration(head) == before


def test_small_moves_take_less_time():
    head = Head((0, 0, 0))
    head.run()
    head.ambient[2] += _NT // 4
    quick = _run(head, False, True)
    head.ambient[2] += _NT // 4
    assert quick < _run(head, False, False)


def test_a_head_that_was_never_zeroed_is_not_hurried():
    head = Head((20, -15, 30))
    took = _run(head, True, True)
    _assert_zeroed(head)
    other = Head((20, -15, 30))
    assert took == _run(other, True, False)
    assert head.zero.calibrated


def test_a_disturbance_in_the_one_cycle_is_no_more_than_that_field():
    """A beat's 0.1 nT: what is found is off by as much, and nothing that lasts has learned it."""
    head = Head((0, 0, 0))
    head.run()
    before = _calibration(head)
    head.beat = lambda measurement: 0.1 * _NT if measurement % 2 else 0.0
    _run(head, False, True)
    head.beat = lambda measurement: 0.0
    x, y, b = head.residual_nt()
    assert abs(x) < 0.3 and abs(y) < 0.3 and abs(b) < 1.0, (x, y, b)
    assert _calibration(head) == before
    _run(head, False, True)
    _assert_zeroed(head)


def test_saturation_the_search_ends_within_the_coils():
    """A field beyond the head's own coils: it fails by name, and does not hang."""
    head = Head((0, 0, 0))
    head.run()
    head.ambient[0] += 400 * _NT
    head.zero.start(True, True)
    for _ in range(2000):
        if not head.zero.busy():
            break
        head.measure()
        head.zero.poll()
    assert not head.zero.busy()
    assert head.zero.phase == field_zero.FAILED


def test_the_second_argument_is_zero_or_one():
    bench = Bench("sensor")
    for command in (wire.COMMAND_SENSOR_ZERO, wire.COMMAND_SENSOR_MEASURE_BEAM):
        assert bench.command(command, 1, 2)[0] == wire.ERROR_CODE_BAD_ARGUMENT
        assert bench.command(command, 1, 1)[0] == wire.ERROR_CODE_WRONG_STATE
