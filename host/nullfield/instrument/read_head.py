"""What a head's own signals tell of its lock-in: weights, answer, and noise without field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.devices.sensor import SensorBoard
from nullfield.devices.trace import Scope, Trigger
from nullfield.dsp.noise_shares import (
    Weights,
    beside_carrier_step_rthz,
    fit_weights,
    sums_as_field_t_rthz,
)
from nullfield.errors import ProcedureError
from nullfield_protocol.catalogue import TraceTrigger

FloatArray = npt.NDArray[np.float64]

ADC_RATE_HZ = 16_000.0
SAMPLES_A_BLOCK = 16
_CODES = 1 << 16
"""Codes of the coil converter, LTC2688 (data sheet: 16 bit)."""
_ADC_STEPS = 1 << 23
"""Steps to full scale, ADS131M08 (data sheet: 24 bit, two's complement)."""
_TRACE_LIMIT_S = 10.0
_QUIET_HZ = ((5150.0, 5350.0), (5650.0, 5850.0), (6150.0, 6350.0))
"""Between high multiples of half of a 1 kHz modulation, for one that alternates has these. Each carries
the cell's answer to field noise on both sides; seen on a virtual head (as field): 12 fT/sqrt(Hz) at
2.2 kHz, 7.6 at 3.2, 6.2 at 4.2 and 5.4-6.1 from 5.2 kHz on, where 5.2 are light and electronics."""
_QUIET_PIECES = 4


@dataclass(frozen=True)
class HeadScales:
    """What a step of a converter is on a sensor board, from its definition.

    Attributes
    ----------
    photocurrent_a_per_step : float
        A step of the modulated channel, as photocurrent.
    coil_step_t : float
        A code of a coil's converter, as field, by the nominal coil.
    """

    photocurrent_a_per_step: float
    coil_step_t: float

    @classmethod
    def of(cls, definition: dict[str, Any]) -> HeadScales:
        """From the literal of a sensor board's definition."""
        scales = definition["scales"]
        full_scale_v = scales["adc_full_scale_uv"] * 1e-6
        volt_per_a = scales["transimpedance_ohm"] * scales["modulation_gain"]
        t_per_a = scales["coil_constant_pt_per_ma"] * 1e-12 / 1e-3
        return cls(
            full_scale_v / _ADC_STEPS / volt_per_a,
            2.0 * scales["coil_full_scale_na"] * 1e-9 / _CODES * t_per_a,
        )


def _trace(scope: Scope, names: list[str]) -> FloatArray:
    signals = scope.find(names)
    scope.arm(signals, Trigger(TraceTrigger.NOW))
    scope.wait(_TRACE_LIMIT_S)
    result = scope.read(signals)
    return np.array([result.values[one.name] for one in signals])


def read_weights(board: SensorBoard, scope: Scope, slot: int) -> Weights:
    """Weights that a ready head's lock-in uses, from half a second of its sums and loop errors.

    Raises
    ------
    ProcedureError
        If its signals do not vary: the head is not at work.
    """
    names = [f"head{slot}_{name}" for name in ("in_phase", "quadrature", "error_x", "error_y")]
    values = _trace(scope, names)
    try:
        return fit_weights(values[:2], values[2:] * board.coil_scale_t()[slot, :2, None])
    except ValueError as error:
        raise ProcedureError(
            f"head {slot} of {board}: {error}", "is the head ready? 'nullfield monitor' shows it"
        ) from None


def read_dark_sums(scope: Scope, slot: int) -> FloatArray | None:
    """Sums of a head whose laser is off, shape ``(2, n)``: the electronics alone.

    Returns
    -------
    ndarray or None
        None where the channel does not move: the current that cancelled the light is still on and
        drives it to its rail.
    """
    sums = _trace(scope, [f"head{slot}_in_phase", f"head{slot}_quadrature"])
    return sums if bool((sums.std(axis=1) > 0.0).all()) else None


def read_beside_carrier(scope: Scope, slot: int) -> float:
    """Density of the modulated channel between the harmonics, steps/sqrt(Hz)."""
    pieces = [_trace(scope, [f"head{slot}_modulation_adc"])[0] for _ in range(_QUIET_PIECES)]
    return beside_carrier_step_rthz(np.array(pieces), ADC_RATE_HZ, _QUIET_HZ)


def dark_field_t_rthz(dark: FloatArray, weights: Weights) -> FloatArray:
    """Field density of both transverse axes that the electronics alone would make."""
    return sums_as_field_t_rthz(dark, weights, ADC_RATE_HZ / SAMPLES_A_BLOCK)
