"""How strongly each winding is driven in a calibration: as much as the heads' loops allow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.instrument.windings import windings_of
from nullfield.rig import Rig
from nullfield.room.windings import nominal_field_pt_per_ma

FloatArray = npt.NDArray[np.float64]

LARGEST_CHANGE_NT = 36.0
"""On one axis of one head, should all windings add up; the loops hold 100 nT, the room's own field
included, and walls make the coils stronger than drawn."""
HELD_NT = 65.0
"""Of the 100 nT that a head holds, what patterns and the room may take by the drawings."""
LEAST_CHANGE_NT = 5.0
MOST_HELD_NT = HELD_NT - LEAST_CHANGE_NT
"""A head that holds more has no room for patterns, and would keep all windings from being driven."""
_UNIFORM_SHARE = 0.3
"""Part of the change that is left to the uniform coils: they tell axes, the rest tells places."""


def amplitudes_ma(rig: Rig, field_nt: FloatArray | None = None) -> FloatArray:
    """Amplitude of every winding, shape ``(n_windings,)``.

    Uniform coils take a part of what the heads can hold; gradient coils and loops share the rest, so
    that none of them brings any head beyond it whatever their signs.

    Parameters
    ----------
    rig : Rig
    field_nt : numpy.ndarray, shape ``(n_heads, 3)``, optional
        What the heads hold already, of all heads of the rig; NaN where a head does not count.
    """
    windings = windings_of(rig)
    limits = np.array([entry.current_max_ma for entry in rig.driven])
    field_pt = nominal_field_pt_per_ma(windings, rig.positions_m())
    axes = np.array([head.axes for head in rig.heads])
    effect_nt = np.abs(np.einsum("nak,nkc->nac", axes, field_pt)) * 1e-3
    if field_nt is not None:
        room_nt = np.clip(HELD_NT - np.abs(field_nt), LEAST_CHANGE_NT, LARGEST_CHANGE_NT)
        # Heads with less room left count as if the windings did more there.
        effect_nt = effect_nt * (LARGEST_CHANGE_NT / room_nt)[..., None]
        effect_nt = effect_nt[np.isfinite(effect_nt).all(axis=(1, 2))]
    is_uniform = np.array([w.kind.startswith("uniform") for w in windings])
    out = np.zeros(len(windings))
    for chosen, share in ((is_uniform, _UNIFORM_SHARE), (~is_uniform, 1.0 - _UNIFORM_SHARE)):
        if not chosen.any():
            continue
        # Each alone brings its own strongest head to the same field; together they keep the share.
        alone = 1.0 / np.maximum(effect_nt[:, :, chosen].max(axis=(0, 1)), 1e-9)
        together = float((effect_nt[:, :, chosen] @ alone).max())
        out[chosen] = alone * share * LARGEST_CHANGE_NT / together
    return np.asarray(np.minimum(out, limits))
