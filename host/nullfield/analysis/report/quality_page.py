"""The first page: how good the data are, before anything is read out of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from nullfield.analysis.report.document import (
    Block,
    Column,
    Items,
    Missing,
    Picture,
    Section,
    Table,
    decimal,
    name_runs,
    printable,
    table,
)
from nullfield.analysis.result import Analysis

Row = tuple[str, str, str]
NOTES_SHOWN = 12
"""On the first page; all others stand at the report's end."""


def quality_section(
    analysis: Analysis, facts: Mapping[str, Any], pictures: Mapping[str, Picture]
) -> Section:
    """Noise, residual field, bad heads, beats, losses, mains and every step of cleaning."""
    blocks: list[Block] = [
        table(
            "At a glance",
            (Column("What", weight=1.3), Column("Value", weight=1.1), Column("Remark", weight=2.6)),
            glance(analysis, facts),
        ),
        _cleaning(analysis),
    ]
    notes = notes_of(facts)
    if notes:
        shown = notes[:NOTES_SHOWN]
        if len(notes) > len(shown):
            shown.append(f"… and {len(notes) - len(shown)} more, at the end of the report")
        blocks.append(Items(tuple(shown), "Notes on reading the file"))
    blocks += [pictures[name] for name in ("noise", "residual") if name in pictures]
    return Section("quality", "Quality", tuple(blocks))


def glance(analysis: Analysis, facts: Mapping[str, Any]) -> list[Row]:
    """Rows of the first table: what, value, remark."""
    return [
        _noise(analysis),
        *_residual(facts),
        *_beats(analysis),
        _snr(analysis),
        *_losses(facts),
        *_missing_samples(analysis),
        _bad_channels(analysis),
        *_dead_heads(analysis, facts),
        *_placeless(analysis),
        _mains(analysis),
        _references(analysis),
    ]


def notes_of(facts: Mapping[str, Any]) -> list[str]:
    """What was assumed or left out on reading, each note once."""
    return list(dict.fromkeys(printable(note) for note in facts.get("notes") or ()))


def size_text(field_pt: float) -> str:
    """A field in the unit that suits its size."""
    return f"{field_pt / 1e3:.2f} nT" if field_pt >= 1e3 else f"{field_pt:.0f} pT"


def _noise(analysis: Analysis) -> Row:
    low, high = analysis.settings.get("noise_band_hz", (float("nan"), float("nan")))
    name = f"Noise between beats, {low:g}–{high:g} Hz"
    noise = analysis.noise_summary_ft_rthz()
    if noise is None:
        return name, "unknown", analysis.quality.reason or "no channel in use has a known noise"
    of = "Bz channels" if (analysis.used & analysis.array.is_normal).any() else "channels in use"
    remark = f"median of the {of}; worst {noise[1]:.1f} fT/√Hz"
    return name, f"{noise[0]:.1f} fT/√Hz", remark


def _residual(facts: Mapping[str, Any]) -> list[Row]:
    states = facts.get("residual_pt") or {}
    if not states:
        return [("Residual field", "unknown", "the file does not tell it")]
    return [
        (f"Residual field, {printable(state)}", f"{size_text(float(value))} rms", "")
        for state, value in states.items()
    ]


def _beats(analysis: Analysis) -> list[Row]:
    beats = analysis.beats
    remarks = [] if beats.rate_bpm is None else [f"{beats.rate_bpm:.0f} per minute"]
    if beats.reason:
        remarks.append(beats.reason)
    average = analysis.average
    if average is not None:
        counts = average.beats_used[analysis.used & average.has_beats]
        if len(counts) and int(counts.min()) < beats.n_accepted:
            remarks.append(f"{int(counts.min())} at least in each channel, others fall into gaps")
    found = len(beats.samples) + len(beats.artefacts)
    rows = [("Beats used", f"{beats.n_accepted} of {found}", "; ".join(remarks))]
    if found:
        kinds = rejected_by_kind(analysis)
        text = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        rows.append(("Beats rejected", str(kinds.total()), text))
    return rows


def rejected_by_kind(analysis: Analysis) -> Counter[str]:
    """How many peaks were left out of the average, by kind."""
    beats = analysis.beats
    kinds = Counter(
        {
            "of another shape": len(beats.samples) - beats.n_accepted,
            "artefacts": len(beats.artefacts),
        }
    )
    return +kinds


def _snr(analysis: Analysis) -> Row:
    name = "Signal to noise of the averaged beat"
    average = analysis.average
    if average is None:
        return name, "unknown", analysis.reasons.get("average", "there is no averaged beat")
    if average.snr_db is None:
        return name, "unknown", "one beat has no scatter to tell the noise from"
    return name, f"{decimal(average.snr_db, 0)} dB", "at the R peak, RMS over the channels"


