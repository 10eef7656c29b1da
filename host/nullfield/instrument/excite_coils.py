"""What every coil does at every head on its three axes, all coils excited at once.

The coils carry a Hadamard pattern of currents; at each pattern the heads balance their beam axis and
all three axes are read. Currents are counted as the boards sense them, so a source that is slow to
settle does no harm. See `room.excitation` for the design and the fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.errors import ProcedureError, RequestError
from nullfield.instrument.coil_currents import sensed_ma, set_currents
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.measure_field import (
    FieldMeasurement,
    alive_heads,
    balance_heads,
    measure_field,
)
from nullfield.instrument.progress import Progress, silent
from nullfield.rig import CoilEntry, HeadEntry, WindingEntry
from nullfield.room.excitation import excitation_patterns, fit_response
from nullfield.room.windings import Winding, nominal_field_pt_per_ma

FloatArray = npt.NDArray[np.float64]

LARGEST_CHANGE_NT = 6.0
"""On one axis of one head, should all coils add up: the heads stay well within their loops."""
LARGEST_AMPLITUDE_MA = 0.5
SAMPLES = 60
"""Whole periods of 50 Hz and nearly so of 60 Hz; the beam axis is known from the balance anyway."""
_QUICK_SAMPLES = 40
_SHORT_CURRENT_SHARE = 0.5
_ATTEMPTS = 3
_RETRY_S = 0.7
"""Heads of the boards that did accept are balanced by then."""


@dataclass(frozen=True)
class CoilResponse:
    """What coils do at heads; fields along each head's local x, local y and beam.

    Attributes
    ----------
    heads : tuple of HeadEntry
        Heads that were read; one that failed in between is left out.
    coils : tuple of CoilEntry
    response_pt_per_ma, uncertainty_pt_per_ma : numpy.ndarray, shape ``(n_heads, 3, n_coils)``
    field_pt, field_uncertainty_pt : numpy.ndarray, shape ``(n_heads, 3)``
        Ambient field when the last pattern was read, had the currents been `current_ma`.
    current_ma : numpy.ndarray, shape ``(n_coils,)``
        Mean of the patterns, as sensed; the coils are left there.
    sensed_share : numpy.ndarray, shape ``(n_coils,)``
        Swing of the sensed current against the one asked for; near zero where a coil is open.
    drift_pt_per_s : numpy.ndarray, shape ``(n_heads, 3)``
    duration_s : float
    """

    heads: tuple[HeadEntry, ...]
    coils: tuple[CoilEntry, ...]
    response_pt_per_ma: FloatArray
    uncertainty_pt_per_ma: FloatArray
    field_pt: FloatArray
    field_uncertainty_pt: FloatArray
    current_ma: FloatArray
    sensed_share: FloatArray
    drift_pt_per_s: FloatArray
    duration_s: float


def usual_patterns(
    coils: tuple[CoilEntry, ...], heads: tuple[HeadEntry, ...], around_ma: FloatArray | None = None
) -> FloatArray:
    """Hadamard patterns that move no head by more than it follows, should all coils add up.

    By the coils' drawings: walls make the true fields some 20 % larger. References count as the array
    does, though they see no heart: one whose beam axis is lost costs the null seconds.

    Parameters
    ----------
    coils, heads : tuple
    around_ma : numpy.ndarray, shape ``(n_coils,)``, optional
        Currents about which the patterns lie, zero by default.

    Returns
    -------
    numpy.ndarray, shape ``(n_patterns, n_coils)``
        In mA.
    """
    windings = tuple(Winding(c.name, c.kind, c.nominal_nt_per_ma) for c in coils)
    position_m = np.array([head.position_m for head in heads])
    effect_nt = np.abs(nominal_field_pt_per_ma(windings, position_m)) * 1e-3
    # In shares of what a head may move: every coil takes an equal part, then all are lowered until
    # no axis of any head gets more than it may.
    share = effect_nt / LARGEST_CHANGE_NT
    amplitude = np.minimum(1.0 / share.max(axis=(0, 1)), LARGEST_AMPLITUDE_MA)
    amplitude = amplitude / max(float((share @ amplitude).max()), 1.0)
    limit_ma = np.array([coil.current_max_ma for coil in coils])
    middle = np.zeros(len(coils)) if around_ma is None else around_ma
    # A coil near its limit is swung about a point that leaves room for it.
    middle = np.clip(middle, amplitude - limit_ma, limit_ma - amplitude)
    return middle + excitation_patterns(amplitude)


def excite_coils(
    instrument: Instrument,
    heads: tuple[HeadEntry, ...],
    currents_ma: FloatArray | None = None,
    progress: Progress = silent,
    is_quick: bool = False,
) -> CoilResponse:
    """Measure the response of all heads to all coils at once.

    Parameters
    ----------
    instrument : Instrument
        Streams on, heads ready and zeroed, coils energised.
    heads : tuple of HeadEntry
        Array and reference heads.
    currents_ma : numpy.ndarray, shape ``(n_patterns, n_coils)``, optional
        Currents to be given, in the order of the rig's coils; `usual_patterns` by default. At least
        three more patterns than coils, or the uncertainties cannot be told.
    progress : Progress
        Told under the step ``excite``.
    is_quick : bool
        One cycle of each balance counts instead of three: 0.3 s less a pattern, and a beam axis that
        is off by up to a percent of the pattern's field.

    Returns
    -------
    CoilResponse

    Raises
    ------
    ProcedureError
        If there is no coil or no head, if the patterns do not tell the coils apart, or if no head
        lasts to the end.
    """
    coils = instrument.rig.coils
    if not coils or not heads:
        raise ProcedureError(f"rig {instrument.rig.name}: there is no coil or no head to excite")
    patterns = usual_patterns(coils, heads) if currents_ma is None else currents_ma
    return excite_windings(instrument, heads, coils, patterns, progress, is_quick=is_quick)


def excite_windings(
    instrument: Instrument,
    heads: tuple[HeadEntry, ...],
    windings: tuple[WindingEntry, ...],
    patterns: FloatArray,
    progress: Progress = silent,
    balances: int = 1,
    readings: int = 1,
    is_drift_apart: bool = False,
    is_quick: bool = False,
) -> CoilResponse:
    """The same for any windings: the room's coils, and a transfer standard's loops after them.

    Parameters
    ----------
    instrument, heads, progress, is_quick
        As for `excite_coils`.
    windings : tuple of WindingEntry
    patterns : numpy.ndarray, shape ``(n_patterns, n_windings)``
        In mA.
    balances : int
        Times that the beam axes are balanced at each pattern: coils of neighbours reach over by some
        1 % of what they have moved, so that large changes need a second one.
    readings : int
        Times that the field is read at each pattern, each after a balance, for their mean.
    is_drift_apart : bool
        Whether a drift of the room that is the same at all heads is left out of the uncertainties.

    Returns
    -------
    CoilResponse
        Its arrays hold all windings, its `coils` those that are coils.

    Raises
    ------
    ProcedureError
        As for `excite_coils`.
    """
    coils = windings
    if patterns.ndim != 2 or patterns.shape[1] != len(coils) or len(patterns) < len(coils) + 3:
        raise ProcedureError(
            f"patterns of shape {patterns.shape} do not measure {len(coils)} coils",
            "give one column for each coil and at least three rows more than coils",
        )
    began_s = instrument.clock.now_s()
    sensed = np.zeros(patterns.shape)
    field = np.full((len(patterns), len(heads), 3), np.nan)
    time_s = np.zeros(len(patterns))
    for number, pattern in enumerate(patterns):
        progress("excite", number / len(patterns), f"pattern {number + 1} of {len(patterns)}")
        set_currents(instrument, coils, pattern)
        field[number] = _read(instrument, heads, is_quick, balances, readings)
        sensed[number] = sensed_ma(instrument, coils, _QUICK_SAMPLES if is_quick else SAMPLES)
        time_s[number] = instrument.clock.now_s()
    set_currents(instrument, coils, patterns.mean(axis=0))
    progress("excite", 1.0, f"{len(coils)} coils at {len(heads)} heads")
    share = _shares(patterns, sensed)
    # An open coil carries nothing whatever is asked for: it is fitted by what was asked for, so
    # that its response comes out as nothing, too, instead of as noise over noise.
    currents = np.where(share > _SHORT_CURRENT_SHARE, sensed, patterns)
    axis = np.tile(np.arange(3), len(heads))
    try:
        common = np.array([head.axes for head in heads]).reshape(-1, 3) if is_drift_apart else None
        fit = fit_response(currents, field.reshape(len(patterns), -1), time_s, axis, common)
    except ValueError as error:
        raise ProcedureError(str(error), "excite with orthogonal patterns") from error
    is_kept = np.asarray(fit.is_fitted.reshape(-1, 3).all(axis=1), dtype=np.bool_)
    if not is_kept.any():
        raise ProcedureError(
            "no head was read in enough patterns",
            "see 'nullfield boards' for their faults, and start the heads again",
        )
    n_coils = len(coils)
    return CoilResponse(
        heads=tuple(h for h, kept in zip(heads, is_kept, strict=True) if kept),
        coils=tuple(one for one in coils if isinstance(one, CoilEntry)),
        response_pt_per_ma=fit.response_pt_per_ma.reshape(-1, 3, n_coils)[is_kept],
        uncertainty_pt_per_ma=fit.uncertainty_pt_per_ma.reshape(-1, 3, n_coils)[is_kept],
        field_pt=fit.field_pt.reshape(-1, 3)[is_kept],
        field_uncertainty_pt=fit.field_uncertainty_pt.reshape(-1, 3)[is_kept],
        current_ma=currents.mean(axis=0),
        sensed_share=share,
        drift_pt_per_s=fit.drift_pt_per_s.reshape(-1, 3)[is_kept],
        duration_s=instrument.clock.now_s() - began_s,
    )


def _read(
    instrument: Instrument,
    heads: tuple[HeadEntry, ...],
    is_quick: bool,
    balances: int,
    readings: int,
) -> FloatArray:
    """Field of heads, shape ``(n_heads, 3)``; NaN where one is not ready or its rows not valid."""
    field = np.full((readings, len(heads), 3), np.nan)
    samples = _QUICK_SAMPLES if is_quick else SAMPLES
    row = {head.name: number for number, head in enumerate(heads)}
    kept = heads
    for turn in range(balances + readings - 1):
        kept = _balanced(instrument, kept, is_quick)
        if not kept:
            break
        if turn < balances - 1:
            continue
        measured: FieldMeasurement = measure_field(instrument, kept, samples)
        for head, value in zip(kept, measured.field_pt, strict=True):
            field[turn - balances + 1, row[head.name]] = value
    # A head that failed in between has no field, not that of the readings before.
    return np.asarray(field.mean(axis=0))


def _balanced(
    instrument: Instrument, heads: tuple[HeadEntry, ...], is_quick: bool
) -> tuple[HeadEntry, ...]:
    """Balance those that can be; a head may have failed since the telemetry told of it."""
    for attempt in range(_ATTEMPTS):
        usable = alive_heads(instrument)
        alive = tuple(h for h in heads if h in usable)
        if not alive:
            return ()
        try:
            return balance_heads(instrument, alive, is_quick=is_quick)
        except RequestError:
            if attempt == _ATTEMPTS - 1:
                raise
            instrument.wait_s(_RETRY_S)
    return ()


def _shares(asked_ma: FloatArray, sensed_ma: FloatArray) -> FloatArray:
    """Slope of the sensed over the asked current of each coil."""
    asked = asked_ma - asked_ma.mean(axis=0)
    sensed = sensed_ma - sensed_ma.mean(axis=0)
    return np.asarray((asked * sensed).sum(axis=0) / (asked**2).sum(axis=0), dtype=np.float64)
