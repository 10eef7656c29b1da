"""Files of other systems in FIF, what a file is by its content, and the ECG records of the field."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from made_files import small_recording

from nullfield.errors import InputError, RecordingError
from nullfield.files import open_source, read, write_csv, write_edf, write_fif
from nullfield.files.read import detect

mne = pytest.importorskip("mne")
DATA = Path(__file__).parents[3] / "shared" / "data"


def raw_of(names, kinds, data, rate_hz=500.0, loc=True):
    info = mne.create_info(names, rate_hz, kinds)
    for index, entry in enumerate(info["chs"]):
        if loc:
            entry["loc"][:] = [0.03 * index, 0.01, 0.02, 1, 0, 0, 0, 1, 0, 0, 0, 1]
    return mne.io.RawArray(data, info, verbose="error")


def saved(raw, path):
    raw.save(path, overwrite=True, verbose="error")
    return path


def notes(recording):
    return " | ".join(recording.metadata["notes"])


NAMES = ["MEG0111", "L101_bz-s1", "00:16-BZ", "OPM_LX-TAN", "G2-DN-Z"]


def test_names_of_other_vendors(tmp_path):
    data = np.random.default_rng(0).normal(size=(5, 800)) * 1e-12
    recording = read(saved(raw_of(NAMES, "mag", data), tmp_path / "a_raw.fif"))
    assert recording.array.names == tuple(NAMES)
    assert recording.array.head_names == ("MEG0111", "L101-s1", "00:16", "OPM_LX", "G2-DN")
    np.testing.assert_array_equal(recording.array.axis_index, [0, 2, 2, 0, 2])
    np.testing.assert_allclose(recording.field_pt, data * 1e12, rtol=1e-6)
    np.testing.assert_allclose(recording.array.positions_m[:, 0], 0.03 * np.arange(5), atol=1e-7)


def test_gradiometers_and_the_rest_are_left_out_with_a_note(tmp_path):
    names = ["MEG0111", "MEG0112", "MEG0113", "EEG 001", "ECG", "STI 014"]
    kinds = ["mag", "grad", "grad", "eeg", "ecg", "stim"]
    data = np.random.default_rng(0).normal(size=(6, 800)) * 1e-12
    recording = read(saved(raw_of(names, kinds, data), tmp_path / "a_raw.fif"))
    assert recording.array.names == ("MEG0111",)
    assert "2 gradiometers were left out (MEG0112, MEG0113)" in notes(recording)
    only = raw_of(names[1:3], "grad", data[1:3])
    with pytest.raises(InputError, match="holds no magnetometers, only 2 gradiometers"):
        read(saved(only, tmp_path / "b_raw.fif"))


def test_an_ecg_lead_alone_is_electric(tmp_path):
    data = np.random.default_rng(0).normal(size=(2, 800)) * 5e-4
    recording = read(saved(raw_of(["ECG", "EEG 1"], ["ecg", "eeg"], data), tmp_path / "a_raw.fif"))
    assert recording.unit == "uV"
    np.testing.assert_allclose(recording.field_pt, data[:1] * 1e6, rtol=1e-6)


@pytest.mark.parametrize("loc", ["nan", "zero"])
def test_positions_that_the_file_does_not_tell(tmp_path, loc):
    raw = raw_of(NAMES, "mag", np.random.default_rng(0).normal(size=(5, 800)) * 1e-12, loc=False)
    for entry in raw.info["chs"]:
        entry["loc"][:] = np.nan if loc == "nan" else 0.0
    path = saved(raw, tmp_path / "a_raw.fif")
    recording = read(path)
    assert not recording.array.has_place.any()
    assert "positions are not known of 5 of 5 channels" in notes(recording)
    places = tmp_path / "places.csv"
    places.write_text(
        "name,x_mm,y_mm,z_mm,nx,ny,nz\n" + "".join(f"{name},40,0,30,0,0,1\n" for name in NAMES)
    )
    array = read(path, positions=places).array
    np.testing.assert_allclose(array.positions_m, [[0.04, 0, 0.03]] * 5, rtol=1e-15)


def test_tesla_that_is_none(tmp_path):
    path = saved(
        raw_of(["B1", "B2"], "mag", np.random.default_rng(0).normal(size=(2, 800)) * 30),
        tmp_path / "a_raw.fif",
    )
    with pytest.raises(InputError, match=r"a_raw\.fif: says T, but the values vary by") as caught:
        read(path)
    assert "pT" in caught.value.hint
    assert read(path, unit="pT").field_pt.std() == pytest.approx(30.0, rel=0.1)


def test_sections_of_fif_are_those_of_the_whole(tmp_path):
    recording = small_recording(3.0)
    write_fif(recording, tmp_path / "a_raw.fif")
    source = open_source(tmp_path / "a_raw.fif")
    assert not source._raw.preload
    whole = read(tmp_path / "a_raw.fif")
    for start, stop in ((0, 5), (950, 1150), (1999, 2011), (2990, 9999)):
        part = source.read(start, stop)
        np.testing.assert_array_equal(part.field_pt, whole.field_pt[:, start:stop])
        np.testing.assert_array_equal(part.usable, whole.usable[:, start:stop])
        assert part.start_time_s == pytest.approx(recording.start_time_s + start / 1000.0)


def test_what_a_file_is_does_not_follow_from_its_name(tmp_path):
    recording = small_recording(1.2)
    write_csv(recording, tmp_path / "a.csv")
    write_edf(recording, tmp_path / "b.edf")
    write_edf(recording, tmp_path / "c.bdf")
    write_fif(recording, tmp_path / "d_raw.fif")
    (tmp_path / "a_positions.csv").rename(tmp_path / "places.csv")
    for number, name in enumerate(("a.csv", "b.edf", "c.bdf", "d_raw.fif")):
        odd = tmp_path / f"download{number}.dat"
        shutil.copy(tmp_path / name, odd)
        back = read(odd, positions=tmp_path / "places.csv")
        assert back.array.names == recording.array.names
        np.testing.assert_allclose(
            back.field_pt[back.usable], recording.field_pt[recording.usable], atol=2e-3
        )
    packed = tmp_path / "e.bin"
    packed.write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    np.testing.assert_array_equal(read(packed).field_pt, read(tmp_path / "a.csv").field_pt)


@pytest.mark.parametrize(
    ("name", "content", "message", "fix"),
    [
        ("x.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "is HDF5", "recording"),
        ("x.xlsx", b"PK\x03\x04" + bytes(99), "spreadsheet", "save the sheet as CSV"),
        ("x.mat", b"MATLAB 5.0 MAT-file" + bytes(99), "MATLAB", "CSV"),
        ("x.pdf", b"%PDF-1.7\n" + bytes(99), "a PDF", "give the recording"),
        ("x.sqd", b"\x01\x02" * 99, "of another system", "mne.io.read_raw_kit"),
        ("x.fif", b"no FIF at all" * 9, "cannot be read as FIF", "FIF"),
        ("x.edf", b"no EDF at all" * 99, "cannot be read as EDF", "damaged"),
        ("x.csv", b"", "is empty", "samples"),
        ("x.csv", bytes(range(256)) * 9, "is no text", "Nullfield reads"),
    ],
)
def test_what_is_not_read_is_named(tmp_path, name, content, message, fix):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert name in caught.value.message
    assert fix in caught.value.hint


def test_what_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"gone\.csv: there is no such recording"):
        read(tmp_path / "gone.csv")
    with pytest.raises(RecordingError, match="gone: there is no such recording"):
        read(tmp_path / "gone")
    with pytest.raises(RecordingError, match="the directory holds no recording"):
        read(tmp_path)
    (tmp_path / "run.ds").mkdir()
    with pytest.raises(InputError, match="a folder of another system") as caught:
        read(tmp_path / "run.ds")
    assert "read_raw_ctf" in caught.value.hint


def test_truncated_fif(tmp_path):
    write_fif(small_recording(3.0), tmp_path / "a_raw.fif")
    data = (tmp_path / "a_raw.fif").read_bytes()
    (tmp_path / "a_raw.fif").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"a_raw\.fif"):
        read(tmp_path / "a_raw.fif")


def test_fif_whose_tags_run_in_a_circle(tmp_path):
    write_fif(small_recording(0.5), tmp_path / "a_raw.fif")
    data = bytearray((tmp_path / "a_raw.fif").read_bytes())
    # The second tag points to the directory of tags, the way past them: it is made to say none.
    assert data[36:40] == (101).to_bytes(4, "big")
    data[52:56] = (-1).to_bytes(4, "big", signed=True)
    at = 36
    for _ in range(4):
        size = int.from_bytes(data[at + 8 : at + 12], "big")
        following = int.from_bytes(data[at + 12 : at + 16], "big")
        at = following or at + 16 + size
    data[at + 12 : at + 16] = (36).to_bytes(4, "big")
    (tmp_path / "a_raw.fif").write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"a_raw\.fif: .*run in a circle"):
        read(tmp_path / "a_raw.fif")


def test_one_channel_of_an_ecg_database_in_the_form_it_is_shared(tmp_path):
    """A header with the lead and its unit, the rate in the name; or numbers alone."""
    beat = 1.2 * np.exp(-0.5 * ((np.arange(3600) % 300 - 150) / 6.0) ** 2) - 0.3
    lines = [f"{value:.3f}" for value in beat]
    path = tmp_path / "ecg_record_360hz.csv"
    path.write_text("\n".join(["mlii_mV", *lines]) + "\n")
    recording = read(path)
    assert (recording.unit, recording.sampling_rate_hz) == ("uV", 360.0)
    assert recording.array.names == ("mlii",)
    np.testing.assert_allclose(recording.field_pt[0], np.round(beat, 3) * 1e3, rtol=1e-12)
    path.write_text("\n".join(lines) + "\n")
    recording = read(path)
    assert "taken as mV, since the file's name says ECG" in notes(recording)
    np.testing.assert_allclose(recording.field_pt[0], np.round(beat, 3) * 1e3, rtol=1e-12)
    plain = tmp_path / "record_360hz.csv"
    path.rename(plain)
    with pytest.raises(InputError, match="no unit is given"):
        read(plain)
    np.testing.assert_array_equal(read(plain, unit="mV").field_pt, recording.field_pt)


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="the recorded data are not beside the repository")
@pytest.mark.parametrize(
    ("name", "rate_hz", "shape"),
    [
        ("ecg_mitbih_100_first300s_360hz.csv", 360.0, (1, 108_000)),
        ("ecg_mitbih_118e24_360hz.csv", 360.0, (1, 43_200)),
        ("frank_vcg_ptb_s0010_1000hz.csv", 1000.0, (3, 38_400)),
    ],
)
def test_recorded_electrocardiograms(name, rate_hz, shape):
    recording = read(DATA / name)
    assert recording.unit == "uV"
    assert recording.sampling_rate_hz == rate_hz
    assert recording.field_pt.shape == shape
    assert 50.0 < np.nanstd(recording.field_pt) < 2000.0


def test_detect_knows_folders(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "dataset_description.json").write_text("{}")
    assert detect(tmp_path / "a") == "BIDS"
