"""Parameters that can be swept: which setting they are, and what must follow when it changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nullfield.devices.sensor import SensorBoard
from nullfield.dsp.sweep_choice import Preference
from nullfield.errors import InputError
from nullfield.quantity import format_quantity

FloatArray = npt.NDArray[np.float64]
After = Literal["restart", "heat", "zero", "settle"]

MOST_STEPS = 100
_GAIN_ONE = 1 << 14
"""Integral gain of one a block, see docs/firmware.md."""


@dataclass(frozen=True)
class SweepParameter:
    """A parameter.

    Attributes
    ----------
    name, unit : str
        As the user gives it.
    setting : str
        Of the board.
    after : str
        ``restart`` it acts at the next start only; ``heat`` the cell must get there, then as
        ``zero``; ``zero`` the lock-in's answer changes, so the weights are found anew; ``settle``
        the loops must settle.
    prefer : str
        Of values equally good, see `dsp.sweep_choice.choose`.
    what : str
        In words.
    """

    name: str
    setting: str
    unit: str
    after: After
    prefer: Preference
    what: str

    def to_setting(self, value: float, block_rate_hz: float) -> float:
        """Value of the setting."""
        if self.name != "bandwidth":
            return value
        # An integrator of gain k a block crosses one at k f_block / (2 pi).
        return round(value * 2.0 * math.pi * _GAIN_ONE / block_rate_hz)

    def from_setting(self, value: float, block_rate_hz: float) -> float:
        """Value as the user gives it."""
        if self.name != "bandwidth":
            return value
        return value * block_rate_hz / (2.0 * math.pi * _GAIN_ONE)


PARAMETERS = {
    one.name: one
    for one in (
        SweepParameter(
            "laser_current", "laser_current", "A", "restart", "nearest", "laser current"
        ),
        SweepParameter(
            "modulation_amplitude", "modulation_amplitude", "T", "zero", "nearest", "modulation"
        ),
        SweepParameter(
            "bandwidth", "loop_gain", "Hz", "settle", "highest", "crossover of the field loops"
        ),
        SweepParameter(
            "loop_gain", "loop_gain", "", "settle", "highest", "gain of the field loops"
        ),
        SweepParameter("cell_setpoint", "cell_setpoint", "degC", "heat", "nearest", "cell"),
    )
}


def find_parameter(name: str) -> SweepParameter:
    """A parameter by its name.

    Raises
    ------
    InputError
        If it cannot be swept: names those that can.
    """
    if name not in PARAMETERS:
        raise InputError(
            f"'{name}' cannot be swept", f"parameters that can: {', '.join(PARAMETERS)}"
        )
    return PARAMETERS[name]


def sweep_values(
    board: SensorBoard, parameter: SweepParameter, low: float, high: float, steps: int
) -> FloatArray:
    """Values of a sweep, evenly spaced, all within the board's limits.

    Parameters
    ----------
    board : SensorBoard
    parameter : SweepParameter
    low, high : float
        First and last value, in the parameter's unit; the first may be the greater.
    steps : int
        Number of values, 2 to `MOST_STEPS`.

    Raises
    ------
    InputError
        If a value is beyond the board's limits: names the range that it allows.
    """
    if not 2 <= steps <= MOST_STEPS:
        raise InputError(f"{steps} steps", f"give 2 to {MOST_STEPS}")
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        raise InputError(f"a sweep from {low:g} to {high:g}", "give two different values")
    rate_hz = 1e6 / board.identity.block_period_us
    setting = board.settings.describe(parameter.setting)
    least = parameter.from_setting(setting.minimum, rate_hz)
    most = parameter.from_setting(setting.maximum, rate_hz)
    for value in (low, high):
        if not setting.minimum <= parameter.to_setting(value, rate_hz) <= setting.maximum:
            raise InputError(
                f"{board}: {parameter.name} {format_quantity(value, parameter.unit)} is beyond "
                "the board's limits",
                f"it takes {format_quantity(least, parameter.unit)} to "
                f"{format_quantity(most, parameter.unit)}",
            )
    return np.linspace(low, high, steps)
