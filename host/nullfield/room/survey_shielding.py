"""Shielding factor against frequency from a known excitation outside.

In each step of the excitation a sine of the known frequency is fitted to every channel, together
with a constant, a slope and the mains; the sines of all channels are then one uniform field at the
array by least squares along the channels' directions. The factor is the amplitude outside over the
size of the field inside. Only as much of a step is used as lies behind the shield's own transient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.room.excitation_coil import Excitation, ExcitationStep
from nullfield.room.survey_data import BeamSeries

FloatArray = npt.NDArray[np.float64]
RowArray = npt.NDArray[np.float32]

SETTLE_S = 3.0
"""Five time constants of a shield with a corner of 0.3 Hz, and the error of the operator's watch."""
_LEAST_CYCLES = 1.0
_DETECTED = 3.0
_SEEN_ALONG = 0.5
"""Least root of the summed squared cosines for an axis to count as seen by the channels."""
BEAM_HIGHEST_HZ = 0.1
"""A reading along the beam takes 0.4 s, longer while the field moves fast."""
_LEAST_READINGS = 8
_LEAST_SHARE = 0.8
"""Of the rows of a step that a channel must have."""


@dataclass(frozen=True)
class ShieldingPoint:
    """One frequency and axis.

    Attributes
    ----------
    axis : str
    frequency_hz : float
    outside_nt : float
        Peak.
    inside_pt : float
        Peak of the field along the excited axis, at the array.
    inside_uncertainty_pt : float
        Standard, of the amplitude.
    across_pt : float
        Peak of the field along the other axes that the channels see.
    factor : float or None
        None where nothing was detected.
    factor_uncertainty : float or None
        Standard.
    at_least : float or None
        Lower bound where nothing was detected: three standard uncertainties inside.
    n_channels : int
    """

    axis: str
    frequency_hz: float
    outside_nt: float
    inside_pt: float
    inside_uncertainty_pt: float
    across_pt: float
    factor: float | None
    factor_uncertainty: float | None
    at_least: float | None
    n_channels: int


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
            point = _by_beams(beams, beam_directions, step, excitation.amplitude_nt, settle_s)
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
            _point(step.axis, step.frequency_hz, excitation.amplitude_nt, directions[good],
                   fitted[0][good], fitted[1][good])
        )  # fmt: skip
    return tuple(points), tuple(dict.fromkeys(reasons))


def is_seen(directions: FloatArray, axis: str) -> bool:
    """Whether channels along these unit vectors (n, 3) tell a field along an axis."""
    column = directions[:, "xyz".index(axis)]
    return bool(np.sqrt((column**2).sum()) >= _SEEN_ALONG)


def _by_beams(
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
    return _point(
        step.axis, step.frequency_hz, outside_nt, directions[good], amplitude, np.asarray(sigma)
    )


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


def _point(
    axis: str,
    frequency_hz: float,
    outside_nt: float,
    directions: FloatArray,
    amplitude: npt.NDArray[np.complex128],
    uncertainty: FloatArray,
) -> ShieldingPoint:
    """Uniform field of all channels' sines, by weighted least squares along what they see."""
    seen = np.sqrt((directions**2).sum(axis=0)) >= _SEEN_ALONG
    design = directions[:, seen]
    weight = 1.0 / np.maximum(uncertainty, 1e-6) ** 2
    gram = design.T @ (weight[:, None] * design)
    inverse = np.linalg.pinv(gram)
    field = inverse @ (design.T @ (weight * amplitude))
    place = int(np.flatnonzero(np.flatnonzero(seen) == "xyz".index(axis))[0])
    inside = float(np.abs(field[place]))
    others = np.delete(field, place)
    # The room's noise is common to all channels: averaging over heads does not lower it.
    sigma = float(np.median(uncertainty))
    is_seen = inside > _DETECTED * sigma
    factor = 1e3 * outside_nt / inside if is_seen else None
    return ShieldingPoint(
        axis,
        frequency_hz,
        outside_nt,
        inside,
        sigma,
        float(np.linalg.norm(others)),
        factor,
        factor * sigma / inside if factor is not None else None,
        None if is_seen else 1e3 * outside_nt / max(inside + _DETECTED * sigma, 1e-9),
        len(amplitude),
    )


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
