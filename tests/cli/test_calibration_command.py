"""Calibrate the small rig with a standard, show it, use it, and have it refused elsewhere."""

import json
import subprocess
import sys

import numpy as np
import pytest
from tests.bench.calibration import matched_errors
from tests.bench.plant_response import plant_response

from nullfield.rig import load_rig
from nullfield.room.calibration_file import load_calibration
from nullfield.standard_file import with_standard

SEED = 3


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibrated")
    command = [sys.executable, "-m", "nullfield.cli.app", "calibrate", "--rig", "bench4", "--json"]
    command += ["--standard", "plate8", "--seed", str(SEED), "--out", str(folder / "c.json")]
    done = subprocess.run(
        [*command, "--plots", str(folder / "plots")], capture_output=True, text=True, timeout=900.0
    )
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


@pytest.mark.long
@pytest.mark.micropython
def test_the_small_rig_is_calibrated_on_its_boards(calibrated):
    folder, said = calibrated
    assert said["heads"] == 4
    assert said["left_out"] == []
    assert said["standard"] == "plate8"
    assert said["unseen_modes"] == 0
    assert said["reduced_chi2"] < 2.0
    assert set(said["plots"]) == {"array", "spread", "residuals"}
    one = load_calibration(folder / "c.json")
    rig = with_standard(load_rig("bench4")[0], "plate8")
    errors = matched_errors(one, plant_response(rig, SEED))
    assert np.sqrt(np.mean(errors.gain**2)) < 0.005
    assert np.sqrt(np.mean(errors.angle_deg**2)) < 0.3
    assert np.sqrt(np.mean(errors.place_mm**2)) < 0.5


@pytest.mark.long
@pytest.mark.micropython
def test_it_is_shown_and_refused_for_another_rig(calibrated, nullfield):
    folder, _ = calibrated
    shown = nullfield("calibration", "show", folder / "c.json", "--rig", "bench4")
    assert shown.code == 0
    assert "plate8" in shown.out
    assert "H4" in shown.out
    for command in (
        ("calibration", "show", folder / "c.json", "--rig", "demo36"),
        ("exam", "--rig", "demo36", "--calibration", folder / "c.json", "--out", folder / "e"),
        ("record", "--rig", "demo36", "--calibration", folder / "c.json", "--out", folder / "r"),
    ):
        refused = nullfield(*command)
        assert refused.code == 3
        assert "is of rig bench4, not of demo36" in refused.err
        assert "nullfield calibrate --rig demo36" in refused.err
        assert not (folder / "e").exists()


def test_bad_files_end_with_one_line_and_a_fix(nullfield, tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    for command, text in (
        (("calibration", "show", bad), "not a calibration"),
        (("calibration", "show", tmp_path / "none.json"), "No such file"),
        (("calibrate", "--rig", "bench4", "--standard", "plate9"), "plate9: no such standard"),
        (("calibrate", "--rig", "bench4", "--out", tmp_path), "is a folder"),
    ):
        outcome = nullfield(*command)
        assert outcome.code in (3, 4)
        assert text in outcome.err
        assert "fix:" in outcome.err
        assert outcome.out == ""


def test_a_standard_with_a_wrong_key_is_refused_by_name(nullfield, tmp_path):
    file = tmp_path / "plate.toml"
    file.write_text(
        'name = "p"\n[board]\nuid = "e66138528351d001"\nrole = "coil"\ndefinition = "coil_pico2"\n'
        '[[loops]]\nname = "L"\nchannel = 9\ncorners_m = [[0.0, 0.0, 0.0]]\n'
    )
    outcome = nullfield("calibrate", "--rig", "bench4", "--standard", file)
    assert outcome.code == 4
    assert "loops.0.channel" in outcome.err


def test_without_calibrations_the_list_says_how_to_make_one(nullfield, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    outcome = nullfield("calibration", "list")
    assert outcome.code == 0
    assert "nullfield calibrate" in outcome.out
