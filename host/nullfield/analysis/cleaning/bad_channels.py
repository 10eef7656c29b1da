"""Channels that cannot be used, and stretches of others.

Each test knows what a heart and quantised samples look like: a QRS complex is no noise, a flat
pause of an electrocardiogram in steps of 5 µV is not stuck, and a channel on the zero line of the
heart's field, which sees nothing but noise, is not bad for that.
"""

from __future__ import annotations

import numpy as np

from nullfield.analysis.cleaning.harmonics import outer_basis
from nullfield.analysis.cleaning.heart import PRIOR_RMS_PT, covariance, ensemble
from nullfield.analysis.cleaning.meter import HEART_BAND_HZ
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import Work
from nullfield.dsp.filters import high_pass
from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray, runs

DEAD_SHARE = 0.5
STUCK_S = 0.5
"""So long without a change of the last digit is no sensor that measures."""
NOISY_FACTOR = 10.0
CLIPPED_SHARE = 0.01
"""From here the channel is bad; below, the samples at the rail are taken out."""
_RAIL_RUN = 5
_FEWEST_RAIL_RUNS = 3
_BLOCK_S = 0.25
_FEWEST_ALIKE = 3
_FEWEST_PREDICTED = 12
_UNLIKE_FACTOR = 4.0
_UNLIKE_CORRELATION = 0.7
_PREDICTABLE = 0.8
"""Median correlation from which predictions are worth comparing with."""
_WINDOW_S = 10.0
_MOST_WINDOWS = 6


def bad_channel_step(work: Work, step: CleaningStep | None = None) -> CleaningStep:
    """Mark bad channels in `work.bad`, and take stuck and railed stretches out of others, in place.

    Parameters
    ----------
    work : Work
    step : CleaningStep, optional
        Result of an earlier call, made before steps of single sensors were removed. Then the
        channels are compared with what their neighbours predict, which a step would spoil, and the
        result counts both.

    Returns
    -------
    CleaningStep
        `parameters`: ``bad`` (name to reason) and ``samples_marked`` (name to count).
    """
    named: dict[str, str] = {}
    marked: dict[str, int] = {}
    if step is not None:
        named, marked = dict(step.parameters["bad"]), dict(step.parameters["samples_marked"])
        found = _against_prediction(work)
    else:
        found = {}
        for channel, row in enumerate(work.field_pt):
            reason, count = _alone(row, work.rate_hz)
            if reason:
                found[channel] = reason
            elif count:
                marked[work.array.names[channel]] = count
        work.bad[list(found)] = True
        found |= _against_their_like(work)
    work.bad[list(found)] = True
    named |= {work.array.names[channel]: reason for channel, reason in sorted(found.items())}
    told = f"{len(named)} of {work.n_channels} channels are bad"
    if marked:
        told += f"; stuck or railed stretches of {len(marked)} others were marked"
    parameters = {"bad": named, "samples_marked": marked}
    return CleaningStep("bad channels", bool(named or marked), told, parameters=parameters)


def _alone(row: FloatArray, rate_hz: float) -> tuple[str, int]:
    """What is wrong with a channel by itself, else how many of its samples were marked."""
    finite = np.isfinite(row)
    count = int(finite.sum())
    if len(row) == 0 or len(row) - count > DEAD_SHARE * len(row):
        return f"dead: {100.0 * (1.0 - count / max(1, len(row))):.0f} % of samples are missing", 0
    low, high = float(np.nanmin(row)), float(np.nanmax(row))
    if low == high:
        return "stuck: it never changes", 0
    at_rail = np.zeros(len(row), dtype=bool)
    for rail in (low, high):
        flat = [(a, b) for a, b in runs(row == rail) if b - a >= _RAIL_RUN]
        if len(flat) >= _FEWEST_RAIL_RUNS:
            for start, stop in flat:
                at_rail[start:stop] = True
    if at_rail.sum() > CLIPPED_SHARE * count:
        return f"clipped: {100.0 * at_rail.sum() / count:.0f} % of samples are at a rail", 0
    same = np.concatenate(([False], row[1:] == row[:-1]))
    stuck = np.zeros(len(row), dtype=bool)
    # Every twentieth sample tells whether there can be a long run at all.
    if same[::20].mean() > 0.0:
        for start, stop in runs(same):
            if stop - start >= STUCK_S * rate_hz:
                stuck[start - 1 : stop] = True
    if stuck.sum() > DEAD_SHARE * count:
        return f"stuck: {100.0 * stuck.sum() / count:.0f} % of samples do not change", 0
    gone = at_rail | stuck
    row[gone] = np.nan
    return "", int(gone.sum())


def _against_their_like(work: Work) -> dict[int, str]:
    """Much noisier, or much quieter, than channels of the same axis at the same place."""
    scales = _scales(work)
    array = work.array
    out: dict[int, str] = {}
    for reference in (False, True):
        for axis in np.unique(array.axis_index):
            alike = (array.axis_index == axis) & (array.is_reference == reference) & ~work.bad
            for name, scale in zip(("fast", "slow"), scales, strict=True):
                known = alike & np.isfinite(scale)
                if known.sum() < _FEWEST_ALIKE:
                    continue
                usual = float(np.median(scale[known]))
                if usual <= 0.0:
                    continue
                for channel in np.flatnonzero(known).tolist():
                    times = float(scale[channel]) / usual
                    if times > NOISY_FACTOR:
                        out[channel] = f"noisy: {times:.0f} times the {name} noise of its like"
                    elif times < 1.0 / NOISY_FACTOR and name == "fast":
                        out[channel] = f"insensitive: {times:.2f} of the noise of its like"
    return out


