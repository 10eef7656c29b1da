"""Calibrate the array: null, excite all coils (and a standard's loops) at once, fit, compare.

Nothing is known of the heads but what they report; where they are and what their axes are follows
from the windings' geometry. Without a transfer standard scale, rotation, translation and length of
all together cannot be seen (`room.gauge`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.errors import ProcedureError
from nullfield.instrument.calibration_patterns import MOST_HELD_NT, amplitudes_ma
from nullfield.instrument.excite_coils import CoilResponse, excite_windings
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.measure_field import (
    alive_heads,
    balance_heads,
    measure_field,
    zero_heads,
)
from nullfield.instrument.null_checks import OPEN_SHARE, wiring_faults
from nullfield.instrument.null_room import null_room
from nullfield.instrument.progress import Progress, silent
from nullfield.instrument.windings import tolerances_of, windings_of
from nullfield.rig import HeadEntry, WindingEntry
from nullfield.room.calibration import Calibration, calibration_of
from nullfield.room.calibration_drift import GainChange, changed_gains
from nullfield.room.calibration_fit import LARGEST_STRAIN, ArrayFit, fit_array
from nullfield.room.excitation import excitation_patterns

FloatArray = npt.NDArray[np.float64]

_NULL_SHARE, _FIT_SHARE = 0.35, 0.95
_BALANCES = 3
"""Of the beam axes at each pattern: the coils of all neighbours together reach over by up to a tenth
of what they have moved, which is left after the first, a hundredth after the second."""
_READINGS = 2
_MOST_TRIES = 3
_FRESH_TELEMETRY_S = 0.5
WORST_CHI2 = 4.0
"""Reduced chi squared above which the model does not describe what was measured."""


@dataclass(frozen=True)
class CalibrationResult:
    """What a calibration came to.

    Attributes
    ----------
    calibration : Calibration
    fit : ArrayFit
    left_out : tuple of str
        Heads of the rig that were not ready or did not last.
    changes : tuple of GainChange
        Against the calibration before.
    before_pt_rms : float
        Field over the chest after the null, about which was measured.
    duration_s : float
    """

    calibration: Calibration
    fit: ArrayFit
    left_out: tuple[str, ...]
    changes: tuple[GainChange, ...]
    before_pt_rms: float
    duration_s: float


def calibrate(
    instrument: Instrument,
    made_at: str,
    progress: Progress = silent,
    before: Calibration | None = None,
) -> CalibrationResult:
    """Calibrate all ready heads against the room's coils, and a standard if the rig has one.

    Parameters
    ----------
    instrument : Instrument
        Started up, streams on, the patient out.
    made_at : str
        ISO 8601; kept with the calibration.
    progress : Progress
        Told under the step ``calibrate``.
    before : Calibration, optional
        Of the same rig: heads whose gain has changed since are named.

    Raises
    ------
    ProcedureError
        If there are no coils or too few heads, if coils or heads are not what the rig file says (all
        of them are named), or if the model does not describe what was measured.
    """
    rig = instrument.rig
    began_s = instrument.clock.now_s()
    nulled = null_room(
        instrument, lambda _, part, words: progress("calibrate", _NULL_SHARE * part, words)
    )
    windings = rig.driven
    middle = np.array([nulled.current_ma.get(w.name, 0.0) for w in windings])
    heads = zero_heads(instrument, instrument.ready_heads())
    for _ in range(_MOST_TRIES):
        measured = measure_field(instrument, heads)
        held_nt = measured.field_pt * 1e-3
        # The null is for the array: a reference at a winding may hold almost all that it can.
        is_free = np.abs(held_nt).max(axis=1) <= MOST_HELD_NT
        is_used = is_free | np.array([head.kind == "array" for head in heads])
        heads = tuple(h for h, used in zip(heads, is_used, strict=True) if used)
        amplitude = amplitudes_ma(rig, _by_rig(rig.heads, heads, held_nt[is_used]))
        patterns = middle + excitation_patterns(_within(windings, middle, amplitude))
        response = excite_windings(
            instrument,
            heads,
            windings,
            patterns,
            lambda _, part, words: progress(
                "calibrate", _NULL_SHARE + (_FIT_SHARE - _NULL_SHARE) * part, words
            ),
            balances=_BALANCES,
            readings=_READINGS,
            is_drift_apart=True,
        )
        if len(response.heads) == len(heads):
            break
        # A head that was lost in between still reaches its neighbours, by nobody knows how much.
        instrument.wait_s(_FRESH_TELEMETRY_S)
        usable = {head.name for head in alive_heads(instrument)}
        heads = balance_heads(
            instrument, tuple(h for h in response.heads if h.name in usable), is_full=True
        )
    _refuse_faults(instrument, response, windings)
    progress("calibrate", _FIT_SHARE, "fitting the array")
    fit = _fit(instrument, response, patterns)
    calibration = calibration_of(
        fit,
        rig_name=rig.name,
        rig_fingerprint=rig.fingerprint,
        made_at=made_at,
        standard="" if rig.standard is None else rig.standard.name,
        heads=tuple(h.name for h in response.heads),
        response_pt_per_ma=response.response_pt_per_ma,
        uncertainty_pt_per_ma=response.uncertainty_pt_per_ma,
        cell_temperature_c=cell_temperatures_c(instrument, response.heads),
    )
    names = set(calibration.heads)
    changes = () if before is None else changed_gains(before, calibration)
    progress("calibrate", 1.0, f"{len(names)} heads, {len(windings)} windings")
    return CalibrationResult(
        calibration=calibration,
        fit=fit,
        left_out=tuple(h.name for h in rig.heads if h.name not in names),
        changes=changes,
        before_pt_rms=measured.rms_pt,
        duration_s=instrument.clock.now_s() - began_s,
    )


def cell_temperatures_c(instrument: Instrument, heads: tuple[HeadEntry, ...]) -> FloatArray:
    """Cell temperature of heads from the newest telemetry, shape ``(n_heads,)``; NaN before it."""
    out = np.full(len(heads), np.nan)
    for number, head in enumerate(heads):
        telemetry = instrument.sensors[head.board].telemetry
        if telemetry is not None:
            out[number] = telemetry.cell_temperature_c[head.slot]
    return out


def _by_rig(
    all_heads: tuple[HeadEntry, ...], heads: tuple[HeadEntry, ...], values: FloatArray
) -> FloatArray:
    """Values of some heads in the rig's order, NaN for the others."""
    row = {head.name: number for number, head in enumerate(heads)}
    out = np.full((len(all_heads), 3), np.nan)
    for number, head in enumerate(all_heads):
        if head.name in row:
            out[number] = values[row[head.name]]
    return out


