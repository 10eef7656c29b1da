"""Noise and sweeps on the virtual bench: the real firmware, plant and link, one cold start."""

import os
import signal

import numpy as np
import pytest

from nullfield.cli.sensor_access import NOBODY
from nullfield.definitions import load_definition
from nullfield.devices.connect import connect
from nullfield.errors import BoardLostError, InputError, ProcedureError
from nullfield.instrument.measure_noise import measure_noise
from nullfield.instrument.read_head import HeadScales
from nullfield.instrument.sweep_parameter import find_parameter, sweep_values
from nullfield.instrument.sweep_setting import sweep_setting
from nullfield.instrument.watch_boards import take_snapshot
from nullfield.rig import load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.defects import Defect
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.transport import VirtualTransport
from nullfield_protocol.catalogue import BoardState

pytestmark = [pytest.mark.micropython, pytest.mark.long]
SENSOR = "e66138528350b001"
SCALES = HeadScales.of(load_definition("sensor_pico2"))


class Bench:
    """The sensor board of bench4, with a head whose heater is broken."""

    def __init__(self):
        rig, table = load_rig("bench4")
        self.rig = rig
        self.world = VirtualInstrument(
            rig,
            Scenario(**{**table, **NOBODY}),
            1,
            ensure_micropython(),
            defects=[Defect("heater_dead", SENSOR, channel=3)],
        )
        self.clock = VirtualClock(self.world)

    def connect(self):
        return connect(VirtualTransport(self.world, SENSOR), self.clock, expected_uid=SENSOR)

    def is_off(self):
        """Whether nothing heats or shines any more, as the plant sees it."""
        for _ in range(20):
            self.world.step()
        inputs = self.world._inputs
        return float(inputs.heater_power_w.max()) == 0.0 == float(inputs.laser_current_ma.max())


@pytest.fixture(scope="module")
def bench():
    made = Bench()
    with made.world:
        yield made


@pytest.fixture(scope="module")
def board(bench):
    with bench.connect() as connected:
        yield connected


@pytest.fixture(scope="module")
def noise(board):
    """Noise of two heads, measured from cold, so with the electronics."""
    return measure_noise(board, SCALES, (0, 1, 3), 6.0)


def gain_sweep(board, **more):
    parameter = find_parameter("loop_gain")
    values = sweep_values(board, parameter, 800.0, 1600.0, 2)
    return sweep_setting(board, SCALES, parameter, values, (0, 1), 2.0, **more)


def test_noise_and_its_shares(noise):
    assert [one.slot for one in noise.heads] == [0, 1]
    assert noise.left_out == (3,)
    for one in noise.heads:
        assert one.is_loop_closed
        assert (one.band_ft_rthz[:2] > 9.0).all()
        assert (one.band_ft_rthz[:2] < 20.0).all()
        # By hand: 8 uA make 1.6 pA/sqrt(Hz); answer of 450 nA/nT; sine in a sum: sqrt(2).
        shot_ft = 1e15 * np.sqrt(2) * np.sqrt(3.204e-19 * one.photocurrent_a) / one.slope_a_per_t
        np.testing.assert_allclose(one.shot_ft_rthz, shot_ft, rtol=0.02)
        # ADS131M08: 10.7 uV rms at 16 kHz behind 320 kOhm are 0.37 pA/sqrt(Hz).
        assert one.electronics_ft_rthz == pytest.approx(shot_ft * 0.373 / 1.6, rel=0.2)
        assert (one.readout_ft_rthz > 0.95 * one.shot_ft_rthz).all()
        assert (one.in_band(one.sum_ft_rthz()) < one.band_ft_rthz[:2]).all()
        # Above the cell's pole light alone is left: the shares must meet the measured curve there.
        high = (one.frequency_hz > 260.0) & (one.frequency_hz < 340.0)
        seen = np.median(one.spectrum_ft_rthz[:2, high], axis=1)
        told = one.sum_ft_rthz()[:, high].mean(axis=1)
        np.testing.assert_allclose(seen, told, rtol=0.35)


