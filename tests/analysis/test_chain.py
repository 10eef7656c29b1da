"""The whole analysis: from a recording to JSON, plots and the report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_heart import DIPOLE_M, R_MOMENT_NAM, make_array, simulate

from nullfield.analysis.chain import analyze
from nullfield.analysis.data import FieldRecording
from nullfield.analysis.document import SCHEMA
from nullfield.analysis.plots import write_plots
from nullfield.analysis.report import DISCLAIMER, write_report
from nullfield.analysis.sources.half_space import lead_field


@pytest.fixture(scope="module")
def full():
    heart = simulate(
        make_array(6, (0, 1), references=True), common_pt=0.1, mains_pt=2.0, rate_bpm=72.0
    )
    field_pt = heart.recording.field_pt.copy()
    valid = np.ones(field_pt.shape, bool)
    valid[4:12, 10000:10060] = False
    field_pt[4:12, 10000:10060] = np.nan
    valid[20:22] = False
    recording = replace(heart.recording, field_pt=field_pt, valid=valid)
    steps = []
    analysis = analyze(recording, progress=lambda what, share: steps.append((what, share)))
    return heart, recording, analysis, steps


def test_a_full_array_gives_everything(full):
    heart, _, analysis, steps = full
    assert analysis.beats.n_accepted >= len(heart.r_times_s) - 1
    assert analysis.mains_hz == 50.0
    assert analysis.reference_reduction_db > 10.0
    assert analysis.quality.dead_heads == ("H11",)
    r, t = analysis.landmarks["R"], analysis.landmarks["T"]
    assert abs(r.time_s) <= 0.003
    assert t.time_s == pytest.approx(0.26 * np.sqrt(60.0 / 72.0), abs=0.010)
    for landmark in (r, t):
        assert 1e3 * np.linalg.norm(landmark.dipole.position_m - DIPOLE_M) < 3.0
    np.testing.assert_allclose(r.dipole.moment_nam[:2], R_MOMENT_NAM[:2], rtol=0.05)
    assert r.features.angle_deg == pytest.approx(51.3, abs=2.0)
    shares = [share for _, share in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_noise_is_that_of_the_sensors_although_the_heart_beats(full):
    median, worst = full[2].noise_summary_ft_rthz()
    # 18 fT/sqrt(Hz), and what the references' own noise adds
    assert 17.0 < median < 22.0
    assert worst < 30.0


def test_json_has_the_fields_of_the_issue(full, tmp_path):
    full[2].write_json(tmp_path / "analysis.json")
    document = json.loads((tmp_path / "analysis.json").read_text(encoding="utf-8"))
    assert document["schema"] == SCHEMA
    assert len(document["beats"]["times_s"]) == document["beats"]["accepted"]
    assert document["beats"]["rate_bpm"] == pytest.approx(72.0, rel=0.02)
    assert document["average"]["snr_db"] > 20.0
    for name in ("R", "T"):
        landmark = document["landmarks"][name]
        assert {"angle_deg", "pole_distance_mm", "pole_ratio"} <= landmark["map"].keys()
        dipole = landmark["dipole"]
        assert {"position_m", "moment_nAm", "gof", "confidence_mm"} <= dipole.keys()
    assert document["noise"]["density_ft_rthz"]["H11-x"] is None


def test_a_real_vectorcardiogram_under_the_array():
    file = Path(__file__).parents[2].parent / "shared" / "data" / "frank_vcg_ptb_s0010_1000hz.csv"
    if not file.exists():
        pytest.skip("no shared data")
    # Frank axes to the head frame; its baseline wander and mains are left in.
    leads_mv = np.loadtxt(file, delimiter=",", skiprows=1, usecols=(1, 2, 3)).T
    moment_nam = np.array([1.0, -1.0, -1.0])[:, None] * leads_mv * 1e4
    array = make_array(4, (0, 1))
    field_pt = lead_field(array.positions_m, array.orientations, DIPOLE_M) @ moment_nam
    field_pt += 0.4 * np.random.default_rng(7).normal(size=field_pt.shape)
    analysis = analyze(FieldRecording(field_pt, 1000.0, array))
    assert 50 <= analysis.beats.n_accepted <= 53
    assert analysis.beats.rate_bpm == pytest.approx(81.7, abs=0.5)
    for name in ("R", "T"):
        landmark = analysis.landmarks[name]
        assert 1e3 * np.linalg.norm(landmark.dipole.position_m - DIPOLE_M) < 1.0
    assert 0.15 < analysis.landmarks["T"].time_s < 0.40
    assert 14.0 < analysis.noise_summary_ft_rthz()[0] < 30.0


def test_no_heart_is_told_and_nothing_made_up():
    analysis = analyze(simulate(make_array(2, (0, 1)), heart=False, duration_s=15.0).recording)
    document = analysis.to_json()
    assert document["average"] is None
    assert document["landmarks"] == {"R": None, "T": None}
    assert document["beats"]["times_s"] == []
    assert "beats" in document["reasons"]
    assert document["noise"]["median"] == pytest.approx(18.0, rel=0.1)


def test_four_single_axis_heads_give_a_map_but_no_dipole(tmp_path):
    recording = simulate(make_array(2, (0,)), duration_s=15.0).recording
    analysis = analyze(recording)
    landmark = analysis.landmarks["R"]
    assert landmark.field_map is not None
    assert landmark.dipole is None
    assert "too few" in analysis.reasons["R.dipole"]
    plots = write_plots(analysis, tmp_path)
    write_report(tmp_path / "report.html", analysis, plots)
    assert "too few for a dipole" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["nan", "constant", "empty"])
def test_no_usable_data_at_all(kind):
    recording = simulate(make_array(2, (0,)), duration_s=3.0).recording
    field_pt = {
        "nan": np.full_like(recording.field_pt, np.nan),
        "constant": np.zeros_like(recording.field_pt),
        "empty": recording.field_pt[:, :0],
    }[kind]
    document = analyze(replace(recording, field_pt=field_pt)).to_json()
    assert document["average"] is None
    assert len(document["quality"]["dead_heads"]) == 4
    json.dumps(document, allow_nan=False)


def test_a_jump_of_one_head_is_left_out_of_the_map():
    heart = simulate(make_array(4, (0, 1)))
    field_pt = heart.recording.field_pt.copy()
    field_pt[6] += np.random.default_rng(6).normal(size=field_pt.shape[1]) * 30.0
    analysis = analyze(heart.recording.with_field(field_pt))
    assert [analysis.array.names[i] for i in np.flatnonzero(analysis.quality.bad_channels)] == [
        "H4-x"
    ]
    error_m = analysis.landmarks["R"].dipole.position_m - DIPOLE_M
    assert np.linalg.norm(error_m) < 0.003


def test_plots_are_the_same_for_the_same_data(full, tmp_path):
    _, _, analysis, _ = full
    residual = {"before": 24000.0, "after": 35.0}
    first = write_plots(analysis, tmp_path / "a", residual)
    second = write_plots(analysis, tmp_path / "b", residual)
    assert set(first) == {
        "butterfly", "series_QRS", "series_STT", "map_R", "map_T", "arrows_R", "arrows_T",
        "timelapse", "noise", "residual",
    }  # fmt: skip
    for name in first:
        assert first[name].read_bytes() == second[name].read_bytes()
        assert b"Software" not in first[name].read_bytes()[:2000]


def test_report_is_one_file_and_says_what_it_is_not(full, tmp_path):
    _, _, analysis, _ = full
    plots = write_plots(analysis, tmp_path)
    facts = {
        "subject": "<b>A & B</b>",
        "residual_pt": {"before": 24000.0, "after": 35.0},
        "losses": {"link": 0, "host": 3},
        "timings_s": {"null": 8.2},
        "settings": {"beats": 60, "rig": {"name": "demo36"}},
    }
    write_report(tmp_path / "report.html", analysis, plots, facts)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert DISCLAIMER in text
    assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in text
    assert "24.00 nT" in text
    assert "H11" in text
    assert "rig.name" in text
    assert text.index('<h2 id="quality-title">') < text.index("<img")
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    # The colon is no sign of base64: without it a picture may hold the word by chance.
    assert "http:" not in text
    assert "https:" not in text
