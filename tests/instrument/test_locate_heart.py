"""Where the heart lies, told from a few simulated beats."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_heart import DIPOLE_M, make_array, simulate

from nullfield.errors import AnalysisError
from nullfield.instrument.locate_heart import leans, locate_heart

SIX_BEATS_S = 6.5


def heart_at(x_m, y_m, side=6, duration_s=SIX_BEATS_S, **given):
    """A recording by an array below which the heart lies off the middle."""
    array = make_array(side)
    shift = np.array([x_m - DIPOLE_M[0], y_m - DIPOLE_M[1], 0.0])
    seen = simulate(
        replace(array, positions_m=array.positions_m - shift), duration_s=duration_s, **given
    )
    return replace(seen.recording, array=array)


@pytest.mark.parametrize(
    "place_m", [(0.0, 0.0), (0.02, -0.03), (-0.01, 0.08), (0.01, -0.08), (0.03, 0.05)]
)
def test_a_few_beats_tell_the_offset(place_m):
    told = locate_heart(heart_at(*place_m))
    assert told.is_believed
    assert told.beats >= 5
    np.testing.assert_allclose(told.offset_m, place_m, atol=2e-3)
    assert 1e-5 < told.uncertainty_m < 3e-3


def test_the_array_may_stand_anywhere():
    recording = heart_at(0.01, 0.02)
    moved = replace(
        recording.array, positions_m=recording.array.positions_m + np.array([0.3, -0.2, 0.0])
    )
    told = locate_heart(replace(recording, array=moved))
    np.testing.assert_allclose(told.offset_m, (0.01, 0.02), atol=2e-3)


def test_mains_and_a_lost_head_do_not_matter():
    recording = heart_at(0.0, 0.04, mains_pt=40.0)
    field_pt = recording.field_pt.copy()
    field_pt[4:6] = np.nan
    told = locate_heart(recording.with_field(field_pt))
    assert told.is_believed
    np.testing.assert_allclose(told.offset_m, (0.0, 0.04), atol=3e-3)


def test_noise_widens_what_is_told():
    quiet = locate_heart(heart_at(0.0, 0.02, noise_ft=10.0))
    loud = locate_heart(heart_at(0.0, 0.02, noise_ft=600.0))
    assert loud.is_believed
    assert loud.uncertainty_m > 1.3 * quiet.uncertainty_m


@pytest.mark.parametrize("y_m", [0.18, -0.18, 0.24, -0.24])
def test_a_heart_beyond_the_edge_tells_its_side(y_m):
    told = locate_heart(heart_at(0.0, y_m))
    # Either a place beyond the edge, or the side and no more; never a wrong place.
    if told.is_believed:
        assert told.offset_m[1] == pytest.approx(y_m, abs=0.02)
    else:
        assert told.reason
        assert leans(told) == np.sign(y_m)


def test_no_heart_and_too_few_beats_are_refused():
    with pytest.raises(AnalysisError, match="heartbeats are too few"):
        locate_heart(heart_at(0.0, 0.0, heart=False))
    with pytest.raises(AnalysisError, match="heartbeats are too few"):
        locate_heart(heart_at(0.0, 0.0, duration_s=2.5))


def test_dead_channels_are_refused():
    recording = heart_at(0.0, 0.0)
    with pytest.raises(AnalysisError, match="no channel is usable"):
        locate_heart(recording.with_field(np.full(recording.field_pt.shape, np.nan)))
