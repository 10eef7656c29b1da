"""What makes a comparison of two recordings doubtful."""

from __future__ import annotations

import numpy as np

from nullfield.analysis.data import SensorArray
from nullfield.analysis.report.compare_maps import same_grid
from nullfield.analysis.report.settings_page import flat
from nullfield.analysis.result import Analysis

_NEAR_M = 0.002


def comparison_warnings(
    first: Analysis,
    second: Analysis,
    labels: tuple[str, str],
) -> list[str]:
    """Differences of arrays, grids, rates, settings and cleaning, as sentences."""
    out = _array_warnings(first.array, second.array, labels)
    for name in ("R", "T"):
        marks = [one.landmarks.get(name) for one in (first, second)]
        grids = [None if mark is None else mark.field_map for mark in marks]
        if grids[0] is not None and grids[1] is not None and not same_grid(grids[0], grids[1]):
            out.append("the maps have different grids: both were drawn anew where they overlap")
            break
    rates_hz = first.sampling_rate_hz, second.sampling_rate_hz
    if not np.isclose(*rates_hz):
        out.append(f"different sampling rates: {rates_hz[0]:g} and {rates_hz[1]:g} Hz")
    settings = [dict(flat(one.settings)) for one in (first, second)]
    for key in dict.fromkeys([*settings[0], *settings[1]]):
        left, right = (one.get(key, "not told") for one in settings)
        if left != right:
            out.append(f"different settings: {key} is {left} and {right}")
    if first.mains_hz != second.mains_hz:
        out.append("mains was notched in one recording only, or at another frequency")
    steps = [{step.name for step in one.cleaning if step.is_applied} for one in (first, second)]
    for label, names in zip(labels, (steps[0] - steps[1], steps[1] - steps[0]), strict=True):
        if names:
            out.append(f"cleaned in {label} only: {', '.join(sorted(names))}")
    for label, one in zip(labels, (first, second), strict=True):
        if one.average is None:
            out.append(f"{label} has no averaged beat: {one.reasons.get('average', '')}")
    return out


def _array_warnings(a: SensorArray, b: SensorArray, labels: tuple[str, str]) -> list[str]:
    known = set(b.names)
    common = [name for name in a.names if name in known]
    out = []
    if len(common) < max(a.n_channels, b.n_channels):
        out.append(
            f"different arrays: {a.n_channels} channels in {labels[0]}, {b.n_channels} in "
            f"{labels[1]}, {len(common)} of the same name"
        )
    places = [{name: one.positions_m[i] for i, name in enumerate(one.names)} for one in (a, b)]
    apart = [float(np.linalg.norm(places[0][name] - places[1][name])) for name in common]
    apart = [one for one in apart if np.isfinite(one)]
    if apart and max(apart) > _NEAR_M:
        out.append(
            f"channels of one name stand up to {1e3 * max(apart):.0f} mm apart: sizes of the "
            "averaged beat are not of the same places, maps are"
        )
    return out
