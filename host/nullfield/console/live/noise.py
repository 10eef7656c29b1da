"""Noise density of each head, from the pauses between beats of the newest stretch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nullfield.analysis.beats import Beats
from nullfield.analysis.data import FieldRecording
from nullfield.analysis.quality import quiet_samples
from nullfield.dsp.spectrum import noise_density_ft_rthz

NoiseByHead = Mapping[str, float]


def noise_by_head(recording: FieldRecording, beats: Beats) -> dict[str, float]:
    """Median over a head's channels, 10-100 Hz.

    Parameters
    ----------
    recording : FieldRecording
    beats : Beats
        Found in it; without any, all samples count as quiet.

    Returns
    -------
    dict of str to float
        fT/sqrt(Hz); a head whose pauses are too short for a spectrum is left out.
    """
    density = noise_density_ft_rthz(
        recording.field_pt,
        recording.sampling_rate_hz,
        valid=recording.usable,
        quiet=quiet_samples(recording, beats),
    )
    heads: dict[str, list[float]] = {}
    for name, value in zip(recording.array.head_names, density, strict=True):
        if np.isfinite(value):
            heads.setdefault(name, []).append(float(value))
    return {name: round(float(np.median(values)), 2) for name, values in heads.items()}
