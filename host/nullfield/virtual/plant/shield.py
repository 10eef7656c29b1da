"""Magnetisation of the shield: a classical Preisach model that a degaussing sequence brings down.

The walls' remanence is a sum of many relays (hysterons), each with a coercive field h and an
interaction field u of its neighbours: it goes up when the applied field passes u + h and down when
it passes u - h (F. Preisach 1935; I. D. Mayergoyz, Mathematical Models of Hysteresis, 1991).
Coercive fields are spread log-normally about that of mu-metal, interactions normally about zero. What
follows without being put in: a field below a relay's coercivity does not move it; a decaying
alternating field leaves the anhysteretic state of the bias; too small a start or too large a step
between cycles leaves more.

The room's field is the remanence's share and a floor (magnetic things that no coil reaches). Eddy
currents in walls, their own time, and the three directions of a wall are not modelled: one number
of magnetisation scales one shape of field.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

FloatArray = npt.NDArray[np.float64]

COERCIVITY_A_PER_M = 0.8
"""Typical of annealed mu-metal (data sheets of 80 % nickel alloys: 0.3 to 1 A/m)."""
_SPREAD = 0.5
"""Standard deviation of the coercivity's logarithm."""
_INTERACTION = 0.35
"""Standard deviation of the interaction field, of the relay's own coercivity."""
_N_COERCIVITY, _N_INTERACTION = 60, 41
DOOR_A_PER_M = 1.2
"""What the wall near the door sees as it closes in the Earth's field."""


class ShieldMagnetisation:
    """State of the relays.

    Parameters
    ----------
    bias_a_per_m : float
        Field of the surroundings in the wall, always there.

    Attributes
    ----------
    value : float
        Magnetisation, -1 to 1.
    """

    def __init__(self, bias_a_per_m: float = 0.005) -> None:
        self._bias = bias_a_per_m
        share = (np.arange(_N_COERCIVITY) + 0.5) / _N_COERCIVITY
        h = COERCIVITY_A_PER_M * np.exp(_SPREAD * stats.norm.ppf(share))[:, None]
        share = (np.arange(_N_INTERACTION) + 0.5) / _N_INTERACTION
        u = _INTERACTION * stats.norm.ppf(share)[None, :] * h
        self._up = (u + h).reshape(-1)
        self._down = (u - h).reshape(-1)
        # As never magnetised: the anhysteretic state without bias; the middle ones half and half.
        self._state: npt.NDArray[np.int8] = np.where(u < 0.0, 1, -1).reshape(-1).astype(np.int8)
        middle = np.flatnonzero(np.abs(u.reshape(-1)) < 1e-12)
        self._state[middle[::2]] = 1
        self.value = float(self._state.mean())

    def apply(self, field_a_per_m: float) -> float:
        """Put a field on, over the bias; returns the magnetisation."""
        field = field_a_per_m + self._bias
        self._state[self._up < field] = 1
        self._state[self._down > field] = -1
        self.value = float(self._state.mean())
        return self.value

    def close_door(self) -> float:
        """What a closing door does: a pulse of one sign, and back."""
        self.apply(DOOR_A_PER_M)
        return self.apply(0.0)
