"""Degauss the shield: a decaying alternating current through the winding in its walls.

What a door in the Earth's field, a dropped tool or a big current left in the walls is taken out by
cycling them through ever smaller loops. The heads tell what it brought: the residual field before
and after, room coils at zero. Afterwards the room must be nulled anew.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nullfield.devices.coil import CoilBoard
from nullfield.errors import InputError, NullfieldError, ProcedureError
from nullfield.instrument.coil_currents import settle
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.measure_field import FieldMeasurement, measure_field, zero_heads
from nullfield.instrument.move_table import quiet_table
from nullfield.instrument.progress import Progress, silent
from nullfield.rig import DegaussEntry, Rig
from nullfield.room.waveforms import Shape
from nullfield_protocol.catalogue import CoilFlag

FloatArray = npt.NDArray[np.float64]

FREQUENCY_HZ = 10.0
CYCLES = 200
"""Linear over 20 s: a step of half a percent from cycle to cycle."""
_GAIN_WORTH = 0.8
"""A residual above this share of the one before was not worth the time."""
_QUIET_S = 2.0


@dataclass(frozen=True)
class DegaussResult:
    """What degaussing came to, as the heads tell it.

    Attributes
    ----------
    heads : tuple of str
    before_pt, after_pt : (n_heads, 3) array
        Ambient field, local axes, room coils at zero.
    peak_ma : float
    frequency_hz : float
    cycles : int
    duration_s : float
    advice : str
        For the operator; empty if all is well.
    """

    heads: tuple[str, ...]
    before_pt: FloatArray
    after_pt: FloatArray
    peak_ma: float
    frequency_hz: float
    cycles: int
    duration_s: float
    advice: str

    @property
    def before_nt(self) -> float:
        """Mean size of the field before, nT."""
        return float(np.linalg.norm(self.before_pt, axis=1).mean() * 1e-3)

    @property
    def after_nt(self) -> float:
        """Mean size of the field after, nT."""
        return float(np.linalg.norm(self.after_pt, axis=1).mean() * 1e-3)


def degauss(
    instrument: Instrument,
    peak_ma: float | None = None,
    frequency_hz: float = FREQUENCY_HZ,
    cycles: int = CYCLES,
    progress: Progress = silent,
) -> DegaussResult:
    """Degauss the shield and compare the residual before and after.

    Parameters
    ----------
    instrument : Instrument
        Some heads ready, streams on. The room coils go to zero and stay there.
    peak_ma : float, optional
        First amplitude into the amplifier; by default the rig's largest.
    frequency_hz : float
        1 to 50 Hz.
    cycles : int
        10 to 2000, over which the amplitude falls linearly to zero.
    progress : Progress

    Raises
    ------
    InputError
        For a number out of range, or a rig without a degaussing channel.
    ProcedureError
        If no head is ready, or heads were lost.
    BoardFaultError
        If a board trips; the sequence then ends by itself.
    """
    entry = check_degauss(instrument.rig, peak_ma, frequency_hz, cycles)
    peak = entry.current_max_ma if peak_ma is None else peak_ma
    began_s = instrument.clock.now_s()
    if not instrument.ready_heads():
        raise ProcedureError(
            "no head is ready, so nobody would see what degaussing does",
            "bring the heads up first ('nullfield start')",
        )
    quiet_table(instrument)
    board = instrument.coils[entry.board]
    progress("degauss", 0.0, "room coils to zero")
    for coils in instrument.coils.values():
        coils.enable()
        coils.ramp_to_zero()
    settle(instrument)
    progress("degauss", 0.05, "residual before")
    before = _residual(instrument)
    _run(instrument, board, entry, peak * 1e-3, frequency_hz, cycles, progress)
    progress("degauss", 0.9, "residual after")
    instrument.wait_s(_QUIET_S)
    after = _residual(instrument)
    names = [h.name for h in after.heads]
    common = [n for n, h in enumerate(before.heads) if h.name in names]
    if not common:
        raise ProcedureError(
            "all heads were lost in the degaussing field", "start them again, then look at the room"
        )
    after_rows = [names.index(before.heads[n].name) for n in common]
    result = DegaussResult(
        heads=tuple(before.heads[n].name for n in common),
        before_pt=before.field_pt[common],
        after_pt=after.field_pt[after_rows],
        peak_ma=peak,
        frequency_hz=frequency_hz,
        cycles=cycles,
        duration_s=instrument.clock.now_s() - began_s,
        advice="",
    )
    progress("degauss", 1.0, f"{result.before_nt:.1f} -> {result.after_nt:.1f} nT")
    return _with_advice(result)


def check_degauss(
    rig: Rig, peak_ma: float | None, frequency_hz: float, cycles: int
) -> DegaussEntry:
    """The rig's degaussing channel, if it can do that; arguments as of `degauss`.

    Raises
    ------
    InputError
        For a number out of range, or a rig without such a channel.
    """
    entry = rig.degauss
    if entry is None:
        raise InputError(
            f"rig {rig.name} has no degaussing channel",
            "add a [degauss] table to the rig file; see docs/degaussing.md",
        )
    if peak_ma is not None and not 0.0 < peak_ma <= entry.current_max_ma:
        raise InputError(
            f"peak of {peak_ma:g} mA is out of range",
            f"the rig allows up to {entry.current_max_ma:g} mA",
        )
    if not 1.0 <= frequency_hz <= 50.0:
        raise InputError(f"frequency of {frequency_hz:g} Hz is out of range", "give 1 to 50 Hz")
    if not 10 <= cycles <= 2000:
        raise InputError(f"{cycles} cycles are out of range", "give 10 to 2000")
    return entry


def _residual(instrument: Instrument) -> FieldMeasurement:
    heads = zero_heads(instrument, instrument.ready_heads())
    if not heads:
        raise ProcedureError(
            "no head could be zeroed", "the field is beyond the heads' range; see 'nullfield start'"
        )
    return measure_field(instrument, heads, samples=1000)


def _run(
    instrument: Instrument,
    board: CoilBoard,
    entry: DegaussEntry,
    peak_a: float,
    frequency_hz: float,
    cycles: int,
    progress: Progress,
) -> None:
    """The sequence; on every way out the current is at zero or on its ramp there."""
    board.waveform(entry.channel, Shape.DEGAUSS, peak_a, frequency_hz, cycles=cycles)
    length_s = cycles / frequency_hz
    try:
        board.waveform_start()
        start_s = instrument.clock.now_s()
        while True:
            gone_s = instrument.clock.now_s() - start_s
            if gone_s > 0.5 and not board.flags(board.samples.window(1))[-1] & CoilFlag.WAVEFORM:
                return
            if gone_s > length_s + 2.0:
                raise ProcedureError(f"{board}: the degaussing sequence did not end")
            progress("degauss", 0.1 + 0.8 * min(gone_s / length_s, 1.0), "alternating field")
            instrument.wait_s(0.5)
    except BaseException:
        if board.link.lost_reason is None and board.link.fault is None:
            # Should this fail, the board's own watch on the host ends it.
            with suppress(NullfieldError):
                board.waveform_stop()
        raise


def _with_advice(result: DegaussResult) -> DegaussResult:
    advice = ""
    if result.after_nt > _GAIN_WORTH * result.before_nt:
        advice = (
            "degaussing brought little: the room was as good as it gets, or something magnetic is in "
            "it (tools, keys, a chair), or the winding's amplifier is off"
        )
    elif result.after_nt > 10.0:
        advice = (
            "still more than 10 nT: degauss again with more cycles, and see that the door is shut"
        )
    return replace(result, advice=advice)
