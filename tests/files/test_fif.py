"""FIF: what MNE sees of our files, and what we read of others'."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from simulated_heart import make_array, simulate

from nullfield.errors import AnalysisError, InputError
from nullfield.files.fif import read_fif, write_fif

mne = pytest.importorskip("mne")


@pytest.fixture(scope="module")
def recording():
    one = simulate(make_array(2, (0, 1, 2), references=True), duration_s=4.0).recording
    field_pt = one.field_pt.copy()
    field_pt[0:3, 1000:1100] = np.nan
    field_pt[:, 2000:2010] = np.nan
    field_pt[7] = np.nan
    return replace(one, field_pt=field_pt)


def test_mne_opens_it_in_tesla_with_positions_and_coil_type(recording, tmp_path):
    path = tmp_path / "one_meg.fif"
    write_fif(recording, path)
    raw = mne.io.read_raw_fif(path, verbose="error")
    good = recording.usable
    np.testing.assert_allclose(
        raw.get_data()[good], recording.field_pt[good] * 1e-12, rtol=1e-12, atol=0
    )
    constants = mne.io.constants.FIFF
    for entry, place, axis, reference in zip(
        raw.info["chs"],
        recording.array.positions_m,
        recording.array.orientations,
        recording.array.is_reference,
        strict=True,
    ):
        assert entry["coil_type"] == constants.FIFFV_COIL_QUSPIN_ZFOPM_MAG2
        assert entry["unit"] == constants.FIFF_UNIT_T
        kind = constants.FIFFV_REF_MEG_CH if reference else constants.FIFFV_MEG_CH
        assert entry["kind"] == kind
        np.testing.assert_allclose(entry["loc"][:3], place, atol=1e-7)
        rotation = entry["loc"][3:].reshape(3, 3)
        np.testing.assert_allclose(rotation[2], axis, atol=1e-6)
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
        assert np.linalg.det(rotation) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_array_equal(raw.info["dev_head_t"]["trans"], np.eye(4))
    assert raw.info["bads"] == ["H3-y"]
    found = {(round(a["onset"], 4), round(a["duration"], 4)) for a in raw.annotations}
    assert found == {(1.0, 0.1), (2.0, 0.01)}


def test_round_trip(recording, tmp_path):
    path = tmp_path / "one_meg.fif"
    write_fif(recording, path)
    back = read_fif(path)
    np.testing.assert_array_equal(back.usable, recording.usable)
    good = recording.usable
    np.testing.assert_allclose(back.field_pt[good], recording.field_pt[good], rtol=1e-12)
    assert back.array.names == recording.array.names
    assert back.array.head_names == recording.array.head_names
    np.testing.assert_array_equal(back.array.axis_index, recording.array.axis_index)
    np.testing.assert_array_equal(back.array.is_reference, recording.array.is_reference)
    np.testing.assert_allclose(back.array.positions_m, recording.array.positions_m, atol=1e-7)
    np.testing.assert_allclose(back.array.orientations, recording.array.orientations, atol=1e-6)
    assert back.start_time_s == recording.start_time_s
    assert back.sampling_rate_hz == recording.sampling_rate_hz


@pytest.mark.parametrize("dated", [False, True])
def test_a_file_of_another_system(tmp_path, dated):
    info = mne.create_info(["MEG0111", "EEG 001"], 500.0, ["mag", "eeg"])
    info["chs"][0]["loc"][:] = [0.1, 0.0, 0.02, 1, 0, 0, 0, 1, 0, 0, 0, 1]
    raw = mne.io.RawArray(np.full((2, 1000), 3e-12), info, first_samp=500, verbose="error")
    if dated:
        raw.set_meas_date(0)
    raw.set_annotations(mne.Annotations([0.5], [0.1], ["bad_blink"]))
    raw.save(tmp_path / "other_raw.fif", verbose="error")
    back = read_fif(tmp_path / "other_raw.fif")
    assert back.array.names == ("MEG0111",)
    np.testing.assert_allclose(back.array.positions_m, [[0.1, 0.0, 0.02]], atol=1e-7)
    np.testing.assert_allclose(back.field_pt[back.usable], 3.0, rtol=1e-6)
    bad = np.flatnonzero(~back.usable[0])
    assert (bad[0], bad[-1]) == (250, 299)


def test_bad_files_are_named(tmp_path, recording):
    (tmp_path / "broken_raw.fif").write_bytes(b"not a fif file at all")
    with pytest.raises(InputError, match=r"broken_raw\.fif"):
        read_fif(tmp_path / "broken_raw.fif")
    with pytest.raises(InputError, match=r"absent_raw\.fif"):
        read_fif(tmp_path / "absent_raw.fif")
    with pytest.raises(InputError, match="ends with"):
        write_fif(recording, tmp_path / "one.csv")
    info = mne.create_info(["EEG 001"], 500.0, "eeg")
    mne.io.RawArray(np.zeros((1, 100)), info, verbose="error").save(
        tmp_path / "eeg_raw.fif", verbose="error"
    )
    with pytest.raises(InputError, match="no magnetometers"):
        read_fif(tmp_path / "eeg_raw.fif")


def test_without_mne_the_error_names_the_extra(recording, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mne", None)
    with pytest.raises(AnalysisError) as caught:
        write_fif(recording, tmp_path / "one_meg.fif")
    assert "nullfield[files]" in caught.value.hint
