"""Mains lines as sines of slowly changing amplitude, fitted and subtracted.

A notch rings after every QRS complex, because it cannot tell the 50 Hz of mains from the 50 Hz of a
heart. Here the amplitude of each line is fitted at nodes a second apart, on samples without the
heart where they are known, and is linear between the nodes: what is subtracted is a sine and nothing
else. The fit works on first differences, so that drift does not leak into the lines. All lines and
channels of a stretch are one matrix product.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import signal

from nullfield.dsp.gaps import BoolArray, FloatArray, IntArray, runs
from nullfield.dsp.products import thin_product

NODE_SPACING_S = 1.0
_LEAST_WEIGHT = 0.15
"""Share of a node's window that has to be usable."""
_LEAST_QUIET = 0.15
_PROBE_CHANNELS = 24
_PROBE_S = 40.0
_LINE_RATIO = 3.0
"""Amplitude over its surroundings from which a harmonic counts as found."""
_SPECTRUM_S = 2.0


@dataclass(frozen=True)
class Line:
    """One line that was found.

    Attributes
    ----------
    frequency_hz : float
    amplitude_pt : float
        Largest over the channels that were probed.
    """

    frequency_hz: float
    amplitude_pt: float


def find_lines(
    field_pt: FloatArray, rate_hz: float, mains_hz: float, *, most: int = 8
) -> tuple[Line, ...]:
    """Look for mains and harmonics, and for their true frequency.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels, n_samples)``
        NaN is a gap.
    rate_hz : float
    mains_hz : float
        Nominal: 50 or 60.
    most : int
        Lines that are looked for, the fundamental counted.

    Returns
    -------
    tuple of Line
        Those that stand three times above their surroundings in amplitude, in the median over
        channels or in a tenth of them.
    """
    probe = _probe(field_pt, rate_hz)
    length = int(_SPECTRUM_S * rate_hz)
    spectra = []
    for row in probe:
        power = np.zeros(length // 2 + 1)
        for start, stop in runs(np.isfinite(row)):
            if stop - start >= length:
                _, one = signal.welch(row[start:stop], rate_hz, nperseg=length)
                power += one * (stop - start)
        if power.any():
            spectra.append(power)
    if not spectra:
        return ()
    power = np.array(spectra)
    frequency = np.fft.rfftfreq(length, 1.0 / rate_hz)
    found: list[int] = []
    for k in range(1, most + 1):
        line = k * mains_hz
        if line > 0.45 * rate_hz or line + 6.0 > rate_hz / 2:
            break
        near = np.abs(frequency - line)
        beside = np.median(power[:, (near > 2.0) & (near < 6.0)], axis=1)
        ratio = np.sqrt(power[:, near <= 1.0].max(axis=1) / np.maximum(beside, 1e-300))
        if np.median(ratio) >= _LINE_RATIO or np.quantile(ratio, 0.9) >= 2.0 * _LINE_RATIO:
            found.append(k)
    if not found:
        return ()
    true_hz = _refine(probe, rate_hz, mains_hz, found)
    lines_hz = np.array(found) * true_hz
    amplitudes, _ = _amplitudes(probe, rate_hz, lines_hz, None, NODE_SPACING_S)
    size = np.hypot(amplitudes[..., 0::2], amplitudes[..., 1::2])
    with warnings.catch_warnings():
        # A channel without a sample has no amplitude; it says so by NaN.
        warnings.simplefilter("ignore", RuntimeWarning)
        largest = np.nanmax(np.nan_to_num(np.nanmedian(_or_nan(size), axis=1)), axis=0)
    return tuple(
        Line(float(f), float(a)) for f, a in zip(lines_hz, np.atleast_1d(largest), strict=True)
    )


def subtract_lines(
    field_pt: FloatArray,
    rate_hz: float,
    lines_hz: FloatArray,
    *,
    quiet: BoolArray | None = None,
    spacing_s: float = NODE_SPACING_S,
) -> None:
    """Subtract lines, in place.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels, n_samples)``
        Changed; NaN stays NaN.
    rate_hz : float
    lines_hz : numpy.ndarray, shape ``(n_lines,)``
    quiet : numpy.ndarray of bool, shape ``(n_samples,)``, optional
        Samples without the heart: the fit sees these only, unless they are too few.
    spacing_s : float
        Between nodes; what is removed is as wide as 0.9 / `spacing_s` Hz at -6 dB.
    """
    if not len(lines_hz) or field_pt.shape[1] < 2:
        return
    amplitudes, known = _amplitudes(field_pt, rate_hz, lines_hz, quiet, spacing_s)
    _fill_nodes(amplitudes, known)
    step = max(2, round(spacing_s * rate_hz))
    n_samples = field_pt.shape[1]
    for node, start in enumerate(range(0, n_samples, step)):
        stop = min(n_samples, start + step)
        waves = _waves(lines_hz, rate_hz, start, stop)
        share = (np.arange(stop - start) / step)[:, None]
        both = np.concatenate([waves * (1.0 - share), waves * share], axis=1)
        pair = np.concatenate([amplitudes[:, node], amplitudes[:, node + 1]], axis=1)
        field_pt[:, start:stop] -= thin_product(pair, both.T)


def _amplitudes(
    field_pt: FloatArray,
    rate_hz: float,
    lines_hz: FloatArray,
    quiet: BoolArray | None,
    spacing_s: float,
) -> tuple[FloatArray, BoolArray]:
    """Cosines and sines at the nodes, (n_channels, n_nodes, 2 n_lines), and which are known."""
    n_channels, n_samples = field_pt.shape
    step = max(2, round(spacing_s * rate_hz))
    if quiet is not None and quiet.mean() < _LEAST_QUIET:
        quiet = None
    n_nodes = -(-n_samples // step) + 1
    width = 2 * len(lines_hz)
    amplitudes = np.zeros((n_channels, n_nodes, width))
    known = np.zeros((n_channels, n_nodes), dtype=bool)
    gram = np.zeros((n_channels, width + 1, width + 1))
    right = np.zeros((n_channels, width + 1))
    weight = np.zeros(n_channels)
    for node in range(n_nodes):
        next_gram, next_right = np.zeros_like(gram), np.zeros_like(right)
        next_weight = np.zeros_like(weight)
        start = node * step
        stop = min(n_samples, start + step)
        if stop - start >= 2:
            first = max(1, start)
            slope = np.diff(field_pt[:, first - 1 : stop], axis=1)
            waves = np.diff(_waves(lines_hz, rate_hz, first - 1, stop), axis=0)
            basis = np.concatenate([waves, np.ones((len(waves), 1))], axis=1)
            allowed = np.ones(len(waves), dtype=bool)
            if quiet is not None:
                allowed = quiet[first - 1 : stop - 1] & quiet[first:stop]
            share = np.arange(first - start, stop - start) / step
            for rows, mask in _patterns(slope, allowed):
                # Rows and samples that are all there are not copied.
                part = slope if isinstance(rows, slice) else slope[rows]
                if mask is not None:
                    part = part[:, mask]
                chosen = basis if mask is None else basis[mask]
                late = (share if mask is None else share[mask])[:, None]
                hatted = np.concatenate([chosen * (1.0 - late), chosen * late], axis=1)
                own, following = np.split(chosen.T @ hatted, 2, axis=1)
                seen = thin_product(part, hatted)
                gram[rows] += own
                next_gram[rows] += following
                right[rows] += seen[:, : width + 1]
                next_right[rows] += seen[:, width + 1 :]
                weight[rows] += len(late) - late.sum()
                next_weight[rows] += late.sum()
        enough = weight > _LEAST_WEIGHT * step / (1.0 if 0 < node < n_nodes - 1 else 2.0)
        if enough.any():
            ridge = 1e-9 * np.trace(gram[enough], axis1=1, axis2=2)[:, None, None]
            solved = np.linalg.solve(
                gram[enough] + ridge * np.eye(width + 1), right[enough][..., None]
            )
            amplitudes[enough, node] = solved[:, :width, 0]
            known[enough, node] = True
        gram, right, weight = next_gram, next_right, next_weight
    return amplitudes, known


def _patterns(
    slope: FloatArray, allowed: BoolArray
) -> list[tuple[slice | IntArray, BoolArray | None]]:
    """Rows with the same usable samples, together; a slice and None where these are all."""
    everything = bool(allowed.all())
    # A sum is finite if and only if all its terms are, short of values near the largest float.
    whole = np.isfinite((slope if everything else slope[:, allowed]).sum(axis=1))
    mask = None if everything else allowed
    if whole.all():
        return [(slice(None), mask)] if allowed.any() else []
    groups: list[tuple[slice | IntArray, BoolArray | None]] = []
    if whole.any() and allowed.any():
        groups.append((np.flatnonzero(whole), mask))
    others: dict[bytes, list[int]] = {}
    finite = np.isfinite(slope)
    for row in np.flatnonzero(~whole):
        others.setdefault(np.packbits(finite[row]).tobytes(), []).append(int(row))
    for rows in others.values():
        usable = finite[rows[0]] & allowed
        if usable.any():
            groups.append((np.array(rows), usable))
    return groups


def _fill_nodes(amplitudes: FloatArray, known: BoolArray) -> None:
    """Amplitudes of nodes without data, from the nodes around them; only the sine is interpolated."""
    nodes = np.arange(known.shape[1])
    for channel in np.flatnonzero(~known.all(axis=1)):
        good = known[channel]
        if good.any():
            for column in range(amplitudes.shape[2]):
                row = amplitudes[channel, :, column]
                row[~good] = np.interp(nodes[~good], nodes[good], row[good])


def _waves(lines_hz: FloatArray, rate_hz: float, start: int, stop: int) -> FloatArray:
    """Cosines and sines in turn, shape ``(stop - start, 2 n_lines)``."""
    phase = 2.0 * np.pi / rate_hz * np.outer(np.arange(start, stop), lines_hz)
    out = np.empty((stop - start, 2 * len(lines_hz)))
    out[:, 0::2] = np.cos(phase)
    out[:, 1::2] = np.sin(phase)
    return out


def _probe(field_pt: FloatArray, rate_hz: float) -> FloatArray:
    """Some channels of the stretch with the fewest gaps."""
    has_data = np.flatnonzero(np.isfinite(field_pt).any(axis=1))
    if len(has_data) > _PROBE_CHANNELS:
        has_data = has_data[np.linspace(0, len(has_data) - 1, _PROBE_CHANNELS).astype(int)]
    length = min(field_pt.shape[1], round(_PROBE_S * rate_hz))
    best, best_count = 0, -1
    for start in range(0, max(1, field_pt.shape[1] - length + 1), max(1, length)):
        count = int(np.isfinite(field_pt[has_data, start : start + length]).sum())
        if count > best_count:
            best, best_count = start, count
    return np.array(field_pt[has_data, best : best + length])


def _refine(probe: FloatArray, rate_hz: float, mains_hz: float, found: list[int]) -> float:
    """True frequency from how the phase of the lowest found line turns from node to node."""
    order = found[0]
    true_hz = mains_hz
    for spacing_s in (0.25, 0.5, 1.0):
        amplitudes, known = _amplitudes(
            probe, rate_hz, np.array([order * true_hz]), None, spacing_s
        )
        phasor = np.where(known, amplitudes[..., 0] - 1j * amplitudes[..., 1], 0.0)
        turn = (phasor[:, 1:] * phasor[:, :-1].conj()).sum()
        if turn != 0.0:
            step_s = round(spacing_s * rate_hz) / rate_hz
            true_hz += float(np.angle(turn)) / (2.0 * np.pi * step_s) / order
    return true_hz if abs(true_hz - mains_hz) < 1.0 else mains_hz


def _or_nan(size: FloatArray) -> FloatArray:
    return np.where(size > 0.0, size, np.nan)