def _losses(facts: Mapping[str, Any]) -> list[Row]:
    losses = facts.get("losses")
    if losses is None:
        return []
    by_cause = ", ".join(f"{printable(cause)} {count}" for cause, count in losses.items() if count)
    return [("Samples lost", str(sum(int(n) for n in losses.values())), by_cause)]


def _missing_samples(analysis: Analysis) -> list[Row]:
    missing = analysis.quality.missing_share[analysis.array.is_chest]
    if not len(missing):
        return []
    remark = f"mean of the chest channels; worst {100.0 * float(missing.max()):.2f} %"
    return [("Samples missing or unusable", f"{100.0 * float(missing.mean()):.2f} %", remark)]


def _bad_channels(analysis: Analysis) -> Row:
    bad = np.flatnonzero(analysis.quality.bad_channels)
    heads = np.array(analysis.array.head_names, dtype=object)
    good = set(heads[~analysis.quality.bad_channels])
    whole = [head for head in dict.fromkeys(heads[bad]) if head not in good]
    single = [analysis.array.names[i] for i in bad if heads[i] in good]
    parts = []
    if whole:
        parts.append(f"all of {name_runs(whole)}")
    if single:
        parts.append(name_runs(single))
    return "Channels left out", f"{len(bad)} of {analysis.array.n_channels}", "; ".join(parts)


def _dead_heads(analysis: Analysis, facts: Mapping[str, Any]) -> list[Row]:
    """Heads without one good channel, and those that never started, by reason."""
    reasons: dict[str, str] = dict.fromkeys(analysis.quality.dead_heads, "")
    for entry in facts.get("dead_heads") or ():
        # "H3 (no light)": the head's name comes first, and a head is counted once.
        name, _, why = str(entry).partition(" (")
        reasons[name] = why.removesuffix(")") or reasons.get(name, "")
    groups: dict[str, list[str]] = {}
    for name, why in reasons.items():
        groups.setdefault(why, []).append(name)
    text = "; ".join(
        f"{printable(why)}: {name_runs(names)}" if why else name_runs(names)
        for why, names in groups.items()
    )
    heads = len({*analysis.array.head_names, *reasons})
    return [("Dead heads", f"{len(reasons)} of {heads}", text)]


def _placeless(analysis: Analysis) -> list[Row]:
    without = np.flatnonzero(~analysis.array.has_place)
    if not len(without):
        return []
    names = name_runs(analysis.array.names[i] for i in without)
    remark = f"left out of maps and sources: {names}"
    return [("Channels without a place", f"{len(without)} of {analysis.array.n_channels}", remark)]


def _mains(analysis: Analysis) -> Row:
    if analysis.mains_hz is None:
        return "Mains", "not found", analysis.reasons.get("mains", "nothing was notched")
    return "Mains", f"{analysis.mains_hz:g} Hz", "found and notched, with its harmonics"


def _references(analysis: Analysis) -> Row:
    reduction = analysis.reference_reduction_db
    why = analysis.reasons.get("reference", "")
    if reduction is None:
        return "Reference heads", "not used", why
    return "Reference heads", f"{decimal(reduction)} dB less noise", why


def _cleaning(analysis: Analysis) -> Table | Missing:
    steps = analysis.cleaning
    if not steps:
        return Missing("Cleaning by step", "this analysis keeps no record of single steps")
    rows = []
    for step in steps:
        kept = step.heart_kept_share
        remark = [printable(step.reason)] if step.reason else []
        parameters = "; ".join(
            f"{printable(name).replace('_', ' ')} {_parameter(value)}"
            for name, value in step.parameters.items()
            if not _is_empty(value)
        )
        rows.append(
            (
                step.name,
                "applied" if step.is_applied else "not applied",
                decimal(step.removed_db),
                None if kept is None else decimal(100.0 * float(kept)),
                "; ".join([*remark, *([parameters] if parameters else [])]),
            )
        )
    return table(
        "Cleaning, step by step (dB: reduction of the RMS of 1–40 Hz between beats)",
        (
            Column("Step", weight=1.3),
            Column("State", weight=0.8),
            Column("Removed (dB)", True, 0.8),
            Column("Heart kept (%)", True, 0.8),
            Column("Why, and how", weight=3.0),
        ),
        rows,
    )


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | Mapping | list | tuple) and not value)


def _parameter(value: Any) -> str:
    if isinstance(value, Mapping):
        # What is the same for many channels is told once.
        groups: dict[str, list[str]] = {}
        for name, one in value.items():
            groups.setdefault(_parameter(one), []).append(str(name))
        return "; ".join(f"{name_runs(names)}: {text}" for text, names in groups.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        if all(isinstance(one, str) for one in value):
            return name_runs(value)
        shown = ", ".join(_parameter(one) for one in value[:8])
        return shown if len(value) <= 8 else f"{shown}, … ({len(value)})"
    return printable(value)
