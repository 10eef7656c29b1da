"""The patient table on its spindle: where it stands, and how hard its motor has to push.

A spindle of 5 mm a turn with sliding thread (Tr 12 x 5 and the like) locks itself: without current
the table stays where it is, whatever pushes. What stands in the way is a spring, as soft as a limb;
the motor pushes against it until its pull-out force is reached, and then loses its steps.
"""

from __future__ import annotations

from nullfield.virtual.plant.constants import BLOCK_S

MICROSTEPS_PER_MM = 640.0
LIMITS_MM = (-2.0, 602.0)
"""Ends of the rails, where nothing gives."""
PULL_OUT_N = 150.0
"""At the driver's full current: a motor of 0.4 N m, 5 mm a turn, a thread of 30 %: 2 pi M eta / p."""
FRICTION_N = 17.0
"""150 kg on rails of 0.5 %, and the seals."""
MASS_KG = 150.0
SOFT_N_PER_MM = 20.0
"""Against the array's frame; ISO/TS 15066, table A.3, has 10 (abdomen) to 75 N/mm (hand)."""
_INERTIA_BLOCKS = 10.0
"""The spindle's compliance spreads a step of the speed over some blocks."""


class TableMotion:
    """Position and load of the table.

    Parameters
    ----------
    position_mm : float
        Where it stands at first, from the home switch.
    obstruction_mm : float, optional
        Where something begins to stand in the way of a table that moves in.

    Attributes
    ----------
    load_share : float
        Force that the motor has to give, as a share of its pull-out force; 1 while it slips.
    pushed_n : float
        Force on what stands in the way.
    """

    def __init__(self, position_mm: float, obstruction_mm: float | None = None) -> None:
        self.position_mm = position_mm
        self.obstruction_mm = obstruction_mm
        self.load_share = 0.0
        self.pushed_n = 0.0
        self._speed_mm_s = 0.0
        self._inertia_n = 0.0

    def rest(self) -> None:
        """No current: the spindle holds the table, and what is squeezed stays squeezed."""
        self.load_share = 0.0
        self._speed_mm_s = 0.0
        self._inertia_n = 0.0

    def step(self, rate_hz: float, current_share: float) -> None:
        """One block of a motor that carries current.

        Parameters
        ----------
        rate_hz : float
            Microsteps a second; positive moves the patient in.
        current_share : float
            Coil current as a share of the driver's full scale.
        """
        speed_mm_s = rate_hz / MICROSTEPS_PER_MM
        mean_n = MASS_KG * (speed_mm_s - self._speed_mm_s) * 1e-3 / BLOCK_S
        self._inertia_n += (mean_n - self._inertia_n) / _INERTIA_BLOCKS
        self._speed_mm_s = speed_mm_s
        if rate_hz == 0.0:
            self.load_share = 0.0
            return
        direction = 1.0 if rate_hz > 0.0 else -1.0
        pull_out_n = PULL_OUT_N * current_share
        wanted_mm = self.position_mm + speed_mm_s * BLOCK_S
        push_n = self._push_n(wanted_mm) * direction
        low, high = LIMITS_MM
        if push_n + FRICTION_N > pull_out_n or not low <= wanted_mm <= high:
            # Out of step: a motor at speed does not come in again by itself.
            self.load_share = 1.0
            self.position_mm = min(max(self.position_mm, low), high)
            if not low <= wanted_mm <= high:
                self.position_mm = high if direction > 0 else low
            return
        self.position_mm = wanted_mm
        self.pushed_n = max(push_n * direction, 0.0)
        needed_n = push_n + FRICTION_N + self._inertia_n * direction
        self.load_share = min(max(needed_n / pull_out_n, 0.0), 1.0)

    def _push_n(self, position_mm: float) -> float:
        """Force outward of what stands in the way."""
        if self.obstruction_mm is None:
            return 0.0
        return SOFT_N_PER_MM * max(position_mm - self.obstruction_mm, 0.0)
