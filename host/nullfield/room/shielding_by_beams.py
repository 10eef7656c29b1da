"""Shielding along the beams, which are read one reading behind the other while the field is slow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.room.excitation_coil import ExcitationStep
from nullfield.room.shielding_point import ShieldingPoint, is_seen, point_of
from nullfield.room.survey_data import BeamSeries

FloatArray = npt.NDArray[np.float64]

BEAM_HIGHEST_HZ = 0.1
"""A reading along the beam takes 0.4 s, longer while the field moves fast."""
_LEAST_READINGS = 8
_LEAST_CYCLES = 1.0


def by_beams(
    beams: BeamSeries,
    directions: FloatArray,
    step: ExcitationStep,
    outside_nt: float,
    settle_s: float,
) -> ShieldingPoint | None:
    """A step from readings along the beams; None if they are too few for a sine and a slope."""
    chosen = (beams.time_s >= step.start_s + settle_s) & (beams.time_s < step.stop_s - 1.0)
    time_s = beams.time_s[chosen]
    if len(time_s) < _LEAST_READINGS or np.ptp(time_s) * step.frequency_hz < _LEAST_CYCLES:
        return None
    angle = 2.0 * np.pi * step.frequency_hz * time_s
    design = np.stack([np.sin(angle), np.cos(angle), np.ones_like(time_s), time_s], axis=1)
    good = np.isfinite(beams.field_pt[:, chosen]).all(axis=1)
    if not good.any() or not is_seen(directions[good], step.axis):
        return None
    values = beams.field_pt[good][:, chosen]
    coefficient, *_ = np.linalg.lstsq(design, values.T, rcond=None)
    rest = values.T - design @ coefficient
    noise = np.sqrt((rest**2).sum(axis=0) / (len(time_s) - design.shape[1]))
    spread = np.linalg.inv(design.T @ design)
    sigma = noise * np.sqrt(0.5 * (spread[0, 0] + spread[1, 1]))
    amplitude = coefficient[0] + 1j * coefficient[1]
    return point_of(
        step.axis, step.frequency_hz, outside_nt, directions[good], amplitude, np.asarray(sigma)
    )
