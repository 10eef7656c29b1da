"""Field along the beams while an excitation runs slowly along an axis that only the beams see.

Beam axes are not streamed: each reading is a measurement of its own, some 0.4 s long, in which the
transverse rows are not valid. Slow sines can be sampled so.
"""

from __future__ import annotations

import numpy as np

from nullfield.instrument.instrument import Instrument
from nullfield.instrument.measure_field import measure_field, zero_heads
from nullfield.rig import HeadEntry
from nullfield.room.excitation_coil import Excitation, ExcitationStep
from nullfield.room.shielding_by_beams import BEAM_HIGHEST_HZ
from nullfield.room.shielding_point import is_seen
from nullfield.room.survey_data import BeamSeries

_PER_CYCLE = 12.0
_ROWS = 30
_LONGEST_S = 1.0
"""A reading that took longer was repeated by the board while the field moved away: some heads' values
are old by then."""
_HALF_READING_S = 0.2


class BeamSampler:
    """Reads beams in those steps of an excitation that need it.

    Parameters
    ----------
    instrument : Instrument
    heads : tuple of HeadEntry
    excitation : Excitation
        As it runs, `start_s` on the instrument's clock.
    """

    def __init__(
        self, instrument: Instrument, heads: tuple[HeadEntry, ...], excitation: Excitation
    ) -> None:
        self._instrument, self._heads = instrument, heads
        self._start_s = excitation.start_s
        chest = [h for h in heads if h.kind == "array"]
        streamed = np.array([axis for h in chest for axis in h.axes[:2]]).reshape(-1, 3)
        beams = np.array([h.axes[2] for h in chest]).reshape(-1, 3)
        self._steps = [
            step
            for step in excitation.steps()
            if step.frequency_hz <= BEAM_HIGHEST_HZ
            and not is_seen(streamed, step.axis)
            and is_seen(beams, step.axis)
        ]
        self._next_s = 0.0
        self._time_s: list[float] = []
        self._field_pt: list[np.ndarray] = []

    def read(self) -> bool:
        """Take a reading if one is due; True if the time was used here."""
        now_s = self._instrument.clock.now_s()
        step = self._step_at(now_s - self._start_s)
        if step is None:
            return False
        if now_s < self._next_s:
            self._instrument.wait_s(self._next_s - now_s)
            return True
        self._next_s = now_s + 1.0 / (_PER_CYCLE * step.frequency_hz)
        ready = {h.name for h in self._instrument.ready_heads()}
        left = tuple(h for h in self._heads if h.name in ready)
        if not left:
            return False
        kept = zero_heads(self._instrument, left, beam_only=True)
        end_s = self._instrument.clock.now_s()
        if not kept or end_s - now_s > _LONGEST_S:
            return True
        measured = measure_field(self._instrument, kept, _ROWS)
        row = np.full(len(self._heads), np.nan)
        order = {h.name: number for number, h in enumerate(self._heads)}
        for number, head in enumerate(kept):
            row[order[head.name]] = measured.field_pt[number, 2]
        self._time_s.append(end_s - _HALF_READING_S - self._start_s)
        self._field_pt.append(row)
        return True

    def series(self) -> BeamSeries | None:
        """What was read; None for nothing."""
        if not self._time_s:
            return None
        return BeamSeries(np.array(self._time_s), np.array(self._field_pt).T)

    def _step_at(self, since_s: float) -> ExcitationStep | None:
        for step in self._steps:
            if step.start_s <= since_s < step.stop_s - _LONGEST_S:
                return step
        return None
