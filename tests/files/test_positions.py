"""Positions files, and what the names of channels tell without one."""

from __future__ import annotations

import numpy as np
import pytest
from made_files import write_text

from nullfield.errors import InputError
from nullfield.files import read
from nullfield.files.channel_names import head_and_axis
from nullfield.files.csv_out import write_positions


@pytest.fixture
def table(tmp_path):
    return write_text(
        tmp_path / "a.csv",
        "time_s,H1-x_pT,H1-b_pT,REF1-b_pT",
        "0.0,1,2,3",
        "0.1,3,4,5",
        "0.2,5,6,8",
    )


@pytest.mark.parametrize(("unit", "scale"), [("m", 1.0), ("cm", 1e2), ("mm", 1e3)])
@pytest.mark.parametrize("form", ["{a}_{u}", "{a} ({u})", "{a} [{u}]"])
def test_units_of_length(tmp_path, table, unit, scale, form):
    header = ",".join(["name", *(form.format(a=a, u=unit) for a in "xyz"), "nx,ny,nz"])
    path = write_text(
        tmp_path / "p.csv",
        header,
        f"H1-x,{0.04 * scale:g},{-0.02 * scale:g},{0.03 * scale:g},2,0,0",
        f"h1-B,{0.04 * scale:g},{-0.02 * scale:g},{0.03 * scale:g},0,0,-1",
        f"REF1-b,{1 * scale:g},0,{0.03 * scale:g},0,0,1",
    )
    array = read(table, positions=path).array
    np.testing.assert_allclose(array.positions_m[:2], [[0.04, -0.02, 0.03]] * 2, rtol=1e-14)
    np.testing.assert_array_equal(array.orientations, [[1, 0, 0], [0, 0, -1], [0, 0, 1]])
    assert array.head_names == ("H1", "H1", "REF1")
    np.testing.assert_array_equal(array.axis_index, [0, 2, 2])
    np.testing.assert_array_equal(array.is_reference, [False, False, True])


def test_heads_axes_and_references_as_told(tmp_path, table):
    path = write_text(
        tmp_path / "p.tsv",
        "label\thead\taxis\treference\tx_m\ty_m\tz_m\tnx\tny\tnz",
        "H1-x\tleft\t1\tyes\t0\t0\t0.03\t1\t0\t0",
        "H1-b\tleft\t2\t0\t0\t0\t0.03\t0\t0\t1",
        "REF1-b\t\t\tfalse\t0.5\t0\t0.03\t0\t0\t1",
    )
    array = read(table, positions=path).array
    assert array.head_names == ("left", "left", "REF1")
    np.testing.assert_array_equal(array.axis_index, [1, 2, 2])
    np.testing.assert_array_equal(array.is_reference, [True, False, False])


def test_a_file_beside_the_recording_is_used(tmp_path, table):
    write_text(tmp_path / "a_positions.csv", "name,x_cm,y_cm,z_cm", "H1-x,1,2,3", "H1-b,1,2,3")
    recording = read(table)
    notes = " | ".join(recording.metadata["notes"])
    np.testing.assert_array_equal(recording.array.has_place, [True, True, False])
    np.testing.assert_array_equal(recording.array.orientations[:2], [[0, 0, 1]] * 2)
    assert "positions from a_positions.csv" in notes
    assert "all channels taken along +z" in notes
    assert "no position is known of 1 channels: REF1-b" in notes


def test_some_cells_empty_is_a_channel_without_a_place(tmp_path, table):
    path = write_text(
        tmp_path / "p.csv",
        "name,x_m,y_m,z_m,nx,ny,nz",
        "H1-x,,,,1,0,0",
        "H1-b,0,0,0.03,nan,nan,nan",
        "REF1-b,0,0,0.03,0,0,1",
    )
    array = read(table, positions=path).array
    np.testing.assert_array_equal(array.has_place, [False, False, True])
    assert np.isnan(array.positions_m[:2]).all()


