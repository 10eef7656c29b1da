"""Two recordings of one subject side by side."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from report_pages import Page, pdf_pages
from simulated_heart import make_array, simulate

from nullfield.analysis.chain import analyze
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.features.feature import Feature
from nullfield.analysis.report import DISCLAIMER
from nullfield.analysis.report.compare import compare
from nullfield.analysis.report.compare_pages import comparison_document
from nullfield.analysis.report.compare_values import difference_of
from nullfield.analysis.report.html import html_text
from nullfield.analysis.report.pdf import pdf_bytes
from nullfield.errors import AnalysisError

ORDER = ["quality", "power", "maps", "features", "intervals", "settings"]


def feature(name, value, low, high, unit="", reason=""):
    return Feature(name, value, unit, low, high, "d", "s", reason=reason)


@pytest.fixture(scope="module")
def rest():
    return analyze(simulate(make_array(4, (0, 1)), rate_bpm=64.0, duration_s=18.0).recording)


@pytest.fixture(scope="module")
def stress():
    """The same heart, faster and 1.3 times as strong, with other noise."""
    recording = simulate(make_array(4, (0, 1)), rate_bpm=95.0, seed=3, duration_s=18.0).recording
    return analyze(recording.with_field(1.3 * recording.field_pt))


@pytest.fixture(scope="module")
def silent():
    return analyze(simulate(make_array(4, (0, 1)), heart=False, duration_s=10.0).recording)


def test_a_recording_does_not_differ_from_itself(rest):
    result = compare(rest, rest)
    assert result.warnings == ()
    for pair in result.maps.values():
        assert pair.correlation == pytest.approx(1.0, abs=1e-12)
        assert pair.relative_difference == 0.0
        assert pair.magnification == 1.0
        assert not pair.difference_pt.any()
    for one in (*result.sizes, *result.intervals):
        assert one.difference == 0.0
    assert all(one.is_overlapping for one in result.sizes)
    assert result.intervals[0].interval[0] < 0.0 < result.intervals[0].interval[1]


def test_strength_and_rate_are_found_apart_from_shape(rest, stress):
    result = compare(rest, stress, ("rest", "stress"))
    pair = result.maps["R"]
    assert pair.magnification == pytest.approx(1.3, rel=0.01)
    assert pair.correlation > 0.999
    assert pair.relative_difference < 0.02
    size = result.sizes[0]
    assert size.second / size.first == pytest.approx(1.3, rel=0.01)
    assert size.is_overlapping is False
    assert size.interval[0] < size.difference < size.interval[1]
    beat = result.intervals[0]
    assert beat.difference == pytest.approx(60e3 / 95.0 - 60e3 / 64.0, abs=12.0)
    assert beat.interval[0] < 60e3 / 95.0 - 60e3 / 64.0 < beat.interval[1]
    assert beat.is_overlapping is False
    t = next(one for one in result.intervals if one.name == "R mark to T")
    wanted = 260.0 * (np.sqrt(60.0 / 95.0) - np.sqrt(60.0 / 64.0))
    assert t.difference == pytest.approx(wanted, abs=8.0)
    time_s, rms = result.power["stress"]
    assert rms.max() / result.power["rest"][1].max() == pytest.approx(1.3, rel=0.01)
    assert abs(time_s[np.argmax(rms)]) < 0.005


def test_a_difference_is_clear_only_where_it_is_more_than_its_error(rest, stress):
    again = simulate(make_array(4, (0, 1)), rate_bpm=64.0, duration_s=18.0, seed=9).recording
    same = compare(rest, analyze(again))
    other = compare(rest, stress)
    for name in ("R", "T"):
        assert same.maps[name].is_clear.mean() < 0.05
    # 30 % more of 60 pT is far beyond noise and channel errors where the field is large.
    strong = np.abs(other.maps["R"].first_pt) > 40.0
    assert other.maps["R"].is_clear[strong].mean() > 0.9
    assert not compare(rest, rest).maps["R"].is_clear.any()


def test_the_opposite_field_has_the_largest_difference_of_shape(rest):
    turned = simulate(
        make_array(4, (0, 1)), rate_bpm=64.0, polarity=-1.0, duration_s=18.0
    ).recording
    pair = compare(rest, analyze(turned)).maps["R"]
    assert pair.correlation == pytest.approx(-1.0, abs=0.002)
    assert pair.relative_difference == pytest.approx(2.0, abs=0.002)


def test_other_arrays_are_compared_where_both_lie(rest):
    other = analyze(
        simulate(make_array(5, (0, 1)), rate_bpm=64.0, seed=5, duration_s=18.0).recording
    )
    result = compare(rest, other)
    pair = result.maps["R"]
    # 4 by 4 heads at 40 mm inside 5 by 5
    assert (pair.x_m[0], pair.x_m[-1]) == pytest.approx((-0.06, 0.06))
    assert pair.correlation > 0.999
    assert pair.magnification == pytest.approx(1.0, abs=0.03)
    warnings = " ".join(result.warnings)
    assert "different arrays: 32 channels in A, 50 in B, 32 of the same name" in warnings
    assert "mm apart" in warnings
    assert "different grids" in warnings


def test_arrays_over_other_parts_of_the_body_have_no_common_map(rest):
    away = replace(rest.array, positions_m=rest.array.positions_m + np.array([0.4, 0.0, 0.0]))
    landmarks = {
        name: replace(one, field_map=replace(one.field_map, x_m=one.field_map.x_m + 0.4))
        for name, one in rest.landmarks.items()
        if one is not None and one.field_map is not None
    }
    result = compare(rest, replace(rest, array=away, landmarks=landmarks))
    assert result.maps == {}
    assert "same part of the chest" in result.reasons["R.map"]
    assert "up to 400 mm apart" in " ".join(result.warnings)


def test_features_that_one_recording_lacks_are_kept(rest):
    first = replace(rest, features=(feature("a", 1.0, 0.8, 1.2), feature("only", 2.0, 1.0, 3.0)))
    second = replace(
        rest, features=(feature("a", 1.1, 0.9, 1.3), feature("none", None, None, None))
    )
    features = {one.name: one for one in compare(first, second).features}
    assert list(features) == ["a", "only", "none"]
    assert features["a"].is_overlapping is True
    assert features["a"].difference == pytest.approx(0.1)
    assert features["only"].difference is None
    assert features["only"].is_overlapping is None
    assert features["only"].first == 2.0


def test_interval_of_a_difference_is_the_normal_one_for_equal_sides():
    one = difference_of("x", "", (10.0, 10.0 - 1.96 * 3, 10.0 + 1.96 * 3), (4.0, -3.84, 11.84))
    assert one.difference == -6.0
    # standard errors 3 and 4: 5 together
    assert one.interval == pytest.approx((-6.0 - 1.96 * 5, -6.0 + 1.96 * 5))


def test_interval_of_a_difference_covers_the_truth():
    random = np.random.default_rng(11)
    # Exponential samples: the exact interval of a mean is that of a gamma, with unequal sides.
    from scipy import stats

    count, hits, trials = 12, 0, 2000
    low, high = stats.gamma.ppf((0.025, 0.975), count) / count
    means = random.exponential(size=(trials, 2, count)).mean(axis=2) * [1.0, 2.0]
    for a, b in means:
        one = difference_of("x", "", (a, a / high, a / low), (b, b / high, b / low))
        hits += one.interval[0] <= 1.0 <= one.interval[1]
    assert hits / trials == pytest.approx(0.95, abs=0.02)


def test_angles_are_taken_the_short_way_round():
    one = difference_of("x", "deg", (175.0, 172.0, 178.0), (-175.0, -176.0, -174.0))
    assert one.difference == 10.0
    assert one.interval == pytest.approx((10.0 - np.hypot(1, 3), 10.0 + np.hypot(1, 3)))
    assert one.is_overlapping is False
    near = difference_of("x", "deg", (179.0, 175.0, 183.0), (-178.0, -182.0, -174.0))
    assert near.is_overlapping is True


def test_other_settings_rates_and_cleaning_are_told(rest):
    step = CleaningStep("mains", True)
    other = replace(
        rest,
        settings={**rest.settings, "low_pass_hz": 40.0},
        sampling_rate_hz=500.0,
        cleaning=(*(one for one in rest.cleaning if one.name != "mains"), step),
        mains_hz=60.0,
    )
    base = replace(rest, cleaning=tuple(one for one in rest.cleaning if one.name != "mains"))
    warnings = compare(base, other, ("rest", "stress")).warnings
    assert "different settings: low_pass_hz is 100 and 40" in warnings
    assert "different sampling rates: 1000 and 500 Hz" in warnings
    assert "cleaned in stress only: mains" in warnings
    assert any(one.startswith("mains was notched in one recording only") for one in warnings)


def test_a_field_and_a_voltage_do_not_compare(rest):
    with pytest.raises(AnalysisError, match="A is in pT, B in uV") as caught:
        compare(rest, replace(rest, unit="uV"))
    assert "same kind" in caught.value.hint


def test_a_recording_without_a_heart_leaves_reasons(rest, silent):
    result = compare(rest, silent, ("rest", "empty"))
    assert result.maps == {}
    assert result.reasons["power"] == "one of the recordings has no averaged beat"
    assert any(one.startswith("empty has no averaged beat") for one in result.warnings)
    shown = Page(html_text(comparison_document(result)))
    assert [one["id"] for one in shown.all("section")] == ORDER
    assert "Global field power: not available: one of the recordings" in shown.words()
    json.dumps(result.to_json(), allow_nan=False)


def test_the_document_shows_both_sides_and_says_what_it_is_not(rest, stress):
    first = replace(rest, features=(feature("map_angle", -63.0, -64.0, -62.0, "deg"),))
    second = replace(stress, features=(feature("map_angle", -40.0, -41.0, -39.0, "deg"),))
    result = compare(first, second, ("rest $1$", "<b>stress</b>"))
    facts = ({"residual_pt": {"after": 35.0}}, {"losses": {"link": 4}})
    document = comparison_document(result, facts)
    shown = Page(html_text(document))
    assert [one["id"] for one in shown.all("section")] == ORDER
    words = shown.words()
    assert words.count(DISCLAIMER) == 2
    assert "first: rest $1$ · second: <b>stress</b>" in words
    assert "Residual field, after 35 pT rms –" in words
    assert "Samples lost – 4 (link 4)" in words
    assert "map angle ° −63.00 −64.00 … −62.00 −40.00 −41.00 … −39.00 23.0" in words
    assert not shown.all("b")
    alts = [one["alt"] for one in shown.all("img")]
    assert len(alts) == 3
    assert "correlation 1.000" in alts[1]
    pages = pdf_pages(pdf_bytes(document, is_compressed=False))
    assert all(DISCLAIMER in page for page in pages)
    assert pdf_bytes(document) == pdf_bytes(comparison_document(result, facts))


def test_two_files_of_one_name_are_told_apart(rest):
    assert compare(rest, rest, ("a.fif", "a.fif")).labels == ("a.fif (1)", "a.fif (2)")
