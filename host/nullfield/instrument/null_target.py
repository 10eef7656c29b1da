"""What a null aims at: heads that are read, and the places of those that are not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nullfield.errors import ProcedureError
from nullfield.instrument.excite_coils import CoilResponse
from nullfield.instrument.instrument import Instrument
from nullfield.rig import CoilEntry, HeadEntry
from nullfield.room.field_model import FieldModel, MeanGradient, fit_field, fit_gradient
from nullfield.room.solve_null import NullSolution, solve_null, spread_to
from nullfield_protocol.catalogue import HeadState

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """What is to be nulled: heads that are read, and places of others by what those say.

    Attributes
    ----------
    heads : tuple of HeadEntry
        Over the array, read.
    response_pt_per_ma : numpy.ndarray, shape ``(n_heads, 3, n_coils)``
    spread : numpy.ndarray, shape ``(3 * n_missing, 3 * n_heads)``
        From `solve_null.spread_to`.
    weight : numpy.ndarray, shape ``(3 * (n_heads + n_missing),)``
    """

    heads: tuple[HeadEntry, ...]
    response_pt_per_ma: FloatArray
    spread: FloatArray
    weight: FloatArray

    def solve(
        self, coils: tuple[CoilEntry, ...], field_pt: FloatArray, current_ma: FloatArray
    ) -> NullSolution:
        """Currents that null a field ``(n_heads, 3)`` read at the present currents."""
        matrix = self.response_pt_per_ma.reshape(-1, len(coils))
        field = field_pt.reshape(-1)
        return solve_null(
            np.concatenate([field, self.spread @ field]),
            np.vstack([matrix, self.spread @ matrix]),
            np.array([c.current_max_ma for c in coils]),
            current_ma,
            self.weight,
        )


def model_of(response: CoilResponse) -> FieldModel:
    """Model of the room's field as the heads read it during the excitation."""
    return fit_field(
        *_geometry(response.heads),
        response.field_pt,
        response.field_uncertainty_pt,
        np.array([head.kind == "reference" for head in response.heads]),
    )


def aim(
    instrument: Instrument, response: CoilResponse, model: FieldModel
) -> tuple[Target, FloatArray]:
    """What to null, and the field there ``(n_heads, 3)`` when the excitation was over.

    Heads that the others contradict are not aimed at; the place of every head over the array that is
    not read, for whatever reason, is.

    Parameters
    ----------
    instrument : Instrument
    response : CoilResponse
    model : FieldModel
        Of the field at the heads of the response.

    Raises
    ------
    ProcedureError
        If too few heads over the array lasted.
    """
    near = [
        i
        for i, head in enumerate(response.heads)
        if head.kind == "array" and i not in model.outliers
    ]
    heads = tuple(response.heads[i] for i in near)
    enough_heads(heads, response.coils)
    named = {h.name for h in heads}
    missing = tuple(h for h in instrument.rig.heads if h.kind == "array" and h.name not in named)
    spread = np.zeros((0, 3 * len(heads)))
    if missing:
        spread = spread_to(*_geometry(heads), *_geometry(missing), max(model.degree, 2))
    target = Target(
        heads,
        response.response_pt_per_ma[near],
        spread,
        np.ones(3 * (len(heads) + len(missing))),
    )
    field_pt = response.field_pt[near]
    # A reading counts less where its doubt is more than what the coils leave anyway.
    left_pt = target.solve(response.coils, field_pt, response.current_ma).left_pt
    doubt_pt = response.field_uncertainty_pt[near].reshape(-1)
    weight = left_pt / np.maximum(np.hypot(left_pt, doubt_pt), 1e-9)
    weight = np.concatenate([weight, np.ones(3 * len(missing))])
    return replace(target, weight=weight), field_pt


def enough_heads(heads: tuple[HeadEntry, ...], coils: tuple[CoilEntry, ...]) -> None:
    """Refuse to solve for more coils than the heads over the array give readings.

    Raises
    ------
    ProcedureError
    """
    near = [h for h in heads if h.kind == "array"]
    if 3 * len(near) < len(coils):
        raise ProcedureError(
            f"{len(near)} ready heads are too few for {len(coils)} coils", "run 'nullfield start'"
        )


def left_out(
    instrument: Instrument,
    used: tuple[HeadEntry, ...],
    response: CoilResponse,
    model: FieldModel,
) -> dict[str, str]:
    """Heads over the array that were not used, and why."""
    names = {h.name for h in used}
    contradicted = {response.heads[i].name for i in model.outliers}
    states = instrument.head_states()

    def reason(name: str) -> str:
        if name in contradicted:
            return "contradicts the other heads"
        if states[name] in (HeadState.READY, HeadState.FIELD_ZERO):
            return "gave no valid readings"
        return f"not ready ({states[name].name.lower().replace('_', ' ')})"

    return {
        h.name: reason(h.name)
        for h in instrument.rig.heads
        if h.kind == "array" and h.name not in names
    }


def gradient_of(heads: tuple[HeadEntry, ...], field_pt: FloatArray) -> MeanGradient | None:
    """Mean gradient over heads by a linear fit; None for fewer heads than it takes."""
    if len(heads) < 4:
        return None
    return fit_gradient(*_geometry(heads), field_pt)


def _geometry(heads: tuple[HeadEntry, ...]) -> tuple[FloatArray, FloatArray]:
    return np.array([h.position_m for h in heads]), np.array([h.axes for h in heads])
