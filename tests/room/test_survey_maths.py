"""Stability, spectra and shielding on series whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.room.excitation_coil import Excitation
from nullfield.room.survey_data import BeamSeries
from nullfield.room.survey_shielding import first_order_corner, shielding
from nullfield.room.survey_spectra import noise_spectra
from nullfield.room.survey_stability import allan_deviation, stability

RATE_HZ = 1000.0


def test_allan_deviation_of_white_noise_falls_by_the_root_of_time():
    series = np.random.default_rng(1).standard_normal((3, 20_000)) * 2.0
    seen = allan_deviation(series, 1.0, np.array([1.0, 4.0, 16.0, 64.0]))
    assert seen == pytest.approx(2.0 / np.sqrt([[1.0, 4.0, 16.0, 64.0]] * 3), rel=0.12)


def test_allan_deviation_of_a_drift_is_the_slope_by_the_time():
    series = 0.3 * np.arange(500.0)[None]
    seen = allan_deviation(series, 2.0, np.array([2.0, 20.0, 100.0]))
    assert seen[0] == pytest.approx(0.15 * np.array([2.0, 20.0, 100.0]) / np.sqrt(2.0), rel=1e-9)


def test_allan_deviation_of_a_random_walk_rises_by_the_root_of_time():
    # of point values, taken at each step: sigma root((2 m^2 + 1) / (6 m))
    series = np.cumsum(np.random.default_rng(4).standard_normal((8, 40_000)), axis=1)
    seen = allan_deviation(series, 1.0, np.array([1.0, 8.0, 64.0])).mean(axis=0)
    m = np.array([1.0, 8.0, 64.0])
    assert seen == pytest.approx(np.sqrt((2 * m**2 + 1) / (6 * m)), rel=0.06)


def test_a_gap_is_left_out_of_stability_not_bridged():
    rows = np.zeros((2, 60_000))
    rows[0, 20_000:30_000] = np.nan
    rows[0, 30_000:] = 100.0
    rows[1] = np.nan
    still = stability(rows, RATE_HZ)
    assert np.nanmax(still.allan_pt[0][still.tau_s <= 4.0]) == 0.0
    assert still.peak_to_peak_pt[60.0][0] == pytest.approx(100.0)
    assert still.peak_to_peak_pt[10.0][0] < 100.1
    assert np.isnan(still.peak_to_peak_pt[60.0][1])
    assert np.isnan(still.slope_pt_per_min[1])


def _coloured(rng, n, level_pt, corner_hz, exponent):
    f = np.fft.rfftfreq(n, 1.0 / RATE_HZ)
    size = level_pt * np.sqrt(RATE_HZ * n / 2.0)
    shape = np.zeros_like(f)
    shape[1:] = np.sqrt(1.0 + (corner_hz / f[1:]) ** exponent)
    phase = rng.standard_normal(len(f)) + 1j * rng.standard_normal(len(f))
    return np.fft.irfft(size * shape * phase / np.sqrt(2.0), n)


def test_level_corner_and_lines_come_out_of_a_made_spectrum():
    rng = np.random.default_rng(7)
    n = 240_000
    time_s = np.arange(n) / RATE_HZ
    rows = np.stack([_coloured(rng, n, 0.015, 3.0, 1.6) for _ in range(4)])
    rows += 5.0 * np.sin(2 * np.pi * 50.01 * time_s) + 0.4 * np.sin(2 * np.pi * 13.37 * time_s)
    seen = noise_spectra(rows, RATE_HZ, 50.0)
    assert seen.level_ft_rthz == pytest.approx([15.0] * 4, rel=0.08)
    assert seen.corner_hz == pytest.approx([3.0] * 4, rel=0.35)
    assert seen.exponent == pytest.approx([1.6] * 4, rel=0.2)
    by_kind = {line.kind: line for line in seen.lines}
    assert len(seen.lines) == 2
    assert by_kind["mains"].amplitude_pt == pytest.approx([5.0 / np.sqrt(2)] * 4, rel=0.05)
    assert by_kind["vibration"].frequency_hz == pytest.approx(13.37, abs=0.1)
    assert by_kind["vibration"].amplitude_pt == pytest.approx([0.4 / np.sqrt(2)] * 4, rel=0.1)


def test_white_noise_has_no_lines_and_no_corner():
    rows = 0.015 * np.sqrt(RATE_HZ / 2) * np.random.default_rng(9).standard_normal((4, 240_000))
    seen = noise_spectra(rows, RATE_HZ, 50.0)
    assert seen.lines == ()
    assert np.isnan(seen.corner_hz).all()


def test_a_dead_channel_has_no_figures():
    rows = np.random.default_rng(9).standard_normal((2, 60_000))
    rows[1] = np.nan
    seen = noise_spectra(rows, RATE_HZ, 50.0)
    assert np.isfinite(seen.level_ft_rthz[0])
    assert np.isnan(seen.level_ft_rthz[1])
    assert np.isnan(seen.corner_hz[1])


DIRECTIONS = np.array([[0, 0, 1], [1, 0, 0], [0, 0, 1], [1, 0, 0]], dtype=float)


def _shielded(excitation, noise_pt, seed=3, factor=200.0, corner_hz=0.3):
    time_s = np.arange(0.0, excitation.duration_s, 1.0 / 250.0)
    inside = np.zeros((len(time_s), 3))
    for step in excitation.steps():
        chosen = (time_s >= step.start_s) & (time_s < step.stop_s)
        response = 1e3 * excitation.amplitude_nt / factor / (1 + 1j * step.frequency_hz / corner_hz)
        wave = response * np.exp(2j * np.pi * step.frequency_hz * time_s[chosen])
        inside[chosen, "xyz".index(step.axis)] = wave.imag
    rng = np.random.default_rng(seed)
    rows = DIRECTIONS @ inside.T + noise_pt * rng.standard_normal((4, len(time_s)))
    return rows + 3.0 * time_s, time_s


def test_shielding_factor_is_found_at_every_frequency():
    excitation = Excitation(1000.0, (0.05, 0.3, 2.0, 20.0), 12.0, ("x", "z"), least_cycles=3.0)
    rows, time_s = _shielded(excitation, 1.0)
    points, reasons = shielding(rows, DIRECTIONS, time_s, excitation, mains_hz=50.0)
    assert reasons == ()
    assert len(points) == 8
    for point in points:
        wanted = 200.0 * np.sqrt(1 + (point.frequency_hz / 0.3) ** 2)
        assert point.factor == pytest.approx(wanted, rel=0.02)
        assert abs(point.factor - wanted) < 4 * point.factor_uncertainty + 0.01 * wanted
        assert point.across_pt < 0.02 * point.inside_pt + 5 * point.inside_uncertainty_pt
    static, corner = first_order_corner(points, "z")
    assert (static, corner) == (pytest.approx(200.0, rel=0.03), pytest.approx(0.3, rel=0.05))


def test_an_axis_that_no_channel_sees_is_not_invented():
    excitation = Excitation(1000.0, (1.0,), 12.0, ("y",))
    rows, time_s = _shielded(excitation, 1.0)
    points, reasons = shielding(rows, DIRECTIONS, time_s, excitation, mains_hz=50.0)
    assert points == ()
    assert len(reasons) == 1
    assert "no channel that is streamed looks along y" in reasons[0]


def test_what_drowns_in_noise_is_a_lower_bound():
    excitation = Excitation(10.0, (20.0,), 12.0, ("z",))
    rows, time_s = _shielded(excitation, 300.0)
    points, _ = shielding(rows, DIRECTIONS, time_s, excitation, mains_hz=50.0)
    assert points[0].factor is None
    assert 0 < points[0].at_least < 200.0 * np.sqrt(1 + (20.0 / 0.3) ** 2)


def test_a_sequence_that_was_cut_short_keeps_its_first_steps():
    excitation = Excitation(1000.0, (1.0, 5.0), 12.0, ("z",))
    rows, time_s = _shielded(excitation, 1.0)
    kept = time_s < 14.0
    points, reasons = shielding(rows[:, kept], DIRECTIONS, time_s[kept], excitation, mains_hz=50.0)
    assert [p.frequency_hz for p in points] == [1.0]
    assert "5 Hz" in reasons[0]


def _read_along_beams(excitation, noise_pt):
    rng = np.random.default_rng(2)
    time_s = np.sort(rng.uniform(0.0, excitation.duration_s, 60))
    f = excitation.frequencies_hz[0]
    response = 1e3 * excitation.amplitude_nt / 200.0 / (1 + 1j * f / 0.3)
    wave = (response * np.exp(2j * np.pi * f * time_s)).imag
    field = wave + noise_pt * rng.standard_normal((4, 60)) + 40_000.0 - 2.0 * time_s
    field[3] = np.nan
    return BeamSeries(time_s, field)


def test_beams_tell_the_axis_that_is_not_streamed_while_it_is_slow():
    excitation = Excitation(1000.0, (0.05,), 60.0, ("y",))
    rows, time_s = _shielded(excitation, 1.0)
    beams = np.tile([0.0, 1.0, 0.0], (4, 1))
    series = _read_along_beams(excitation, 30.0)
    points, reasons = shielding(
        rows, DIRECTIONS, time_s, excitation, mains_hz=50.0, beams=series, beam_directions=beams
    )
    assert reasons == ()
    wanted = 200.0 * np.sqrt(1 + (0.05 / 0.3) ** 2)
    assert points[0].n_channels == 3
    assert abs(points[0].factor - wanted) < 4 * points[0].factor_uncertainty < 0.02 * wanted


def test_fast_sines_are_not_read_along_beams():
    excitation = Excitation(1000.0, (2.0,), 60.0, ("y",))
    rows, time_s = _shielded(excitation, 1.0)
    beams = np.tile([0.0, 1.0, 0.0], (4, 1))
    series = _read_along_beams(excitation, 30.0)
    points, reasons = shielding(
        rows, DIRECTIONS, time_s, excitation, mains_hz=50.0, beams=series, beam_directions=beams
    )
    assert points == ()
    assert "beams are read up to 0.1 Hz" in reasons[0]
