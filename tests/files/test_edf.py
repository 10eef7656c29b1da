"""EDF and BDF: magnetic channels of any system, gaps between records, and what writing costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_files import small_recording

from nullfield.errors import InputError
from nullfield.files import open_source, read, write_edf

edfio = pytest.importorskip("edfio")
mne = pytest.importorskip("mne")
RATE_HZ = 250


def signal(label, unit, *, seed=0, scale=20.0, kind="", rate_hz=RATE_HZ, seconds=8, make=None):
    values = np.random.default_rng(seed).normal(size=seconds * rate_hz) * scale
    return (make or edfio.EdfSignal)(
        values, rate_hz, label=label, physical_dimension=unit, transducer_type=kind
    )


def written(path, *signals, annotations=None):
    made = edfio.Bdf if path.suffix == ".bdf" else edfio.Edf
    made(list(signals), annotations=annotations).write(path)
    return path


def notes(recording):
    return " | ".join(recording.metadata["notes"])


def test_magnetic_channels_in_any_unit(tmp_path):
    units = {"fT": 1e-3, "pT": 1.0, "nT": 1e3, "uT": 1e6, "T": 1e12}
    signals = [
        signal(f"B{unit}", unit, seed=i, scale=20.0 / factor)
        for i, (unit, factor) in enumerate(units.items())
        if unit != "T"
    ]
    recording = read(written(tmp_path / "a.edf", *signals))
    assert recording.unit == "pT"
    assert recording.sampling_rate_hz == RATE_HZ
    assert not recording.array.has_place.any()
    for row, one in zip(recording.field_pt, signals, strict=True):
        np.testing.assert_allclose(row, one.data * units[one.physical_dimension], rtol=1e-12)


def test_unit_in_greek_letters(tmp_path):
    path = written(tmp_path / "a.edf", signal("Bz", "uT", scale=2e-5))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"uT      ", "µT      ".encode("latin-1"), 1))
    np.testing.assert_array_equal(
        read(path).field_pt,
        read(written(tmp_path / "b.edf", signal("Bz", "uT", scale=2e-5))).field_pt,
    )


def test_electric_and_other_channels_beside_magnetic_ones(tmp_path):
    signals = [
        signal("MEG0111", "fT"),
        signal("ECG II", "mV"),
        signal("MEG0112", "fT/cm"),
        signal("Temp", "degC"),
    ]
    recording = read(written(tmp_path / "a.edf", *signals))
    assert recording.array.names == ("MEG0111",)
    assert "1 gradiometers were left out (MEG0112)" in notes(recording)
    assert "ECG II" in notes(recording)
    recording = read(
        written(tmp_path / "b.edf", signal("I", "mV", scale=0.5), signal("II", "uV", scale=500.0))
    )
    assert recording.unit == "uV"
    assert "electric channels, beats and averages only" in notes(recording)
    np.testing.assert_allclose(recording.field_pt.std(axis=1), 500.0, rtol=0.05)
    with pytest.raises(InputError, match="no channel is a magnetic field"):
        read(written(tmp_path / "c.edf", signal("Resp", "l/s"), signal("MEG2", "fT/cm")))


@pytest.mark.parametrize(
    ("label", "kind"), [("MEG 0113", ""), ("Bz4", ""), ("A7", "OPM, zero field")]
)
def test_magnetic_by_name_or_transducer_needs_a_unit(tmp_path, label, kind):
    path = written(tmp_path / "a.edf", signal(label, "", kind=kind), signal("ECG", "uV"))
    with pytest.raises(InputError, match=f"channel {label} is magnetic by its name") as caught:
        read(path)
    assert "--unit" in caught.value.hint
    recording = read(path, unit="fT")
    assert recording.array.names == (label,)
    np.testing.assert_allclose(recording.field_pt.std(), 0.020, rtol=0.05)


def test_values_that_the_unit_cannot_have(tmp_path):
    path = written(tmp_path / "a.edf", signal("Bz", "T"))
    with pytest.raises(InputError, match=r"a\.edf: says T") as caught:
        read(path)
    assert "pT" in caught.value.hint
    np.testing.assert_allclose(read(path, unit="pT").field_pt.std(), 20.0, rtol=0.05)


def test_channels_of_another_rate_are_left_out(tmp_path):
    signals = [signal(f"B{i}", "pT", seed=i) for i in range(3)]
    recording = read(written(tmp_path / "a.edf", signal("slow", "pT", rate_hz=10), *signals))
    assert recording.array.names == ("B0", "B1", "B2")
    assert "another rate than 250 Hz left out: slow" in notes(recording)


@pytest.mark.parametrize("suffix", ["edf", "bdf"])
def test_sections(tmp_path, suffix):
    make = edfio.BdfSignal if suffix == "bdf" else edfio.EdfSignal
    path = written(
        tmp_path / f"a.{suffix}",
        signal("B0", "pT", make=make),
        signal("B1", "fT", seed=1, make=make),
    )
    whole = read(path)
    source = open_source(path)
    for start, stop in ((0, 3), (249, 251), (700, 1900), (1990, 3000), (5, 5)):
        part = source.read(start, stop)
        np.testing.assert_array_equal(part.field_pt, whole.field_pt[:, start:stop])
        assert part.start_time_s == start / RATE_HZ


@pytest.mark.parametrize("suffix", ["edf", "bdf"])
def test_records_that_do_not_adjoin_leave_a_gap(tmp_path, suffix):
    make = edfio.BdfSignal if suffix == "bdf" else edfio.EdfSignal
    one = signal("B0", "pT", make=make)
    marks = [edfio.EdfAnnotation(1.0, 0.5, "BAD_movement")]
    path = written(tmp_path / f"a.{suffix}", one, annotations=marks)
    whole = read(path).field_pt
    assert np.isnan(whole[0, 250:375]).all()
    data = path.read_bytes().replace(
        f"{suffix.upper()}+C".encode(), f"{suffix.upper()}+D".encode(), 1
    )
    # Records 4 to 7 are half a second later than they would be; record 0 tells +0.
    for record in range(4, 8):
        old, new = f"+{record}\x14\x14\0\0\0", f"+{record}.5\x14\x14\0"
        assert data.count(old.encode()) == 1
        data = data.replace(old.encode(), new.encode())
    path.write_bytes(data)
    recording = read(path)
    assert recording.n_samples == 2125
    np.testing.assert_array_equal(recording.field_pt[:, :1000], whole[:, :1000])
    assert np.isnan(recording.field_pt[:, 1000:1125]).all()
    np.testing.assert_array_equal(recording.field_pt[:, 1125:], whole[:, 1000:])
    assert "125 samples are missing between records" in notes(recording)
    part = open_source(path).read(900, 1300)
    np.testing.assert_array_equal(part.field_pt, recording.field_pt[:, 900:1300])


def test_cut_and_damaged_files(tmp_path):
    path = written(tmp_path / "a.edf", signal("B0", "pT"), signal("B1", "pT", seed=1))
    whole = read(path).field_pt
    data = path.read_bytes()
    path.write_bytes(data[:-700])
    recording = read(path)
    np.testing.assert_array_equal(recording.field_pt, whole[:, :1750])
    assert "Incomplete data record at the end" in notes(recording)
    for size in (1, 100, 256, 700):
        path.write_bytes(data[:size])
        with pytest.raises(InputError, match=r"a\.edf") as caught:
            read(path)
        assert caught.value.hint
    path.write_bytes(data[:768])
    with pytest.raises(InputError, match="holds no whole record"):
        read(path)


@pytest.mark.parametrize(("suffix", "bits"), [("edf", 16), ("bdf", 24)])
def test_writing_costs_half_a_step_at_most(tmp_path, suffix, bits):
    recording = small_recording(2.5)
    path = tmp_path / f"a.{suffix}"
    scaling = write_edf(recording, path)
    back = read(path)
    good = recording.usable
    np.testing.assert_array_equal(back.usable, good)
    error = np.where(good, back.field_pt - recording.field_pt, 0.0)
    assert (np.abs(error) <= 0.5001 * scaling.step[:, None]).all()
    np.testing.assert_allclose(np.abs(error).max(axis=1), scaling.largest_error, atol=1e-12)
    span = np.nanmax(np.abs(recording.field_pt), axis=1, initial=0.0) * 2
    alive = good.any(axis=1)
    assert (scaling.step[alive] <= 1.01 * (span[alive] + 1e-3) / 2**bits * 1.1).all()


@pytest.mark.parametrize("suffix", ["edf", "bdf"])
def test_mne_reads_the_same_numbers(tmp_path, suffix):
    recording = small_recording(2.5)
    path = tmp_path / f"a.{suffix}"
    write_edf(recording, path)
    reader = mne.io.read_raw_bdf if suffix == "bdf" else mne.io.read_raw_edf
    raw = reader(path, verbose="error")
    assert tuple(raw.ch_names) == recording.array.names
    assert raw.info["sfreq"] == recording.sampling_rate_hz
    # MNE knows no pT in EDF and takes the numbers as they are.
    ours = read(path)
    theirs = raw.get_data()[:, : recording.n_samples]
    good = recording.usable
    np.testing.assert_allclose(theirs[good], ours.field_pt[good], rtol=1e-9, atol=1e-9)
    texts = {str(one["description"]) for one in raw.annotations}
    assert "BAD_pad" in texts
    assert any(text.startswith("BAD_gap") for text in texts)


def test_what_edf_cannot_hold(tmp_path):
    recording = small_recording(1.2)
    with pytest.raises(InputError, match=r"\.edf or \.bdf"):
        write_edf(recording, tmp_path / "a.txt")
    odd = replace(recording, sampling_rate_hz=700.0 * np.sqrt(2.0))
    with pytest.raises(InputError, match="cannot hold a sampling rate") as caught:
        write_edf(odd, tmp_path / "a.edf")
    assert "FIF" in caught.value.hint
    holes = recording.field_pt.copy()
    holes[:, ::2] = np.nan
    holes[3, ::3] = np.nan
    wild = replace(recording, field_pt=np.tile(holes, (1, 10)), valid=None)
    with pytest.raises(InputError, match=r"cannot hold \d+ gaps"):
        write_edf(wild, tmp_path / "a.edf")


def test_long_names_stay_apart(tmp_path):
    recording = small_recording(0.5)
    names = tuple(f"magnetometer-number-{i}" for i in range(recording.array.n_channels))
    recording = replace(recording, array=replace(recording.array, names=names))
    write_edf(recording, tmp_path / "a.edf")
    back = read(tmp_path / "a.edf")
    assert len(set(back.array.names)) == len(names)
    np.testing.assert_array_equal(back.array.positions_m, recording.array.positions_m)
