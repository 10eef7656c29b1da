"""What sections of a recording gave, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nullfield.analysis.average import AveragedBeat, snr_db
from nullfield.analysis.beats import Beats
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.groups import BeatGroups
from nullfield.analysis.quality import Quality
from nullfield.analysis.section_chain import SectionResult
from nullfield.dsp.gaps import BoolArray, FloatArray


def merge_beats(parts: Sequence[Beats], rate_hz: float) -> Beats:
    """Beats of all sections in one row; the rate is that of the median interval of all."""
    if len(parts) == 1:
        return parts[0]
    found = [one for one in parts if len(one.samples)]
    if not found:
        return parts[0]
    joined = found[0]
    for one in found[1:]:
        joined = joined.joined(one)
    # A beat at the edge may have been marked by both sides, a few samples apart.
    twice = np.zeros(len(joined.samples), dtype=bool)
    twice[1:] = np.diff(joined.samples) < 0.2 * rate_hz
    joined = joined.subset(~twice)
    rate_bpm = (
        float(60.0 * rate_hz / np.median(np.diff(joined.samples)))
        if len(joined.samples) > 1
        else None
    )
    return replace(joined, rate_bpm=rate_bpm, reason="")


def merge_averages(parts: Sequence[AveragedBeat], is_chest: BoolArray) -> AveragedBeat | None:
    """Mean over sections, weighted channel by channel with the beats that each used."""
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    beats = np.stack([one.beats_used for one in parts]).astype(np.float64)
    total = beats.sum(axis=0)
    share = np.divide(beats, total, out=np.zeros_like(beats), where=total > 0)
    nothing = total == 0
    field_pt = _weighted(parts, share, "field_pt", nothing)
    # Sections are independent, so the errors of their means add in squares.
    error_pt = np.sqrt(_weighted_squares(parts, share, "standard_error_pt", nothing))
    noise_pt = np.sqrt(
        sum(
            np.nan_to_num(part.noise_pt * weight) ** 2
            for part, weight in zip(parts, share, strict=True)
        )
    )
    noise_pt[nothing] = np.nan
    merged = replace(
        parts[0],
        field_pt=field_pt,
        standard_error_pt=error_pt,
        noise_pt=noise_pt,
        beats_used=beats.sum(axis=0).astype(np.int64),
        weights=_joined(parts),
        effective_beats=None,
    )
    if merged.weights is not None:
        squares = np.maximum((merged.weights**2).sum(axis=1), 1e-300)
        merged = replace(merged, effective_beats=merged.beats_used**2 / squares)
    return replace(merged, snr_db=snr_db(merged, is_chest))


def _joined(parts: Sequence[AveragedBeat]) -> FloatArray | None:
    """Weights of all beats: a section counts with its beats, so that theirs stay as they are."""
    weights = [one.weights for one in parts if one.weights is not None]
    return np.concatenate(weights, axis=1) if len(weights) == len(parts) else None


def _weighted(
    parts: Sequence[AveragedBeat], share: FloatArray, name: str, nothing: FloatArray
) -> FloatArray:
    out: FloatArray = np.zeros_like(getattr(parts[0], name))
    for part, weight in zip(parts, share, strict=True):
        out += np.where(weight[:, None] > 0, getattr(part, name), 0.0) * weight[:, None]
    out[nothing] = np.nan
    return out


def _weighted_squares(
    parts: Sequence[AveragedBeat], share: FloatArray, name: str, nothing: FloatArray
) -> FloatArray:
    out: FloatArray = np.zeros_like(getattr(parts[0], name))
    for part, weight in zip(parts, share, strict=True):
        out += np.where(weight[:, None] > 0, getattr(part, name), 0.0) ** 2 * weight[:, None] ** 2
    out[nothing] = np.nan
    return out


def merge_groups(parts: Sequence[BeatGroups]) -> BeatGroups | None:
    """Groups of all sections, in the order of time."""
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    return BeatGroups(
        np.concatenate([one.field_pt for one in parts]),
        np.concatenate([one.beats for one in parts]),
    )


def merge_quality(parts: Sequence[Quality], lengths: Sequence[int]) -> Quality:
    """Noise as RMS over the sections; a channel is bad if it is so in more than half of the time."""
    if len(parts) == 1:
        return parts[0]
    weight = np.asarray(lengths, dtype=np.float64) / sum(lengths)
    noise = _rms_over([one.noise_ft_rthz for one in parts], weight)
    bad = np.einsum("s,sn->n", weight, np.stack([one.bad_channels for one in parts])) > 0.5
    dead = tuple(name for name in parts[0].dead_heads if all(name in p.dead_heads for p in parts))
    reasons = [one.reason for one in parts if one.reason]
    axis, spectrum = _spectrum(parts, weight)
    return replace(
        parts[0],
        noise_ft_rthz=noise,
        noise_raw_ft_rthz=_rms_over([one.noise_raw_ft_rthz for one in parts], weight),
        missing_share=np.einsum("s,sn->n", weight, np.stack([p.missing_share for p in parts])),
        bad_channels=bad,
        dead_heads=dead,
        quiet=np.concatenate([one.quiet for one in parts]),
        reason=reasons[0] if len(reasons) == len(parts) else "",
        spectrum_hz=axis,
        spectrum_ft_rthz=spectrum,
    )


def _spectrum(parts: Sequence[Quality], weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Power over the sections, on the coarsest of their frequency axes: windows may differ."""
    known = [(p, w) for p, w in zip(parts, weight, strict=True) if len(p.spectrum_hz)]
    if not known:
        return parts[0].spectrum_hz, parts[0].spectrum_ft_rthz
    axis = min((p.spectrum_hz for p, _ in known), key=len)
    shape = (len(parts[0].noise_ft_rthz), len(axis))
    power, total = np.zeros(shape), np.zeros((shape[0], 1))
    for part, share in known:
        rows = np.stack([np.interp(axis, part.spectrum_hz, row) for row in part.spectrum_ft_rthz])
        # A channel may have too few pauses in one section.
        told = np.isfinite(rows).all(axis=1, keepdims=True)
        power += np.where(told, share * rows**2, 0.0)
        total += share * told
    mean = np.divide(power, total, out=np.full(shape, np.nan), where=total > 0)
    return axis, np.asarray(np.sqrt(mean))