def _within(
    windings: tuple[WindingEntry, ...], middle_ma: FloatArray, amplitude_ma: FloatArray
) -> FloatArray:
    """Amplitudes that keep to the windings' limits about where they stand."""
    limit = np.array([w.current_max_ma for w in windings])
    return np.asarray(np.minimum(amplitude_ma, np.maximum(limit - np.abs(middle_ma), 0.05 * limit)))


def _fit(instrument: Instrument, response: CoilResponse, patterns_ma: FloatArray) -> ArrayFit:
    rig = instrument.rig
    fit = fit_array(
        response.response_pt_per_ma,
        response.uncertainty_pt_per_ma,
        rig.positions_m(response.heads),
        np.array([head.axes for head in response.heads]),
        windings_of(rig),
        tolerances_of(rig, patterns_ma),
    )
    heads = [response.heads[i].name for i in np.flatnonzero(fit.strain_of_heads > LARGEST_STRAIN)]
    names = [rig.driven[k].name for k in np.flatnonzero(fit.strain_of_windings > LARGEST_STRAIN)]
    if heads or names:
        raise ProcedureError(
            f"{', '.join([*heads, *names])}: too far from what the rig file says",
            "compare places, axes and constants with the rig file",
        )
    if fit.reduced_chi2 > WORST_CHI2:
        rest = np.nanmax(np.abs(fit.residual), axis=(1, 2))
        worst = response.heads[int(rest.argmax())].name
        raise ProcedureError(
            f"the coils' model does not describe what the heads report (chi squared"
            f" {fit.reduced_chi2:.1f} instead of 1); the worst is head {worst},"
            f" {rest.max():.0f} pT/mA off",
            "compare coils, heads and standard with the rig file: places, axes, kinds",
        )
    return fit


def _refuse_faults(
    instrument: Instrument, response: CoilResponse, windings: tuple[WindingEntry, ...]
) -> None:
    """Name every coil, loop and head that is not what the files say.

    Raises
    ------
    ProcedureError
    """
    faults: list[tuple[str, str]] = [
        (f"{w.name} carries {max(float(share), 0.0):.0%} of its current", "check plug and winding")
        for w, share in zip(windings, response.sensed_share, strict=True)
        if share < OPEN_SHARE
    ]
    found = wiring_faults(instrument.rig, response, [w.name for w in windings])
    faults += [(fault.text, fault.hint) for fault in found]
    if faults:
        raise ProcedureError("; ".join(text for text, _ in faults), faults[0][1])
