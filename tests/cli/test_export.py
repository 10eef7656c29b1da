"""``export``: every format from the command line, and files of others through the same command."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "files"))
from made_files import small_recording
from simulated_heart import make_array, simulate

from nullfield.files import read, write_csv

pytest.importorskip("mne")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "heart.csv"
    write_csv(small_recording(1.5), path)
    return path


@pytest.mark.parametrize(
    ("to", "name"),
    [
        ("fif", "heart_raw.fif"),
        ("edf", "heart.edf"),
        ("bdf", "heart.bdf"),
        ("bids", "heart_bids"),
    ],
)
def test_beside_the_recording(nullfield, table, to, name):
    outcome = nullfield("export", table, "--to", to)
    assert outcome.code == 0, outcome.err
    assert name in outcome.out.replace("\n", "")
    back, whole = read(table.parent / name), read(table)
    assert back.array.names == whole.array.names
    np.testing.assert_allclose(
        back.field_pt[back.usable], whole.field_pt[whole.usable], rtol=0, atol=2e-3
    )


def test_what_was_assumed_and_what_it_costs_is_said(nullfield, table, tmp_path):
    outcome = nullfield("export", table, "--to", "edf", "--out", tmp_path / "x.edf")
    said = outcome.out.replace("\n", " ")
    assert "samples rounded by" in said
    assert "note: positions from heart_positions.csv" in said
    assert (tmp_path / "x_positions.csv").is_file()


def test_options_for_a_table_that_tells_nothing(nullfield, tmp_path):
    bare = tmp_path / "bare.csv"
    bare.write_text("1,2\n3,4\n5,6\n2,1\n")
    places = tmp_path / "places.csv"
    places.write_text("name,x_cm,y_cm,z_cm,nx,ny,nz\nch1,0,0,3,0,0,1\nch2,4,0,3,0,0,1\n")
    outcome = nullfield("export", bare, "--out", tmp_path / "x_raw.fif")
    outcome.assert_one_line_error(3, "bare.csv", "no unit is given for ch1, ch2")
    outcome = nullfield("export", bare, "--unit", "nT", "--out", tmp_path / "x_raw.fif")
    outcome.assert_one_line_error(3, "bare.csv", "no sampling rate")
    outcome = nullfield(
        "export", bare, "--unit", "nT", "--rate", "250", "--positions", places,
        "--out", tmp_path / "x_raw.fif",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    back = read(tmp_path / "x_raw.fif")
    assert back.sampling_rate_hz == 250.0
    np.testing.assert_allclose(back.field_pt, [[1e3, 3e3, 5e3, 2e3], [2e3, 4e3, 6e3, 1e3]])
    np.testing.assert_allclose(back.array.positions_m, [[0, 0, 0.03], [0.04, 0, 0.03]], atol=1e-7)


def test_subject_and_task_of_a_data_set(nullfield, table, tmp_path):
    outcome = nullfield(
        "export",
        table,
        "--to",
        "bids",
        "--out",
        tmp_path / "study",
        "--subject",
        "12",
        "--task",
        "stress",
    )
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "study/sub-12/meg/sub-12_task-stress_meg.fif").is_file()


def test_results_as_hdf5(nullfield, table, tmp_path):
    from nullfield.files.results_hdf5 import read_results

    outcome = nullfield("export", table, "--to", "hdf5", "--out", tmp_path / "x.h5")
    assert outcome.code == 0, outcome.err
    assert read_results(tmp_path / "x.h5").array.names == read(table).array.names


def test_report_and_beat_as_dicom(nullfield, tmp_path):
    pydicom = pytest.importorskip("pydicom")
    heart = simulate(make_array(3, (0,)), duration_s=12.0, seed=4).recording
    write_csv(heart, tmp_path / "heart.csv")
    export = ("export", tmp_path / "heart.csv", "--to", "dicom", "--out", tmp_path / "dicom")
    nullfield(*export).assert_one_line_error(3, "DICOM needs the patient")
    outcome = nullfield(
        *export, "--patient", "Roe^Jo", "--patient-id", "P7", "--study-time", "2026-01-31T14:30"
    )
    assert outcome.code == 0, outcome.err
    kinds = {}
    for path in (tmp_path / "dicom").glob("*.dcm"):
        found = pydicom.dcmread(path)
        assert (str(found.PatientName), found.PatientID) == ("Roe^Jo", "P7")
        assert found.StudyDate == "20260131"
        kinds[path.name] = found.SOPClassUID.name
    assert "Encapsulated PDF" in kinds["report.dcm"]
    assert "Waveform" in kinds["average.dcm"]


def test_the_recording_is_not_written_over(nullfield, table):
    before = table.read_bytes()
    outcome = nullfield("export", table, "--to", "csv")
    outcome.assert_one_line_error(3, "is the recording itself")
    assert table.read_bytes() == before


def test_analyze_takes_a_table(nullfield, table, tmp_path):
    outcome = nullfield("analyze", table, "--out", tmp_path / "out", "--json")
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "out" / "analysis.json").is_file()
