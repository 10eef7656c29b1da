"""Calibrations are kept whole, refused where they do not belong, and tell drifted heads."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.bench.calibration import simulated_fit

from nullfield.errors import CalibrationError
from nullfield.rig import load_rig
from nullfield.room.calibration import Calibration, calibration_of
from nullfield.room.calibration_drift import changed_gains, changed_responses
from nullfield.room.calibration_file import (
    default_path,
    from_json,
    load_calibration,
    newest_of,
    refuse_other_rig,
    refuse_other_temperature,
    save_calibration,
    to_json,
)
from nullfield.room.calibration_plots import write_calibration_plots
from nullfield.standard_file import with_standard

MADE_AT = "2026-05-04T10:20:30+02:00"


@pytest.fixture(scope="module")
def rig():
    return with_standard(load_rig("bench4")[0], "plate8")


@pytest.fixture(scope="module")
def made(rig) -> Calibration:
    fit, truth = simulated_fit(rig, 1)
    shape = truth.response_pt_per_ma.shape
    return calibration_of(
        fit,
        rig_name=rig.name,
        rig_fingerprint=rig.fingerprint,
        made_at=MADE_AT,
        standard="plate8",
        heads=tuple(h.name for h in rig.heads),
        response_pt_per_ma=truth.response_pt_per_ma,
        uncertainty_pt_per_ma=np.full(shape, 3.0),
        cell_temperature_c=np.full(4, 150.0),
    )


def test_a_file_gives_back_what_was_saved(made, tmp_path):
    path = default_path(made, tmp_path)
    save_calibration(made, path)
    again = load_calibration(path)
    assert to_json(again) == to_json(made)
    assert again.mixing == pytest.approx(made.mixing, abs=1e-8)
    assert newest_of(made.rig_name, made.rig_fingerprint, tmp_path) == path
    assert newest_of(made.rig_name, "0" * 12, tmp_path) is None
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": "x"}, "not a calibration"),
        ({"schema": 9}, "schema 9, this software reads 1"),
        ({"head_gain": [[1.0, 1.0, 1.0]]}, r"head_gain is \(1, 3\), not \(4, 3\)"),
        ({"heads": None}, "damaged"),
        ({"coil_errors": 3}, "damaged"),
    ],
)
def test_damaged_content_is_refused_by_name(made, change, text):
    with pytest.raises(CalibrationError, match=text) as caught:
        from_json({**to_json(made), **change}, "c.json")
    assert caught.value.hint


def test_a_cut_file_and_none_are_refused(made, tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps(to_json(made))[:500])
    with pytest.raises(CalibrationError, match="damaged"):
        load_calibration(path)
    with pytest.raises(CalibrationError, match="No such file"):
        load_calibration(tmp_path / "none.json")


def test_another_rig_is_refused_and_a_moved_head_too(made):
    refuse_other_rig(made, made.rig_name, made.rig_fingerprint)
    demo = load_rig("demo36")[0]
    with pytest.raises(CalibrationError, match="is of rig bench4, not of demo36"):
        refuse_other_rig(made, demo.name, demo.fingerprint)
    bench = load_rig("bench4")[0]
    content = bench.model_dump()
    content["heads"][1]["position_m"] = (0.031, 0.030, 0.030)
    moved = type(bench).model_validate(content)
    with pytest.raises(CalibrationError, match="an earlier bench4: its heads or coils were others"):
        refuse_other_rig(made, moved.name, moved.fingerprint)


def test_port_table_and_standard_do_not_make_another_rig(made):
    bench = load_rig("bench4")[0]
    content = bench.model_dump()
    for number, board in enumerate(content["boards"]):
        board["port"] = f"/dev/tty{number}"
    assert type(bench).model_validate(content).fingerprint == made.rig_fingerprint


def test_another_cell_temperature_is_refused_by_head(made):
    refuse_other_temperature(made, {"H1": 151.5, "H2": 149.0})
    with pytest.raises(CalibrationError, match=r"head H2: its cell is -3\.0 K"):
        refuse_other_temperature(made, {"H1": 150.0, "H2": 147.0})
    with pytest.raises(CalibrationError, match="none of the heads"):
        refuse_other_temperature(made, {"X": 150.0})


def test_a_drifted_gain_is_named_between_two_calibrations(made):
    gain = made.head_gain.copy() * 1.01
    gain[2, 1] *= 0.97
    (change,) = changed_gains(made, replace(made, head_gain=gain))
    assert (change.head, change.axis) == ("H3", "y")
    assert change.share == pytest.approx(-0.03, abs=1e-6)
    assert change.text == "head H3: its y gain changed by -3.0%"


def test_a_drifted_gain_shows_in_what_the_null_measures(made):
    response = made.response_pt_per_ma.copy()
    sigma = np.full(response.shape, 30.0)
    args = (made.heads, made.coils)
    assert changed_responses(made, *args, response, sigma) == ()
    response[0, 2] *= 1.04
    (change,) = changed_responses(made, *args, response, sigma)
    assert (change.head, change.axis) == ("H1", "b")
    assert change.share == pytest.approx(0.04, rel=0.05)


def test_a_neighbour_that_is_off_is_no_drift(made):
    # Cross-talk of five times the usual, so that leaving a head out changes what is reported.
    strong = replace(made, crosstalk_strength=np.full(3, 0.05))
    three = strong.heads[:3]
    response = strong.expected_response_pt_per_ma(three)
    change = response / strong.response_pt_per_ma[:3] - 1.0
    assert np.abs(change[:, 0, 2]).max() > 0.01
    sigma = np.full(response.shape, 30.0)
    assert changed_responses(strong, three, strong.coils, response, sigma) == ()


def test_correction_undoes_gains_and_crosstalk(made):
    n = len(made.heads)
    field = np.random.default_rng(1).normal(size=(3 * n, 50))
    gains = made.head_gain.reshape(-1, 1)
    reports = np.linalg.solve(made.mixing, gains * field)
    assert made.correction(made.heads) @ reports == pytest.approx(field)
    order = ("H4", "unknown", "H1")
    matrix = made.correction(order)
    assert matrix[3:6, 3:6] == pytest.approx(np.eye(3))
    assert not matrix[3:6, :3].any()
    assert matrix[0, 6] == pytest.approx(made.mixing[9, 0] / made.head_gain[3, 0])


def test_pictures_are_drawn(made, rig, tmp_path):
    axes = np.array([h.axes for h in rig.heads])
    paths = write_calibration_plots(made, rig.positions_m(), axes, tmp_path / "plots")
    assert set(paths) == {"array", "spread", "residuals"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths.values())
