"""Thermometers against their equations; PI and ramp against a two-node heater model."""

from math import exp

from nullfield_fw.control import thermal


def _pt1000_ratio(t):
    """R/R0 by IEC 60751:2008."""
    r = 1.0 + 3.9083e-3 * t - 5.775e-7 * t * t
    return r if t >= 0 else r - 4.183e-12 * (t - 100.0) * t * t * t


def test_pt1000_follows_iec_60751():
    thermometer = thermal.pt1000_thermometer(4020)
    # Table values of the standard for a Pt100, times ten.
    for celsius, ohm in (
        (-30, 882.2),
        (0, 1000.0),
        (25, 1097.35),
        (100, 1385.06),
        (150, 1573.25),
        (200, 1758.56),
    ):
        code = int(8388608.0 * ohm / 4020)
        got = thermometer.read(code)
        assert thermometer.valid and abs(got - 1000 * celsius) < 25, (celsius, got)


def test_pt1000_between_the_table_points():
    thermometer = thermal.pt1000_thermometer(4020)
    for tenths in range(-390, 2270, 7):
        t = tenths / 10
        got = thermometer.read(int(8388608.0 * 1000.0 / 4020 * _pt1000_ratio(t)))
        # 4 m°C: the test's own floats of 24 bits make one code, 0.3 m°C, several times over.
        assert abs(got - 1000 * t) < 4, (t, got)


def test_pt1000_open_short_and_absurd_are_invalid():
    thermometer = thermal.pt1000_thermometer(4020)
    for code in (0, -5, 1000, 8388607, 4300000):
        thermometer.read(code)
        assert not thermometer.valid, code
    thermometer.read(int(8388608 * 0.3))
    assert thermometer.valid


def test_ntc_follows_its_beta():
    thermometer = thermal.ntc_thermometer(10000, 3435, 10000)
    for tenths in range(-200, 990, 13):
        t = tenths / 10
        r = 10000 * exp(3435 * (1 / (t + 273.15) - 1 / 298.15))
        got = thermometer.read(int(8388608.0 * r / (r + 10000)))
        assert thermometer.valid and abs(got - 1000 * t) < 40, (t, got)
    thermometer.read(int(8388608.0 / 2))
    assert abs(thermometer.read(4194304) - 25000) < 2


def test_ntc_open_and_short_are_invalid():
    thermometer = thermal.ntc_thermometer(10000, 3435, 10000)
    for code in (0, 100, 8388607, 8300000):
        thermometer.read(code)
        assert not thermometer.valid, code


def test_ramp_keeps_its_rate_and_arrives():
    for start, target in ((20000, 150000), (150000, 20000), (1000, 1001), (5, 4), (-3, -3)):
        ramp = thermal.Ramp(5000)
        ramp.value = start
        for turn in range(4000):
            before = ramp.value
            ramp.step(target, 40)
            assert abs(ramp.value - before) <= 200
            assert min(start, target) <= ramp.value <= max(start, target), "overshoot"
        assert ramp.value == target


class Cell:
    """Cell and body: two thermal nodes (10-30 s, minutes)."""

    def __init__(self):
        self.cell = 22.0
        self.body = 22.0
        self.ambient = 22.0

    def step(self, power_w, dt_s):
        # 0.05 J/K and 2.5 mW/K: 20 s; body 1 J/K and 10 mW/K to the room.
        flow = 2.5e-3 * (self.cell - self.body)
        self.cell += dt_s * (power_w - flow) / 0.05
        self.body += dt_s * (flow - 1e-2 * (self.body - self.ambient)) / 1.0


def _regulate(cell, pi, ramp, seconds, setpoint=150000, sensor=None):
    """Largest temperature, and what the heater did."""
    hottest = 0.0
    powers = []
    for _ in range(int(seconds * 25)):
        reading = int(1000 * cell.cell) if sensor is None else sensor(cell)
        power = pi.step(ramp.step(setpoint, 40) - reading, 40)
        assert 0 <= power <= 600000
        cell.step(power * 1e-6, 0.04)
        hottest = max(hottest, cell.cell)
        powers.append(power)
    return hottest, powers


def _loops():
    ramp = thermal.Ramp(5000)
    ramp.value = 22000
    return thermal.Pi(60, 30, 0, 600000, 12000), ramp


def test_cell_warms_up_without_overshoot_and_holds():
    cell = Cell()
    pi, ramp = _loops()
    hottest, powers = _regulate(cell, pi, ramp, 90)
    assert hottest < 151.5, hottest
    assert abs(cell.cell - 150.0) < 0.15
    # Effort: what the model needs, without hunting.
    last = powers[-250:]
    assert max(last) - min(last) < 40000


def test_cell_disturbance_is_regulated_away():
    cell = Cell()
    pi, ramp = _loops()
    _regulate(cell, pi, ramp, 120)
    cell.ambient = 12.0
    cell.cell -= 3.0
    _regulate(cell, pi, ramp, 40)
    assert abs(cell.cell - 150.0) < 0.2


def test_saturation_does_not_wind_up():
    """A cell held cold for minutes must not overshoot afterwards."""
    cell = Cell()
    pi, ramp = _loops()
    for _ in range(25 * 120):
        power = pi.step(ramp.step(150000, 40) - 22000, 40)
    assert power == 600000
    assert pi.railed
    hottest, _ = _regulate(cell, pi, ramp, 90)
    assert hottest < 156.0, hottest
    assert abs(cell.cell - 150.0) < 0.2
    assert not pi.railed


def test_sensor_failure_stuck_cold_stops_at_the_rail_not_beyond():
    cell = Cell()
    pi, ramp = _loops()
    _, powers = _regulate(cell, pi, ramp, 60, sensor=lambda cell: 22000)
    assert max(powers) == 600000
    assert pi.railed


def test_pi_integrates_small_errors():
    pi = thermal.Pi(60, 30, -1000000, 1000000, 12000)
    outputs = [pi.step(1, 40) for _ in range(1000)]
    # 30 a second for 40 s, carried in thousandths.
    assert abs(outputs[-1] - (60 + 1200)) <= 1
    assert all(after >= before for before, after in zip(outputs, outputs[1:]))


def test_pi_reset():
    pi = thermal.Pi(1, 1, 0, 100, 1000)
    for _ in range(100):
        pi.step(1000, 1000)
    assert pi.railed
    pi.reset(50)
    assert pi.step(0, 40) == 50
    assert not pi.railed
