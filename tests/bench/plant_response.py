"""What heads would report of coils, from the plant's truth, and the truth to score a fit by.

No boards: the reports follow from the true heads, the true coils and the cross-talk in closed form,
as all loops would hold them. Noise is added by those who use it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.instrument.windings import windings_of
from nullfield.rig import Rig
from nullfield.room.windings import Winding
from nullfield.virtual.plant import PlantCoil, PlantHead, Scenario
from nullfield.virtual.plant.coils import coil_fields
from nullfield.virtual.plant.errors_drawn import draw_heads


@dataclass(frozen=True)
class PlantResponse:
    """Truth of one seed.

    Attributes
    ----------
    response_pt_per_ma : numpy.ndarray, shape ``(n, 3, n_windings)``
    matrix : numpy.ndarray, shape ``(n, 3, 3)``
        S of every head.
    position_m, axes : numpy.ndarray
        As the rig says, shapes ``(n, 3)`` and ``(n, 3, 3)``.
    true_position_m : numpy.ndarray, shape ``(n, 3)``
    mixing : numpy.ndarray, shape ``(3 n, 3 n)``
        Applied to the reports gives what each head would report alone.
    windings : tuple of Winding
    """

    response_pt_per_ma: np.ndarray
    matrix: np.ndarray
    position_m: np.ndarray
    axes: np.ndarray
    true_position_m: np.ndarray
    mixing: np.ndarray
    windings: tuple[Winding, ...]


def plant_response(rig: Rig, seed: int, scenario: Scenario | None = None) -> PlantResponse:
    """Truth of a rig's heads and windings, a transfer standard's loops included."""
    scenario = scenario or Scenario()
    heads = draw_heads(
        [PlantHead(h.name, h.position_m, h.axes, h.kind) for h in rig.heads], scenario, seed
    )
    loops = () if rig.standard is None else rig.standard.loops
    coils = [
        *(PlantCoil(c.name, c.kind, c.nominal_nt_per_ma) for c in rig.coils),
        *(PlantCoil(w.name, w.kind, corners_m=w.corners_m, turns=w.turns) for w in loops),
    ]
    field_pt = coil_fields(coils, heads.position_m, scenario, seed)[0] * 1e3
    n = len(rig.heads)
    local = np.einsum("nak,nkc->nac", heads.axes, field_pt).reshape(3 * n, -1)
    mixing = heads.coil_nt_per_ma / scenario.onhead_nt_per_ma
    own = mixing.reshape(n, 3, n, 3)[np.arange(n), :, np.arange(n), :]
    return PlantResponse(
        np.linalg.solve(mixing, local).reshape(n, 3, -1),
        np.linalg.solve(own, heads.axes),
        rig.positions_m(),
        np.array([h.axes for h in rig.heads]),
        heads.position_m,
        _alone(own, mixing),
        windings_of(rig),
    )


def _alone(own: np.ndarray, mixing: np.ndarray) -> np.ndarray:
    """``I + X``: the mixing in units of each head's own coils."""
    n = len(own)
    rows = np.linalg.solve(own, mixing.reshape(n, 3, 3 * n))
    return rows.reshape(3 * n, 3 * n)
