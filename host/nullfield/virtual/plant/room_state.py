"""What people do to the room: its door, and degaussing. Adds to the field that `Room` makes.

A door that opens lets the surroundings in: the field at the heads goes to another value within a
second or two, and what the shield kept out (drift, vehicles, the Earth's variations) comes in many
times stronger. As it closes, the walls are magnetised anew, and the field creeps to its rest for
a minute (magnetic after-effect: exponential here).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nullfield.errors import RigError
from nullfield.virtual.plant.constants import BLOCK_S
from nullfield.virtual.plant.interface import Scenario
from nullfield.virtual.plant.noise import Stream, generator
from nullfield.virtual.plant.room import N_FIRST, N_TERMS, N_UNIFORM
from nullfield.virtual.plant.shield import ShieldMagnetisation

FloatArray = npt.NDArray[np.float64]

SWING_S = 1.5
"""A heavy door from shut to open."""
CREEP_S = 30.0
STRAY_NT_PER_MA = (1.5, -1.0, 2.0)
"""Field of the degaussing winding at the heads: it is closed in the wall, all but."""


class RoomState:
    """Door and magnetisation over time.

    Parameters
    ----------
    basis : (15, n_heads, 3) array
        Harmonic terms at the heads.
    coefficients : (15,) array
        The residual as it is at the start: just after the door was closed.
    scenario : Scenario
    seed : int
    """

    def __init__(
        self, basis: FloatArray, coefficients: FloatArray, scenario: Scenario, seed: int
    ) -> None:
        self._scenario = scenario
        rng = generator(seed, Stream.SHIELD)
        floor = np.zeros(N_TERMS)
        for part, size in (
            (slice(0, N_UNIFORM), scenario.shield_floor_nt),
            (slice(N_UNIFORM, N_UNIFORM + N_FIRST), scenario.shield_floor_nt_per_m),
        ):
            draw = rng.standard_normal(part.stop - part.start)
            floor[part] = draw * size / np.linalg.norm(draw)
        self._remanent = np.einsum("t,tnk->nk", coefficients - floor, basis)
        self._static = np.einsum("t,tnk->nk", coefficients, basis)
        self.shield = ShieldMagnetisation()
        self._first = self.shield.close_door()
        self._was_driven = False
        self._events = _events(scenario)
        self._swing = 0.0
        self._is_open = False
        self._creep = 0.0
        rng = generator(seed, Stream.DOOR)
        draw = rng.standard_normal(3)
        self._step = draw * scenario.door_step_nt / np.linalg.norm(draw)
        draw = rng.standard_normal(3)
        self._creep_step = draw * scenario.door_creep_nt / np.linalg.norm(draw)

    @property
    def scale(self) -> float:
        """Magnetisation against the start's."""
        return self.shield.value / self._first

    @property
    def is_open(self) -> bool:
        """Whether the door is open, or on its way."""
        return self._is_open

    def step(self, block: int, degauss_ma: float, room_nt: FloatArray) -> FloatArray | None:
        """One block.

        Parameters
        ----------
        block : int
            Its number.
        degauss_ma : float
            Into the degaussing amplifier.
        room_nt : (n_heads, 3) array
            What `Room` makes of it.

        Returns
        -------
        (n_heads, 3) array or None
            Field to add, nT, head frame; None while nothing was done to the room.
        """
        time_s = block * BLOCK_S
        while self._events and self._events[0][0] <= time_s:
            _, is_open = self._events.pop(0)
            if self._is_open and not is_open:
                self.shield.close_door()
                self._creep = 1.0
            self._is_open = is_open
        rate = BLOCK_S / SWING_S
        self._swing = min(max(self._swing + (rate if self._is_open else -rate), 0.0), 1.0)
        self._creep *= 1.0 - BLOCK_S / CREEP_S
        if degauss_ma != 0.0:
            self.shield.apply(degauss_ma * self._scenario.degauss_a_per_m_per_ma)
            self._was_driven = True
        elif self._was_driven:
            self.shield.apply(0.0)
            self._was_driven = False
        scale = self.scale
        if scale == 1.0 and self._swing == 0.0 and self._creep < 1e-6 and degauss_ma == 0.0:
            return None
        extra = (scale - 1.0) * self._remanent + np.asarray(STRAY_NT_PER_MA) * degauss_ma
        # The creep is there as far as the door is shut.
        share = 0.5 - 0.5 * np.cos(np.pi * self._swing)
        if self._swing > 0.0:
            changes = room_nt - self._static
            loss = self._scenario.door_shielding_loss - 1.0
            extra = extra + share * (self._step + loss * changes)
        return np.asarray(extra + (1.0 - share) * self._creep * self._creep_step)


def _events(scenario: Scenario) -> list[tuple[float, bool]]:
    """Times and whether the door opens, in order.

    Raises
    ------
    RigError
        If it opens while open, or closes while closed.
    """
    events = sorted(
        [(time, True) for time in scenario.door_opens_s]
        + [(time, False) for time in scenario.door_closes_s]
    )
    kinds: Sequence[bool] = [kind for _, kind in events]
    if any(kind is not (number % 2 == 0) for number, kind in enumerate(kinds)):
        raise RigError(
            "virtual: door_opens_s and door_closes_s do not take turns",
            "the door is closed at the start: give an opening before each closing",
        )
    return events
