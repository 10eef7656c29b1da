"""Products in pieces are the products."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.dsp.products import thin_product


@pytest.mark.parametrize(
    "shape", [(192, 999, 6), (3, 192, 8192), (192, 3, 8192), (1, 1, 1), (0, 4, 5), (7, 300_000, 2)]
)
def test_pieces_make_the_whole(shape):
    n, k, m = shape
    random = np.random.default_rng(0)
    left, right = random.normal(size=(n, k)), random.normal(size=(k, m))
    np.testing.assert_allclose(thin_product(left, right), left @ right, rtol=1e-9, atol=1e-9)


def test_views_of_larger_arrays():
    whole = np.random.default_rng(1).normal(size=(200, 5000))
    left = whole[:, 100:1100]
    np.testing.assert_allclose(
        thin_product(left, whole[:6, :1000].T), left @ whole[:6, :1000].T, rtol=1e-9, atol=1e-9
    )
