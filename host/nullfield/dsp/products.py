"""Matrix products in pieces that BLAS does on one thread.

The products of cleaning are tall and thin: few floating-point operations for each number that is
read. A second thread gains nothing there, and on a machine whose cores are busy each product waits
for it; measured with two cores and ten busy processes, the pieces took a tenth of the time.
"""

from __future__ import annotations

import numpy as np

from nullfield.dsp.gaps import FloatArray

_LARGEST = 200_000
"""Multiplications of one piece; OpenBLAS starts threads from 262,144."""


def thin_product(left: FloatArray, right: FloatArray) -> FloatArray:
    """``left @ right`` of two matrices, some rows or columns at a time.

    Parameters
    ----------
    left : numpy.ndarray, shape ``(n, k)``
    right : numpy.ndarray, shape ``(k, m)``

    Returns
    -------
    numpy.ndarray, shape ``(n, m)``
    """
    if len(left) * right.size <= _LARGEST:
        return np.asarray(left @ right)
    out = np.empty((len(left), right.shape[1]))
    if right.size > left.size:
        columns = max(1, _LARGEST // max(1, left.size))
        for start in range(0, right.shape[1], columns):
            piece = slice(start, start + columns)
            out[:, piece] = left @ right[:, piece]
    else:
        rows = max(1, _LARGEST // max(1, right.size))
        for start in range(0, len(left), rows):
            out[start : start + rows] = left[start : start + rows] @ right
    return out
