"""Figures of maps and beats: what they hold, the same bytes twice, and arrays that give little."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageSequence
from simulated_heart import make_array, simulate

from nullfield.analysis.chain import analyze
from nullfield.analysis.field_map import map_field
from nullfield.analysis.landmarks import BeatLandmarks
from nullfield.analysis.map_series import map_series, series_times_s, series_window_s
from nullfield.analysis.plots import (
    DIVERGING,
    arrows_figure,
    butterfly_figure,
    gif_bytes,
    map_figure,
    png_bytes,
    time_lapse,
    write_plots,
)
from nullfield.analysis.plots.butterfly import components, global_power
from nullfield.analysis.plots.map_axes import line_levels, line_step
from nullfield.analysis.plots.maps import tangential_arrows_pt
from nullfield.analysis.plots.series import analysis_series, series_figure
from nullfield.analysis.sources.half_space import lead_field
from nullfield.analysis.torso_outline import torso_outline
from nullfield.errors import AnalysisError, InputError


@pytest.fixture(scope="module")
def analysis():
    return analyze(simulate(make_array(4, (0, 1, 2)), duration_s=12.0, noise_ft=100.0).recording)


@pytest.fixture(scope="module")
def moving(analysis):
    return time_lapse(analysis, most=12)


def nowhere(recording):
    lost = np.full((recording.array.n_channels, 3), np.nan)
    array = replace(recording.array, positions_m=lost, orientations=lost)
    return replace(recording, array=array)


def test_everything_is_drawn_and_named(analysis, tmp_path):
    paths = write_plots(analysis, tmp_path / "plots")
    assert set(paths) == {
        "butterfly", "series_QRS", "series_STT", "map_R", "map_T", "arrows_R", "arrows_T",
        "timelapse", "noise",
    }  # fmt: skip
    for name, path in paths.items():
        with Image.open(path) as image:
            assert image.format == ("GIF" if name == "timelapse" else "PNG")
            assert min(image.size) > 300
            # More than one colour: not an empty sheet.
            assert len(np.unique(np.asarray(image.convert("L")))) > 10


def test_the_same_bytes_for_the_same_data(analysis, moving):
    assert png_bytes(map_figure(analysis, analysis.landmarks["R"])) == png_bytes(
        map_figure(analysis, analysis.landmarks["R"])
    )
    again = time_lapse(analysis, most=12)
    assert again.frames_png == moving.frames_png
    assert again.gif() == moving.gif()


def test_the_time_lapse_moves_and_knows_its_moments(analysis, moving):
    assert len(moving.frames_png) == len(moving.times_s) == len(moving.labels) <= 12
    steps = np.diff(moving.times_s)
    assert steps == pytest.approx(steps[0])
    assert any(label.startswith("R, ") for label in moving.labels)
    with Image.open(io.BytesIO(moving.gif())) as image:
        frames = [
            np.asarray(one.convert("RGB")).astype(int) for one in ImageSequence.Iterator(image)
        ]
        assert image.info["loop"] == 0
    assert len(frames) == len(moving.times_s)
    r = int(np.argmin(np.abs(np.array(moving.times_s) - analysis.marks.times_s["R"])))
    colour = [np.ptp(frame, axis=2).sum() for frame in frames]
    # Red and blue are strongest where the heart's field is.
    assert int(np.argmax(colour)) == r
    still = np.stack(frames)[:, :, : frames[0].shape[1] // 20]
    assert np.abs(still - still[0]).max() < 30


def test_a_gif_of_one_frame_and_of_none(moving):
    with Image.open(io.BytesIO(gif_bytes(moving.frames_png[:1]))) as image:
        assert getattr(image, "n_frames", 1) == 1
    with pytest.raises(InputError, match="no frames"):
        gif_bytes([])


def test_a_panel_for_each_component_and_one_for_the_power(analysis):
    figure = butterfly_figure(analysis)
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ["Bz (pT)", "Bx (pT)", "By (pT)", "RMS (pT)"]
    names = [text.get_text().split()[0] for text in figure.axes[0].texts]
    assert {"P", "R", "T"} <= set(names)


def test_components_by_direction():
    array = make_array(2, (0, 1, 2))
    assert components(array).tolist() == [2, 0, 1] * 4
    lost = replace(array, orientations=np.full((12, 3), np.nan))
    assert components(lost).tolist() == [3] * 12


@pytest.mark.parametrize("level", [5.0, 0.0])
def test_the_error_of_the_global_power_is_its_scatter(level):
    random = np.random.default_rng(2)
    pattern = level * random.normal(size=(20, 1))
    drawn = pattern + 0.3 * random.normal(size=(20, 4000))
    scatter = np.sqrt((drawn**2).mean(axis=0)).std()
    stated = np.median(global_power(drawn, np.full(drawn.shape, 0.3))[1])
    assert stated == pytest.approx(scatter, rel=0.5)


def test_tangential_arrows_lie_along_the_current():
    array = make_array(6, (0, 1, 2))
    place, moment = np.array([0.0, 0.0, -0.05]), np.array([4000.0, 3000.0, 0.0])
    data = lead_field(array.positions_m, array.orientations, place) @ moment
    along_x, along_y = tangential_arrows_pt(map_field(data, array))
    longest = np.unravel_index(int(np.argmax(np.hypot(along_x, along_y))), along_x.shape)
    angle = np.degrees(np.arctan2(along_y[longest], along_x[longest]))
    assert angle == pytest.approx(np.degrees(np.arctan2(3.0, 4.0)), abs=2.0)


def test_tangential_arrows_only_where_they_are_measured(analysis):
    landmark = analysis.landmarks["R"]
    # Two panels, each with its bar; one panel where the array saw Bz alone.
    assert len(arrows_figure(analysis, landmark).axes) == 4
    alone = replace(landmark.field_map, is_tangential_measured=False)
    assert len(arrows_figure(analysis, replace(landmark, field_map=alone)).axes) == 2


def test_lines_solid_above_zero_and_dashed_below(analysis):
    figure = map_figure(analysis, analysis.landmarks["R"])
    drawn = {}
    for one in figure.axes[0].collections:
        if not hasattr(one, "levels") or one.filled:
            continue
        styles = {"dashed" if dashes[1] else "solid" for dashes in one.get_linestyles()}
        drawn[float(np.sign(one.levels).sum())] = styles
    assert drawn[min(drawn)] == {"dashed"}
    assert drawn[max(drawn)] == {"solid"}
    assert min(drawn) < 0.0 < max(drawn)


def test_where_the_error_is_large_it_is_hatched(analysis):
    landmark = analysis.landmarks["R"]
    error = np.zeros_like(landmark.field_map.bz_pt)
    figure = map_figure(analysis, _with_error(landmark, error))
    assert not any("error" in text.get_text() for text in figure.legends[0].get_texts())
    error[:5] = 0.5 * np.abs(landmark.field_map.bz_pt).max()
    figure = map_figure(analysis, _with_error(landmark, error))
    assert any("20 %" in text.get_text() for text in figure.legends[0].get_texts())
    assert any(
        any(one.hatches or ()) for one in figure.axes[0].collections if hasattr(one, "hatches")
    )


def _with_error(landmark, error_pt):
    return replace(landmark, field_map=replace(landmark.field_map, error_pt=error_pt))


@pytest.mark.parametrize("limit", [0.037, 1.0, 59.9, 12345.0])
def test_steps_of_lines_are_round(limit):
    step = line_step(limit)
    assert round(step / 10.0 ** np.floor(np.log10(step) + 1e-9)) in (1, 2, 5)
    levels, _ = line_levels(limit)
    assert 3 <= len(levels) / 2 <= 10
    np.testing.assert_allclose(levels, -levels[::-1])


def test_the_colour_map_reads_without_red_and_green():
    """Light in the middle and dark at both ends: size reads in grey, sign by the lines."""
    from matplotlib import colormaps

    rgb = colormaps[DIVERGING](np.linspace(0.0, 1.0, 11))[:, :3]
    grey = rgb @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(grey[:6]) > 0.0).all()
    assert (np.diff(grey[5:]) < 0.0).all()


def test_series_hit_the_peak_and_share_their_scale(analysis):
    series = analysis_series(analysis, "STT")
    t = analysis.marks.times_s["T"]
    assert np.abs(series.times_s - t).min() < 1e-3
    assert len(series.times_s) <= 15
    figure = series_figure(series, "STT", {t: "T"})
    titles = [axes.get_title() for axes in figure.axes]
    assert any(title.startswith("T ") for title in titles)
    single = map_series(analysis.average, analysis.array, np.array([t]), analysis.used)
    assert single.field_map.bz_pt.shape[2] == 1
    series_figure(single, "STT", {})


def test_windows_of_series():
    marks = BeatLandmarks({"R": 0.0, "T": 0.25, "QRS_onset": -0.03, "QRS_offset": 0.05})
    assert series_window_s(marks, "QRS") == (-0.03, 0.05)
    assert series_window_s(marks, "STT") == (0.05, pytest.approx(0.325))
    assert series_window_s(marks, "beat") == (pytest.approx(-0.07), pytest.approx(0.325))
    with pytest.raises(AnalysisError, match="no T peak"):
        series_window_s(BeatLandmarks({"R": 0.0}), "STT")
    with pytest.raises(AnalysisError, match="no R peak"):
        series_window_s(BeatLandmarks(), "QRS")
    times = series_times_s((-0.031, 0.052), 0.0, 15)
    assert times[0] == pytest.approx(-0.03)
    assert 0.0 in times.round(9)
    assert len(times) <= 15


def test_one_channel_and_channels_without_a_place(tmp_path):
    recording = simulate(make_array(3, (0,)), duration_s=10.0).recording
    one = analyze(recording.subset(np.arange(9) == 4))
    assert set(write_plots(one, tmp_path / "one")) == {"butterfly", "noise"}
    lost = analyze(nowhere(recording))
    assert set(write_plots(lost, tmp_path / "lost")) == {"butterfly", "noise"}
    assert butterfly_figure(lost).axes[0].get_ylabel() == "field (pT)"
    with pytest.raises(AnalysisError):
        time_lapse(lost)


def test_an_electric_lead_is_in_microvolts(tmp_path):
    recording = nowhere(simulate(make_array(3, (0,)), duration_s=10.0).recording)
    lead = analyze(replace(recording, field_pt=20.0 * recording.field_pt, unit="uV"))
    labels = [axes.get_ylabel() for axes in butterfly_figure(lead).axes]
    assert labels == ["voltage (µV)", "RMS (µV)"]
    paths = write_plots(lead, tmp_path)
    assert not {"map_R", "timelapse", "series_QRS"} & set(paths)
    with pytest.raises(AnalysisError, match="no map"):
        analysis_series(lead, "QRS")


def test_no_heart_draws_nothing_but_noise(tmp_path):
    still = analyze(simulate(make_array(3, (0,)), duration_s=10.0, heart=False).recording)
    assert set(write_plots(still, tmp_path)) == {"noise"}


def test_the_torso_is_below_the_array_and_grows_with_it():
    array = make_array(6, (0,))
    shifted = replace(array, positions_m=array.positions_m + np.array([0.3, 0.1, 0.0]))
    here, there = torso_outline(array), torso_outline(shifted)
    np.testing.assert_allclose(there.body_m[0] - here.body_m[0], np.tile([0.3, 0.1], (80, 1)))
    left, right, low, high = here.extent_m
    assert left < -0.1 < 0.1 < right
    assert low < -0.1 < 0.1 < high
    wide = replace(array, positions_m=array.positions_m * np.array([3.0, 3.0, 1.0]))
    assert torso_outline(wide).extent_m[1] - torso_outline(wide).extent_m[0] > 1.3 * (right - left)
