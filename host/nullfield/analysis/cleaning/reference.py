"""Common field out of the chest channels: by reference heads, or as a homogeneous term."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.dsp.gaps import BoolArray, FloatArray
from nullfield.errors import AnalysisError

_RIDGE = 1e-4
_LARGEST_GAIN = 3.0
"""A uniform field gives weights of about one; more would be noise, or the heart itself."""
_FEWEST_SECONDS = 3.0
_REFERENCE_PRESENT = 0.95
"""A reference that misses more than that would tear holes into all channels."""


@dataclass(frozen=True)
class ReferenceRegression:
    """What the reference heads took away.

    Attributes
    ----------
    weights : numpy.ndarray, shape ``(n_channels, n_references)``
        Zero rows for channels that were left alone.
    reference_names : tuple of str
    reduction_db : float
        Median over the corrected channels, on samples that the fit did not see.
    corrected : numpy.ndarray of bool, shape ``(n_channels,)``
    """

    weights: FloatArray
    reference_names: tuple[str, ...]
    reduction_db: float
    corrected: BoolArray


def regress_references(
    recording: FieldRecording, quiet: BoolArray
) -> tuple[FieldRecording, ReferenceRegression]:
    """Remove what the reference heads see too.

    The weights come from the quiet time between beats only: a reference sees a little of the heart,
    in step with the chest, and weights fitted to that would remove the heart. They are kept where
    they help on the half of the quiet samples that the fit did not see.

    Parameters
    ----------
    recording : FieldRecording
    quiet : numpy.ndarray of bool, shape ``(n_samples,)``
        Samples without the heart's field.

    Returns
    -------
    FieldRecording
        Where a reference is missing, the corrected channels are NaN.
    ReferenceRegression

    Raises
    ------
    AnalysisError
        If there are no reference heads, or too little quiet time.
    """
    array = recording.array
    good = recording.usable
    present = good.sum(axis=1) > _REFERENCE_PRESENT * recording.n_samples
    references = np.flatnonzero(array.is_reference & present)
    if not len(references):
        raise AnalysisError(
            "no working reference heads in this recording", "flag heads as reference in the rig"
        )
    train_all = quiet & good[references].all(axis=0)
    if train_all.sum() < _FEWEST_SECONDS * recording.sampling_rate_hz:
        raise AnalysisError(
            f"{train_all.sum() / recording.sampling_rate_hz:.1f} s of quiet time are too little",
            "record more beats",
        )
    # Halves in alternating stretches of a second, so that both see the same kinds of disturbance.
    second = (np.arange(recording.n_samples) / recording.sampling_rate_hz).astype(int) % 2 == 0
    weights = np.zeros((array.n_channels, len(references)))
    corrected = np.zeros(array.n_channels, dtype=bool)
    gains_db: list[float] = []
    out = np.where(good, recording.field_pt, np.nan)
    for channel in np.flatnonzero(array.is_chest):
        train = train_all & good[channel]
        if train.sum() < _FEWEST_SECONDS * recording.sampling_rate_hz:
            continue
        x, y = recording.field_pt[references], recording.field_pt[channel]
        fit, check = train & second, train & ~second
        if min(fit.sum(), check.sum()) < 10 * len(references):
            continue
        trial = _ridge(x[:, fit], y[fit])
        before = float(np.var(y[check]))
        after = float(np.var(y[check] - trial @ x[:, check]))
        if after >= before or np.abs(trial).max() > _LARGEST_GAIN:
            continue
        weights[channel] = _ridge(x[:, train], y[train])
        corrected[channel] = True
        gains_db.append(10.0 * float(np.log10(before / max(after, 1e-300))))
        mean = x[:, train].mean(axis=1)
        clean = np.where(good[references], x - mean[:, None], np.nan)
        out[channel] -= weights[channel] @ clean
    result = ReferenceRegression(
        weights,
        tuple(array.names[i] for i in references),
        float(np.median(gains_db)) if gains_db else 0.0,
        corrected,
    )
    return recording.with_field(out), result


def homogeneous_projector(array: SensorArray) -> FloatArray:
    """Projector that removes a uniform field, ``I - N pinv(N)``.

    N are the sensors' axes (Tierney et al., NeuroImage 244, 2021). Lead fields of a map or dipole
    fit on projected data have to be projected too.

    Returns
    -------
    numpy.ndarray, shape ``(n_channels, n_channels)``

    Raises
    ------
    AnalysisError
        If the axes do not span three directions: the term would then take the heart's field with
        it (a planar single-axis array makes it rank one).
    """
    normals = array.orientations
    if array.n_channels < 9 or np.linalg.matrix_rank(normals, tol=0.1) < 3:
        raise AnalysisError(
            "the channels span fewer than three directions: a uniform field could be a heart",
            "use tri-axial heads or reference heads",
        )
    return np.asarray(np.eye(array.n_channels) - normals @ np.linalg.pinv(normals))


def _ridge(x: FloatArray, y: FloatArray) -> FloatArray:
    x = x - x.mean(axis=1, keepdims=True)
    gram = x @ x.T
    gram = gram + np.eye(len(gram)) * _RIDGE * float(np.trace(gram)) / len(gram)
    return np.asarray(np.linalg.solve(gram, x @ (y - y.mean())))
