"""The laser scan on synthetic absorption dips."""

from math import exp

from nullfield_fw.control.laser_scan import FOUND, NOT_FOUND, RUNNING, LaserScan
from reference import Random


def _dip(centre_c, width_c=1.2, top=30e6, depth=0.7, slope=0.0, noise=0, seed=1):
    random = Random(seed)

    def light(temperature_mc):
        t = temperature_mc / 1000
        base = top * (1.0 + slope * (t - 45.0))
        value = base * (1.0 - depth * exp(-(((t - centre_c) / width_c) ** 2)))
        return int(value) + (random.between(-noise, noise) if noise else 0)

    return light


def _scan(light, low=40500, high=49500, lag_mc=60, age_mc=0, goes_back=False):
    """The setpoint leads by `lag_mc`; a reading is as old as `age_mc` of the ramp."""
    scan = LaserScan(1000)
    scan.start(low, high, goes_back)
    setpoint = last = temperature = low
    for _ in range(2000):
        if scan.state != RUNNING:
            break
        # The laser lags the setpoint as a ramp does.
        before = temperature
        temperature = setpoint - (lag_mc if setpoint >= last else -lag_mc)
        last = setpoint
        age = age_mc if temperature >= before else -age_mc
        setpoint = scan.step(temperature - age, light(temperature), 40)
    assert scan.state != RUNNING
    return scan


def test_finds_the_centre():
    for centre in (42.5, 44.0, 45.0, 46.3, 47.5):
        scan = _scan(_dip(centre))
        assert scan.state == FOUND
        assert abs(scan.centre - 1000 * centre) < 40, (centre, scan.centre)
        assert scan.depth_permille > 600
        assert abs(scan.bottom - 9000000) < 200000


def test_a_late_thermistor_does_not_shift_the_centre():
    for age in (50, 90, 150):
        scan = _scan(_dip(45.2), age_mc=age, goes_back=True)
        assert scan.state == FOUND and abs(scan.centre - 45200) < 12, (age, scan.centre)


def test_disturbance_slope_and_noise():
    for seed in range(5):
        scan = _scan(_dip(45.2, slope=0.01, noise=60000, seed=seed))
        assert scan.state == FOUND and abs(scan.centre - 45200) < 150, scan.centre


def test_no_dip_is_not_found():
    assert _scan(_dip(45.0, depth=0.0)).state == NOT_FOUND
    assert _scan(_dip(45.0, depth=0.05, noise=20000)).state == NOT_FOUND


def test_sensor_failure_no_light_is_not_found():
    assert _scan(lambda t: 0).state == NOT_FOUND
    assert _scan(lambda t: -5000).state == NOT_FOUND


def test_dip_on_the_edge_is_not_found():
    assert _scan(_dip(40.0)).state == NOT_FOUND
    assert _scan(_dip(50.0)).state == NOT_FOUND


def test_saturation_flat_bottom():
    """A line so deep that its bottom is flat still has two flanks."""
    plain = _dip(45.0, depth=0.98)
    scan = _scan(lambda t: max(plain(t), 3000000))
    assert scan.state == FOUND
    assert abs(scan.centre - 45000) < 60


def test_widest_range_that_the_settings_allow_is_scanned_to_its_end():
    scan = _scan(_dip(52.5), 35000, 55000)
    assert scan.setpoint >= 54800, "the scan stopped before the end of its range"
    assert scan.state == FOUND
    assert abs(scan.centre - 52500) < 60


def test_starts_anew():
    scan = _scan(_dip(45.0))
    scan.start(43000, 47000, True)
    assert scan.state == RUNNING
    assert scan.step(45000, 1, 40) == 42500, "goes below the low end first"
    assert scan.step(45000, 1, 40) == 42500
