"""Dipole in a half-space and the vectorcardiogram that drives it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nullfield.errors import InputError
from nullfield.virtual.plant import vcg
from nullfield.virtual.plant.heart import half_space_field_pt, tangential_peak_pt

RECORD = Path(__file__).resolve().parents[3] / "shared/data/frank_vcg_ptb_s0010_1000hz.csv"
POINTS = np.array([[0.1, 0.05, 0.03], [-0.08, 0.02, 0.05], [0.0, -0.12, 0.03], [0.03, 0.0, 0.2]])
DIPOLE = np.array([0.01, -0.01, -0.08])
MOMENT = np.array([2e-6, -1e-6, 3e-6])


def sarvas_pt(points, dipole, moment, radius):
    """Sphere of a given radius whose top touches z = 0 (Sarvas 1987, eq. 25)."""
    centre = np.array([0.0, 0.0, -radius])
    r0 = dipole - centre
    out = []
    for point in points:
        r = point - centre
        a = r - r0
        an, rn = np.linalg.norm(a), np.linalg.norm(r)
        f = an * (rn * an + rn**2 - r0 @ r)
        grad = (an**2 / rn + a @ r / an + 2 * an + 2 * rn) * r
        grad -= (an + 2 * rn + a @ r / an) * r0
        cross = np.cross(moment, r0)
        out.append(1e-7 / f**2 * (f * cross - (cross @ r) * grad))
    return np.array(out) * 1e12


def test_bz_is_that_of_the_free_dipole():
    away = POINTS - DIPOLE
    free = 1e-7 * np.cross(MOMENT, away) / np.linalg.norm(away, axis=1, keepdims=True) ** 3 * 1e12
    assert half_space_field_pt(POINTS, DIPOLE, MOMENT)[:, 2] == pytest.approx(free[:, 2], rel=1e-9)


def test_all_components_are_the_limit_of_a_large_sphere():
    flat = half_space_field_pt(POINTS, DIPOLE, MOMENT)
    sphere = sarvas_pt(POINTS, DIPOLE, MOMENT, 2000.0)
    assert flat == pytest.approx(sphere, rel=1e-3, abs=1e-3 * np.abs(flat).max())


def test_peak_formula_is_the_maximum_over_a_plane():
    x = np.linspace(-0.2, 0.2, 401)
    grid = np.array([(DIPOLE[0], y, 0.03) for y in x])
    best = np.abs(half_space_field_pt(grid, DIPOLE, [1e-6, 0, 0])[:, 2]).max()
    assert tangential_peak_pt(np.array([1e-6, 0, 0]), DIPOLE, 0.03) == pytest.approx(best, rel=1e-3)


def test_model_beats_at_the_asked_rate_and_closes_on_itself():
    series = vcg.moment_direction_mv(None, 3, 66.0)
    peaks = vcg.find_r_peaks(series)
    intervals = np.diff(peaks)
    assert 60.0 / intervals.mean() * 1000 == pytest.approx(66.0, rel=0.02)
    assert 0.005 < intervals.std() / intervals.mean() < 0.08
    jump = np.abs(series[0] - series[-1]).max()
    assert jump < 0.01


@pytest.mark.skipif(not RECORD.exists(), reason="the real recording is not beside the project")
def test_real_recording_is_cleaned_and_loops_without_a_jump():
    raw, rate = vcg.read_frank_csv(RECORD)
    assert rate == pytest.approx(1000.0)
    leads = vcg.clean(raw, rate)
    spectrum = np.abs(np.fft.rfft(leads, axis=0))
    frequency = np.fft.rfftfreq(len(leads), 1e-3)
    mains = spectrum[np.abs(frequency - 50) < 0.2].mean()
    beside = spectrum[(np.abs(frequency - 50) > 3) & (np.abs(frequency - 50) < 6)].mean()
    assert mains < beside
    wander = leads[: len(leads) // 1000 * 1000].reshape(-1, 1000, 3)
    assert np.abs(np.median(wander, axis=1)).max() < 0.12
    looped = vcg.loop(leads)
    twice = np.concatenate([looped, looped])
    seam = np.abs(np.diff(twice[len(looped) - 90 : len(looped) + 10], axis=0)).max()
    assert seam < 0.02  # mV a millisecond: diastole, not a jump
    peaks = vcg.find_r_peaks(twice)
    assert np.diff(peaks).min() > 0.6 * np.median(np.diff(peaks))
    assert np.diff(peaks).max() < 1.5 * np.median(np.diff(peaks))


def write(path, rows, header="time_s,vx_mV,vy_mV,vz_mV"):
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def good_rows(n=6000):
    return [f"{k / 1000:.3f},0.1,0.2,0.3" for k in range(n)]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda rows: (rows, "time_s,vx_mV,vz_mV"), "vy_mV"),
        (lambda rows: ([*rows[:9], "0.009,nan,0,0", *rows[10:]], None), "row 11: vx_mV"),
        (lambda rows: ([*rows[:9], "0.009,0,,0", *rows[10:]], None), "row 11: vy_mV"),
        (lambda rows: (rows[:100], None), "100 rows"),
        (lambda rows: ([*rows[:9], *rows[12:]], None), "row 11: time_s"),
        (lambda rows: ([], None), "0 rows"),
    ],
)
def test_bad_recordings_are_refused_by_name(tmp_path, change, named):
    rows, header = change(good_rows())
    path = write(tmp_path / "bad.csv", rows, header or "time_s,vx_mV,vy_mV,vz_mV")
    with pytest.raises(InputError) as caught:
        vcg.read_frank_csv(path)
    assert named in caught.value.message
    assert caught.value.hint


def test_missing_and_flat_recordings_are_refused(tmp_path):
    with pytest.raises(InputError):
        vcg.read_frank_csv(tmp_path / "none.csv")
    flat = write(tmp_path / "flat.csv", good_rows())
    with pytest.raises(InputError, match="beats"):
        vcg.moment_direction_mv(flat, 1, 66.0)
