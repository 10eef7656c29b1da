"""Hold the field over the array while the room's field changes, driven by the reference heads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nullfield.errors import ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.prepare_compensation import PreparedCompensation
from nullfield.instrument.progress import Progress, silent
from nullfield.instrument.reference_loop import STREAMED_AXES, ReferenceLoop
from nullfield.rig import HeadEntry
from nullfield.room.compensator import (
    DEFAULT_SETTINGS,
    Compensator,
    CompensatorSettings,
    CompensatorState,
    currents_by_mode,
)
from nullfield.room.first_order import channel_field
from nullfield.room.learn_prediction import LearntPrediction
from nullfield.room.reference_model import Observable, ReferenceModel
from nullfield.room.shielding_filter import ShieldingFilter, design_filter

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

BANDWIDTH_HZ = 1.0
GRADIENT_SHARE = 0.2
"""Bandwidth of the gradients by that of the uniform field: they change slowly, and cost noise."""
UNLEARNT_WEIGHT = 0.03
_SUMMARY_STEPS = 100
"""Steps between two entries of the summary, which is what is kept over hours."""
_SUMMARY_LENGTH = 36_000 * 4


@dataclass(frozen=True)
class CompensationPlan:
    """All that a run of the compensation follows from.

    Attributes
    ----------
    prepared : PreparedCompensation
    model : ReferenceModel
    uniform_filter, gradient_filter : ShieldingFilter
    current_by_mode_ma : numpy.ndarray, shape ``(n_coils, 8)``
    settings : CompensatorSettings
    """

    prepared: PreparedCompensation
    model: ReferenceModel
    uniform_filter: ShieldingFilter
    gradient_filter: ShieldingFilter
    current_by_mode_ma: FloatArray
    settings: CompensatorSettings

    def to_json(self) -> dict[str, Any]:
        """What is needed to take the applied compensation out of a recording again."""
        prepared = self.prepared
        heads = [h.name for h in (*prepared.array, *prepared.references)]
        n_references = len(prepared.references)
        transverse = np.concatenate(
            [
                prepared.array_response_pt_per_ma[:, :STREAMED_AXES],
                prepared.reference_response_pt_per_ma.reshape(n_references, STREAMED_AXES, -1),
            ]
        )
        path = np.concatenate([prepared.array_path, prepared.reference_path])
        path = path.reshape(len(heads), STREAMED_AXES, -1)
        # Heads that gave no rows while the coils were probed cannot be told of.
        known = np.isfinite(transverse).all(axis=(1, 2))
        return {
            "heads": [name for name, good in zip(heads, known.tolist(), strict=True) if good],
            "coils": list(prepared.coils),
            "response_pt_per_ma": np.round(transverse[known], 3).tolist(),
            "path": np.round(path[known].reshape(-1, path.shape[2]), 6).tolist(),
            "command_lag_rows": round(prepared.budget.row_to_command_s / prepared.dt_s),
            "bandwidth_hz": self.uniform_filter.bandwidth_hz,
            "gradient_bandwidth_hz": self.gradient_filter.bandwidth_hz,
        }


def plan_compensation(
    prepared: PreparedCompensation,
    bandwidth_hz: float = BANDWIDTH_HZ,
    learnt: LearntPrediction | None = None,
    settings: CompensatorSettings = DEFAULT_SETTINGS,
) -> CompensationPlan:
    """Make filters and matrices of what was measured.

    Parameters
    ----------
    prepared : PreparedCompensation
    bandwidth_hz : float
        Where the uniform field is shielded by 30 dB.
    learnt : LearntPrediction, optional
        How the array truly sees the references' modes, its transverse axes.
    settings : CompensatorSettings

    Raises
    ------
    ProcedureError
        If the references do not see the uniform field, or the path is too slow.
    """
    references = prepared.references
    model = ReferenceModel.of_heads(
        np.array([h.position_m for h in references]),
        np.array([h.axes for h in references])[:, :STREAMED_AXES],
    )
    # With fewer, gradients pass for a uniform field: half of a drift was left with three heads.
    if model.estimator(np.ones(model.n_channels, dtype=np.bool_))[0] != Observable.ALL:
        names = ", ".join(h.name for h in references) or "none"
        raise ProcedureError(
            f"the reference heads that are ready ({names}) do not tell the field's eight components"
            " apart",
            "see 'nullfield boards' why others are not ready; if none is missing, turn their beams"
            " in different directions and spread them (docs/compensation.md)",
        )
    try:
        uniform = design_filter(prepared.path, bandwidth_hz, prepared.dt_s)
        gradient = design_filter(prepared.path, GRADIENT_SHARE * bandwidth_hz, prepared.dt_s)
    except ValueError as error:
        raise ProcedureError(str(error), "choose less with --bandwidth") from error
    modes = array_modes(prepared)
    weight = np.ones(modes.shape[:2])
    if learnt is not None:
        # What was learnt is so much better than geometry that the beams' rows must not pull at it.
        weight[:, STREAMED_AXES:] = UNLEARNT_WEIGHT
        modes[:, :STREAMED_AXES] = learnt.array_modes.reshape(len(modes), STREAMED_AXES, -1)
    response = prepared.array_response_pt_per_ma.reshape(-1, len(prepared.coils))
    known = np.isfinite(response).all(axis=1)
    matrix = currents_by_mode(
        response[known], modes.reshape(len(response), -1)[known], weight.reshape(-1)[known]
    )
    return CompensationPlan(prepared, model, uniform, gradient, matrix, settings)


def array_modes(prepared: PreparedCompensation) -> FloatArray:
    """What the rig file says that the array sees of each mode, ``(n_array, 3, 8)``."""
    heads = prepared.array
    seen = channel_field(np.array([h.position_m for h in heads]), np.array([h.axes for h in heads]))
    return seen.reshape(len(heads), 3, -1)


@dataclass
class CompensationCount:
    """How a run went, over all of its steps.

    Attributes
    ----------
    steps_by_state : dict
    limited_steps : int
    summary : deque
        Every tenth of a second: row index, state, modes, offsets.
    """

    steps_by_state: dict[str, int] = field(default_factory=dict)
    limited_steps: int = 0
    work_s: float = 0.0
    summary: deque[tuple[int, int, FloatArray, FloatArray]] = field(
        default_factory=lambda: deque(maxlen=_SUMMARY_LENGTH)
    )


class Compensation:
    """A running compensation; leaving it lets the offsets ramp to zero.

    Parameters
    ----------
    instrument : Instrument
        Heads ready, streams on, coil boards on.
    plan : CompensationPlan
    is_watching : bool
        Take the references in without driving the coils, to learn from.
    wall_s : callable, optional
        A clock for the host's own work.
    on_step : callable, optional
        ``on_step(index, compensator)`` after each row; quick.
    """

    def __init__(
        self,
        instrument: Instrument,
        plan: CompensationPlan,
        is_watching: bool = False,
        wall_s: Callable[[], float] | None = None,
        on_step: Callable[[int, Compensator], None] | None = None,
    ) -> None:
        self.instrument = instrument
        self.plan = plan
        matrix = np.zeros_like(plan.current_by_mode_ma) if is_watching else plan.current_by_mode_ma
        self.compensator = Compensator(
            plan.model,
            plan.uniform_filter,
            plan.gradient_filter,
            matrix,
            plan.prepared.reference_response_pt_per_ma,
            plan.prepared.reference_path,
            plan.settings,
        )
        self.count = CompensationCount()
        self._wall_s, self._on_step = wall_s, on_step
        self.loop = ReferenceLoop(
            instrument, plan.prepared.references, self._row, self._gap, plan.settings.hold_s
        )

    def __enter__(self) -> Self:
        self.loop.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.loop.__exit__(kind, error, traceback)

    def check(self) -> None:
        """Raise what ended the loop, if something did."""
        self.loop.check()

    def wait(self, duration_s: float, progress: Progress = silent) -> None:
        """Let it run, watching all boards and the loop."""
        clock = self.instrument.clock
        began_s = clock.now_s()
        step_s = self.compensator.dt_s
        # Half a step of grace: what is left must not round to nothing and be waited for for ever.
        while (left_s := began_s + duration_s - clock.now_s()) > 0.5 * step_s:
            self.instrument.wait_s(min(1.0, max(left_s, step_s)))
            self.check()
            progress("compensate", 1.0 - max(left_s, 0.0) / duration_s, self.words())

    def words(self) -> str:
        """How it stands, in a few words."""
        compensator = self.compensator
        state = compensator.state.name.lower()
        size = np.linalg.norm(compensator.mode[:3])
        text = f"{state}, field has moved by {size:.0f} pT"
        if compensator.state == CompensatorState.REDUCED:
            out = self.dropped()
            text += f", without {', '.join(out)}"
        return text + (", at its limit" if compensator.is_limited else "")

    def dropped(self) -> list[str]:
        """References of which a channel is out."""
        in_use = self.compensator.in_use.reshape(-1, STREAMED_AXES)
        heads: tuple[HeadEntry, ...] = self.plan.prepared.references
        return [h.name for n, h in enumerate(heads) if not in_use[n].all()]

    def _row(self, index: int, reading_pt: FloatArray, valid: BoolArray) -> FloatArray:
        began = self._wall_s() if self._wall_s is not None else 0.0
        compensator = self.compensator
        offset = compensator.step(reading_pt, valid)
        count = self.count
        name = compensator.state.name.lower()
        count.steps_by_state[name] = count.steps_by_state.get(name, 0) + 1
        count.limited_steps += compensator.is_limited
        if index % _SUMMARY_STEPS == 0:
            entry = (index, int(compensator.state), compensator.mode.copy(), offset)
            count.summary.append(entry)
        if self._on_step is not None:
            self._on_step(index, compensator)
        if self._wall_s is not None:
            count.work_s += self._wall_s() - began
        return offset

    def _gap(self, rows: int) -> None:
        self.compensator.skip(rows)
