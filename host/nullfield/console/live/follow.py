"""Looks at the streams every two seconds and keeps what a screen shows of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import numpy as np

from nullfield.analysis.beats import find_beats
from nullfield.analysis.cleaning.pipeline import clean
from nullfield.analysis.cleaning.settings import CleaningSettings
from nullfield.console.live.heart import WINDOW_S, LiveBeat, live_beat
from nullfield.console.live.noise import NoiseByHead, noise_by_head
from nullfield.console.live.window import newest
from nullfield.errors import NullfieldError
from nullfield.instrument.instrument import Instrument

_LOG = logging.getLogger(__name__)
_LIVE_CLEANING = CleaningSettings(
    bad_channels=False, mains=True, jumps=False, external="none", drift=False
)
_PERIOD_S = 2.0
_LEAST_S = 3.0
_STOP_S = 30.0


class Follower:
    """A thread beside the engine's: what it computes must not hold the instrument up.

    Parameters
    ----------
    on_trouble : callable
        Told what went wrong; the follower goes on.
    """

    def __init__(self, on_trouble: Callable[[str], None]) -> None:
        self._on_trouble = on_trouble
        self._stopping = threading.Event()
        self._instrument: Instrument | None = None
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self._trouble = ""
        self.beat: LiveBeat | None = None
        self.noise: NoiseByHead = {}

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait for what is being computed, though not for ever: it harms nothing."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                _LOG.error("the live view did not end within %g s", _STOP_S)

    def follow(self, instrument: Instrument | None) -> None:
        """Look at this instrument from now on; None: at nothing."""
        self._instrument = instrument
        if instrument is None:
            self.forget()

    def forget(self) -> None:
        """Drop what was seen: the next subject is another."""
        self.beat = None
        self.noise = {}

    def look(self, instrument: Instrument) -> None:
        """Look once.

        Parameters
        ----------
        instrument : Instrument
            With streams on; without ready heads nothing is seen.
        """
        heads = tuple(h for h in instrument.ready_heads() if h.kind == "array")
        recording = newest(instrument, heads, WINDOW_S) if heads else None
        if recording is None or recording.duration_s < _LEAST_S:
            self.beat = None
            return
        # What a head measured before it was ready may be anything.
        recording = recording.with_field(np.where(recording.usable, recording.field_pt, np.nan))
        # Mains as sines: what is shown then is the heart's. All other steps wait for the report.
        recording = clean(recording, _LIVE_CLEANING).recording
        beats = find_beats(recording)
        self.noise = noise_by_head(recording, beats)
        self.beat = live_beat(recording, beats)

    def _run(self) -> None:
        while not self._stopping.wait(_PERIOD_S):
            instrument = self._instrument
            if instrument is None:
                continue
            try:
                self.look(instrument)
            except Exception as error:
                # What is shown must not end what is measured, and boards come and go meanwhile.
                self.beat = None
                if not isinstance(error, NullfieldError):
                    _LOG.exception("the live view failed")
                if self._instrument is instrument and str(error) != self._trouble:
                    self._trouble = str(error)
                    self._on_trouble(f"live view: {error}")