@pytest.mark.parametrize(
    ("lines", "message", "fix"),
    [
        (["name,x,y,z,nx,ny,nz", "H1-x,40,0,30,0,0,1"], "a position of 40 m (no unit", "x_mm"),
        (["name,x_m,y_m,z_mm", "H1-x,1,2,3"], "the unit of x, y, z is not clear", "x_m,y_m,z_m"),
        (["name,x_in,y_in,z_in", "H1-x,1,2,3"], "the unit of x, y, z is not clear", "x_mm"),
        (["name,x_m,y_m", "H1-x,1,2"], "no columns x, y, z", "name,x_m,y_m,z_m"),
        (["x_m,y_m,z_m", "1,2,3"], "line 1: no column name", "name,x_m"),
        (["name,x_m,y_m,z_m", "H1-x,0,0,zero"], "line 2, column z: no number (zero)", "mend"),
        (["name,x_m,y_m,z_m", "H1-x,0,0,0", "H1-x,0,0,0"], "line 3: channel H1-x a second", "once"),
        (["name,x_m,y_m,z_m", ",0,0,0"], "line 2: no name", "name"),
        (
            ["name,x_m,y_m,z_m,nx,ny,nz", "H1-x,0,0,0,0,0,0"],
            "line 2: nx, ny, nz of H1-x",
            "direction",
        ),
        (["name,x_m,y_m,z_m,axis", "H1-x,0,0,0,up"], "line 2, column axis: up", "0, 1 or 2"),
        (
            ["name,x_m,y_m,z_m,reference", "H1-x,0,0,0,far"],
            "line 2, column reference: far",
            "1 for",
        ),
        (
            ["name,x_m,y_m,z_m", "S1,0,0,0"],
            "has none of the channels of a.csv (H1-x, H1-b",
            "names",
        ),
        (["# nothing"], "holds no positions", "name,x_m"),
    ],
)
def test_errors_name_the_line_and_the_fix(tmp_path, table, lines, message, fix):
    path = write_text(tmp_path / "places.csv", *lines)
    with pytest.raises(InputError) as caught:
        read(table, positions=path)
    assert "places.csv" in caught.value.message
    assert message in caught.value.message
    assert fix in caught.value.hint
    with pytest.raises(InputError, match=r"gone\.csv"):
        read(table, positions=tmp_path / "gone.csv")


def test_written_positions_are_read_back_exactly(tmp_path, table):
    path = write_text(
        tmp_path / "p.csv",
        "name,x_m,y_m,z_m,nx,ny,nz",
        "H1-x,0.0123456789,1e-17,0.03,0.6,0.8,0",
        "REF1-b,0.3333333333333333,0,0.03,1,2,3",
    )
    array = read(table, positions=path).array
    write_positions(array, tmp_path / "q.csv")
    back = read(table, positions=tmp_path / "q.csv").array
    np.testing.assert_array_equal(back.positions_m, array.positions_m)
    np.testing.assert_allclose(back.orientations, array.orientations, rtol=1e-15)
    assert back.head_names == array.head_names


@pytest.mark.parametrize(
    ("name", "head", "axis"),
    [
        ("H3-x", "H3", 0),
        ("H3-y", "H3", 1),
        ("H3-b", "H3", 2),
        ("MEG0111", "MEG0111", 0),
        ("MEG 0113", "MEG 0113", 0),
        ("L101_bz-s1", "L101-s1", 2),
        ("00:16-BZ", "00:16", 2),
        ("00:16-BY", "00:16", 1),
        ("OPM_LX-TAN", "OPM_LX", 0),
        ("OPM_LX-RAD", "OPM_LX", 2),
        ("X1", "1", 0),
        ("Z12", "12", 2),
        ("Bz3", "3", 2),
        ("A17", "A17", 0),
        ("B-field", "B-field", 0),
    ],
)
def test_names_of_other_systems(name, head, axis):
    assert head_and_axis(name) == (head, axis)
