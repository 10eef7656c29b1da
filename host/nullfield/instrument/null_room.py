"""Null the room: measure what each coil does at each head, then solve for the currents.

The currents minimise the measured field at the heads over the chest within their limits, with a
small penalty on the currents themselves::

    min_i  |b + G i|^2 + lambda^2 |i|^2,   |i_k| <= limit_k

G is measured on the instrument as it stands, so neither coil geometry nor the shield's image
effect needs to be known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear

from nullfield.errors import ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.measure_field import FieldMeasurement, measure_field, zero_heads
from nullfield.instrument.move_table import quiet_table
from nullfield.instrument.progress import Progress, silent
from nullfield.rig import CoilEntry, HeadEntry

FloatArray = npt.NDArray[np.float64]

TEST_CURRENT_MA = 0.8
"""Moves the field by some 10 nT: far above noise, within what the heads' loops follow."""

_RAMP_TIMEOUT_S = 10.0
_PENALTY_PT_PER_MA = 5.0
_LEAST_EFFECT_PT_PER_MA = 60.0
"""Weaker than this is the error of the measurement, some 50 pT at the test current."""


@dataclass(frozen=True)
class NullResult:
    """What nulling came to, as the heads tell it.

    Attributes
    ----------
    heads : tuple of str
        Heads that were used.
    before_rms_pt, after_rms_pt : float
        Ambient field over heads and three axes.
    current_ma : dict of str to float
        By coil.
    coil_response_pt_per_ma : numpy.ndarray, shape ``(n_heads, 3, n_coils)``
    limited : tuple of str
        Coils at their limit.
    duration_s : float
    """

    heads: tuple[str, ...]
    before_rms_pt: float
    after_rms_pt: float
    current_ma: dict[str, float]
    coil_response_pt_per_ma: FloatArray
    limited: tuple[str, ...]
    duration_s: float


def solve_currents(
    field_pt: FloatArray,
    response_pt_per_ma: FloatArray,
    current_limit_ma: FloatArray,
    current_ma: FloatArray | None = None,
    penalty_pt_per_ma: float = _PENALTY_PT_PER_MA,
) -> FloatArray:
    """Currents that null a measured field.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n,)``
        Field with the present currents.
    response_pt_per_ma : numpy.ndarray, shape ``(n, n_coils)``
    current_limit_ma : numpy.ndarray, shape ``(n_coils,)``
    current_ma : numpy.ndarray, shape ``(n_coils,)``, optional
        Present currents, zero by default.
    penalty_pt_per_ma : float
        Weight of the currents: a coil that hardly acts is not driven hard.

    Returns
    -------
    numpy.ndarray, shape ``(n_coils,)``

    Raises
    ------
    ProcedureError
        If the response is not finite or no coil acts.
    """
    present = np.zeros(response_pt_per_ma.shape[1]) if current_ma is None else current_ma
    if not (np.all(np.isfinite(field_pt)) and np.all(np.isfinite(response_pt_per_ma))):
        raise ProcedureError("the measured field or coil response is not finite")
    strength = np.linalg.norm(response_pt_per_ma, axis=0)
    if not np.any(strength > penalty_pt_per_ma):
        raise ProcedureError(
            "no coil changes the field at the heads",
            "check that the coil board's output is connected and the rig names its channels",
        )
    bare = field_pt - response_pt_per_ma @ present
    rows = np.vstack([response_pt_per_ma, penalty_pt_per_ma * np.eye(len(present))])
    target = np.concatenate([-bare, np.zeros(len(present))])
    solution = lsq_linear(rows, target, bounds=(-current_limit_ma, current_limit_ma))
    return np.asarray(solution.x, dtype=np.float64)


