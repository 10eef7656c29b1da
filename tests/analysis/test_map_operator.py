"""Maps against fields that the layer does not hold, their errors, and what gives no map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated_heart import make_array

from nullfield.analysis.data import SensorArray
from nullfield.analysis.field_map import apply_operator, map_bz, map_field, measures_tangential
from nullfield.analysis.map_grid import MapGrid
from nullfield.analysis.map_operator import MapOperator
from nullfield.analysis.sources.half_space import free_dipole_bz_pt, half_space_field_pt, lead_field
from nullfield.errors import AnalysisError, InputError

PLACE_M = np.array([0.01, 0.0, -0.06])
MOMENT_NAM = np.array([8000.0, -5000.0, 0.0])
NOISE_PT = 0.1


def reading(array, place_m=PLACE_M, moment_nam=MOMENT_NAM, noise_pt=NOISE_PT, seed=0):
    clean = lead_field(array.positions_m, array.orientations, place_m) @ moment_nam
    return clean + noise_pt * np.random.default_rng(seed).normal(size=array.n_channels)


def noise(array):
    return np.full(array.n_channels, NOISE_PT)


def truth(grid, place_m=PLACE_M, moment_nam=MOMENT_NAM):
    return half_space_field_pt(grid.points_m, place_m, moment_nam).T.reshape(3, *grid.shape)


def r(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


@pytest.mark.parametrize(("side", "axes"), [(6, (0,)), (8, (0,)), (6, (0, 1, 2)), (8, (0, 1, 2))])
def test_bz_is_that_of_a_free_dipole(side, axes):
    array = make_array(side, axes)
    found = map_field(reading(array), array, noise(array))
    true = free_dipole_bz_pt(found.grid.points_m, PLACE_M, MOMENT_NAM).reshape(found.grid.shape)
    assert r(found.bz_pt, true) > 0.999
    assert np.abs(found.bz_pt - true).max() < 0.03 * np.abs(true).max()


def test_all_components_of_three_axes():
    array = make_array(6, (0, 1, 2))
    found = map_field(reading(array), array, noise(array))
    for ours, true in zip((found.bx_pt, found.by_pt, found.bz_pt), truth(found.grid), strict=True):
        assert r(ours, true) > 0.999
    assert found.is_tangential_measured
    assert found.notes == ()


@pytest.mark.parametrize("axes", [(0,), (0, 1), (0, 1, 2)])
def test_the_stated_error_covers_the_true_one(axes):
    """Of all components, measured or not, over dipoles of many places."""
    array = make_array(6, axes)
    random = np.random.default_rng(3)
    grid = MapGrid.over(array, step_m=0.02)
    inside, ratio = [], []
    for seed in range(12):
        place = np.append(random.uniform(-0.04, 0.04, 2), random.uniform(-0.09, -0.03))
        moment = 8000.0 * np.append(random.normal(size=2), 0.0)
        data = reading(array, place, moment, seed=seed)
        operator = MapOperator.build(array, noise(array), grid, data_pt=data)
        miss = operator.field_pt(data) - truth(operator.grid, place, moment)
        stated = operator.error_pt(data)
        inside.append((np.abs(miss) <= 1.96 * stated).mean(axis=(1, 2)))
        ratio.append(np.sqrt((miss**2).mean() / (stated**2).mean()))
    assert (np.mean(inside, axis=0) > 0.95).all()
    # And it is no idle bound: some maps come near to it.
    assert max(ratio) > 0.3


def test_error_grows_with_noise_where_heads_are_missing_and_below_the_array():
    array = make_array(6, (0,))
    # One head only is tried out of the corner, which no other head can stand for.
    corner = np.arange(36) != 35
    whole = map_field(reading(array), array, noise(array))
    part = array.subset(corner)
    missing = map_field(reading(part), part, noise(part), grid=whole.grid)
    assert missing.error_pt[-1, -1] > 3.0 * whole.error_pt[-1, -1]
    assert missing.error_pt[0, 0] < 2.0 * whole.error_pt[0, 0]
    noisy = map_field(reading(array, noise_pt=3.0), array, 30.0 * noise(array))
    assert np.median(noisy.error_pt) > 2.0 * np.median(whole.error_pt)
    lower = map_field(
        reading(array), array, noise(array), grid=replace(whole.grid, z_m=whole.z_m - 0.02)
    )
    true = truth(lower.grid)[2]
    assert r(lower.bz_pt, true) > 0.99
    relative = [np.median(one.error_pt) / np.abs(one.bz_pt).max() for one in (lower, whole)]
    assert relative[0] > 1.5 * relative[1]
    assert "downward" in lower.notes[0]


def test_upward_continuation():
    array = make_array(6, (0, 1, 2))
    grid = MapGrid.over(array, z_m=0.08)
    found = map_field(reading(array), array, noise(array), grid=grid)
    assert r(found.bz_pt, truth(grid)[2]) > 0.995
    assert "upward" in found.notes[0]


def test_a_head_that_lies_raises_the_error():
    """Left-out heads are foretold worse than stated: the error holds that factor."""
    array = make_array(6, (0,))
    data = reading(array)
    wrong = data.copy()
    wrong[14] += 25.0
    plain = MapOperator.build(array, noise(array), data_pt=data)
    broken = MapOperator.build(array, noise(array), data_pt=wrong)
    assert plain.validation < 1.5
    assert np.median(broken.error_pt(wrong)[2]) > 3.0 * np.median(plain.error_pt(data)[2])


def test_leave_one_head_out_is_a_second_fit():
    """The closed form of the left-out residual against a fit that really leaves the head out."""
    from nullfield.analysis.equivalent_layer import lay

    array = make_array(6, (0, 1))
    data = reading(array)
    operator = MapOperator.build(array, noise(array), data_pt=data)
    deviation = operator._deviation_pt
    kernel = lay(array, operator.depth_m).channel_kernel(array)
    scale = 1.0 / (operator.depth_m * lay(array, operator.depth_m).step_m)
    kernel = kernel / (scale * deviation[:, None])
    white = data / deviation
    left = np.array([name == "H9" for name in array.head_names])
    kept = ~left
    gram = kernel[kept] @ kernel[kept].T + operator.ridge * np.eye(int(kept.sum()))
    foretold = kernel[left] @ kernel[kept].T @ np.linalg.solve(gram, white[kept])
    back = (operator._inverse @ white)[left]
    closed = np.linalg.solve(operator._inverse[np.ix_(left, left)], back)
    np.testing.assert_allclose(closed, white[left] - foretold, rtol=1e-5, atol=1e-8)


def test_the_operator_is_linear_and_maps_a_series_as_its_moments():
    array = make_array(6, (0, 1))
    random = np.random.default_rng(1)
    series = reading(array)[:, None] * np.array([1.0, -0.5, 0.2]) + 0.1 * random.normal(
        size=(72, 3)
    )
    operator = MapOperator.build(array, noise(array), data_pt=series)
    together = operator.field_pt(series)
    assert together.shape == (3, *operator.grid.shape, 3)
    for index in range(3):
        single = operator.field_pt(series[:, index])
        np.testing.assert_allclose(together[..., index], single, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(operator.bz_pt(series[:, index]), single[2], atol=1e-9)
        np.testing.assert_allclose(
            operator.error_pt(series)[..., index], operator.error_pt(series[:, index]), rtol=1e-9
        )
    mix = operator.field_pt(series[:, 0] + 2.0 * series[:, 1])
    np.testing.assert_allclose(mix, together[..., 0] + 2.0 * together[..., 1], atol=1e-8)
    moment = apply_operator(operator, series, array).at(1)
    np.testing.assert_allclose(moment.bz_pt, together[2, ..., 1], atol=1e-9)
    assert moment.n_times == 1


def test_channels_that_cannot_count_are_left_out():
    array = make_array(6, (0, 1), references=True)
    data = reading(array)
    data[array.is_reference] = 1e6
    data[5] = np.nan
    places = array.positions_m.copy()
    places[11] = np.nan
    broken = replace(array, positions_m=places)
    found = map_field(data, broken, noise(array))
    assert found.n_channels == 70
    assert r(found.bz_pt, truth(found.grid)[2]) > 0.998
    operator = MapOperator.build(broken, noise(array), data_pt=data)
    assert not operator.used[[5, 11]].any()
    late = data.copy()
    late[0] = np.nan
    assert np.isnan(operator.bz_pt(late)).all()


def test_bz_may_be_told_by_both_axes_in_the_plane():
    array = make_array(6, (1, 2))
    found = map_field(reading(array), array, noise(array))
    assert r(found.bz_pt, truth(found.grid)[2]) > 0.99
    assert any("not measured but computed" in note for note in found.notes)
    assert measures_tangential(array)
    with pytest.raises(AnalysisError, match="tell only") as caught:
        map_field(reading(make_array(6, (2,))), make_array(6, (2,)), noise(make_array(6, (2,))))
    assert "both axes" in caught.value.hint


@pytest.mark.parametrize("keep", [2, 3])
def test_two_channels_are_too_few(keep):
    array = make_array(6, (0,)).subset(np.arange(36) < keep)
    with pytest.raises(AnalysisError, match="too few for a map"):
        map_field(reading(array), array, noise(array))


def test_a_line_of_channels_spans_no_map():
    array = make_array(6, (0,)).subset(np.arange(36) < 6)
    with pytest.raises(AnalysisError, match="one line"):
        map_field(reading(array), array, noise(array))
    turned = replace(array, positions_m=array.positions_m @ np.array(
        [[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]
    ))  # fmt: skip
    with pytest.raises(AnalysisError, match="one line"):
        map_field(reading(turned), turned, noise(turned))
    # With a grid of one's own it is mapped, and beside the line the error tells.
    grid = MapGrid(np.linspace(-0.1, 0.1, 21), np.linspace(-0.12, 0.08, 21), 0.03)
    found = map_field(reading(array), array, noise(array), grid=grid)
    on_line = int(np.argmin(np.abs(grid.y_m + 0.1)))
    assert found.error_pt[-1].mean() > 5.0 * found.error_pt[on_line].mean()


def test_a_map_of_one_sign_says_so():
    array = make_array(3, (0,))
    array = replace(array, positions_m=array.positions_m + np.array([0.0, 0.12, 0.0]))
    found = map_field(reading(array, moment_nam=np.array([8000.0, 0.0, 0.0])), array, noise(array))
    assert found.bz_pt.min() > 0.0
    assert any("one sign" in note for note in found.notes)


def test_zero_field_gives_a_zero_map_with_the_noise_as_error():
    array = make_array(6, (0,))
    found = map_field(np.zeros(36), array, noise(array))
    assert np.abs(found.bz_pt).max() < 1e-6
    assert np.isfinite(found.error_pt).all()


def test_a_curved_array_is_mapped_over_its_top():
    array = make_array(7, (0,))
    places = array.positions_m.copy()
    places[:, 2] -= 3.0 * (places[:, 0] ** 2 + places[:, 1] ** 2)
    normals = np.stack([6.0 * places[:, 0], 6.0 * places[:, 1], np.ones(49)], axis=1)
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    array = replace(array, positions_m=places, orientations=normals)
    deep = PLACE_M - [0.0, 0.0, 0.05]
    found = map_field(reading(array, deep), array, noise(array))
    assert found.z_m == pytest.approx(places[:, 2].max())
    assert r(found.bz_pt, truth(found.grid, deep)[2]) > 0.99


def test_a_thousand_channels():
    array = make_array(32, (0,))
    array = replace(array, positions_m=array.positions_m * [0.25, 0.25, 1.0])
    coarse = MapGrid.over(array, step_m=0.01)
    found = map_field(reading(array), array, noise(array), grid=coarse)
    assert found.n_channels == 1024
    assert r(found.bz_pt, truth(found.grid)[2]) > 0.9999


def test_too_low_a_map_is_refused_with_the_height_that_goes():
    array = make_array(6, (0,))
    with pytest.raises(AnalysisError, match="below the lowest channel") as caught:
        map_bz(reading(array), array, noise(array), z_m=-0.05)
    height_m = 1e-3 * float(caught.value.hint.split("z = ")[1].split(" mm")[0])
    map_bz(reading(array), array, noise(array), z_m=height_m + 1e-3)


def test_the_standard_grid():
    array = make_array(6, (0,))
    grid = MapGrid.over(array)
    assert grid.shape == (41, 41)
    assert np.diff(grid.x_m) == pytest.approx(0.005)
    assert grid.z_m == pytest.approx(0.03)
    wide = MapGrid.over(array, margin_m=0.02, step_m=0.01)
    assert (wide.x_m[0], wide.x_m[-1]) == pytest.approx((-0.12, 0.12))
    huge = replace(array, positions_m=array.positions_m * 100.0)
    assert MapGrid.over(huge).n_points <= 40_000
    nowhere = replace(array, positions_m=np.full((36, 3), np.nan))
    with pytest.raises(AnalysisError, match="known place"):
        MapGrid.over(nowhere)


@pytest.mark.parametrize(
    ("x_m", "z_m"), [(np.array([0.0]), 0.0), (np.array([0.1, 0.0]), 0.0), (np.arange(3.0), np.nan)]
)
def test_a_bad_grid_is_named(x_m, z_m):
    with pytest.raises(InputError, match="MapGrid"):
        MapGrid(x_m, np.arange(3.0), z_m)


def test_wrong_shapes_are_named():
    array = make_array(6, (0,))
    with pytest.raises(InputError, match="36 channels"):
        map_field(np.ones(35), array)
    operator = MapOperator.build(array, data_pt=reading(array))
    with pytest.raises(InputError, match="36 channels"):
        operator.field_pt(np.ones(12))


def test_heads_of_several_cells_keep_their_pitch():
    """Three cells of a head some millimetres apart: the array is no denser for that."""
    array = make_array(6, (0, 1, 2))
    shift = np.tile([[0.0, 0.0, 0.0], [0.003, 0.0, 0.0], [0.0, 0.003, 0.0]], (36, 1))
    array = replace(array, positions_m=array.positions_m + shift)
    found = map_field(reading(array), array, noise(array))
    assert isinstance(array, SensorArray)
    assert r(found.bz_pt, truth(found.grid)[2]) > 0.999
