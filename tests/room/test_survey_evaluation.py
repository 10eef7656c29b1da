"""A survey's evaluation and report on made data: whole, interrupted, with bad heads."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nullfield.room.harmonics import field_basis
from nullfield.room.survey import evaluate
from nullfield.room.survey_data import RowRecord, StaticMap, SurveyData, SurveyedHead
from nullfield.room.survey_json import survey_json
from nullfield.room.survey_report import survey_document, write_survey_report

AXES = ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
SECTIONS = (
    "summary", "residual", "gradient", "stability", "spectra", "shielding", "uncertainty",
    "conditions",
)  # fmt: skip


def made(seed=1, duration_s=30.0):
    rng = np.random.default_rng(seed)
    places = [(0.05 * i, 0.05 * j, 0.03) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    heads = tuple(SurveyedHead(f"H{k + 1}", p, AXES, False) for k, p in enumerate(places))
    coefficient = np.array([2e4, -1e4, 3e4, 4e3, 1e3, -2e3, 500.0, 800.0])
    field = field_basis(np.array(places), 2) @ coefficient
    local = np.einsum("ak,nk->na", np.array(AXES), field)
    maps = [
        StaticMap(t, local + 15.0 * rng.standard_normal((3, *local.shape))) for t in (4.0, 50.0)
    ]
    rows = 0.4 * rng.standard_normal((18, int(1000 * duration_s))) + local[:, :2].reshape(-1, 1)
    quiet = RowRecord(10.0, 1000.0, rows.astype(np.float32), np.zeros(9))
    return SurveyData("made", heads, {}, maps, quiet, planned_s=duration_s), coefficient


def test_residual_and_gradient_are_the_made_ones():
    data, coefficient = made()
    done = evaluate(data, np.array([[0.0, 0.0, -0.05]]))
    truth = field_basis(done.residual.centre_m[None], 2)[0] @ coefficient
    error = done.residual.centre_pt - truth
    assert np.abs(error).max() < 20.0
    assert np.abs(error / done.residual.centre_uncertainty_pt).max() < 4.0
    below = field_basis(np.array([[0.0, 0.0, -0.05]]), 2)[0] @ coefficient
    point = done.residual.points[0]
    assert np.abs((point.field_pt - below) / point.uncertainty_pt).max() < 4.0
    assert done.residual.repeatability_pt == pytest.approx([15.0] * 3, rel=0.5)
    step = 1e-4
    slope = np.zeros((3, 3))
    for j in range(3):
        move = np.eye(3)[j] * step
        ends = field_basis(np.stack([move, -move]), 2) @ coefficient
        slope[:, j] = (ends[0] - ends[1]) / (2 * step)
    error = np.abs(done.residual.gradient.tensor_pt_per_m - slope)
    assert (error < 4 * done.residual.gradient.uncertainty_pt_per_m + 1.0).all()


def test_noise_of_the_rows_is_told_in_their_units():
    done = evaluate(made()[0])
    wanted = 0.4 / np.sqrt(500.0) * 1e3
    assert done.spectra.level_ft_rthz == pytest.approx([wanted] * 18, rel=0.15)
    assert done.reasons == {"shielding": "there was no excitation"}


def test_a_head_that_was_set_aside_is_in_no_figure():
    data, _ = made()
    data.dead["H2"] = "saturated or out of range in 90 % of its rows"
    rows = data.quiet.field_pt.copy()
    rows[2:4] = 1e6
    data.quiet = RowRecord(10.0, 1000.0, rows, np.zeros(9))
    done = evaluate(data)
    assert np.isnan(done.spectra.level_ft_rthz[2:4]).all()
    assert np.nanmax(done.stability.peak_to_peak_pt[30.0]) < 5.0
    text = json.dumps(survey_json(done), allow_nan=False)
    assert "saturated" in text


def test_a_dead_head_leaves_the_model_to_the_others():
    data, coefficient = made()
    for one in data.maps:
        one.repeats_pt[:, 4] = np.nan
    done = evaluate(data)
    truth = field_basis(done.residual.centre_m[None], 2)[0] @ coefficient
    assert np.abs(done.residual.centre_pt - truth).max() < 30.0
    assert np.isnan(done.residual.measured_pt[4]).all()


def test_an_interrupted_survey_says_so_and_keeps_the_rest(tmp_path):
    data, _ = made(duration_s=4.0)
    data.maps = data.maps[:1]
    data.ended_early = "after 12 s: stopped by the operator"
    done = evaluate(data)
    assert done.residual is not None
    assert "shorter than 10 s" in done.reasons["spectra"]
    write_survey_report(tmp_path, done)
    text = (tmp_path / "survey.html").read_text()
    assert "stopped by the operator" in text
    assert (tmp_path / "survey.pdf").read_bytes()[:4] == b"%PDF"


def test_nothing_measured_is_still_a_report():
    done = evaluate(SurveyData("made", ended_early="after 1 s: a board was lost"))
    assert done.residual is None
    document = survey_document(done)
    assert tuple(section.ident for section in document.sections) == SECTIONS
    json.dumps(survey_json(done), allow_nan=False)


def test_the_report_has_its_topics_and_pictures(tmp_path):
    done = evaluate(made()[0], np.array([[0.0, 0.0, -0.05]]))
    document = survey_document(done, "2026-01-01T10:00", "a room")
    assert tuple(section.ident for section in document.sections) == SECTIONS
    pictures = [b for s in document.sections for b in s.blocks if b.block == "picture"]
    assert [p.name for p in pictures] == ["residual", "gradient", "stability", "spectra"]
    write_survey_report(tmp_path, done, "2026-01-01T10:00", "a room")
    first = (tmp_path / "survey.pdf").read_bytes()
    write_survey_report(tmp_path, done, "2026-01-01T10:00", "a room")
    assert (tmp_path / "survey.pdf").read_bytes() == first
