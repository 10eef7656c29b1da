"""Steps of single sensors, and movements of the whole array.

A sensor that loses its lock comes back at another level: a step in the channels of one head. The
level over a second before and after is a median, which a heart that beats does not move, so that a
QRS complex is no step. The step is subtracted; the samples of the transition are marked as missing.

What steps in a large part of the array at once is the field or the patient. The field is the task of
references and of harmonic correction. What they leave is a movement: after it the heart lies
elsewhere under the array, so nothing is subtracted, and the time of the movement is marked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import Work
from nullfield.dsp.gaps import BoolArray, FloatArray, runs

BIN_S = 0.02
_HALF = 25
"""Bins of a level, to either side: half a second of a median over one second."""
_SCALES = 8.0
"""A level that walks like a random drift reaches four of its scales in an hour."""
_FLOOR_SCALES = 4.0
_SHARP_BINS = 12
_SHARP_SHARE = 0.7
WIDE_SHARE = 0.3
"""More of the channels at once, and it is not a sensor."""
SENSOR_SHARE = 0.1
"""Up to here it is one; in between nothing is done."""
_FEWEST_WIDE = 4
_TOGETHER_S = 0.3
_TRANSITION_S = 0.02
_MOVEMENT_MARGIN_S = 0.5
_SLOW_S = 10.0
_FEWEST_BESIDE = 3
_MOST_BESIDE = 10
_MOST_STEPS = 50
"""More than that in one channel is no sensor with a step now and then."""


@dataclass(frozen=True)
class _Step:
    channel: int
    sample: int
    size_pt: float


@dataclass(frozen=True)
class _Levels:
    """Level of every channel in bins of 20 ms: median over a second, gaps filled with neighbours."""

    bin_samples: int
    level_pt: FloatArray
    noise_pt: FloatArray


def remove_steps(work: Work) -> CleaningStep:
    """Subtract the steps of single sensors, in place.

    Returns
    -------
    CleaningStep
        `parameters`: ``steps``, a list of (channel, time in seconds from the first sample, size in
        pT), and ``left`` (channels with too many steps to be believed).
    """
    levels = _levels(work, ~work.bad)
    found: list[_Step] = []
    left: list[str] = []
    if levels is not None:
        candidates = _candidates(levels, work.n_samples)
        wide = _wide_times(candidates, work, SENSOR_SHARE)
        for channel in {step.channel for step in candidates}:
            own = [
                step
                for step in candidates
                if step.channel == channel and not _is_near(step.sample, wide, work.rate_hz)
            ]
            if len(own) > _MOST_STEPS:
                left.append(work.array.names[channel])
                continue
            found += own
    ordered = sorted(found, key=lambda one: (one.channel, one.sample))
    found = [
        done
        for step in ordered
        if (done := _subtract(work, step, _free(step, ordered, work.rate_hz))) is not None
    ]
    parameters = {
        "steps": [[work.array.names[s.channel], s.sample / work.rate_hz, s.size_pt] for s in found],
        "left": left,
    }
    if not found:
        told = "no step of a single sensor"
    else:
        told = f"{len(found)} steps in {len({s.channel for s in found})} channels subtracted"
    if left:
        told += f"; {', '.join(left)}: too many to be steps"
    return CleaningStep("steps", bool(found), told, parameters=parameters)


def mark_movements(work: Work) -> CleaningStep:
    """Mark the time in which the level moves in a large part of the array, in place.

    Returns
    -------
    CleaningStep
        `parameters`: ``segments_s``, a list of (start, stop) from the first sample.
    """
    levels = _levels(work, work.chest)
    mask = np.zeros(work.n_samples, dtype=bool)
    if levels is not None:
        margin = round(_MOVEMENT_MARGIN_S * work.rate_hz)
        for sample in _wide_times(_candidates(levels, work.n_samples), work):
            mask[max(0, sample - margin) : sample + margin] = True
        for start, stop in _excursions(levels, work):
            mask[max(0, start - margin) : stop + margin] = True
    segments = runs(mask)
    parameters = {"segments_s": [[a / work.rate_hz, b / work.rate_hz] for a, b in segments]}
    if not segments:
        return CleaningStep("movements", False, "no movement of the array", parameters=parameters)
    for start, stop in segments:
        work.field_pt[np.flatnonzero(work.array.is_chest), start:stop] = np.nan
    lost_s = float(mask.sum()) / work.rate_hz
    told = f"{len(segments)} stretches, {lost_s:.1f} s in all, were marked as missing"
    return CleaningStep("movements", True, told, parameters=parameters)


def _levels(work: Work, channels: BoolArray) -> _Levels | None:
    size = max(1, round(BIN_S * work.rate_hz))
    count = work.n_samples // size
    if count < 4 * _HALF or not channels.any():
        return None
    level = np.full((work.n_channels, count), np.nan)
    noise = np.full(work.n_channels, np.nan)
    for channel in np.flatnonzero(channels):
        bins = work.field_pt[channel, : count * size].reshape(count, size).mean(axis=1)
        known = np.isfinite(bins)
        if known.sum() < 4 * _HALF:
            continue
        if not known.all():
            # The nearest bin before the gap: a jump over a gap stays a jump.
            last = np.maximum.accumulate(np.where(known, np.arange(count), -1))
            bins = bins[np.where(last >= 0, last, int(np.argmax(known)))]
        level[channel] = ndimage.median_filter(bins, 2 * _HALF + 1, mode="nearest")
        noise[channel] = 1.4826 * np.median(np.abs(np.diff(bins)))
    return _Levels(size, level, noise)


def _candidates(levels: _Levels, n_samples: int) -> list[_Step]:
    level = levels.level_pt
    count = level.shape[1]
    out: list[_Step] = []
    for channel in np.flatnonzero(np.isfinite(level).all(axis=1)):
        row = level[channel]
        change = np.zeros(count)
        change[_HALF + 1 : count - _HALF] = row[2 * _HALF + 1 :] - row[: count - 2 * _HALF - 1]
        size = np.abs(change)
        scale = 1.4826 * float(np.median(size[_HALF + 1 : count - _HALF]))
        least = max(_SCALES * scale, _FLOOR_SCALES * float(levels.noise_pt[channel]))
        peaks = np.flatnonzero(
            (size > least) & (size == ndimage.maximum_filter1d(size, 2 * _HALF + 1))
        )
        near = np.zeros(count)
        near[_SHARP_BINS : count - _SHARP_BINS] = row[2 * _SHARP_BINS :] - row[: -2 * _SHARP_BINS]
        last = -count
        for peak in peaks:
            # The heart shifts the peak of a difference of medians a little.
            first = max(0, int(peak) - _SHARP_BINS)
            around = near[first : int(peak) + _SHARP_BINS + 1]
            at = first + int(np.argmax(around * np.sign(change[peak])))
            sharp = near[at] * np.sign(change[peak]) >= _SHARP_SHARE * size[peak]
            if at - last < _HALF or not sharp:
                continue
            last = at
            sample = min(n_samples - 1, at * levels.bin_samples)
            out.append(_Step(int(channel), sample, float(change[peak])))
    return out


def _wide_times(candidates: list[_Step], work: Work, share: float = WIDE_SHARE) -> list[int]:
    """Samples at which a large part of the array steps at once."""
    needed = max(_FEWEST_WIDE, share * int(work.chest.sum()))
    ordered = sorted(candidates, key=lambda step: step.sample)
    together = round(_TOGETHER_S * work.rate_hz)
    out: list[int] = []
    first = 0
    for last, step in enumerate(ordered):
        while step.sample - ordered[first].sample > together:
            first += 1
        channels = {one.channel for one in ordered[first : last + 1]}
        if len(channels) >= needed:
            out.append((ordered[first].sample + step.sample) // 2)
    return out


def _is_near(sample: int, times: list[int], rate_hz: float) -> bool:
    return any(abs(sample - time) <= _TOGETHER_S * rate_hz for time in times)


def _free(step: _Step, steps: list[_Step], rate_hz: float) -> int:
    """Samples to either side, a second at most, without another step of the same channel."""
    others = [abs(one.sample - step.sample) for one in steps if one.channel == step.channel]
    nearest = min((distance for distance in others if distance), default=round(2.0 * rate_hz))
    return min(round(rate_hz), max(1, nearest - round(_TOGETHER_S * rate_hz)))


def _subtract(work: Work, step: _Step, free: int) -> _Step | None:
    """Place and size a step by the samples themselves, and subtract it."""
    row = work.field_pt[step.channel]
    reach, far = round(0.3 * work.rate_hz), round(1.0 * work.rate_hz)
    low, high = max(0, step.sample - reach), min(len(row), step.sample + reach)
    before, after = row[max(0, low - far) : low], row[high : high + far]
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if not len(before) or not len(after):
        return None
    level_before, level_after = float(np.median(before)), float(np.median(after))
    here = row[low:high]
    # Where two levels explain the samples best; what the heart adds is the same for both.
    cost = np.nancumsum(np.abs(here - level_before)) - np.nancumsum(np.abs(here - level_after))
    at = low + int(np.argmin(cost)) + 1
    margin = max(1, round(_TRANSITION_S * work.rate_hz))
    row[max(0, at - margin) : at + margin] = np.nan
    size_pt = _size_beside_others(work, step.channel, at, free)
    if size_pt is None:
        size_pt = level_after - level_before
    row[at:] -= size_pt
    return _Step(step.channel, at, size_pt)


def _size_beside_others(work: Work, channel: int, at: int, far: int) -> float | None:
    """Size of a step, fitted over two seconds beside the fields of other heads and a straight line.

    What the heart and the room do in that time is in the other channels too. None where there are
    too few of them.
    """
    window = slice(max(0, at - far), at + far)
    row = work.field_pt[channel, window]
    head = work.array.head_names[channel]
    others = np.flatnonzero(~work.bad & np.array([name != head for name in work.array.head_names]))
    here = np.isfinite(row)
    others = others[np.isfinite(work.field_pt[others, window][:, here]).all(axis=1)]
    if len(others) < _FEWEST_BESIDE or here.sum() < max(far, 10 * _MOST_BESIDE):
        return None
    time = np.arange(len(row))[here] - (at - window.start)
    trend = np.stack([np.ones(len(time)), time / far, time >= 0]).astype(np.float64)
    y, x = row[here], work.field_pt[others, window][:, here]
    basis = np.linalg.qr(trend.T)[0]
    # Those most alike, apart from level, slope and step.
    moves = x - (x @ basis) @ basis.T
    alike = np.abs(moves @ (y - basis @ (basis.T @ y)))
    alike /= np.maximum(np.linalg.norm(moves, axis=1), 1e-300)
    design = np.concatenate([trend, x[np.argsort(alike)[-_MOST_BESIDE:]]])
    return float(np.linalg.lstsq(design.T, y, rcond=1e-10)[0][2])


def _excursions(levels: _Levels, work: Work) -> list[tuple[int, int]]:
    """Stretches in which the level of a large part of the array leaves its usual range."""
    every = 5
    level = levels.level_pt[work.chest & np.isfinite(levels.level_pt).all(axis=1)][:, ::every]
    if len(level) < _FEWEST_WIDE:
        return []
    window = round(_SLOW_S / (BIN_S * every)) | 1
    if level.shape[1] < 2 * window:
        return []
    outside = np.zeros(level.shape[1])
    for row in level:
        away = np.abs(row - ndimage.median_filter(row, window, mode="nearest"))
        scale = 1.4826 * float(np.median(away))
        outside += away > _SCALES * max(scale, 1e-12)
    wide = outside >= max(_FEWEST_WIDE, WIDE_SHARE * len(level))
    step = every * levels.bin_samples
    return [(start * step, min(work.n_samples, stop * step)) for start, stop in runs(wide)]
