"""Windings from request to drawing, and requests that cannot be met."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import ezdxf
import numpy as np
import pytest
from typer.testing import CliRunner

from nullfield.cli.app import app
from nullfield.errors import InputError
from nullfield.room.coil_design.biot_savart import wire_field
from nullfield.room.coil_design.contours import cut_into_wires
from nullfield.room.coil_design.design import coupling, design_coils, impurity
from nullfield.room.coil_design.drawing_svg import svg_text
from nullfield.room.coil_design.figures import COPPER_OHM_M, homogeneity
from nullfield.room.coil_design.inductance import mutual_inductance_h, resampled
from nullfield.room.coil_design.request import CoilRequest
from nullfield.room.coil_design.solve import solve_stream_function
from nullfield.room.coil_design.square_pair import square_pair
from nullfield.room.coil_design.targets import target_field

SMALL = {"spacing_m": 1.6, "plane_m": (2.0, 2.0), "volume_m": (0.4, 0.4, 0.4)}
REQUEST = CoilRequest(**SMALL, turns=8, tolerance=0.05)


@pytest.fixture(scope="module")
def pair():
    return design_coils(REQUEST, ["uniform_z", "gradient_xz"])


def test_the_wires_make_the_field_within_the_tolerance(pair):
    points = np.random.default_rng(5).uniform(-0.2, 0.2, (100, 3))
    for one in pair:
        field = wire_field(one.loops_m, points) * 1e6
        wanted = one.wires.constant * target_field(one.component, points)
        top = one.wires.constant * np.linalg.norm(
            target_field(one.component, REQUEST.grid_m(3)), axis=1
        )
        error = np.linalg.norm(field - wanted, axis=1).max() / top.max()
        assert error < REQUEST.tolerance


def test_a_tighter_tolerance_costs_power():
    loose, tight = (
        solve_stream_function(CoilRequest(**SMALL, tolerance=t), "uniform_z") for t in (0.1, 0.005)
    )
    assert tight.deviation < 0.005 < loose.deviation <= 0.1
    assert tight.weight < loose.weight


def test_a_design_beats_the_square_pair_of_the_same_size(pair):
    square = homogeneity(REQUEST, "gradient_xz", square_pair(REQUEST, "gradient_xz"))
    assert pair[1].wires.max_deviation < 0.5 * square.max_deviation


def test_every_turn_is_closed_lies_on_its_plane_and_runs_as_it_says(pair):
    for one in pair:
        for loop in one.loops:
            points = loop.points_m
            assert points[0] == pytest.approx(points[-1])
            assert np.ptp(points[:, 2]) == 0.0
            assert points[0, 2] == pytest.approx((loop.plane - 0.5) * 1.6)
            x, y = points[:, 0], points[:, 1]
            area = 0.5 * np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])
            assert np.sign(area) == loop.sense


def test_resistance_is_copper_by_length_and_section(pair):
    figures = pair[0].figures
    wire_m = sum(np.linalg.norm(np.diff(p, axis=0), axis=1).sum() for p in pair[0].loops_m)
    assert figures.resistance_ohm == pytest.approx(
        COPPER_OHM_M * wire_m / (np.pi * (0.25e-3) ** 2), rel=1e-9
    )


def test_inductance_does_not_hang_on_the_length_of_its_pieces(pair):
    loops = [resampled(points, 0.03) for points in pair[0].loops_m]
    fine = mutual_inductance_h(loops, loops, 0.25e-3)
    assert pair[0].figures.inductance_h == pytest.approx(fine, rel=0.01)


def test_coils_of_other_symmetry_do_not_couple_but_twins_do(pair):
    assert np.abs(coupling(REQUEST, pair)[0, 1]) < 1e-3
    # 2 mm apart, of thin wire: what each wire has to itself is left
    assert 0.8 < coupling(REQUEST, [pair[0], pair[0]])[0, 1] < 1.0
    assert np.abs(impurity(REQUEST, pair) - np.eye(2)).max() < 0.01


def test_more_turns_give_the_sheet_of_current():
    request = CoilRequest(**SMALL, turns=60, tolerance=0.02)
    solution = solve_stream_function(request, "uniform_x")
    loops, step_a = cut_into_wires(request, solution.coefficients_a)
    field = wire_field([loop.points_m for loop in loops], np.zeros((1, 3))) * step_a
    assert field[0] == pytest.approx([1.0, 0.0, 0.0], abs=0.02)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"volume_m": (0.4, 0.4, 1.7)}, "planes stand at"),
        ({"volume_m": (2.2, 0.4, 0.4)}, "beyond the planes along x"),
        ({"centre_m": (0.0, 0.9, 0.0)}, "beyond the planes along y"),
        ({"room_m": (3.0, 3.0, 1.5)}, "along z, the room has"),
        ({"wall_distance_m": 0.5}, "between the planes"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"turns": 0}, "turns"),
        ({"spacing_m": -1.0}, "spacing"),
    ],
)
def test_an_impossible_request_is_refused_by_name(change, named):
    with pytest.raises(InputError, match=named) as caught:
        CoilRequest(**{**SMALL, **change})
    assert caught.value.hint


@pytest.mark.long
def test_what_cannot_be_reached_or_wound_is_told():
    wide = CoilRequest(1.6, (2.0, 2.0), (1.6, 1.6, 1.2), tolerance=0.001)
    with pytest.raises(InputError, match="at best"):
        solve_stream_function(wide, "uniform_x")
    thick = CoilRequest(**SMALL, turns=60, tolerance=0.05, wire_diameter_m=8e-3)
    with pytest.raises(InputError, match="thick"):
        design_coils(thick, ["uniform_x"])
    with pytest.raises(InputError, match="unknown component"):
        design_coils(REQUEST, ["uniform_w"])


def test_svg_is_true_to_scale_and_has_a_layer_per_plane_and_sense(pair):
    root = ElementTree.fromstring(svg_text(REQUEST, pair[1], scale=20))
    assert root.get("width").endswith("mm")
    name = "{http://www.inkscape.org/namespaces/inkscape}label"
    layers = {g.get(name): g for g in root.iter() if g.get(name)}
    assert set(layers) == {
        f"plane {p} {s}" for p in (1, 2) for s in ("counter-clockwise", "clockwise")
    }
    numbers = []
    for layer in layers.values():
        for path in layer:
            if path.get("d").endswith("Z"):
                numbers += [float(x) for x in re.findall(r"(-?[\d.]+),", path.get("d"))]
    first = [x for x in numbers if x < 0.5 * float(root.get("width")[:-2])]
    reach_m = max(np.ptp(loop.points_m[:, 0]) for loop in pair[1].loops)
    assert reach_m < (max(first) - min(first)) * 20e-3 <= 2.0


def test_the_command_writes_what_it_says(tmp_path):
    arguments = ["coil-design", "-c", "uniform_z", "--spacing", "1.6", "--plane", "2", "2"]
    arguments += ["--volume", "0.4", "0.4", "0.4", "--turns", "6", "--tolerance", "0.1"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "c"), "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["coils"][0]["max_deviation"] < 0.1
    assert summary["coils"][0]["difference_from_magpylib"] < 1e-8
    kept = json.loads((tmp_path / "c" / "coil-design.json").read_text())
    drawing = ezdxf.readfile(tmp_path / "c" / "uniform_z.dxf")
    turns = drawing.modelspace().query('LWPOLYLINE[layer ? "PLANE.*"]')
    assert len(turns) == len(kept["coils"][0]["loops"]) == summary["coils"][0]["n_loops"]
    assert (tmp_path / "c" / "uniform_z.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_says_what_is_wrong_in_one_line(tmp_path):
    arguments = ["coil-design", "--spacing", "0.3", "--plane", "2", "2", "--volume"]
    result = CliRunner().invoke(app, [*arguments, "0.4", "0.4", "0.4", "--out", str(tmp_path)])
    assert isinstance(result.exception, InputError)
    assert "planes stand at 0.15 m" in result.exception.message
