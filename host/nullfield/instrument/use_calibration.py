"""A calibration in force: taken over for this rig, checked with warm heads and a nulled room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nullfield.instrument.calibrate import cell_temperatures_c
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.null_room import NullResult
from nullfield.rig import Rig
from nullfield.room.calibration import Calibration
from nullfield.room.calibration_drift import GainChange, changed_responses
from nullfield.room.calibration_file import (
    load_calibration,
    refuse_other_rig,
    refuse_other_temperature,
)


def calibration_for(rig: Rig, path: Path | None) -> Calibration | None:
    """Read a calibration for a rig, before anything is opened; None if no file is given.

    Raises
    ------
    CalibrationError
        If it is damaged, or of another rig.
    """
    if path is None:
        return None
    calibration = load_calibration(path)
    refuse_other_rig(calibration, rig.name, rig.fingerprint)
    return calibration


def check_temperature(instrument: Instrument) -> None:
    """Once the heads are ready: refuse the calibration in force if their cells are not as they were.

    Raises
    ------
    CalibrationError
        Naming the head.
    """
    if instrument.calibration is None:
        return
    heads = instrument.ready_heads()
    now = cell_temperatures_c(instrument, heads)
    refuse_other_temperature(
        instrument.calibration, {h.name: float(t) for h, t in zip(heads, now, strict=True)}
    )


def changed_since(instrument: Instrument, nulled: NullResult) -> tuple[GainChange, ...]:
    """Heads that see the room's coils otherwise than when they were calibrated.

    A null measures that anyway. Nothing is refused: the operator is told, the recording says it.
    """
    if instrument.calibration is None:
        return ()
    response = nulled.excitation
    if response is None:
        return ()
    return changed_responses(
        instrument.calibration,
        tuple(h.name for h in response.heads),
        tuple(c.name for c in response.coils),
        response.response_pt_per_ma,
        response.uncertainty_pt_per_ma,
    )


def in_force_json(instrument: Instrument, changes: tuple[GainChange, ...]) -> dict[str, Any] | None:
    """What ``exam.json`` says of the calibration in force."""
    one = instrument.calibration
    if one is None:
        return None
    return {
        "made_at": one.made_at,
        "standard": one.standard or None,
        "heads": len(one.heads),
        "changed": [{"head": c.head, "axis": c.axis, "share": round(c.share, 4)} for c in changes],
    }
