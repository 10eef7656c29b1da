"""The field that coils made at channels, from the commands as they were recorded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import oaconvolve

FloatArray = npt.NDArray[np.float64]


def applied_field(
    command_ma: FloatArray, response_pt_per_ma: FloatArray, path: FloatArray
) -> FloatArray:
    """Field that commands made, sample by sample.

    Parameters
    ----------
    command_ma : numpy.ndarray, shape ``(n_coils, n_samples)``
        Finite; counted from its first sample, before which it stood still.
    response_pt_per_ma : numpy.ndarray, shape ``(n_channels, n_coils)``
    path : numpy.ndarray, shape ``(n_channels, n_taps)``
        Share of a command that a channel shows 0, 1, 2 ... samples later; sum 1.

    Returns
    -------
    numpy.ndarray, shape ``(n_channels, n_samples)``
        pT.
    """
    change = command_ma - command_ma[:, :1]
    at_once = response_pt_per_ma @ change
    return np.asarray(oaconvolve(at_once, path, axes=1)[:, : at_once.shape[1]])
