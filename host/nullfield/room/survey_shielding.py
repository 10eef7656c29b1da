"""Shielding factor against frequency from a known excitation outside.

In each step of the excitation a sine of the known frequency is fitted to every channel, together
with a constant, a slope and the mains; the sines of all channels are then one uniform field at the
array by least squares along the channels' directions. The factor is the amplitude outside over the
size of the field inside. Only as much of a step is used as lies behind the shield's own transient.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nullfield.room.excitation_coil import Excitation
from nullfield.room.shielding_by_beams import BEAM_HIGHEST_HZ, by_beams
from nullfield.room.shielding_point import ShieldingPoint, is_seen, point_of
from nullfield.room.survey_data import BeamSeries

FloatArray = npt.NDArray[np.float64]
RowArray = npt.NDArray[np.float32]

SETTLE_S = 3.0
"""Five time constants of a shield with a corner of 0.3 Hz, and the error of the operator's watch."""
_LEAST_CYCLES = 1.0
_LEAST_SHARE = 0.8
"""Of the rows of a step that a channel must have."""


def shielding(
    field_pt: RowArray | FloatArray,
    directions: FloatArray,
    time_s: FloatArray,
    excitation: Excitation,
    *,
    mains_hz: float,
    settle_s: float = SETTLE_S,
    beams: BeamSeries | None = None,
    beam_directions: FloatArray | None = None,
) -> tuple[tuple[ShieldingPoint, ...], tuple[str, ...]]:
    """Shielding factors of a record of a whole sequence.

    Parameters
    ----------
    field_pt : (n_channels, n) array
        Rows that are not valid must be NaN.
    directions : (n_channels, 3) array
        Unit vectors, head frame.
    time_s : (n,) array
        From the start of the sequence.
    excitation : Excitation
    mains_hz : float
    settle_s : float
        Left out at the start of each step; a second at its end as well.
    beams : BeamSeries, optional
        Serves axes that no channel sees, up to `BEAM_HIGHEST_HZ`.
    beam_directions : (n_heads, 3) array, optional
        Of its heads.

    Returns
    -------
    points : tuple of ShieldingPoint
    reasons : tuple of str
        Steps that could not be used, and why.
    """
    points: list[ShieldingPoint] = []
    reasons: list[str] = []
    for step in excitation.steps():
        name = f"{step.axis} at {step.frequency_hz:g} Hz"
        if not is_seen(directions, step.axis):
            if beams is None or beam_directions is None or step.frequency_hz > BEAM_HIGHEST_HZ:
                reasons.append(
                    f"no channel that is streamed looks along {step.axis}; beams are read up to "
                    f"{BEAM_HIGHEST_HZ:g} Hz"
                )
                continue
            point = by_beams(beams, beam_directions, step, excitation.amplitude_nt, settle_s)
            if point is None:
                reasons.append(f"{name}: too few readings along the beams")
            else:
                points.append(point)
            continue
        chosen = (time_s >= step.start_s + settle_s) & (time_s < step.stop_s - 1.0)
        length_s = float(np.ptp(time_s[chosen])) if chosen.any() else 0.0
        if length_s * step.frequency_hz < _LEAST_CYCLES or chosen.sum() < 50:
            reasons.append(
                f"{name}: only {length_s:.0f} s of it were recorded behind the transient"
            )
            continue
        fitted = _sines(field_pt[:, chosen], time_s[chosen], step.frequency_hz, mains_hz)
        good = np.isfinite(fitted[0]) & np.isfinite(fitted[1])
        if not good.any():
            reasons.append(f"{name}: no channel was valid")
            continue
        points.append(
            point_of(step.axis, step.frequency_hz, excitation.amplitude_nt, directions[good],
                   fitted[0][good], fitted[1][good])
        )  # fmt: skip
    return tuple(points), tuple(dict.fromkeys(reasons))


def _sines(
    field_pt: RowArray | FloatArray, time_s: FloatArray, frequency_hz: float, mains_hz: float
) -> tuple[npt.NDArray[np.complex128], FloatArray]:
    """Complex amplitude of each channel and its standard uncertainty; NaN for channels with gaps."""
    angle = 2.0 * np.pi * frequency_hz * time_s
    centred = (time_s - time_s.mean()) / max(float(np.ptp(time_s)), 1e-9)
    columns = [np.sin(angle), np.cos(angle), np.ones_like(time_s), centred, centred**2]
    for harmonic in (1, 2, 3):
        if abs(harmonic * mains_hz - frequency_hz) > 1.0:
            mains = 2.0 * np.pi * harmonic * mains_hz * time_s
            columns += [np.sin(mains), np.cos(mains)]
    design = np.stack(columns, axis=1)
    amplitude = np.full(len(field_pt), np.nan, dtype=np.complex128)
    uncertainty = np.full(len(field_pt), np.nan)
    finite = np.isfinite(field_pt)
    enough = finite.mean(axis=1) >= _LEAST_SHARE
    whole = np.flatnonzero(finite.all(axis=1))
    # Channels without a gap share one factorisation.
    groups = [whole] if len(whole) else []
    groups += [np.array([k]) for k in np.flatnonzero(enough & ~finite.all(axis=1))]
    for group in groups:
        good = finite[group[0]]
        values = np.asarray(field_pt[group][:, good], dtype=np.float64).T
        coefficient, *_ = np.linalg.lstsq(design[good], values, rcond=None)
        rest = np.zeros((len(time_s), len(group)))
        rest[good] = values - design[good] @ coefficient
        amplitude[group] = coefficient[0] + 1j * coefficient[1]
        uncertainty[group] = _beside(rest, time_s, frequency_hz)
    return amplitude, uncertainty


def _beside(rest: FloatArray, time_s: FloatArray, frequency_hz: float) -> FloatArray:
    """Standard uncertainty of each column: what sines beside this frequency fit to the rest, rms.

    The noise of a room falls with frequency: what is taken from above the sine counts as if the
    amplitude fell as 1/f, which is too much for white noise and enough for drift.
    """
    length_s = float(np.ptp(time_s))
    shifts = np.array([-4, -3, -2, 2, 3, 4]) / length_s
    beside = frequency_hz + shifts
    beside = beside[beside > 0.5 / length_s]
    waves = np.exp(-2j * np.pi * np.outer(beside, time_s))
    sizes = 2.0 * np.abs(waves @ rest) / len(rest)
    sizes *= np.maximum(beside / frequency_hz, 1.0)[:, None]
    # |amplitude|^2 is twice the variance of either quadrature
    return np.asarray(np.sqrt(np.mean(sizes**2, axis=0) / 2.0))


def first_order_corner(points: Sequence[ShieldingPoint], axis: str) -> tuple[float, float] | None:
    """Static factor and corner in Hz of ``S0 sqrt(1 + (f / fc)^2)``, or None for too few points.

    One conducting layer around a high-permeability shield behaves so: eddy currents add to the
    static factor.
    """
    from scipy.optimize import least_squares

    chosen = [p for p in points if p.axis == axis and p.factor is not None]
    if len(chosen) < 3:
        return None
    f = np.array([p.frequency_hz for p in chosen])
    s = np.log([p.factor for p in chosen if p.factor is not None])

    def error(p: FloatArray) -> FloatArray:
        return np.asarray(p[0] + 0.5 * np.log1p((f / np.exp(p[1])) ** 2) - s)

    fit = least_squares(error, np.array([s.min(), 0.0]))
    return float(np.exp(fit.x[0])), float(np.exp(fit.x[1]))
