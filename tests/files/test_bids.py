"""BIDS-MEG folders: written so that others read them, and read as others write them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from made_files import small_recording

from nullfield.errors import InputError
from nullfield.files import open_source, read, write_bids

mne_bids = pytest.importorskip("mne_bids")
mne = pytest.importorskip("mne")


@pytest.fixture(scope="module")
def recording():
    return small_recording(2.4)


@pytest.fixture(scope="module")
def study(tmp_path_factory, recording):
    root = tmp_path_factory.mktemp("study")
    write_bids(recording, root, subject="01", task="rest")
    write_bids(recording, root, subject="02", task="stress", session="a", run="1")
    return root


def test_files_of_the_standard(study):
    names = {str(path.relative_to(study)) for path in study.rglob("*") if path.is_file()}
    assert {
        "dataset_description.json",
        "participants.tsv",
        "sub-01/sub-01_scans.tsv",
        "sub-01/meg/sub-01_task-rest_meg.fif",
        "sub-01/meg/sub-01_task-rest_meg.json",
        "sub-01/meg/sub-01_task-rest_channels.tsv",
        "sub-01/meg/sub-01_coordsystem.json",
        "sub-02/ses-a/meg/sub-02_ses-a_task-stress_run-1_meg.fif",
    } <= names
    about = json.loads((study / "sub-01/meg/sub-01_task-rest_meg.json").read_text())
    assert about["SamplingFrequency"] == 1000.0
    assert about["MEGChannelCount"] == 12
    assert about["MEGREFChannelCount"] == 12
    lines = (study / "sub-01/meg/sub-01_task-rest_channels.tsv").read_text("utf-8-sig").splitlines()
    header = lines[0].split("\t")
    rows = [dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:]]
    assert {row["units"] for row in rows} == {"T"}
    assert [row["name"] for row in rows if row["status"] == "bad"] == ["H3-y"]


def test_mne_bids_reads_it(study, recording):
    place = mne_bids.BIDSPath(subject="01", task="rest", root=study, datatype="meg")
    raw = mne_bids.read_raw_bids(place, verbose="error")
    good = recording.usable
    np.testing.assert_allclose(raw.get_data()[good], recording.field_pt[good] * 1e-12, rtol=1e-12)


def test_a_folder_of_many_needs_a_choice(study, recording):
    with pytest.raises(InputError, match="holds 2 recordings") as caught:
        read(study)
    assert "sub-02" in caught.value.message
    assert "give one of these files" in caught.value.hint
    for part in ("sub-01", "sub-02", "sub-02/ses-a/meg/sub-02_ses-a_task-stress_run-1_meg.fif"):
        back = read(study / part)
        np.testing.assert_array_equal(back.usable, recording.usable)
        assert back.metadata["format"] == "BIDS"
        assert back.metadata["subject"] == part[4:6]


def test_channels_called_bad_are_not_valid(study, tmp_path, recording):
    root = tmp_path / "copy"
    write_bids(recording, root, subject="7")
    file = next(root.rglob("*_channels.tsv"))
    text = file.read_text("utf-8-sig")
    line = next(one for one in text.splitlines() if one.startswith("H2-x"))
    file.write_text(text.replace(line, line.replace("good", "bad")), encoding="utf-8")
    back = read(root)
    assert not back.usable[recording.array.names.index("H2-x")].any()
    assert "2 channels are marked as bad: H2-x, H3-y" in " ".join(back.metadata["notes"])
    # The same file as plain FIF knows nothing of it, out of its place.
    plain = tmp_path / "plain_raw.fif"
    plain.write_bytes(next(root.rglob("*_meg.fif")).read_bytes())
    assert read(plain).usable[recording.array.names.index("H2-x")].any()


def test_sections(study, recording):
    source = open_source(study / "sub-01")
    part = source.read(1050, 1150)
    np.testing.assert_array_equal(part.usable, recording.usable[:, 1050:1150])


def test_what_is_refused(tmp_path, study, recording):
    with pytest.raises(InputError, match="is there already"):
        write_bids(recording, study, subject="01", task="rest")
    with pytest.raises(InputError, match="BIDS allows letters and digits"):
        write_bids(recording, tmp_path / "a", subject="P-1")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "dataset_description.json").write_text("{}")
    with pytest.raises(InputError, match="without MEG recordings"):
        read(tmp_path / "empty")
    with pytest.raises(InputError, match="this recording is electric"):
        write_bids(replace(recording, unit="uV"), tmp_path / "b")


def test_a_damaged_file_in_the_folder(tmp_path, recording):
    path = write_bids(recording, tmp_path / "study", subject="1")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"sub-1_task-rest_meg\.fif"):
        read(tmp_path / "study")
