"""Captions of the plots, and texts in their place for readers who do not see them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from nullfield.analysis.report.document import Frames, Picture, decimal, significant
from nullfield.analysis.report.quality_page import size_text
from nullfield.analysis.report.units import Units
from nullfield.analysis.result import Analysis, Landmark

_HALF = frozenset({"map_R", "map_T", "arrows_R", "arrows_T", "residual"})
_FROM_FRONT = "seen from in front of the patient"
_CAPTIONS = {
    "butterfly": "Averaged beat of all channels in use, over one another.",
    "series_QRS": f"Field normal to the chest through the QRS complex, {_FROM_FRONT}.",
    "series_STT": f"Field normal to the chest through ST segment and T wave, {_FROM_FRONT}.",
    "map_R": f"Field normal to the chest at the R peak, {_FROM_FRONT}.",
    "map_T": f"Field normal to the chest at the T peak, {_FROM_FRONT}.",
    "arrows_R": "Pseudo-current arrows at the R peak: they lie along a current below the sensors.",
    "arrows_T": "Pseudo-current arrows at the T peak: they lie along a current below the sensors.",
    "noise": "Noise spectra of the pauses between beats.",
    "residual": "Residual field of the room at the sensors.",
    "timelapse": f"The map through one averaged beat, {_FROM_FRONT}.",
}
_MOST_FRAMES = 60


def load_pictures(
    analysis: Analysis, plots: Mapping[str, Path], facts: Mapping[str, Any], units: Units
) -> dict[str, Picture]:
    """The plots that are there, by name, in the report's order."""
    texts = {
        "butterfly": _butterfly(analysis, units),
        "noise": _noise(analysis),
        "residual": ", ".join(
            f"{state} {size_text(float(value))}"
            for state, value in (facts.get("residual_pt") or {}).items()
        ),
    }
    for name in ("R", "T"):
        texts[f"map_{name}"] = _map(analysis.landmarks.get(name))
        texts[f"arrows_{name}"] = _arrows(analysis.landmarks.get(name))
    pictures = {}
    for name, caption in _CAPTIONS.items():
        if name in plots:
            told = texts.get(name, "")
            alt = f"{caption} {told[0].upper()}{told[1:]}." if told else caption
            pictures[name] = Picture(name, plots[name].read_bytes(), caption, alt, name in _HALF)
    return pictures


def frames_of(picture: Picture, labels: tuple[str, ...] = ()) -> Frames | None:
    """Single frames of a time lapse; None for one that does not move."""
    with Image.open(io.BytesIO(picture.data)) as image:
        whole = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
    if len(whole) < 2:
        return None
    step = -(-len(whole) // _MOST_FRAMES)
    known = labels if len(labels) == len(whole) else ()
    frames, shown = [], []
    for number, frame in enumerate(whole[::step]):
        file = io.BytesIO()
        # The frames came with a palette of at most 256 colours: another one loses nothing.
        frame.quantize(256, dither=Image.Dither.NONE).save(file, format="PNG", optimize=True)
        frames.append(file.getvalue())
        shown.append(known[number * step] if known else f"frame {number * step + 1}")
    # The beat begins with an empty map: R is what a reader wants to see first.
    start = next((i for i, label in enumerate(shown) if label.startswith("R,")), 0)
    return Frames(tuple(frames), tuple(shown), picture.caption, start)


def peaks_in_time(analysis: Analysis) -> dict[str, Landmark | None]:
    """Landmarks that have a map: peaks in the order of time, then what was not found of R and T.

    Where a wave begins and ends it has no field to speak of.
    """
    known = [one for one in analysis.landmarks.values() if one is not None and "_" not in one.name]
    out: dict[str, Landmark | None] = {
        one.name: one for one in sorted(known, key=lambda one: one.time_s)
    }
    for name in ("R", "T"):
        out.setdefault(name, None)
    return out


def signed_ms(time_s: float) -> str:
    """A moment of the averaged beat: ``+250 ms``."""
    value = decimal(1e3 * time_s, 0)
    return f"{value} ms" if value.startswith("−") or value == "0" else f"+{value} ms"


def _butterfly(analysis: Analysis, units: Units) -> str:
    average = analysis.average
    if average is None:
        return ""
    used = analysis.used & average.has_beats
    parts = [f"{int(used.sum())} channels"]
    for name, landmark in peaks_in_time(analysis).items():
        values = np.array([]) if landmark is None else landmark.field_pt
        values = values[np.isfinite(values)]
        if landmark is not None and len(values):
            low, high = significant(float(values.min())), significant(float(values.max()))
            parts.append(
                f"at {name} ({signed_ms(landmark.time_s)}) from {low} to {high} {units.signal}"
            )
    return ", ".join(parts)


def _noise(analysis: Analysis) -> str:
    summary = analysis.noise_summary_ft_rthz()
    if summary is None:
        return ""
    return f"median {summary[0]:.1f}, worst channel {summary[1]:.1f} fT/√Hz"


def _map(landmark: Landmark | None) -> str:
    if landmark is None or landmark.field_map is None:
        return ""
    bz = landmark.field_map.bz_pt
    low, high = significant(float(bz.min())), significant(float(bz.max()))
    text = f"at {signed_ms(landmark.time_s)} Bz runs from {low} to {high} pT"
    features = landmark.features
    if features is None:
        return text
    plus, minus = (
        ", ".join(decimal(1e3 * one, 0) for one in place)
        for place in (features.positive_pole_m, features.negative_pole_m)
    )
    return (
        f"{text}; positive pole at ({plus}) mm, negative pole at ({minus}) mm, "
        f"angle {decimal(features.angle_deg, 0)}°, distance "
        f"{decimal(features.pole_distance_mm, 0)} mm"
    )


def _arrows(landmark: Landmark | None) -> str:
    if landmark is None or landmark.features is None:
        return ""
    angle = decimal(landmark.features.arrow_angle_deg, 0)
    return f"at {signed_ms(landmark.time_s)} the longest arrow points to {angle}°"
