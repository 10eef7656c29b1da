"""``nullfield compare``: files in, a report of both out."""

from __future__ import annotations

import json

import pytest
import typer
from simulated_heart import make_array, simulate
from typer.testing import CliRunner

from nullfield.cli import compare
from nullfield.errors import InputError

pytest.importorskip("mne")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two files of one subject, at 60 and at 80 beats a minute."""
    from nullfield.files.fif import write_fif

    directory = tmp_path_factory.mktemp("subject")
    for name, rate_bpm in (("rest", 60.0), ("stress", 80.0)):
        one = simulate(make_array(3, (0, 1)), duration_s=12.0, rate_bpm=rate_bpm).recording
        (directory / name).mkdir()
        write_fif(one, directory / name / "heart_meg.fif")
    return directory


@pytest.fixture
def run():
    app = typer.Typer()
    compare.register(app)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(one) for one in arguments])


def test_two_files_give_json_html_and_pdf(folder, run, tmp_path):
    first, second = (folder / name / "heart_meg.fif" for name in ("rest", "stress"))
    said = run(first, second, "--out", tmp_path / "c", "--json")
    assert said.exit_code == 0, said.output
    told = json.loads(said.stdout)
    assert told["schema"] == "nullfield-comparison/1"
    # One name twice: the folders tell them apart.
    assert told["labels"] == ["rest", "stress"]
    assert told["intervals"][0]["difference"] == pytest.approx(-250.0, abs=15.0)
    assert told["maps"]["R"]["correlation"] > 0.999
    assert json.loads((tmp_path / "c" / "comparison.json").read_text()) == told
    assert (tmp_path / "c" / "comparison.pdf").read_bytes().startswith(b"%PDF")
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert "first: rest · second: stress" in page


def test_without_json_the_differences_are_told_in_words(folder, run, tmp_path):
    path = folder / "rest" / "heart_meg.fif"
    said = run(path, path, "--out", tmp_path / "c")
    assert said.exit_code == 0, said.output
    assert "Median beat interval: 0 ms (95 %: " in said.stdout
    assert "comparison.html" in said.stdout


def test_results_are_compared_without_their_recording(folder, run, tmp_path):
    pytest.importorskip("h5py")
    from nullfield.analysis.chain import analyze
    from nullfield.files.read import read
    from nullfield.files.results_hdf5 import write_results

    recording = folder / "rest" / "heart_meg.fif"
    write_results(analyze(read(recording)), tmp_path / "rest.h5")
    said = run(tmp_path / "rest.h5", recording, "--out", tmp_path / "c", "--json")
    assert said.exit_code == 0, said.output
    told = json.loads(said.stdout)
    assert told["labels"] == ["rest.h5", "heart_meg.fif"]
    assert told["maps"]["R"]["largest_difference_pt"] == pytest.approx(0.0, abs=1e-9)
    assert told["intervals"][0]["difference"] == 0.0


def test_a_file_that_is_not_there_is_named(folder, run, tmp_path):
    said = run(folder / "rest" / "heart_meg.fif", tmp_path / "none.fif", "--out", tmp_path / "c")
    assert isinstance(said.exception, InputError)
    assert "none.fif" in said.exception.message
    assert not (tmp_path / "c").exists()


def test_the_folder_of_an_examination_gives_its_recording_and_facts(tmp_path):
    (tmp_path / "recording").mkdir()
    record = {
        "software": "0.2.0",
        "notes": {"subject": "S-1"},
        "null": {"measured_before_rms_pt": 24000.0, "measured_after_rms_pt": 35.0},
        "record": {"rows_lost": {"link": 2}},
    }
    (tmp_path / "exam.json").write_text(json.dumps(record), encoding="utf-8")
    assert compare._recording(tmp_path) == tmp_path / "recording"
    facts = compare._facts(tmp_path)
    assert facts["residual_pt"] == {"before": 24000.0, "after": 35.0}
    assert facts["losses"] == {"link": 2}
    assert facts["subject"] == "S-1"


def test_the_folder_of_an_analysis_leads_to_its_recording(tmp_path):
    recording = tmp_path / "rest.csv"
    folder = tmp_path / "a1"
    folder.mkdir()
    told = {"input": {"source": str(recording)}}
    (folder / "analysis.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(InputError, match=r"rest\.csv is not there any more"):
        compare._recording(folder)
    recording.write_text("x")
    assert compare._recording(folder) == recording
    told = {"input": {"source": "/elsewhere/rest.csv"}}
    (folder / "analysis.json").write_text(json.dumps(told), encoding="utf-8")
    assert compare._recording(folder) == recording


@pytest.mark.parametrize("text", ["", "{", "[]", '{"null": 3}', '{"notes": "x"}'])
def test_a_damaged_record_of_an_examination_does_not_matter(tmp_path, text):
    (tmp_path / "exam.json").write_text(text, encoding="utf-8")
    assert compare._facts(tmp_path) == {"file": tmp_path.name}
