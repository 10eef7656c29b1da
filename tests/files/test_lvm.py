"""LabVIEW measurement files: headers as the specification has them, and as they are found."""

from __future__ import annotations

import numpy as np
import pytest
from made_files import lvm_text

from nullfield.analysis.sections import InMemory
from nullfield.errors import InputError
from nullfield.files import open_source, read
from nullfield.files import table as table_module


@pytest.fixture
def columns():
    values = np.random.default_rng(5).normal(size=(4, 900)) * 30.0
    names = ("X1", "Y1", "X2", "Z2")
    return {name: np.round(row, 6) for name, row in zip(names, values, strict=True)}


def write(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    return path


def notes(recording):
    return " | ".join(recording.metadata["notes"])


@pytest.mark.parametrize("x_columns", ["One", "No"])
@pytest.mark.parametrize(("separator", "decimal"), [("\t", "."), ("\t", ","), (",", ".")])
def test_one_segment(tmp_path, columns, x_columns, separator, decimal):
    text = lvm_text(columns, x_columns=x_columns, separator=separator, decimal=decimal)
    recording = read(write(tmp_path / "a.lvm", text))
    np.testing.assert_array_equal(recording.field_pt, np.array(list(columns.values())))
    # Six decimals of a second are written: 0.002667.
    assert recording.sampling_rate_hz == 375.0
    assert recording.unit == "pT"
    assert recording.array.names == tuple(columns)
    assert recording.array.head_names == ("1", "1", "2", "2")
    np.testing.assert_array_equal(recording.array.axis_index, [0, 1, 0, 2])
    assert recording.metadata["format"] == "LabVIEW"
    assert recording.metadata["date"].startswith("2026-01-02T11:22:33.44")
    assert recording.metadata["operator"] == "station"


def test_found_by_content_and_read_in_pieces(tmp_path, columns, monkeypatch):
    path = write(tmp_path / "export.txt", lvm_text(columns))
    whole = read(path)
    monkeypatch.setattr(table_module, "KEPT_VALUES", 100)
    source = open_source(path)
    np.testing.assert_array_equal(source.read(300, 500).field_pt, whole.field_pt[:, 300:500])


def test_triggers_and_analogue_inputs_are_left_out(tmp_path, columns):
    columns |= {"T1": np.zeros(900), "A2": np.ones(900)}
    text = lvm_text(columns).replace("pT\tpT\tpT\tpT\tpT\tpT", "pT\tpT\tpT\tpT\t\tVolts")
    recording = read(write(tmp_path / "a.lvm", text))
    assert recording.array.names == ("X1", "Y1", "X2", "Z2")
    assert "A2" in notes(recording)
    assert "T1" in notes(recording)


@pytest.mark.parametrize(
    ("unit", "factor"), [("Tesla", 1e12), ("fT", 1e-3), ("nT", 1e3), ("µT", 1e6)]
)
def test_units_of_the_header(tmp_path, unit, factor):
    raw = np.round(np.random.default_rng(1).normal(size=600) * 100.0) / factor
    digits = max(0, round(np.log10(factor)))
    text = lvm_text({"X1": np.zeros(600)}, unit=unit)
    rows = iter(raw)
    lines = [
        f"{line.partition(chr(9))[0]}\t{next(rows):.{digits + 1}f}" if line[:1].isdigit() else line
        for line in text.split("\r\n")
    ]
    recording = read(write(tmp_path / "a.lvm", "\r\n".join(lines)))
    np.testing.assert_allclose(recording.field_pt[0], raw * factor, rtol=1e-12)


def test_without_a_unit(tmp_path, columns):
    path = write(tmp_path / "a.lvm", lvm_text(columns, unit=None))
    with pytest.raises(InputError, match="no unit is given for X1") as caught:
        read(path)
    assert "--unit" in caught.value.hint
    np.testing.assert_allclose(read(path, unit="fT").field_pt[0], columns["X1"] * 1e-3, rtol=1e-14)


def test_units_in_the_names(tmp_path, columns):
    named = {f"B-field {name} [pT]": row for name, row in columns.items()}
    recording = read(write(tmp_path / "a.lvm", lvm_text(named, unit=None)))
    assert recording.array.names[0] == "B-field X1"


def test_segments_by_their_times(tmp_path, columns):
    parts = [{name: row[a:b] for name, row in columns.items()} for a, b in ((0, 300), (450, 900))]
    text = lvm_text(parts[0]) + "\r\n" + lvm_text(parts[1], start_s=450 / 375, file_header=False)
    recording = read(write(tmp_path / "a.lvm", text))
    expected = np.array(list(columns.values()))
    expected[:, 300:450] = np.nan
    np.testing.assert_array_equal(recording.field_pt, expected)
    assert "2 segments put together, 150 samples missing" in notes(recording)


def test_segments_by_the_clock(tmp_path, columns):
    parts = [{name: row[a:b] for name, row in columns.items()} for a, b in ((0, 300), (375, 900))]
    text = lvm_text(parts[0], time="11:22:33.0") + lvm_text(
        parts[1], time="11:22:34.0", file_header=False
    )
    source = open_source(write(tmp_path / "a.lvm", text))
    assert isinstance(source, InMemory)
    expected = np.array(list(columns.values()))
    expected[:, 300:375] = np.nan
    np.testing.assert_array_equal(source.read(0, source.n_samples).field_pt, expected)


def test_many_short_segments_without_times(tmp_path, columns):
    text = "".join(
        lvm_text(
            {name: row[start : start + 5] for name, row in columns.items()},
            x_columns="No",
            file_header=start == 0,
        )
        for start in range(0, 900, 5)
    )
    recording = read(write(tmp_path / "a.lvm", text))
    np.testing.assert_array_equal(recording.field_pt, np.array(list(columns.values())))
    assert "they are taken to follow one another" in notes(recording)


def test_segments_that_cannot_be_put_together(tmp_path, columns):
    other = {f"{name}0": row for name, row in columns.items()}
    path = write(tmp_path / "a.lvm", lvm_text(columns) + lvm_text(other, file_header=False))
    with pytest.raises(InputError, match="channels of this segment differ"):
        read(path)
    path = write(
        tmp_path / "b.lvm", lvm_text(columns) + lvm_text(columns, rate_hz=750.0, file_header=False)
    )
    with pytest.raises(InputError, match="sampled at 750 Hz"):
        read(path)
    text = lvm_text(columns) + lvm_text(columns, time="11:22:34.0", file_header=False)
    with pytest.raises(InputError, match="begins before the one before it ended"):
        read(write(tmp_path / "c.lvm", text))


def test_special_blocks_are_passed_over(tmp_path, columns):
    block = (
        "***Start_Special***\r\nX_Value\tnonsense\r\n***End_of_Header***\r\n***End_Special***\r\n"
    )
    text = lvm_text(columns).replace("Channels\t4", block + "Channels\t4")
    np.testing.assert_array_equal(
        read(write(tmp_path / "a.lvm", text)).field_pt, np.array(list(columns.values()))
    )


def test_every_channel_with_times_of_its_own(tmp_path, columns):
    """``X_Columns Multi``: the times stand in front of each channel."""
    lines = lvm_text(columns).split("\r\n")
    out = []
    for line in lines:
        cells = line.split("\t")
        if line.startswith("X_Value"):
            line = "\t".join([f"X_Value\t{name}" for name in columns] + ["Comment"])
        elif line[:1].isdigit():
            line = "\t".join(f"{cells[0]}\t{cell}" for cell in cells[1:])
        out.append(line.replace("X_Columns\tOne", "X_Columns\tMulti"))
    recording = read(write(tmp_path / "a.lvm", "\r\n".join(out)))
    np.testing.assert_array_equal(recording.field_pt, np.array(list(columns.values())))


def test_cut_files(tmp_path, columns):
    text = lvm_text(columns)
    whole = np.array(list(columns.values()))
    recording = read(write(tmp_path / "a.lvm", text[:-13]))
    np.testing.assert_array_equal(recording.field_pt, whole[:, :899])
    assert "the last line is cut" in notes(recording)
    assert "the header promises 900 samples, 899 are there" in notes(recording)
    with pytest.raises(InputError, match="its header has no end"):
        read(write(tmp_path / "b.lvm", text[:200]))
    with pytest.raises(InputError, match="holds no whole row"):
        read(write(tmp_path / "c.lvm", text[: text.index("Comment") + 9]))


def test_a_damaged_row_is_named(tmp_path, columns):
    lines = lvm_text(columns).split("\r\n")
    lines[40] = lines[40].replace(".", "x")
    with pytest.raises(InputError, match=r"a\.lvm: line 41, column X1: no number"):
        read(write(tmp_path / "a.lvm", "\r\n".join(lines)))


def test_no_times_and_no_step(tmp_path, columns):
    text = lvm_text(columns, x_columns="No").replace("Delta_X", "Delta_Y")
    path = write(tmp_path / "a.lvm", text)
    with pytest.raises(InputError, match="tells no Delta_X") as caught:
        read(path)
    assert "--rate" in caught.value.hint
    assert read(path, rate_hz=500.0).sampling_rate_hz == 500.0
