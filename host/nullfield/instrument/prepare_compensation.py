"""What the compensation has to know first: the coils' effect, the path's delay, the latency.

All coils get small pseudo-random currents at once, by the very messages and rows that the
compensation will use, so delay and response are those of the loop itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.errors import ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.latency import LatencyBudget, latency_budget
from nullfield.instrument.live_field import live_field
from nullfield.instrument.progress import Progress, silent
from nullfield.instrument.reference_loop import STREAMED_AXES, ReferenceLoop
from nullfield.rig import HeadEntry
from nullfield.room.path_fit import PathFit, fit_path, probe_offsets

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PROBE_S = 12.0
PROBE_MA = 0.03
"""Some 0.3 nT a coil: far above noise, small against the heads' line width."""
CHIP_STEPS = 4
_SETTLE_S = 0.2
_LEAST_PT_PER_MA = 60.0
_PRESENT_SHARE = 0.9


@dataclass(frozen=True)
class PreparedCompensation:
    """What was measured.

    Attributes
    ----------
    references, array : tuple of HeadEntry
    coils : tuple of str
    reference_response_pt_per_ma : numpy.ndarray, shape ``(n_references * 2, n_coils)``
        Transverse channels, head by head.
    array_response_pt_per_ma : numpy.ndarray, shape ``(n_array, 3, n_coils)``
        Beam rows from the null; NaN where there was none.
    path : numpy.ndarray, shape ``(n_taps,)``
        From a command to the references, over all of their channels.
    reference_path : numpy.ndarray, shape ``(n_references * 2, n_taps)``
        Of each channel.
    array_path : numpy.ndarray, shape ``(n_array * 2, n_taps)``
        The same as the array's transverse channels show it.
    budget : LatencyBudget
    dt_s : float
    """

    references: tuple[HeadEntry, ...]
    array: tuple[HeadEntry, ...]
    coils: tuple[str, ...]
    reference_response_pt_per_ma: FloatArray
    array_response_pt_per_ma: FloatArray
    path: FloatArray
    reference_path: FloatArray
    array_path: FloatArray
    budget: LatencyBudget
    dt_s: float


def prepare_compensation(
    instrument: Instrument,
    beam_response_pt_per_ma: dict[str, FloatArray] | None = None,
    progress: Progress = silent,
    probe_s: float = PROBE_S,
) -> PreparedCompensation:
    """Measure response and path.

    Parameters
    ----------
    instrument : Instrument
        Heads ready, streams on, room nulled, coil boards on.
    beam_response_pt_per_ma : dict of str to numpy.ndarray, optional
        Effect of the coils along the beam of each array head, shape ``(n_coils,)``, from the null;
        the stream does not tell it.
    progress : Progress
    probe_s : float

    Raises
    ------
    ProcedureError
        If too few heads are ready, or a coil shows no effect at the references.
    """
    ready = instrument.ready_heads()
    references = tuple(h for h in ready if h.kind == "reference")
    array = tuple(h for h in ready if h.kind == "array")
    if not array:
        raise ProcedureError("no head over the chest is ready", "run 'nullfield start'")
    coils = instrument.rig.coils
    dt_s = 1.0 / instrument.sensors[array[0].board].sampling_rate_hz
    n_steps = round(probe_s / dt_s)
    # A start and an end at rest, so that nothing is cut off.
    offsets = probe_offsets(n_steps, len(coils), PROBE_MA, CHIP_STEPS)
    offsets[-round(_SETTLE_S / dt_s) :] = 0.0
    seen: list[FloatArray] = []
    first: list[int] = []

    def on_row(index: int, reading_pt: FloatArray, valid: BoolArray) -> FloatArray:
        if not first:
            first.append(index)
        seen.append(np.where(valid, reading_pt, np.nan))
        return np.asarray(offsets[min(len(seen), n_steps) - 1])

    def on_gap(rows: int) -> None:
        seen.extend([np.full(STREAMED_AXES * len(references), np.nan)] * rows)

    progress("compensate", 0.0, "effect of the coils and delay of the path")
    with ReferenceLoop(instrument, references, on_row, on_gap) as loop:
        instrument.wait_until(
            lambda: len(seen) >= n_steps or loop.error is not None,
            4.0 * probe_s,
            "probing the coils",
        )
        loop.check()
        instrument.wait_s(0.1)
        budget = latency_budget(instrument, loop)
    live = live_field(instrument, array, probe_s + 1.0, "transverse")
    if live is None:
        raise ProcedureError("the array's rows do not fit together", "check its streams")
    fit = _fit(offsets, np.array(seen[:n_steps]), dt_s, "references")
    unseen = ~np.isfinite(fit.residual_pt)
    if unseen.any():
        head = references[int(np.flatnonzero(unseen)[0]) // STREAMED_AXES]
        raise ProcedureError(
            f"reference head {head.name} gave too few valid rows while the coils were probed",
            "see its flags with 'nullfield boards', and start it again",
        )
    start = round(live.start_time_s / dt_s)
    begin = first[0] - start
    rows = np.where(live.usable, live.field_pt, np.nan)[:, begin : begin + n_steps]
    over = _fit(offsets[: rows.shape[1]], rows.T, dt_s, "array")
    strength = np.linalg.norm(fit.response_pt_per_ma, axis=0)
    if strength.min() < _LEAST_PT_PER_MA:
        weakest = coils[int(strength.argmin())]
        raise ProcedureError(
            f"coil {weakest.name} changes the field at the references by"
            f" {strength.min():.0f} pT/mA only",
            "check its wiring and the rig's channel",
        )
    response = np.full((len(array), 3, len(coils)), np.nan)
    response[:, :STREAMED_AXES] = over.response_pt_per_ma.reshape(len(array), STREAMED_AXES, -1)
    for number, head in enumerate(array):
        if beam_response_pt_per_ma and head.name in beam_response_pt_per_ma:
            response[number, 2] = beam_response_pt_per_ma[head.name]
    progress(
        "compensate", 0.2, f"delay {budget.with_path(fit.mean_path, dt_s).total_s * 1e3:.1f} ms"
    )
    return PreparedCompensation(
        references,
        array,
        tuple(c.name for c in coils),
        fit.response_pt_per_ma,
        response,
        fit.mean_path,
        fit.path,
        over.path,
        budget.with_path(fit.mean_path, dt_s),
        dt_s,
    )


def _fit(offsets_ma: FloatArray, reading_pt: FloatArray, dt_s: float, what: str) -> PathFit:
    """Fit the channels that gave rows; NaN for the others, which must not take them along."""
    good = np.isfinite(reading_pt).mean(axis=0) > _PRESENT_SHARE
    try:
        fit = fit_path(offsets_ma, reading_pt[:, good], dt_s)
    except ValueError as error:
        raise ProcedureError(
            f"the coils' effect at the {what} could not be measured: {error}",
            "see 'nullfield boards' for heads that are saturated or lost",
        ) from error
    if good.all():
        return fit
    wide = [
        np.full((len(good), *part.shape[1:]), np.nan)
        for part in (
            fit.response_pt_per_ma,
            fit.uncertainty_pt_per_ma,
            fit.path,
            fit.residual_pt,
        )
    ]
    wide[0][good], wide[1][good] = fit.response_pt_per_ma, fit.uncertainty_pt_per_ma
    wide[2][good], wide[3][good] = fit.path, fit.residual_pt
    return PathFit(*wide)