def _scales(work: Work) -> tuple[FloatArray, FloatArray]:
    """Noise from sample to sample, and change from block to block, each a median over blocks."""
    length = max(4, round(_BLOCK_S * work.rate_hz))
    fast, slow = np.full(work.n_channels, np.nan), np.full(work.n_channels, np.nan)
    count = work.n_samples // length
    if count < 4:
        return fast, slow
    # Two hundred blocks tell a median.
    chosen = np.unique(np.linspace(0, count - 2, min(count - 1, 200)).astype(int))
    for channel in np.flatnonzero(~work.bad):
        blocks = work.field_pt[channel, : count * length].reshape(count, length)
        here, following = blocks[chosen], blocks[chosen + 1]
        spread = np.diff(here, axis=1).std(axis=1)
        change = np.abs(following.mean(axis=1) - here.mean(axis=1))
        if np.isfinite(spread).any():
            fast[channel] = np.nanmedian(spread)
        if np.isfinite(change).any():
            slow[channel] = np.nanmedian(change)
    return fast, slow


def _against_prediction(work: Work) -> dict[int, str]:
    """Channels that see another field than their neighbours say, by far.

    Each is predicted from all others by Gaussian process regression, with the covariance of hearts
    below the array and of far sources; leaving one out is a closed form (Rasmussen & Williams 2006,
    eq. 5.12). The worst goes first, since it spoils the predictions of its neighbours.
    """
    out: dict[int, str] = {}
    rows = np.flatnonzero(work.placed_chest)
    if len(rows) < _FEWEST_PREDICTED:
        return out
    rows, seen = _seen(work, rows)
    for _ in range(max(1, len(rows) // 8)):
        if len(rows) < _FEWEST_PREDICTED or not seen.size:
            break
        error, correlation = _leave_one_out(work, rows, seen)
        if np.median(correlation) < _PREDICTABLE:
            break
        excess = error / np.maximum(np.median(error), 1e-300)
        excess[correlation > _UNLIKE_CORRELATION] = 0.0
        worst = int(np.argmax(excess))
        if excess[worst] < _UNLIKE_FACTOR:
            break
        told = "reversed" if correlation[worst] < -_UNLIKE_CORRELATION else "unlike"
        out[int(rows[worst])] = (
            f"{told}: correlation {correlation[worst]:.2f} with what its neighbours predict"
        )
        rows, seen = np.delete(rows, worst), np.delete(seen, worst, axis=0)
    return out


def _leave_one_out(work: Work, rows: IntArray, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
    channels: BoolArray = np.zeros(work.n_channels, dtype=bool)
    channels[rows] = True
    prior = covariance(ensemble(work.array, channels))
    middle_m = work.array.positions_m[rows].mean(axis=0)
    far = outer_basis(work.array.positions_m[rows] - middle_m, work.array.orientations[rows], 2)
    prior += PRIOR_RMS_PT**2 * len(rows) / far.shape[1] * (far @ far.T)
    inverse = np.linalg.inv(prior)
    miss = (inverse @ seen) / np.diag(inverse)[:, None]
    said = seen - miss
    power = np.sqrt((said**2).sum(axis=1) * (seen**2).sum(axis=1))
    correlation = (said * seen).sum(axis=1) / np.maximum(power, 1e-300)
    return np.sqrt((miss**2).mean(axis=1)), correlation


def _seen(work: Work, rows: IntArray) -> tuple[IntArray, FloatArray]:
    """Field of some windows in the heart's band at 80 Hz, and the channels that have all of them."""
    size = max(1, round(work.rate_hz / (2.0 * HEART_BAND_HZ[1])))
    length = min(work.n_samples, round(_WINDOW_S * work.rate_hz)) // size * size
    count = min(_MOST_WINDOWS, work.n_samples // length) if length else 0
    parts = []
    for start in np.linspace(0, work.n_samples - length, count).astype(int):
        part = work.field_pt[rows, start : start + length].reshape(len(rows), -1, size).mean(axis=2)
        parts.append(part)
    if not parts:
        return rows, np.zeros((len(rows), 0))
    finite = np.array([np.isfinite(part).all(axis=1) for part in parts])
    kept = finite.sum(axis=0) >= 0.5 * len(parts)
    whole = [part[kept] for part, good in zip(parts, finite, strict=True) if good[kept].all()]
    if not whole or whole[0].shape[1] < 2 * round(work.rate_hz / size):
        return rows[kept], np.zeros((int(kept.sum()), 0))
    banded = [high_pass(part, work.rate_hz / size, HEART_BAND_HZ[0]) for part in whole]
    return rows[kept], np.concatenate(banded, axis=1)