def test_a_loop_opened_for_the_measurement_is_closed_again(board, noise):
    result = measure_noise(board, SCALES, (0,), 3.0, is_closed=False)
    assert not result.heads[0].is_loop_closed
    assert result.heads[0].electronics_ft_rthz is None
    assert board.wait_telemetry(lambda t: t.is_loop_closed[0], 2.0).is_loop_closed[0]


def test_snapshot_of_heads_at_work(bench, board, noise):
    snapshot = take_snapshot({SENSOR: board}, bench.clock.now_s(), bench.rig)
    assert [head.name for head in snapshot.heads] == ["H1", "H2", "H3", "H4"]
    first, broken = snapshot.heads[0], snapshot.heads[3]
    assert (first.state, first.fault, first.is_locked) == ("ready", "", True)
    assert 149.0 < first.cell_c < 151.0
    assert 5.0 < first.noise_ft_rthz[0] < 40.0
    assert len(first.field_nt) == 3
    # What the coils make and what is measured are opposite, but for the heads' own small field.
    np.testing.assert_allclose(first.field_nt, [-c for c in first.coil_offset_nt], atol=2.0)
    assert (broken.state, broken.fault) == ("fault", "heater_ineffective")
    assert broken.field_nt is None
    assert broken.noise_ft_rthz is None
    assert snapshot.boards[0].state == "active"
    assert snapshot.boards[0].trouble == ""


def test_a_head_that_is_not_ready_is_named(bench, board, noise):
    parameter = find_parameter("loop_gain")
    values = sweep_values(board, parameter, 800.0, 1600.0, 2)
    with pytest.raises(ProcedureError, match=r"head 3 of .*heater ineffective"):
        sweep_setting(board, SCALES, parameter, values, (0, 3), 2.0)
    assert board.settings.refresh("loop_gain") == 1300.0
    assert bench.is_off()


def test_beyond_the_limits_nothing_is_changed(board):
    parameter = find_parameter("laser_current")
    with pytest.raises(InputError, match="3 mA is beyond") as refused:
        sweep_values(board, parameter, 1e-3, 3e-3, 5)
    assert "0.5 mA to 2.2 mA" in refused.value.hint.replace("500 µA", "0.5 mA")
    with pytest.raises(InputError, match="cannot be swept"):
        find_parameter("laser_scan_span")
    with pytest.raises(InputError, match="1 steps"):
        sweep_values(board, parameter, 1e-3, 2e-3, 1)
    assert board.settings.refresh("laser_current") == 1.5e-3


def test_sweep_ends_with_the_setting_as_it_was(bench, board):
    """Heads are off here, so it starts them, too."""
    result = gain_sweep(board)
    assert [point.value for point in result.points] == [800.0, 1600.0]
    assert result.present == 1300.0
    for point in result.points:
        assert point.failed == {}
        assert (point.noise_ft_rthz > 8.0).all()
        assert (point.slope_a_per_t > 200.0).all()
        assert (point.photocurrent_a > 5e-6).all()
    assert result.choice.value in (800.0, 1600.0)
    assert board.settings.refresh("loop_gain") == 1300.0
    assert bench.is_off()


def test_ctrl_c_in_mid_sweep_puts_the_setting_back(bench, board):
    seen = []

    def stop(point):
        seen.append(board.settings.refresh("loop_gain"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gain_sweep(board, on_point=stop)
    assert seen == [800.0]
    assert board.settings.refresh("loop_gain") == 1300.0
    assert bench.is_off()
    assert board.wait_telemetry(lambda _: True, 2.0).board_state is BoardState.SAFE


def test_a_board_lost_in_mid_sweep_is_said_so(bench, board):
    """The last one: the board is dead afterwards."""

    def kill(point):
        os.kill(bench.world.by_uid[SENSOR].process.pid, signal.SIGKILL)

    with pytest.raises(BoardLostError, match="loop_gain could not be put back to 1300") as lost:
        gain_sweep(board, on_point=kill)
    assert "power-on brings 1300 back" in lost.value.hint
    assert bench.is_off()
