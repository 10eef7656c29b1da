"""The field at every ready head on its three axes, as the heads tell it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.devices.samples import UNUSABLE
from nullfield.errors import ProcedureError
from nullfield.instrument.coil_currents import present_ma
from nullfield.instrument.instrument import Instrument
from nullfield.rig import HeadEntry
from nullfield_protocol.catalogue import HeadState, SampleFlag

FloatArray = npt.NDArray[np.float64]

_BEAM_TIMEOUT_S = 20.0
_TELEMETRY_TIMEOUT_S = 2.0
INVALID = UNUSABLE | SampleFlag.UNCALIBRATED
"""A row with any of these says nothing of the field; an open loop still does."""
_LEAST_VALID_SHARE = 0.5
_ROWS_UNDER_WAY = 16
"""Most rows that a frame holds."""


@dataclass(frozen=True)
class FieldMeasurement:
    """Ambient field at heads.

    Attributes
    ----------
    heads : tuple of HeadEntry
    field_pt : numpy.ndarray, shape ``(n_heads, 3)``
        Along local x, local y and beam; on-head coils taken out.
    residual_pt : numpy.ndarray, shape ``(n_heads, 2)``
        What is left at the cell on the transverse axes.
    valid_share : numpy.ndarray, shape ``(n_heads,)``
        Share of the rows that were good. Where it is below one half, field and residual are NaN.
    """

    heads: tuple[HeadEntry, ...]
    field_pt: FloatArray
    residual_pt: FloatArray
    valid_share: FloatArray

    @property
    def is_valid(self) -> npt.NDArray[np.bool_]:
        """Heads whose field is known, shape ``(n_heads,)``."""
        return np.asarray(np.isfinite(self.field_pt).all(axis=1), dtype=np.bool_)

    @property
    def rms_pt(self) -> float:
        """Root mean square over axes and those heads whose field is known."""
        return float(np.sqrt(np.nanmean(self.field_pt**2)))


def measure_field(
    instrument: Instrument, heads: tuple[HeadEntry, ...], samples: int = 200
) -> FieldMeasurement:
    """Average the stream of some heads over the rows that are valid.

    The beam axis is what the on-head coil holds against; after a change of the ambient field along
    the beam it is true only after `balance_beams`.

    Parameters
    ----------
    instrument : Instrument
        With streams on.
    heads : tuple of HeadEntry
        Ready heads.
    samples : int
        Rows to average.
    """
    instrument.wait_until(
        _counter(instrument, {h.board for h in heads}, samples),
        5.0 + samples * 2e-3,
        f"receiving {samples} samples",
    )
    field = np.full((len(heads), 3), np.nan)
    residual = np.full((len(heads), 2), np.nan)
    share = np.zeros(len(heads))
    for uid in sorted({h.board for h in heads}):
        board = instrument.sensors[uid]
        window = board.samples.window(samples)
        good = (board.flags(window) & int(INVALID)) == 0
        field_pt = board.field_t(window).reshape(good.shape[0], 3, -1) * 1e12
        telemetry = board.telemetry
        if telemetry is None:
            raise ProcedureError(f"{board}: no telemetry yet")
        for number, head in enumerate(heads):
            if head.board != uid:
                continue
            chosen = good[head.slot]
            # Rows that never came are missing, too.
            share[number] = chosen.sum() / samples
            if share[number] < _LEAST_VALID_SHARE:
                continue
            mean_pt = field_pt[head.slot][:, chosen].mean(axis=1)
            field[number] = mean_pt
            offset_pt = telemetry.coil_offset_t[head.slot, :2] * 1e12
            residual[number] = mean_pt[:2] + offset_pt
    return FieldMeasurement(heads, field, residual, share)


def _counter(instrument: Instrument, uids: set[str], samples: int) -> Callable[[], bool]:
    boards = [instrument.sensors[uid] for uid in sorted(uids)]
    starts = [board.samples.next_index for board in boards]

    def done() -> bool:
        for number, board in enumerate(boards):
            following = board.samples.next_index
            if following is None:
                return False
            start = starts[number]
            if start is None:
                starts[number] = start = following
            if following < start + samples:
                return False
        return True

    return done


def zero_heads(
    instrument: Instrument, heads: tuple[HeadEntry, ...], beam_only: bool = False
) -> tuple[HeadEntry, ...]:
    """Null the effective field at heads with their own coils, all boards at once.

    Parameters
    ----------
    instrument : Instrument
        With streams on.
    heads : tuple of HeadEntry
        Ready heads.
    beam_only : bool
        Balance the beam axis again instead of a full zero.

    Returns
    -------
    tuple of HeadEntry
        Heads that are ready afterwards.
    """
    kept = balance_heads(instrument, heads, is_full=not beam_only)
    boards = [instrument.sensors[uid] for uid in sorted({h.board for h in heads})]
    seen = [board.telemetry_count for board in boards]
    # The telemetry of a moment ago still tells of the zeroing.
    instrument.wait_until(
        lambda: all(b.telemetry_count > n for b, n in zip(boards, seen, strict=True)),
        _TELEMETRY_TIMEOUT_S,
        "receiving telemetry",
    )
    return kept


def alive_heads(instrument: Instrument) -> tuple[HeadEntry, ...]:
    """Heads that are ready, or were being zeroed when the telemetry last told of them."""
    states = instrument.head_states()
    usable = (HeadState.READY, HeadState.FIELD_ZERO)
    return tuple(h for h in instrument.rig.heads if states[h.name] in usable)


def balance_heads(
    instrument: Instrument,
    heads: tuple[HeadEntry, ...],
    is_full: bool = False,
    is_quick: bool = False,
) -> tuple[HeadEntry, ...]:
    """As `zero_heads`, but of the beam axis by default and without waiting for new telemetry.

    For where every tenth of a second counts: the rows' flags tell the end, and the telemetry may
    still tell of the zeroing then.

    Parameters
    ----------
    instrument : Instrument
        With streams on.
    heads : tuple of HeadEntry
        Heads that are not off or in a fault.
    is_full : bool
        A full zero instead of the beam axis.
    is_quick : bool
        As for `SensorBoard.zero` and `SensorBoard.measure_beam`.

    Returns
    -------
    tuple of HeadEntry
        Heads that are ready afterwards.
    """
    starts: dict[str, int] = {}
    for uid in sorted({h.board for h in heads}):
        board = instrument.sensors[uid]
        slots = instrument.slots_of(uid, heads)
        if is_full:
            board.zero(slots, is_quick)
        else:
            board.measure_beam(slots, is_quick)
        # Rows of the frame under way may be from before the command.
        starts[uid] = (board.samples.next_index or 0) + _ROWS_UNDER_WAY

    def settling(head: HeadEntry) -> bool:
        board = instrument.sensors[head.board]
        following = board.samples.next_index
        if following is None or following <= starts[head.board]:
            return True
        flags = board.flags(board.samples.window(1))
        return not flags.size or bool(flags[head.slot, -1] & SampleFlag.SETTLING)

    def failed(head: HeadEntry) -> bool:
        telemetry = instrument.sensors[head.board].telemetry
        return telemetry is not None and telemetry.head_state[head.slot] == HeadState.FAULT

    instrument.wait_until(
        lambda: not any(settling(head) and not failed(head) for head in heads),
        _BEAM_TIMEOUT_S,
        "zeroing the field at the heads",
    )
    kept = tuple(h for h in heads if not settling(h))
    current_ma = present_ma(instrument)
    instrument.zeroed_at_ma.update({head.name: current_ma for head in kept})
    return kept
