"""How far the field is from that of one dipole in time and in space.

A heart whose repolarisation were one dipole with a fixed place would need three spatial patterns in
all. What is left beyond them in the singular value decomposition of the ST-T interval is the T-wave
residuum (Malik and co-workers; definition as in table 1 of PMC4889211: the 4th to 8th squared
singular values), here over all squared values, as in van Oosterom's index (Int. J.
Bioelectromagnetism 4, 2002, 59-60). Noise adds to it: about the share of noise power.
"""

from __future__ import annotations

import numpy as np

from nullfield.analysis.features.feature import Definition
from nullfield.dsp.gaps import FloatArray

FEWEST_CHANNELS = 8
MOST_TIMES = 80
"""Evenly spaced over ST-T; a T wave has no detail finer than that."""
_SOURCE = "T-wave residuum as in PMC4889211, table 1; relative as in van Oosterom, IJBEM 4, 2002"

NON_DIPOLARITY = Definition(
    "T_non_dipolarity", "",
    "Share of the ST-T interval's power in the 4th to 8th singular values over channels and time.",
    _SOURCE,
)  # fmt: skip
PATTERN_RATIO = Definition(
    "T_second_to_first", "",
    "Second over first squared singular value of the ST-T interval.",
    "principal component analysis of the T wave, PMC4889211, table 1",
)  # fmt: skip
DIPOLE_RESIDUAL = Definition(
    "T_dipole_residual", "",
    "Share of the channels' power at the T peak that the best single current dipole leaves.",
    "one minus the goodness of fit; own use as a feature",
)  # fmt: skip


def singular_shares(field_pt: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Non-dipolarity and ratio of the second to the first squared singular value.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(..., n_channels, n_times)``

    Returns
    -------
    non_dipolarity, second_to_first : numpy.ndarray, shape ``(...)``
    """
    # Squared singular values are the eigenvalues of either Gram matrix: take the smaller one.
    turned = np.swapaxes(field_pt, -1, -2)
    wide = field_pt.shape[-1] > field_pt.shape[-2]
    gram = field_pt @ turned if wide else turned @ field_pt
    power = np.linalg.eigvalsh(gram)[..., ::-1]
    power = np.maximum(power, 0.0)
    total = np.maximum(power.sum(axis=-1), 1e-300)
    second = power[..., 1] / np.maximum(power[..., 0], 1e-300)
    return np.asarray(power[..., 3:8].sum(axis=-1) / total), np.asarray(second)


def dipole_residual(field_pt: FloatArray, lead: FloatArray) -> FloatArray:
    """Share of power that a dipole of free moment at a given place leaves.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(..., n_channels)``
    lead : numpy.ndarray, shape ``(n_channels, 2)``
        Of the dipole along x and y.
    """
    basis, _ = np.linalg.qr(lead)
    seen = field_pt @ basis
    total = np.maximum((field_pt**2).sum(axis=-1), 1e-300)
    return np.asarray(1.0 - (seen**2).sum(axis=-1) / total)
