"""Tune a coil board: find resistance, inductance and gain of each coil, set its loop by them.

All chosen channels get the same square wave at once; its periods are averaged. Resistance comes from
voltage and current at rest, on both sides of zero, so that offsets drop out. Then each channel's loop
gain is set for the wanted crossover, and its lag so that the board knows what the current should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.devices.coil import CoilBoard, CoilTelemetry
from nullfield.errors import InputError, ProcedureError
from nullfield.instrument.progress import Progress, silent
from nullfield.room.coil_model import CoilFit, Margins, fit_step, gain_for, margins
from nullfield.room.waveforms import Shape
from nullfield_protocol.catalogue import BoardState

FloatArray = npt.NDArray[np.float64]

CROSSOVER_HZ = 0.3
STEP_A = 0.5e-3
REST_A = 1e-3
_PERIOD_ROWS = 100
_PERIODS = 20
_CHANNELS = 8
_ROUNDS = 4
"""Looks at each coil's voltage that are averaged."""


@dataclass(frozen=True)
class ChannelTuning:
    """What was found on one channel and set.

    Attributes
    ----------
    fit : CoilFit
    loop_gain_per_s : float
    margins : Margins
    response : (50,) array
        Averaged step, as a share of the command's; the first row is that of the command.
    noise_a : float
        Standard deviation of the readback's rows.
    """

    channel: int
    fit: CoilFit
    loop_gain_per_s: float
    margins: Margins
    response: FloatArray
    noise_a: float


def tune_coils(
    board: CoilBoard,
    channels: Sequence[int] | None = None,
    crossover_hz: float = CROSSOVER_HZ,
    is_saved: bool = True,
    progress: Progress = silent,
) -> list[ChannelTuning]:
    """Tune channels of a coil board; outputs must be off and are off afterwards.

    Parameters
    ----------
    board : CoilBoard
    channels : sequence of int, optional
        All eight by default; each needs its coil.
    crossover_hz : float
        0.05 to 0.5 Hz.
    is_saved : bool
        Settings also go to the board's flash.

    Raises
    ------
    InputError
        For a channel or crossover out of range.
    ProcedureError
        If outputs are on, or a channel does not answer as a coil does.
    BoardFaultError
        If the board trips: a coil that is open, shorted, or not there.
    """
    chosen = list(range(_CHANNELS)) if channels is None else sorted(set(channels))
    if not chosen or not all(0 <= c < _CHANNELS for c in chosen):
        raise InputError(f"coil channels are 0 to 7, not {chosen}")
    if not 0.05 <= crossover_hz <= 0.5:
        raise InputError(
            f"crossover of {crossover_hz:g} Hz is out of range",
            "0.05 to 0.5 Hz: above it the readback's noise gets into the field",
        )
    telemetry = board.wait_telemetry(lambda t: True, 2.0)
    if telemetry.board_state != BoardState.SAFE:
        raise ProcedureError(
            f"{board}: outputs are on or a fault is latched", "switch them off (safe_off) first"
        )
    before = {c: board.settings.get(f"loop_gain_{c}") for c in chosen}
    is_done = False
    try:
        for channel in chosen:
            # The loop would take part in what is to be measured.
            board.settings.set(f"loop_gain_{channel}", 0.0)
        board.stream_start()
        board.enable()
        progress("tune", 0.1, "square wave on all chosen channels")
        steps, noise = _steps(board, chosen)
        progress("tune", 0.6, "voltage and current at rest")
        resistance = _resistances(board, chosen)
        results = []
        for channel in chosen:
            results.append(
                _tuned(channel, steps[channel], resistance[channel], noise[channel], crossover_hz)
            )
        is_done = True
    finally:
        if board.link.lost_reason is None:
            board.safe_off()
            board.stream_stop()
            if not is_done:
                for channel, gain in before.items():
                    board.settings.set(f"loop_gain_{channel}", gain)
    for one in results:
        board.settings.set(f"loop_gain_{one.channel}", one.loop_gain_per_s)
        board.settings.set(f"coil_lag_{one.channel}", one.fit.lag_s)
    if is_saved:
        progress("tune", 0.95, "saving the settings")
        board.save_settings()
    progress("tune", 1.0, f"{len(results)} channels tuned")
    return results


def _steps(board: CoilBoard, channels: list[int]) -> tuple[dict[int, FloatArray], dict[int, float]]:
    """Averaged step of each channel in amperes, and the readback's noise."""
    quiet = board.current_a(board.wait_samples(300))
    for channel in channels:
        board.waveform(channel, Shape.SQUARE, STEP_A, 1e3 / _PERIOD_ROWS, cycles=_PERIODS + 2)
    board.wait_samples(5)
    start = board.samples.next_index
    assert start is not None
    board.waveform_start()
    board.wait_samples((_PERIODS + 2) * _PERIOD_ROWS + 20)
    window = board.samples.since(start - 1)
    begin = board.waveform_begin(window)
    if begin is None:
        raise ProcedureError(f"{board}: the square wave did not start")
    first = begin + _PERIOD_ROWS - window.index[0]
    count = _PERIODS * _PERIOD_ROWS
    if len(window.index) < first + count or np.any(np.diff(window.index) != 1):
        raise ProcedureError(f"{board}: rows are missing", "tune again; see the link's statistics")
    sensed = board.current_a(window)[:, first : first + count]
    folded = sensed.reshape(_CHANNELS, _PERIODS, _PERIOD_ROWS).mean(axis=1)
    half = _PERIOD_ROWS // 2
    # Up and down alike, so that an offset drops out; zero is where the step begins.
    wave = (folded[:, :half] - folded[:, half:]) / 2.0
    return (
        {c: wave[c] - wave[c][:2].mean() for c in channels},
        {c: float(quiet[c].std(ddof=1)) for c in channels},
    )


def _resistances(board: CoilBoard, channels: list[int]) -> dict[int, float]:
    """By voltage and current at rest, on both sides of zero."""
    ends: list[tuple[FloatArray, FloatArray]] = []
    for sign in (1.0, -1.0):
        for channel in channels:
            board.set_current_a(channel, sign * REST_A)
        # The ramp, the coil, and one whole look at all voltages.
        board.wait_samples(round(2 * REST_A / board.settings.get("ramp_rate") * 1e3) + 150)
        volts, current = [], []
        for _ in range(_ROUNDS):
            telemetry: CoilTelemetry = board.wait_telemetry(lambda t: True, 1.0)
            volts.append(telemetry.voltage_v)
            current.append(board.current_a(board.samples.window(90)).mean(axis=1))
        ends.append((np.mean(volts, axis=0), np.mean(current, axis=0)))
    (volts_up, amps_up), (volts_down, amps_down) = ends
    board.ramp_to_zero()
    board.wait_samples(80)
    with np.errstate(divide="ignore", invalid="ignore"):
        ohm = (volts_up - volts_down) / (amps_up - amps_down)
    return {c: float(ohm[c]) for c in channels}


def _tuned(
    channel: int, step: FloatArray, resistance_ohm: float, noise_a: float, crossover_hz: float
) -> ChannelTuning:
    try:
        fit = fit_step(step, 2.0 * STEP_A, resistance_ohm)
        gain = gain_for(fit, crossover_hz)
        found = margins(fit, gain)
    except ValueError as error:
        raise ProcedureError(
            f"channel {channel} does not answer as a coil does: {error}",
            "look at its coil, and at the board with 'nullfield bench-test coil'",
        ) from None
    return ChannelTuning(channel, fit, gain, found, step / (2.0 * STEP_A), noise_a)