def null_room(
    instrument: Instrument,
    progress: Progress = silent,
    rounds: int = 2,
) -> NullResult:
    """Null the field over the chest with the room coils, then at each head with its own.

    Parameters
    ----------
    instrument : Instrument
        Started up, streams on.
    progress : Progress
    rounds : int
        Corrections after the coils' effect is known.

    Raises
    ------
    ProcedureError
        If there are no coils, too few ready heads, or a coil does nothing it should.
    """
    rig = instrument.rig
    coils = rig.coils
    if not coils:
        raise ProcedureError(f"rig {rig.name} has no coils")
    began_s = instrument.clock.now_s()
    ready = instrument.ready_heads()
    chest = tuple(h for h in ready if h.kind == "array")
    if 3 * len(chest) < len(coils):
        raise ProcedureError(
            f"{len(chest)} ready heads are too few for {len(coils)} coils", "run 'nullfield start'"
        )
    quiet_table(instrument)
    for board in instrument.coils.values():
        board.enable(True)
        board.ramp_to_zero()
    settle(instrument)
    steps = len(coils) + 2 * rounds + 1
    progress("null", 0.0, "field of the room")
    # The room as it is: the first effect is measured against it and it is what gets reported.
    chest = _same(chest, zero_heads(instrument, chest, beam_only=True))
    base = measure_field(instrument, chest)
    response = np.zeros((len(chest), 3, len(coils)))
    for number, coil in enumerate(coils):
        progress("null", (1 + number) / steps, f"effect of coil {coil.name}")
        set_current(instrument, coil, TEST_CURRENT_MA)
        if number:
            set_current(instrument, coils[number - 1], 0.0)
        settle(instrument)
        chest = _same(chest, zero_heads(instrument, chest, beam_only=True))
        measured = measure_field(instrument, chest)
        response[:, :, number] = (measured.field_pt - base.field_pt) / TEST_CURRENT_MA
    set_current(instrument, coils[-1], 0.0)
    _refuse_dead(coils, response)
    limit = np.array([c.current_max_ma for c in coils])
    current = np.zeros(len(coils))
    matrix = response.reshape(-1, len(coils))
    measured = base
    for turn in range(rounds):
        progress("null", (1 + len(coils) + 2 * turn) / steps, "solving and ramping the currents")
        current = solve_currents(measured.field_pt.reshape(-1), matrix, limit, current)
        for coil, value in zip(coils, current, strict=True):
            set_current(instrument, coil, float(value))
        settle(instrument)
        progress("null", (2 + len(coils) + 2 * turn) / steps, "zeroing the heads")
        ready = instrument.ready_heads()
        if turn == 0:
            # The field has moved by tens of nT: search anew.
            ready = zero_heads(instrument, ready)
        # Coils of neighbours reach over by some 1 %: once all have moved, balance again together.
        _same(chest, zero_heads(instrument, ready, beam_only=True))
        measured = measure_field(instrument, chest)
    result = _result(instrument, base, measured, current, response, began_s)
    progress("null", 1.0, f"{result.before_rms_pt:.0f} -> {result.after_rms_pt:.0f} pT rms")
    return result


def _refuse_dead(coils: tuple[CoilEntry, ...], response: FloatArray) -> None:
    """Refuse to drive a coil that shows no effect: its solution would be noise."""
    for number, coil in enumerate(coils):
        effect = float(np.sqrt(np.mean(response[:, :, number] ** 2)))
        if effect < _LEAST_EFFECT_PT_PER_MA:
            raise ProcedureError(
                f"coil {coil.name} (channel {coil.channel} of board {coil.board}) changes the field "
                f"at the heads by {effect:.0f} pT/mA only",
                "check its wiring and the rig's channel, or take it out of the rig file",
            )


def _result(
    instrument: Instrument,
    base: FieldMeasurement,
    measured: FieldMeasurement,
    current: FloatArray,
    response: FloatArray,
    began_s: float,
) -> NullResult:
    coils = instrument.rig.coils
    limited = tuple(
        c.name for c, i in zip(coils, current, strict=True) if abs(i) > 0.999 * c.current_max_ma
    )
    return NullResult(
        heads=tuple(h.name for h in measured.heads),
        before_rms_pt=base.rms_pt,
        after_rms_pt=measured.rms_pt,
        current_ma={c.name: float(i) for c, i in zip(coils, current, strict=True)},
        coil_response_pt_per_ma=response,
        limited=limited,
        duration_s=instrument.clock.now_s() - began_s,
    )


def _same(before: tuple[HeadEntry, ...], after: tuple[HeadEntry, ...]) -> tuple[HeadEntry, ...]:
    """The heads over the chest, none of which may have failed in between."""
    names = {h.name for h in after}
    lost = [h.name for h in before if h.name not in names]
    if lost:
        raise ProcedureError(
            f"head {lost[0]} was lost while the room was nulled",
            "see 'nullfield boards'; start again, it will be left out",
        )
    return before


def set_current(instrument: Instrument, coil: CoilEntry, current_ma: float) -> None:
    """Have a coil's board ramp to a current."""
    instrument.coils[coil.board].set_current_a(coil.channel, current_ma * 1e-3)


def settle(instrument: Instrument) -> None:
    """Wait until the coil boards show their setpoints as sensed currents."""
    seen = {uid: board.telemetry_count for uid, board in instrument.coils.items()}

    def is_settled() -> bool:
        for uid, board in instrument.coils.items():
            telemetry = board.telemetry
            if telemetry is None or board.telemetry_count < seen[uid] + 2:
                return False
            if np.max(np.abs(telemetry.setpoint_a - telemetry.current_a)) > 40e-6:
                return False
        return True

    instrument.wait_until(is_settled, _RAMP_TIMEOUT_S, "ramping the coil currents")
    instrument.wait_s(0.25)
