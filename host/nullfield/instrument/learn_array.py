"""Learn how the array sees what the references see, while the room's field drifts by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from nullfield.errors import ProcedureError
from nullfield.instrument.compensate import Compensation, CompensationPlan, array_modes
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.live_field import live_field
from nullfield.instrument.progress import Progress, silent
from nullfield.instrument.reference_loop import STREAMED_AXES
from nullfield.room.compensator import Compensator
from nullfield.room.learn_prediction import PRIOR_SHARE, LearntPrediction, learn_prediction

FloatArray = npt.NDArray[np.float64]

STRETCH_S = 0.5
LEAST_S = 10.0
MOST_S = 110.0
"""The boards' rows are kept for two minutes."""
_PRESENT_SHARE = 0.9


def check_learning(duration_s: float) -> None:
    """Refuse a time that is too short to learn in, or too long to wait for.

    Raises
    ------
    ProcedureError
    """
    if not LEAST_S <= duration_s <= MOST_S:
        raise ProcedureError(
            f"learning for {duration_s:g} s is out of range", f"give {LEAST_S:g} to {MOST_S:g} s"
        )


def learn_array(
    instrument: Instrument,
    plan: CompensationPlan,
    duration_s: float,
    progress: Progress = silent,
) -> LearntPrediction:
    """Watch array and references together, coils at rest.

    Parameters
    ----------
    instrument : Instrument
        Heads ready, streams on; best without a patient.
    plan : CompensationPlan
        Its matrix is not used.
    duration_s : float
        10 to 110 s.
    progress : Progress

    Raises
    ------
    ProcedureError
        If the time is out of range, or the rows do not fit together.
    """
    check_learning(duration_s)
    index: list[int] = []
    mode: list[FloatArray] = []

    def note(row: int, compensator: Compensator) -> None:
        index.append(row)
        mode.append(np.array(compensator.mode))

    with Compensation(instrument, plan, is_watching=True, on_step=note) as watching:
        watching.wait(duration_s, lambda step, share, words: progress(step, share, "learning"))
    heads = plan.prepared.array
    live = live_field(instrument, heads, duration_s + 2.0, "transverse")
    if live is None:
        raise ProcedureError("the array's rows do not fit together", "check its streams")
    start = round(live.start_time_s * live.sampling_rate_hz)
    field = np.where(live.usable, live.field_pt, np.nan)
    rows = np.array(index) - start
    inside = (rows >= 0) & (rows < field.shape[1])
    length = round(STRETCH_S * live.sampling_rate_hz)
    # The first half second holds the start of the estimate.
    chosen = np.flatnonzero(inside)[length:]
    count = len(chosen) // length
    chosen = chosen[: count * length]
    modes = np.array(mode)[chosen].reshape(count, length, -1).mean(axis=1)
    array_pt = field[:, rows[chosen]].reshape(len(field), count, length).mean(axis=2).T
    # A head that gave nothing keeps the rig's geometry, and takes nobody along.
    good = np.isfinite(array_pt).mean(axis=0) > _PRESENT_SHARE
    whole = np.isfinite(array_pt[:, good]).all(axis=1) & np.isfinite(modes).all(axis=1)
    geometry = array_modes(plan.prepared)[:, :STREAMED_AXES].reshape(len(field), -1)
    try:
        learnt = learn_prediction(modes[whole], array_pt[whole][:, good], geometry[good])
    except ValueError as error:
        raise ProcedureError(f"nothing was learnt: {error}", "see 'nullfield boards'") from error
    seen, uncertainty = np.array(geometry), np.full(geometry.shape, PRIOR_SHARE)
    seen[good], uncertainty[good] = learnt.array_modes, learnt.uncertainty
    return replace(learnt, array_modes=seen, uncertainty=uncertainty)