def merge_cleaning(
    parts: Sequence[SectionResult], lengths: Sequence[int]
) -> tuple[CleaningStep, ...]:
    """One entry a step: applied if it was so in any section, figures averaged over the time."""
    if len(parts) == 1:
        return parts[0].cleaning
    names = list(dict.fromkeys(step.name for part in parts for step in part.cleaning))
    merged = []
    for name in names:
        found = [
            (step, length)
            for part, length in zip(parts, lengths, strict=True)
            for step in part.cleaning
            if step.name == name
        ]
        applied = [(step, length) for step, length in found if step.is_applied]
        base = (applied or found)[0][0]
        note = base.reason
        if applied and len(applied) < len(parts):
            note = f"in {len(applied)} of {len(parts)} sections; {note}".rstrip("; ")
        removed = [(s.removed_db, n) for s, n in applied if s.removed_db is not None]
        kept = [s.heart_kept_share for s, _ in applied if s.heart_kept_share is not None]
        merged.append(
            replace(
                base,
                reason=note,
                removed_db=sum(db * n for db, n in removed) / sum(n for _, n in removed)
                if removed
                else None,
                heart_kept_share=min(kept) if kept else None,
            )
        )
    return tuple(merged)


def _rms_over(values: list[FloatArray], weight: FloatArray) -> FloatArray:
    stack = np.stack(values) ** 2
    known = np.isfinite(stack)
    total = np.einsum("s,sn->n", weight, known)
    mean = np.einsum("s,sn->n", weight, np.where(known, stack, 0.0))
    return np.asarray(
        np.sqrt(np.divide(mean, total, out=np.full_like(mean, np.nan), where=total > 0))
    )
