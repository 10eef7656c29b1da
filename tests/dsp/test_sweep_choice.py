"""The choice at the end of a sweep."""

import numpy as np

from nullfield.dsp.sweep_choice import choose

VALUES = np.linspace(40.0, 100.0, 7)


def curve(values, lowest):
    return 12.0 + 0.01 * (values - lowest) ** 2


def channels(mean, spread, n_channels=8, seed=1):
    rng = np.random.default_rng(seed)
    gains = rng.uniform(0.7, 1.4, n_channels)
    return mean[:, None] * gains * (1.0 + spread * rng.normal(size=(len(mean), n_channels)))


def test_a_clear_minimum_is_taken_though_channels_differ():
    found = choose(VALUES, channels(curve(VALUES, 60.0), 0.01), present=90.0)
    assert found.value == 60.0
    assert 90.0 not in VALUES[list(found.as_good)]


def test_a_flat_curve_changes_nothing():
    found = choose(VALUES, channels(np.full(7, 12.0), 0.05), present=70.0)
    assert found.value == 70.0
    assert len(found.as_good) >= 3


def test_the_highest_of_equals_where_that_is_wanted():
    flat = channels(np.where(VALUES < 85.0, 12.0, 20.0), 0.02)
    assert choose(VALUES, flat, present=40.0, prefer="highest").value == 80.0


def test_points_at_which_heads_failed_are_no_candidates():
    noise = channels(curve(VALUES, 60.0), 0.01)
    noise[2, 3] = np.nan
    found = choose(VALUES, noise, present=90.0)
    assert found.value in (50.0, 70.0)
    assert np.isnan(found.relative[2])


def test_one_channel_alone_has_no_uncertainty():
    found = choose(VALUES, curve(VALUES, 80.0)[:, None], present=40.0)
    assert found.value == 80.0
    assert found.as_good == (4,)
    assert (found.uncertainty == 0.0).all()


def test_nothing_worked():
    assert choose(VALUES, np.full((7, 4), np.nan), present=70.0) is None


def test_downwards_sweeps_choose_the_same():
    noise = channels(curve(VALUES, 60.0), 0.01)
    assert choose(VALUES[::-1], noise[::-1], present=90.0).value == 60.0
