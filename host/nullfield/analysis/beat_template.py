"""The usual beat as a template of all channels, and how well it lies at each sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal

from nullfield.dsp.gaps import FloatArray, IntArray

HALF_S = 0.10
SEARCH_S = 0.05
_ALIKE = 0.8
_MOST_COMPARED = 600
_NEARLY_AS_MANY = 0.7
_ROUNDS = 3


@dataclass(frozen=True)
class Match:
    """How the template lies when its R peak is put on each sample.

    Attributes
    ----------
    template : numpy.ndarray, shape ``(n_channels, 2 * half + 1)``
        Its R peak, the largest RMS over the channels, is in the middle.
    correlation, gain : numpy.ndarray, shape ``(n_samples,)``
        Over all channels; the gain is 1 for a beat as large as the template.
    """

    template: FloatArray
    correlation: FloatArray
    gain: FloatArray


def match_usual_beat(
    shape: FloatArray, candidates: IntArray, sharpness: FloatArray, rate_hz: float
) -> Match | None:
    """Find the shape that most candidates share and lay it over the whole recording.

    Of two shapes that are about as frequent (bigeminy) the sharper one is the usual beat: it came
    through the heart's own fast paths.

    Parameters
    ----------
    shape : numpy.ndarray, shape ``(n_channels, n_samples)``
        Filtered field, channels brought to one scale; 0 in gaps.
    candidates : numpy.ndarray of int, shape ``(n_candidates,)``
    sharpness : numpy.ndarray, shape ``(n_candidates,)``
    rate_hz : float

    Returns
    -------
    Match or None
        None where nothing is there.
    """
    half, search = round(HALF_S * rate_hz), round(SEARCH_S * rate_hz)
    power = (shape**2).sum(axis=0)
    step = max(1, -(-len(candidates) // _MOST_COMPARED))
    sharpness = sharpness[::step]
    centres = np.array([top(power, int(c), search) for c in candidates[::step]], dtype=np.int64)
    pieces = cut(shape, centres, half)
    members = _largest_class(pieces, sharpness)
    template = np.median(pieces[members], axis=0)
    centres = centres[members]
    found: Match | None = None
    for _ in range(_ROUNDS):
        # The R peak into the middle, so that marks are R peaks.
        offset = top((template**2).sum(axis=0), half, search) - half
        if offset:
            template = np.median(cut(shape, centres + offset, half), axis=0)
        found = _lay(shape, power, template)
        if found is None:
            return None
        centres = np.array([top(found.correlation, int(c), search) for c in centres])
        template = np.median(cut(shape, centres, half), axis=0)
    return found


def _largest_class(pieces: FloatArray, sharpness: FloatArray) -> IntArray:
    flat = pieces.reshape(len(pieces), -1)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
    alike = flat @ flat.T > _ALIKE
    np.fill_diagonal(alike, True)  # of nothing, too
    first = _most_alike(alike, np.ones(len(alike), dtype=bool))
    others = ~alike[first]
    if not others.any():
        return np.flatnonzero(alike[first])
    second = _most_alike(alike, others)
    rival = alike[second] & others
    if rival.sum() > _NEARLY_AS_MANY * alike[first].sum() and float(
        np.median(sharpness[rival])
    ) > float(np.median(sharpness[alike[first]])):
        return np.flatnonzero(rival)
    return np.flatnonzero(alike[first])


def _most_alike(alike: np.ndarray, allowed: np.ndarray) -> int:
    count = (alike & allowed[None, :]).sum(axis=1)
    return int(np.argmax(np.where(allowed, count, -1)))


def _lay(shape: FloatArray, power: FloatArray, template: FloatArray) -> Match | None:
    norm = float((template**2).sum())
    if norm <= 0.0:
        return None
    width = template.shape[1]
    product = np.zeros(shape.shape[1])
    for row, piece in zip(shape, template, strict=True):
        product += signal.oaconvolve(row, piece[::-1], mode="same")
    # Beyond the edges there is nothing: neither product nor power.
    local = width * ndimage.uniform_filter1d(power, width, mode="constant")
    # What is next to nothing beside the template would correlate by its rounding.
    least = 1e-6 * norm
    correlation = product / np.sqrt(np.maximum(local, least) * norm)
    return Match(template, correlation, product / norm)


def cut(shape: FloatArray, centres: IntArray, half: int) -> FloatArray:
    """Pieces around samples, 0 beyond the edges, shape ``(n_pieces, n_channels, 2 * half + 1)``."""
    reach = half + int(max(0, -centres.min(), centres.max() - shape.shape[1] + 1))
    padded = np.pad(shape, ((0, 0), (reach, reach)))
    where = centres[:, None] + reach + np.arange(-half, half + 1)
    return np.asarray(padded[:, where].transpose(1, 0, 2))


def top(values: FloatArray, centre: int, reach: int) -> int:
    """Sample of the largest value within `reach` of a sample."""
    low = max(0, centre - reach)
    return low + int(np.argmax(values[low : centre + reach + 1]))
