"""Which way the chest is, for arrays in coordinates of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from simulated_heart import make_array

from nullfield.analysis.frame import find_frame
from nullfield.errors import InputError


def moved(array, rotation, shift_m):
    return replace(
        array,
        positions_m=array.positions_m @ rotation.T + shift_m,
        orientations=array.orientations @ rotation.T,
    )


def test_own_array_stays_as_it_is():
    array = make_array(6, (0, 1), references=True)
    frame = find_frame(array)
    assert frame.is_identity
    assert frame.array_to_working(array) is array


@pytest.mark.parametrize("axes", [(0,), (0, 1), (0, 1, 2)])
@pytest.mark.parametrize("seed", range(4))
def test_array_turned_any_way_points_outward(seed, axes):
    array = make_array(5, axes)
    rotation = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    shift = np.array([0.3, -0.2, 1.1])
    turned = moved(array, rotation, shift)
    frame = find_frame(turned)
    outward = rotation @ [0.0, 0.0, 1.0]
    np.testing.assert_allclose(frame.rotation[:, 2], outward, atol=1e-3 if outward[2] < 0.9 else 1)
    working = frame.array_to_working(turned)
    np.testing.assert_allclose(
        frame.points_to_device_m(working.positions_m), turned.positions_m, atol=1e-12
    )
    np.testing.assert_allclose(
        frame.directions_to_device(working.orientations), turned.orientations, atol=1e-12
    )
    # Right-handed, or maps would be mirrored.
    assert np.linalg.det(frame.rotation) == pytest.approx(1.0)
    if outward[2] < 0.9:
        assert working.is_normal.sum() == 25


def test_helmet_is_hollow_toward_the_body_whatever_its_axes_say():
    angle = np.radians(np.array([0.0, 25.0, 25.0, 25.0, 25.0, 50.0, 50.0, 50.0, 50.0]))
    around = np.radians(np.array([0.0, 0, 90, 180, 270, 45, 135, 225, 315]))
    radial = np.column_stack(
        [np.sin(angle) * np.cos(around), np.sin(angle) * np.sin(around), np.cos(angle)]
    )
    base = make_array(3, (0,))
    to_side = Rotation.from_euler("x", 90, degrees=True).as_matrix()
    # Axes inward, against the custom: the shape decides.
    array = moved(replace(base, positions_m=0.12 * radial, orientations=-radial), to_side, 0.0)
    frame = find_frame(array)
    np.testing.assert_allclose(frame.rotation[:, 2], to_side @ [0, 0, 1], atol=1e-9)
    assert "hollow" in frame.how


def test_user_has_the_last_word():
    array = make_array(4, (0, 1, 2))
    frame = find_frame(array, outward=(0.0, 0.0, -2.0))
    assert frame.rotation[2, 2] == -1.0
    assert find_frame(array, outward=(0.0, 0.0, 5.0)).is_identity
    with pytest.raises(InputError, match="no direction"):
        find_frame(array, outward=(0.0, 0.0, 0.0))


def test_too_few_places_or_none():
    assert find_frame(make_array(1, (0, 1, 2))).is_identity
    array = make_array(3, (0,))
    nowhere = replace(array, positions_m=np.full((9, 3), np.nan))
    assert find_frame(nowhere).is_identity
