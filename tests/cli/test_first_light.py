"""The whole instrument, end to end, twice: an examination on the small rig by the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.micropython]
REAL_HEART = (
    Path(__file__).resolve().parents[3] / "shared" / "data" / "frank_vcg_ptb_s0010_1000hz.csv"
)
RUNS = ("first", "second")
BEATS = 8


@pytest.fixture(scope="module")
def examined(tmp_path_factory):
    """Two runs of one seed, side by side, so that neither has the machine to itself."""
    place = tmp_path_factory.mktemp("examined")
    heart = ["--heart", str(REAL_HEART)] if REAL_HEART.is_file() else []
    command = [sys.executable, "-m", "nullfield.cli.app", "exam", "--rig", "bench4", "--json"]
    command += ["--beats", str(BEATS), "--seed", "5", *heart]
    running = [
        subprocess.Popen(
            [*command, "--out", str(place / name)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in RUNS
    ]
    said = [process.communicate(timeout=900.0) for process in running]
    for process, (_, err) in zip(running, said, strict=True):
        assert process.returncode == 0, err
        assert err == ""
    for name, (out, _) in zip(RUNS, said, strict=True):
        assert json.loads(out) == json.loads((place / name / "exam.json").read_text())
    return place


def test_what_an_examination_leaves(examined):
    directory = examined / "first"
    exam = json.loads((directory / "exam.json").read_text())
    assert exam["state"] == "done"
    assert exam["start_up"]["ready"] == ["H1", "H2", "H3", "H4"]
    assert exam["start_up"]["failed"] == {}
    assert exam["record"]["beats"] >= BEATS
    assert set(exam["record"]["rows_lost"].values()) == {0}
    assert exam["null"]["measured_after_rms_pt"] < 0.1 * exam["null"]["measured_before_rms_pt"]
    report = (directory / "report.html").read_text(encoding="utf-8")
    assert "<html" in report
    assert "http://" not in report.replace("http://www.w3.org", "")
    assert list(directory.glob("*.png"))
    assert (directory / "recording" / "recording-0000.mcap").exists()


def test_score_within_sane_limits(examined, nullfield):
    outcome = nullfield("score", examined / "first", "--json")
    assert outcome.code == 0, outcome.err
    scores = json.loads(outcome.out)
    assert scores == json.loads((examined / "first" / "score.json").read_text())
    assert scores["residual_pt"]["before_rms"] > 10_000.0
    assert scores["residual_pt"]["after_rms"] <= 1000.0
    assert scores["residual_pt"]["after_max"] <= 3000.0
    assert set(scores["samples"]["lost"].values()) == {0}
    assert scores["samples"]["expected"] == scores["samples"]["received"] > 8000
    assert scores["map_correlation"]["R"] >= 0.98
    # Four heads say little about depth; the full rig is held to 5 mm in docs/results.md.
    assert scores["dipole_error_mm"] <= 20.0


def test_same_seed_same_digest(examined, nullfield):
    digests = [nullfield("digest", examined / name / "recording").out.strip() for name in RUNS]
    assert len(digests[0]) == 64
    assert digests[0] == digests[1]


def test_same_seed_same_results(examined):
    """All but the wall clock's share is the same to the last digit."""
    first, second = (json.loads((examined / name / "exam.json").read_text()) for name in RUNS)
    for content in (first, second):
        assert content.pop("wall_timings_s")
    assert first == second


def test_recording_goes_through_the_host_path_again(examined, nullfield):
    outcome = nullfield("replay", examined / "first" / "recording", "--json")
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out)
    exam = json.loads((examined / "first" / "exam.json").read_text())
    assert summary["truncated"] is False
    assert sum(board["rows"] for board in summary["boards"]) == exam["record"]["rows_received"]
    assert all(set(board["lost"].values()) == {0} for board in summary["boards"])


def test_fif_gives_the_same_beats(examined, nullfield, tmp_path):
    file = tmp_path / "first_raw.fif"
    outcome = nullfield("export", examined / "first" / "recording", "--out", file)
    assert outcome.code == 0, outcome.err
    outcome = nullfield("analyze", file, "--out", tmp_path / "again", "--json")
    assert outcome.code == 0, outcome.err
    exam = json.loads((examined / "first" / "exam.json").read_text())
    again = json.loads(outcome.out)
    assert len(again["beats"]["times_s"]) == len(exam["analysis"]["beats"]["times_s"])
