"""Delays and ridge of the reference regression, chosen by data that the fit did not see."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from nullfield.analysis.cleaning.reference import fit_references, search_references
from nullfield.analysis.cleaning.work import Work
from nullfield.analysis.data import SensorArray

RATE_HZ = 1000.0
N = 20_000


def work(pole_hz, noise_pt=0.02, seed=1, colour=0.7):
    """Three references and two chest channels, which lag them by a pole of their own."""
    rng = np.random.default_rng(seed)
    outside = lfilter([1.0 - colour], [1.0, -colour], rng.standard_normal((3, N))) * 10.0
    share = 1.0 - np.exp(-2 * np.pi * pole_hz / RATE_HZ)
    late = lfilter([share], [1.0, share - 1.0], outside)
    chest = np.array([[0.9, 0.1, -0.2], [-0.1, 0.8, 0.3]]) @ late
    field = np.vstack([outside, chest]) + noise_pt * rng.standard_normal((5, N))
    array = SensorArray(
        names=("R1", "R2", "R3", "H1", "H2"),
        positions_m=np.zeros((5, 3)),
        orientations=np.tile([0.0, 0.0, 1.0], (5, 1)),
        head_names=("R1", "R2", "R3", "H1", "H2"),
        axis_index=np.zeros(5, dtype=np.int64),
        is_reference=np.array([True, True, True, False, False]),
    )
    return Work(field, RATE_HZ, array, np.zeros(5, dtype=bool))


def test_heads_with_another_pole_need_delays_and_get_them():
    made = work(pole_hz=110.0)
    alone, searched = fit_references(made), search_references(made)
    assert len(searched.delays_s) > 1
    assert searched.reduction_db > alone.reduction_db + 15.0
    assert searched.corrected[3:].all()
    assert not searched.corrected[:3].any()


def test_without_delays_none_are_fitted():
    """A white field has no past to tell of: weights that are not needed would cost."""
    made = work(pole_hz=1e5, noise_pt=3.0, colour=0.0)
    made.field_pt = made.field_pt[:, :8000]
    searched = search_references(made)
    assert len(searched.delays_s) <= 3
    assert searched.reduction_db >= fit_references(made, delays=8).reduction_db


def test_fewer_delays_of_the_same_moments_are_the_same_fit():
    made = work(pole_hz=110.0)
    direct = fit_references(made, delays=1, ridge=1e-9)
    searched = search_references(made, delays=(1,), ridges=(1e-9,))
    np.testing.assert_allclose(direct.weights, searched.weights)
