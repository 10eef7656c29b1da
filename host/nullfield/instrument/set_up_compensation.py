"""From a nulled room to a compensation that can run: probe, learn, plan; and how it went."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.errors import ProcedureError
from nullfield.instrument.compensate import (
    BANDWIDTH_HZ,
    Compensation,
    CompensationPlan,
    plan_compensation,
)
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.learn_array import learn_array
from nullfield.instrument.live_field import live_field
from nullfield.instrument.null_result import NullResult
from nullfield.instrument.prepare_compensation import prepare_compensation
from nullfield.instrument.progress import Progress, silent
from nullfield.rig import Rig

FloatArray = npt.NDArray[np.float64]

_LOOK_BACK_S = 100.0
_STRETCH_S = 0.5


def set_up_compensation(
    instrument: Instrument,
    nulled: NullResult,
    bandwidth_hz: float = BANDWIDTH_HZ,
    learn_s: float = 0.0,
    progress: Progress = silent,
) -> CompensationPlan:
    """Measure, learn if wanted, and plan.

    Parameters
    ----------
    instrument : Instrument
        Heads ready, streams on, room nulled.
    nulled : NullResult
        Tells the coils' effect along the beams.
    bandwidth_hz : float
        Where the uniform field is shielded by 30 dB.
    learn_s : float
        How long to learn how the array sees the references' field; 0: the rig's geometry as it is.
    progress : Progress

    Raises
    ------
    ProcedureError
        If there are no references, they see too little, or the path is too slow.
    """
    need_references(instrument.rig)
    beam = {
        name: nulled.coil_response_pt_per_ma[number, 2] for number, name in enumerate(nulled.heads)
    }
    prepared = prepare_compensation(instrument, beam, progress)
    plan = plan_compensation(prepared, bandwidth_hz)
    if learn_s <= 0.0:
        return plan
    learnt = learn_array(instrument, plan, learn_s, progress)
    return plan_compensation(prepared, bandwidth_hz, learnt)


def need_references(rig: Rig) -> None:
    """Refuse a rig that cannot be compensated, before minutes go into starting it.

    Raises
    ------
    ProcedureError
        If it has no reference heads or no coils.
    """
    if not any(h.kind == "reference" for h in rig.heads):
        raise ProcedureError(
            f"rig {rig.name} has no reference heads",
            'compensation needs heads of kind = "reference", 1 m and more from the heart',
        )
    if not rig.coils:
        raise ProcedureError(f"rig {rig.name} has no coils", "list its coils in the rig file")


def compensation_json(compensation: Compensation) -> dict[str, Any]:
    """How a run went, as the references and the array tell it."""
    plan, count = compensation.plan, compensation.count
    budget = plan.prepared.budget
    frequency = np.geomspace(1.0, 50.0, 200)
    at = np.array([0.1, 1.0]) * plan.uniform_filter.bandwidth_hz
    slow_db, fast_db = plan.uniform_filter.shielding_db(at)
    return {
        "references": [h.name for h in plan.prepared.references],
        "dropped": compensation.dropped(),
        "drops": compensation.compensator.drops,
        "bandwidth_hz": plan.uniform_filter.bandwidth_hz,
        "design": {
            "shielding_slow_db": float(slow_db),
            "shielding_at_bandwidth_db": float(fast_db),
            "largest_gain_db": float(-plan.uniform_filter.shielding_db(frequency).min()),
            "noise_factor": plan.uniform_filter.noise_factor(),
        },
        "latency_ms": {
            **{name: 1e3 * value for name, value in budget.stages()},
            "worst link": 1e3 * budget.row_to_command_worst_s,
            "total": 1e3 * budget.total_s,
        },
        "host_work_us": 1e6 * count.work_s / max(compensation.loop.count.steps, 1),
        "steps": compensation.loop.count.steps,
        "lost_rows": compensation.loop.count.lost_rows,
        "steps_by_state": dict(count.steps_by_state),
        "limited_steps": count.limited_steps,
        "room_change_rms_pt": room_change_rms_pt(compensation),
        "array_change_rms_pt": array_change_rms_pt(compensation),
    }


def room_change_rms_pt(compensation: Compensation) -> float | None:
    """How much the uniform field moved since the start, rms over time; None before any step."""
    modes = np.array([entry[2][:3] for entry in compensation.count.summary])
    if len(modes) < 2:
        return None
    return float(np.sqrt((modes - modes.mean(axis=0)).var(axis=0).sum()))


def array_change_rms_pt(compensation: Compensation) -> float | None:
    """What of it the array still saw lately, transverse axes, slower than a heartbeat, rms."""
    heads = compensation.plan.prepared.array
    live = live_field(compensation.instrument, heads, _LOOK_BACK_S, "transverse")
    if live is None:
        return None
    length = round(_STRETCH_S * live.sampling_rate_hz)
    count = live.n_samples // length
    field = np.where(live.usable, live.field_pt, np.nan)[:, : count * length]
    slow = field.reshape(len(field), count, length).mean(axis=2)
    slow = slow[np.isfinite(slow).all(axis=1)]
    if slow.shape[0] == 0 or count < 2:
        return None
    return float(np.sqrt(slow.var(axis=1).mean()))
