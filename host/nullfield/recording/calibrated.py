"""A recording that was made with a calibration: its fields and its array as they truly are.

The header holds the calibration as it was in force; the samples stay as they came. On reading,
cross-talk and gains are taken out and places and axes are those that were fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.analysis.data import SensorArray, SensorUncertainty
from nullfield.room.calibration import Calibration
from nullfield.room.calibration_file import from_json
from nullfield.room.gauge import MODES

FloatArray = npt.NDArray[np.float64]


def calibration_in(header: Mapping[str, Any], where: str) -> Calibration | None:
    """The calibration that a recording's header holds, or None.

    Raises
    ------
    CalibrationError
        If it is damaged.
    """
    content = header.get("calibration")
    return None if content is None else from_json(content, f"{where}: calibration")


def corrected_field(
    calibration: Calibration, array: SensorArray, field_pt: FloatArray
) -> FloatArray:
    """Fields along the calibrated axes from what the heads reported.

    Parameters
    ----------
    calibration : Calibration
    array : SensorArray
        Three channels of each head, in order.
    field_pt : numpy.ndarray, shape ``(n_channels, n_samples)``
        NaN where nothing came; that head's part in its neighbours (a hundredth) then stays in them.
    """
    heads = tuple(array.head_names[::3])
    matrix = calibration.correction(heads)
    is_missing = np.isnan(field_pt)
    out = np.asarray(matrix @ np.where(is_missing, 0.0, field_pt))
    out[is_missing] = np.nan
    return out


def corrected_array(calibration: Calibration, array: SensorArray) -> SensorArray:
    """The array with fitted places and axes; heads that were not calibrated stay as the rig says."""
    place, axes = array.positions_m.copy(), array.orientations.copy()
    row = {name: number for number, name in enumerate(calibration.heads)}
    for channel, (head, axis) in enumerate(zip(array.head_names, array.axis_index, strict=True)):
        if head in row:
            place[channel] = calibration.head_position_m[row[head]]
            axes[channel] = calibration.head_axes[row[head], int(axis)]
    return replace(array, positions_m=place, orientations=axes)


def known_uncertainty(calibration: Calibration) -> SensorUncertainty:
    """How well a calibrated array is known, the gauge of all together included."""
    return SensorUncertainty(
        gain=calibration.typical_gain_sigma,
        position_m=calibration.typical_position_sigma_m,
        angle_rad=calibration.typical_angle_sigma_rad,
        crosstalk=float(np.max(calibration.crosstalk_sigma)),
    )


def about(calibration: Calibration) -> dict[str, Any]:
    """What the recording's metadata say of its calibration."""
    known = known_uncertainty(calibration)
    gauge = (float(value) for value in calibration.gauge_sigma)
    return {
        "calibration": {
            "made_at": calibration.made_at,
            "standard": calibration.standard or None,
            "heads": list(calibration.heads),
            "gauge_sigma": dict(zip(MODES, gauge, strict=True)),
        },
        "sensor_uncertainty": {
            "gain": known.gain,
            "position_m": known.position_m,
            "angle_rad": known.angle_rad,
            "crosstalk": known.crosstalk,
        },
    }
