"""Calibrations as JSON files, and whether one fits the instrument that it is to be used on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from nullfield.errors import CalibrationError
from nullfield.places import user_data_directory
from nullfield.room.calibration import Calibration

SCHEMA = 1
TEMPERATURE_TOLERANCE_C = 2.0
"""Of a cell: the line, and with it the light shift, moves by less than what calibration can tell."""

_TEXT = ("rig_name", "rig_fingerprint", "made_at", "standard")
_NUMBERS = ("shield_image", "reduced_chi2")
_NAMES = ("heads", "coils", "faults")
_SHAPES = {
    "response_pt_per_ma": ("n", 3, "m"),
    "uncertainty_pt_per_ma": ("n", 3, "m"),
    "head_gain": ("n", 3),
    "head_gain_sigma": ("n", 3),
    "head_axes": ("n", 3, 3),
    "head_angle_sigma_rad": ("n", 3),
    "head_position_m": ("n", 3),
    "head_position_sigma_m": ("n", 3),
    "crosstalk_strength": (3,),
    "crosstalk_sigma": (3,),
    "crosstalk": ("n", "n"),
    "cell_temperature_c": ("n",),
    "gauge_sigma": (8,),
    "residual_pt_per_ma": ("n", 3),
}
_HINT = "calibrate again with 'nullfield calibrate'"


def to_json(calibration: Calibration) -> dict[str, Any]:
    """Plain values, numbers to nine digits; what is not finite is null."""
    out: dict[str, Any] = {"format": "nullfield-calibration", "schema": SCHEMA}
    for one in fields(calibration):
        value = getattr(calibration, one.name)
        out[one.name] = _plain(value) if isinstance(value, np.ndarray) else value
    return {**out, **{name: list(out[name]) for name in _NAMES}}


def _plain(values: Any) -> Any:
    if isinstance(values, np.ndarray) and values.ndim:
        return [_plain(one) for one in values]
    return float(f"{float(values):.9g}") if np.isfinite(values) else None


def from_json(content: Mapping[str, Any], where: str = "calibration") -> Calibration:
    """Calibration from plain values.

    Raises
    ------
    CalibrationError
        If it is of another kind or schema, or damaged; names what is wrong.
    """
    if content.get("format") != "nullfield-calibration":
        raise CalibrationError(
            f"{where}: not a calibration", "give a file of 'nullfield calibrate'"
        )
    if content.get("schema") != SCHEMA:
        raise CalibrationError(
            f"{where}: schema {content.get('schema')}, this software reads {SCHEMA}", _HINT
        )
    try:
        values: dict[str, Any] = {name: str(content[name]) for name in _TEXT}
        values |= {name: float(content[name]) for name in _NUMBERS}
        values |= {name: tuple(str(one) for one in content[name]) for name in _NAMES}
        sizes = {"n": len(values["heads"]), "m": len(values["coils"])}
        for name, shape in _SHAPES.items():
            array = np.array(content[name], dtype=np.float64)
            wanted = tuple(sizes[s] if isinstance(s, str) else s for s in shape)
            if array.shape != wanted:
                raise CalibrationError(f"{where}: {name} is {array.shape}, not {wanted}", _HINT)
            values[name] = array
        values["coil_errors"] = {
            str(name): [float(v) for v in row] for name, row in content["coil_errors"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CalibrationError(f"{where}: damaged: {error!r}", _HINT) from error
    return Calibration(**values)


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write a file, by way of a second one: a kill leaves the old one or the new one.

    Raises
    ------
    CalibrationError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".new")
        text = json.dumps(to_json(calibration), allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise CalibrationError(
            f"{path}: cannot be written: {error.strerror}", "give another file with --out"
        ) from error


def load_calibration(path: Path) -> Calibration:
    """Read a file.

    Raises
    ------
    CalibrationError
        If there is none, or it is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalibrationError(
            f"{path}: {error.strerror}", "'nullfield calibrate' makes one"
        ) from error
    except ValueError as error:
        raise CalibrationError(f"{path}: damaged: {error}", _HINT) from error
    if not isinstance(content, dict):
        raise CalibrationError(f"{path}: not a calibration", "give a file of 'nullfield calibrate'")
    return from_json(content, str(path))


def calibrations_directory() -> Path:
    """Where calibrations are kept unless a file is named."""
    return user_data_directory() / "calibrations"


def default_path(calibration: Calibration, root: Path | None = None) -> Path:
    """File of a calibration: by rig, its fingerprint and the time it was made."""
    stamp = "".join(c for c in calibration.made_at if c.isdigit())[:14]
    name = f"{calibration.rig_name}-{calibration.rig_fingerprint}-{stamp}.json"
    return (root or calibrations_directory()) / name


def newest_of(rig_name: str, rig_fingerprint: str, root: Path | None = None) -> Path | None:
    """Newest kept calibration of a rig, or None."""
    folder = root or calibrations_directory()
    found = sorted(folder.glob(f"{rig_name}-{rig_fingerprint}-*.json")) if folder.is_dir() else []
    return found[-1] if found else None


def refuse_other_rig(calibration: Calibration, rig_name: str, rig_fingerprint: str) -> None:
    """Refuse a calibration of another array.

    Raises
    ------
    CalibrationError
        If heads or coils of the rig file are not those that were calibrated.
    """
    if calibration.rig_fingerprint != rig_fingerprint:
        if calibration.rig_name != rig_name:
            text = f"is of rig {calibration.rig_name}, not of {rig_name}"
        else:
            text = (
                f"is of an earlier {rig_name}: its heads or coils were others"
                f" (fingerprint {calibration.rig_fingerprint}, now {rig_fingerprint})"
            )
        raise CalibrationError(
            f"the calibration of {calibration.made_at} {text}",
            f"calibrate this rig with 'nullfield calibrate --rig {rig_name}'",
        )


def refuse_other_temperature(
    calibration: Calibration, cell_temperature_c: Mapping[str, float]
) -> None:
    """Refuse a calibration that was made with the cells at another temperature.

    Parameters
    ----------
    calibration : Calibration
    cell_temperature_c : mapping of str to float
        By head, now.

    Raises
    ------
    CalibrationError
        Naming the head that is farthest off.
    """
    apart = {
        name: cell_temperature_c[name] - float(then)
        for name, then in zip(calibration.heads, calibration.cell_temperature_c, strict=True)
        if name in cell_temperature_c and np.isfinite(then)
    }
    if not apart:
        raise CalibrationError(
            f"none of the heads of the calibration of {calibration.made_at} is ready",
            "start the heads, or calibrate again with 'nullfield calibrate'",
        )
    worst = max(apart, key=lambda name: abs(apart[name]))
    if abs(apart[worst]) > TEMPERATURE_TOLERANCE_C:
        raise CalibrationError(
            f"head {worst}: its cell is {apart[worst]:+.1f} K from where it was calibrated"
            f" ({TEMPERATURE_TOLERANCE_C:g} K are allowed)",
            "set the cell temperature as it was, or calibrate again with 'nullfield calibrate'",
        )
