"""Mains and harmonics."""

from __future__ import annotations

import numpy as np

from nullfield.analysis.cleaning.settings import CleaningSettings
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import Work
from nullfield.dsp.filters import detect_mains_hz
from nullfield.dsp.lines import find_lines, subtract_lines

_DETECTION_S = 60.0
_DETECTION_CHANNELS = 24


def remove_mains(work: Work, settings: CleaningSettings) -> tuple[CleaningStep, float | None]:
    """Find the lines and subtract them, in place.

    Returns
    -------
    CleaningStep
        `parameters`: ``lines_hz``, ``amplitudes_pt`` (largest channel, before) and
        ``line_removed_db`` (amplitude before over what is left), one a line.
    float or None
        The nominal frequency, None where there are no mains.
    """
    has_data = np.flatnonzero(~work.bad)
    probed = has_data[:: max(1, -(-len(has_data) // _DETECTION_CHANNELS))]
    some = work.field_pt[probed, : round(_DETECTION_S * work.rate_hz)]
    nominal_hz = settings.mains_hz or detect_mains_hz(some, work.rate_hz)
    if nominal_hz is None:
        return CleaningStep("mains", False, "no mains line stands out of the noise"), None
    lines = find_lines(work.field_pt, work.rate_hz, nominal_hz, most=settings.mains_harmonics)
    if not lines:
        reason = f"no line at {nominal_hz:g} Hz or its multiples stands out of the noise"
        return CleaningStep("mains", False, reason), nominal_hz
    lines_hz = np.array([line.frequency_hz for line in lines])
    subtract_lines(work.field_pt, work.rate_hz, lines_hz, quiet=work.quiet)
    left = {
        round(line.frequency_hz / nominal_hz): line.amplitude_pt
        for line in find_lines(
            work.field_pt, work.rate_hz, nominal_hz, most=settings.mains_harmonics
        )
    }
    gains = [
        _gain_db(line.amplitude_pt, left.get(round(line.frequency_hz / nominal_hz)))
        for line in lines
    ]
    told = ", ".join(
        f"{line.frequency_hz:.2f} Hz {line.amplitude_pt:.2g} pT"
        + (" to below the noise" if gain is None else f" by {gain:.0f} dB")
        for line, gain in zip(lines, gains, strict=True)
    )
    step = CleaningStep(
        "mains",
        True,
        told,
        parameters={
            "lines_hz": [round(float(f), 3) for f in lines_hz],
            "amplitudes_pt": [line.amplitude_pt for line in lines],
            "line_removed_db": gains,
        },
    )
    return step, nominal_hz


def _gain_db(before_pt: float, after_pt: float | None) -> float | None:
    if after_pt is None or after_pt <= 0.0:
        return None
    return float(20.0 * np.log10(before_pt / after_pt))
