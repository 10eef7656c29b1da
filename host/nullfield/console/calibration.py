"""The calibration of the connected array: the one in force, or else the newest that is kept."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nullfield.instrument.instrument import Instrument
from nullfield.room.calibration import Calibration
from nullfield.room.calibration_file import load_calibration, newest_of

PICTURES = ("array", "spread", "residuals")
_DRAWING = threading.Lock()
"""Matplotlib draws for one at a time, and a picture is drawn once."""


@dataclass(frozen=True)
class FoundCalibration:
    """A calibration of the connected array.

    Attributes
    ----------
    calibration : Calibration
    is_in_force : bool
        Whether examinations are made with it.
    """

    calibration: Calibration
    is_in_force: bool

    def to_json(self) -> dict[str, Any]:
        """What the engineer's page tells of it beside the pictures."""
        one = self.calibration
        return {
            "made_at": one.made_at,
            "is_in_force": self.is_in_force,
            "standard": one.standard or None,
            "heads": len(one.heads),
            "cell_temperature_c": _plain(np.nanmean(one.cell_temperature_c), 1),
            "gain_least": _plain(one.head_gain.min(), 4),
            "gain_largest": _plain(one.head_gain.max(), 4),
            "gain_sigma": _plain(one.typical_gain_sigma, 5),
            "angle_sigma_deg": _plain(np.degrees(one.typical_angle_sigma_rad), 3),
            "position_sigma_mm": _plain(1e3 * one.typical_position_sigma_m, 3),
            "crosstalk": [_plain(v, 4) for v in one.crosstalk_strength],
            "reduced_chi2": _plain(one.reduced_chi2, 3),
            "faults": list(one.faults),
        }


def find_calibration(instrument: Instrument, root: Path | None = None) -> FoundCalibration | None:
    """Calibration of an array, or None.

    Parameters
    ----------
    instrument : Instrument
    root : Path, optional
        Where calibrations are kept; the user's data folder by default.

    Raises
    ------
    CalibrationError
        If the newest file is damaged.
    """
    if instrument.calibration is not None:
        return FoundCalibration(instrument.calibration, True)
    rig = instrument.rig
    path = newest_of(rig.name, rig.fingerprint, root)
    return None if path is None else FoundCalibration(load_calibration(path), False)


def draw_calibration(instrument: Instrument, calibration: Calibration, cache: Path) -> Path:
    """Folder with the pictures of a calibration, drawn if they are not there yet.

    Parameters
    ----------
    instrument : Instrument
        Its rig file says where heads should be.
    calibration : Calibration
        Of that array.
    cache : Path
        Folder for what can be made again at any time.
    """
    stamp = "".join(c for c in calibration.made_at if c.isdigit())[:14]
    folder = cache / f"calibration-{calibration.rig_fingerprint}-{stamp}"
    heads = {head.name: head for head in instrument.rig.heads}
    with _DRAWING:
        if not all((folder / picture_name(name)).exists() for name in PICTURES):
            # Matplotlib takes a second to load, which the start of the server should not.
            from nullfield.room.calibration_plots import write_calibration_plots

            chosen = [heads[name] for name in calibration.heads]
            nominal_m = np.array([head.position_m for head in chosen])
            axes = np.array([head.axes for head in chosen])
            write_calibration_plots(calibration, nominal_m, axes, folder)
    return folder


def picture_name(name: str) -> str:
    """File of a picture in the folder of `draw_calibration`."""
    return f"calibration-{name}.png"


def _plain(value: Any, digits: int) -> float | None:
    number = float(value)
    return round(number, digits) if np.isfinite(number) else None
