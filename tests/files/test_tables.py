"""Tables: layouts, units, times, what is missing, and errors that name line, column and fix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_files import write_text

from nullfield.errors import InputError
from nullfield.files import open_source, read, section
from nullfield.files import table as table_module
from nullfield.files import text as text_module

RATE_HZ = 500.0


def rows(n=400, columns=2, *, times=True, seed=3, separator=",", number="{:.4f}"):
    values = np.random.default_rng(seed).normal(size=(n, columns)) * 20.0
    lines = []
    for index, row in enumerate(values):
        cells = [number.format(value) for value in row]
        if times:
            cells.insert(0, f"{index / RATE_HZ:.3f}")
        lines.append(separator.join(cells))
    return np.array([[float(f"{v:.4f}") for v in row] for row in values]).T, lines


def notes(recording):
    return " | ".join(recording.metadata["notes"])


def test_units_in_the_header_are_exact(tmp_path):
    values, lines = rows(columns=4)
    header = "time_s,B1_pT,B2_fT,B3 [nT],B4 (µT)"
    path = write_text(tmp_path / "a.csv", header, *lines)
    # Twenty microtesla of movement are no heart, but the file may say so.
    with pytest.raises(InputError, match="says µT"):
        read(path)
    values[3] /= 1e4
    lines = [
        ",".join([f"{i / RATE_HZ:.3f}", *(repr(float(v)) for v in row)])
        for i, row in enumerate(values.T)
    ]
    path = write_text(tmp_path / "b.csv", header, *lines)
    recording = read(path)
    assert recording.unit == "pT"
    assert recording.array.names == ("B1", "B2", "B3", "B4")
    assert recording.sampling_rate_hz == RATE_HZ
    factors = np.array([[1.0], [1e-3], [1e3], [1e6]])
    np.testing.assert_array_equal(recording.field_pt, values * factors)
    assert not recording.array.has_place.any()
    assert "positions are not known" in notes(recording)


@pytest.mark.parametrize(
    ("separator", "decimal"),
    [("\t", "."), ("\t", ","), (";", "."), (";", ","), (",", "."), (" ", ".")],
)
def test_separators_and_decimal_marks(tmp_path, separator, decimal):
    values, lines = rows(separator=separator)
    if decimal == ",":
        lines = [line.replace(".", ",") for line in lines]
    header = separator.join(["time_s", "B1_pT", "B2_pT"])
    recording = read(write_text(tmp_path / "a.txt", header, *lines))
    np.testing.assert_array_equal(recording.field_pt, values)
    assert recording.sampling_rate_hz == RATE_HZ


def test_one_column_with_decimal_commas(tmp_path):
    path = write_text(tmp_path / "ecg_250Hz.csv", "lead_mV", "0,5", "0,7", "-1,25")
    np.testing.assert_array_equal(read(path).field_pt, [[500.0, 700.0, -1250.0]])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_encodings(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_text("time_s,Bz (µT)\n0.0,0.001\n0.1,0.002\n0.2,0.003\n", encoding=encoding)
    np.testing.assert_allclose(read(path).field_pt, [[1000.0, 2000.0, 3000.0]])


def test_windows_line_ends_quotes_and_comments(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(
        b'# subject: P7\r\n# made by hand\r\n"time_s","B1_pT"\r\n'
        b'"0.0","1.5"\r\n"0.1","2.5"\r\n"0.2",""\r\n'
    )
    recording = read(path)
    np.testing.assert_array_equal(recording.field_pt, [[1.5, 2.5, np.nan]])
    assert recording.metadata["subject"] == "P7"


def test_units_in_a_row_of_their_own_and_a_header_behind_a_hash(tmp_path):
    path = write_text(tmp_path / "a.csv", "time,B1,B2", "s,pT,fT", "0.0,1,2", "0.1,3,4", "0.2,5,6")
    np.testing.assert_allclose(read(path).field_pt, [[1, 3, 5], [2e-3, 4e-3, 6e-3]])
    path = write_text(tmp_path / "b.csv", "# time_s,B1_pT", "0.0,1", "0.1,3", "0.2,5")
    np.testing.assert_array_equal(read(path).field_pt, [[1, 3, 5]])


def test_without_a_unit_the_error_names_the_option(tmp_path):
    path = write_text(tmp_path / "a.csv", "time_s,B1,B2", "0.0,1,2", "0.1,3,4", "0.2,2,1")
    with pytest.raises(InputError, match=r"a\.csv: no unit is given for B1, B2") as caught:
        read(path)
    assert "--unit" in caught.value.hint
    np.testing.assert_array_equal(read(path, unit="nT").field_pt[0], [1e3, 3e3, 2e3])


def test_a_wrong_unit_is_overruled(tmp_path):
    path = write_text(
        tmp_path / "a.csv", "time_s,B1_pT", *(f"{i / 100},{i % 7 * 1e-12}" for i in range(50))
    )
    with pytest.raises(InputError, match="says pT, but the values vary by") as caught:
        read(path)
    assert "in T they would be plausible" in caught.value.hint
    recording = read(path, unit="T")
    np.testing.assert_allclose(recording.field_pt[0, :7], np.arange(7.0))
    assert "read in T as given, not in pT" in notes(recording)


def test_electric_only_if_nothing_is_magnetic(tmp_path):
    path = write_text(tmp_path / "a.csv", "time_s,B1_pT,ecg_mV", "0.0,1,2", "0.1,3,4", "0.2,5,6")
    recording = read(path)
    assert (recording.unit, recording.array.names) == ("pT", ("B1",))
    assert "left out: ecg" in notes(recording)
    path = write_text(tmp_path / "b.csv", "time_s,I_mV,II_uV", "0.0,1,200", "0.1,3,400", "0.2,5,6")
    recording = read(path)
    assert recording.unit == "uV"
    np.testing.assert_array_equal(recording.field_pt, [[1000, 3000, 5000], [200, 400, 6]])


def test_gradiometers_and_triggers_are_left_out_with_a_note(tmp_path):
    path = write_text(
        tmp_path / "a.csv",
        "time_s,B1_pT,G1_fT/cm,G2_pT/m,trigger,temperature_degC,sample",
        "0.0,1,2,3,0,31,1",
        "0.1,3,4,5,1,31,2",
        "0.2,5,6,7,0,31,3",
    )
    recording = read(path)
    assert recording.array.names == ("B1",)
    assert "2 gradiometers were left out (G1, G2)" in notes(recording)
    assert "trigger" in notes(recording)
    assert "temperature" in notes(recording)
    only = write_text(tmp_path / "b.csv", "time_s,G1_fT/cm", "0.0,1", "0.1,2")
    with pytest.raises(InputError, match="no column is a magnetic field"):
        read(only)


def test_gaps_in_the_times_are_nan_rows(tmp_path):
    values, lines = rows(n=400)
    del lines[100:150], lines[200]
    path = write_text(tmp_path / "a.csv", "time_s,B1_pT,B2_pT", *lines)
    recording = read(path)
    expected = values.copy()
    expected[:, 100:150] = np.nan
    expected[:, 250] = np.nan
    np.testing.assert_array_equal(recording.field_pt, expected)
    assert recording.sampling_rate_hz == RATE_HZ
    assert "2 gaps in the time column, 51 samples missing" in notes(recording)


@pytest.mark.parametrize("rate_hz", [375.0, 360.0, 1000 / 3, 1024.0, 999.987])
def test_rounded_times_give_the_rate(tmp_path, rate_hz):
    time_s = np.arange(6000) / rate_hz
    lines = [f"{t:.6f},{np.sin(t):.4f}" for t in np.delete(time_s, slice(2000, 2777))]
    recording = read(write_text(tmp_path / "a.csv", "time_s,B1_pT", *lines))
    assert recording.sampling_rate_hz == pytest.approx(rate_hz, rel=2e-7)
    if float(rate_hz).is_integer():
        assert recording.sampling_rate_hz == rate_hz
    assert recording.n_samples == 6000
    missing = np.flatnonzero(~np.isfinite(recording.field_pt[0]))
    np.testing.assert_array_equal(missing, np.arange(2000, 2777))


def test_times_in_milliseconds_and_without_a_unit(tmp_path):
    path = write_text(tmp_path / "a.csv", "time_ms,B1_pT", *(f"{i * 2},{i % 9}" for i in range(90)))
    assert read(path).sampling_rate_hz == 500.0
    path = write_text(
        tmp_path / "b.csv", "time,B1_pT", *(f"{i * 0.002:.3f},{i % 9}" for i in range(90))
    )
    recording = read(path)
    assert recording.sampling_rate_hz == 500.0
    assert "taken as seconds" in notes(recording)
    path = write_text(tmp_path / "c.csv", "time,B1_pT", *(f"{i * 2},{i % 9}" for i in range(90)))
    with pytest.raises(InputError, match=r"0\.5 Hz") as caught:
        read(path)
    assert "time_ms" in caught.value.hint


def test_rate_from_option_and_from_the_name(tmp_path):
    path = write_text(tmp_path / "a.csv", "B1_pT", "1", "2", "4")
    with pytest.raises(InputError, match="no time column") as caught:
        read(path)
    assert "--rate" in caught.value.hint
    assert read(path, rate_hz=250.0).sampling_rate_hz == 250.0
    for name, rate_hz in (("b_360hz.csv", 360.0), ("c 1kHz.csv", 1000.0), ("d-512Hz.csv", 512.0)):
        recording = read(write_text(tmp_path / name, "B1_pT", "1", "2", "4"))
        assert recording.sampling_rate_hz == rate_hz
        assert "from the file's name" in notes(recording)
    with pytest.raises(InputError, match="has to be above zero"):
        read(path, rate_hz=-1.0)
    timed = write_text(tmp_path / "e.csv", "time_s,B1_pT", "0.0,1", "0.1,2", "0.2,4")
    with pytest.raises(InputError, match="which is not the 50 Hz given"):
        read(timed, rate_hz=50.0)


@pytest.mark.parametrize(
    ("lines", "message", "fix"),
    [
        (["0.0,1", "0.1,2", "0.05,3"], "line 4: time goes back from 0.1 s to 0.05 s", "sort"),
        (["0.0,1", "0.1,2", "0.1,3", "0.2,4"], "line 4: two rows at 0.1 s", "digits"),
        (["0.0,1", "0.1,2", ",3"], "line 4: no time", "fill"),
        (["0.0,1", "0.1,2", "1,3", "1.5,2", "4,2", "4.1,3"], "not evenly spaced", "resample"),
        (["0.0,1", "0.01,2", "0.02,2", "9000000,3"], "a gap of 9e+06 s", "two files"),
        (["0.0,1", "0.1,x7", "0.2,3"], "line 3, column B1: no number (x7)", "mend"),
        (["0.0,1", "0.1,1_0", "0.2,3"], "line 3, column B1: no number (1_0)", "mend"),
        (["0.0,1", "0.1", "0.2,3"], "line 3: 1 cells, 2 are needed (none for B1)", "mend"),
    ],
)
def test_errors_name_line_and_fix(tmp_path, lines, message, fix):
    path = write_text(tmp_path / "bad.csv", "time_s,B1_pT", *lines)
    with pytest.raises(InputError) as caught:
        read(path)
    assert message in caught.value.message
    assert "bad.csv" in caught.value.message
    assert fix in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("  \n\n", "is empty"),
        ("time_s,B1_pT\n", "no rows below it"),
        ("# only\n# comments\n", "no rows of numbers"),
        ("once upon a time\nthere was\n", "no numbers"),
        ("time_s,sample\n0.0,1\n0.1,2\n", "no column is a magnetic field"),
    ],
)
def test_what_is_no_table(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert caught.value.hint


def test_missing_cells_dead_and_clipped_channels_pass_through(tmp_path):
    values, _ = rows(n=300, columns=3)
    values[1] = 0.0
    values[2] = np.clip(values[2], -10.0, 10.0)
    lines = [f"{i / RATE_HZ:.3f}," + ",".join(map(str, row)) for i, row in enumerate(values.T)]
    lines[10:20] = [f"{i / RATE_HZ:.3f},nan,0.0,NA" for i in range(10, 20)]
    lines[30] = "0.060,,0.0,1.0"
    recording = read(write_text(tmp_path / "a.csv", "time_s,B1_pT,B2_pT,B3_pT", *lines))
    values[np.ix_([0, 2], range(10, 20))] = np.nan
    values[0, 30], values[2, 30] = np.nan, 1.0
    np.testing.assert_array_equal(recording.field_pt, values)


def test_a_cut_last_line_is_left_out_with_a_note(tmp_path):
    values, lines = rows(n=50)
    whole = "\n".join(["time_s,B1_pT,B2_pT", *lines])
    path = tmp_path / "a.csv"
    path.write_text(whole)
    assert read(path).n_samples == 50
    for cut in (1, 3, 5, 7, 12):
        path.write_text(whole[:-cut])
        recording = read(path)
        np.testing.assert_array_equal(recording.field_pt, values[:, :49])
        assert "the last line is cut" in notes(recording)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_long_tables_are_read_in_pieces(tmp_path, monkeypatch, suffix):
    import gzip

    values, lines = rows(n=3000, columns=3)
    del lines[700:900]
    values[:, 700:900] = np.nan
    data = "\n".join(["time_s,B1_pT,B2_pT,B3_fT", *lines, ""]).encode()
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(gzip.compress(data, mtime=0) if suffix.endswith("gz") else data)
    values[2] *= 1e-3
    monkeypatch.setattr(table_module, "KEPT_VALUES", 500)
    monkeypatch.setattr(text_module.TextFile.pieces, "__defaults__", (4096,))
    source = open_source(path)
    assert source._kept is None
    assert source.n_samples == 3000
    for start, stop in ((0, 3000), (0, 10), (650, 950), (701, 705), (2990, 4000), (50, 50)):
        part = source.read(start, stop)
        np.testing.assert_array_equal(part.field_pt, values[:, start:stop])
        assert part.start_time_s == pytest.approx(start / RATE_HZ)
    part = section(path, 1.0, 2.0)
    np.testing.assert_array_equal(part.field_pt, values[:, 500:1000])
    with pytest.raises(InputError, match="no section from 3 to 2 s"):
        section(path, 3.0, 2.0)


def test_a_thousand_channels_and_two(tmp_path):
    values, lines = rows(n=30, columns=1000)
    header = ",".join(["time_s", *(f"MEG{i:04d}_pT" for i in range(1000))])
    recording = read(write_text(tmp_path / "a.csv", header, *lines))
    np.testing.assert_array_equal(recording.field_pt, values)
    values, lines = rows(n=30, columns=2)
    recording = read(write_text(tmp_path / "b.csv", "time_s,B1_pT,B2_pT", *lines))
    assert recording.array.n_channels == 2


def test_two_columns_of_one_name_are_told_apart(tmp_path):
    path = write_text(tmp_path / "a.csv", "time_s,B_pT,B_pT", "0.0,1,2", "0.1,3,4", "0.2,5,6")
    assert read(path).array.names == ("B", "B.2")


def test_a_file_that_is_gone_or_a_folder_without_recordings(tmp_path):
    with pytest.raises(InputError, match="no such recording"):
        read(tmp_path / "gone.csv")
    path = Path(tmp_path / "a.csv")
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(InputError, match="is no text"):
        read(path)
