"""Step responses of tuned coils, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from nullfield.analysis.plots.write_figure import write_figure
from nullfield.instrument.tune_coil import ChannelTuning
from nullfield.room.coil_model import LATENCY_ROWS, ROW_S, step_response

_SHOWN_ROWS = 16


def draw_steps(results: Sequence[ChannelTuning], path: Path) -> None:
    """Measured steps as points and the fitted models as lines, one panel a channel."""
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    axes = figure.subplots(2, 4, sharex=True, sharey=True).reshape(-1)
    row = np.arange(_SHOWN_ROWS)
    time_s = np.linspace(0.0, (_SHOWN_ROWS - LATENCY_ROWS + 1) * ROW_S, 200)
    for panel, one in zip(axes, results, strict=False):
        fit = one.fit
        model = fit.gain * step_response(time_s, fit.resistance_ohm, fit.inductance_h)
        shift = LATENCY_ROWS - 1 + fit.delay_s / ROW_S
        panel.plot(time_s / ROW_S + shift, model, linewidth=1.0)
        panel.plot(row, one.response[:_SHOWN_ROWS], ".", markersize=5)
        panel.set_title(
            f"{one.channel}: {fit.resistance_ohm:.0f} Ω, {fit.inductance_h * 1e3:.0f} mH",
            fontsize="medium",
        )
        panel.grid(alpha=0.3)
    for panel in axes[len(results) :]:
        panel.set_visible(False)
    figure.supxlabel("time after the command (ms)")
    figure.supylabel("sensed current by command")
    write_figure(figure, path)
