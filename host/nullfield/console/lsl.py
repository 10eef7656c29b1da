"""Live samples as a stream of the Lab Streaming Layer, for recorders and stimulus programs.

A stream has its channels once and for all: those of the heads that are ready when it opens. A head
that drops out later sends NaN; when another becomes ready, the stream is replaced by a larger one
with an identity of its own.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from nullfield.console.board_time import BoardTime
from nullfield.console.live.window import newest
from nullfield.errors import NullfieldError
from nullfield.extras import library
from nullfield.files.to_mne import to_mne_info
from nullfield.instrument.instrument import Instrument
from nullfield.rig import HeadEntry

STREAM_TYPE = "MEG"
_T_PER_PT = 1e-12
_PERIOD_S = 0.05
_FIRST_S = 0.25
_MARGIN_S = 0.05
_CATCH_UP_S = 2.0
_FOLLOWED_S = 2.0
_KEPT_S = 60
_STOP_S = 10.0


class LslOutlet:
    """A thread that sends what the ready heads measure.

    Parameters
    ----------
    instrument : callable
        Gives the connected instrument, or None.
    on_event : callable
        Told in words what is streamed, and what went wrong.
    lsl : module, optional
        ``mne_lsl.lsl``; loaded by default.

    Raises
    ------
    AnalysisError
        If mne-lsl is not installed.
    """

    def __init__(
        self,
        instrument: Callable[[], Instrument | None],
        on_event: Callable[[str], None],
        lsl: Any = None,
    ) -> None:
        need = "Lab Streaming Layer needs mne-lsl"
        self._lsl = lsl if lsl is not None else library("mne_lsl.lsl", need, "lsl")
        self._instrument = instrument
        self._on_event = on_event
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lsl", daemon=True)
        self._outlet: Any = None
        self._of: Instrument | None = None
        self._heads: tuple[HeadEntry, ...] = ()
        self._next: int | None = None
        self._time = BoardTime()
        self._layer_s = 0.0
        self._trouble = ""

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def stop(self) -> None:
        """End the stream; if the library holds its thread, leave it to the end of the process."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                self._on_event(f"Lab Streaming Layer: did not end within {_STOP_S:g} s")
                return
        self._close()

    def send(self) -> int:
        """Send what came since the last time.

        Returns
        -------
        int
            Samples of each channel that were sent.
        """
        instrument = self._instrument()
        if instrument is None:
            self._close()
            return 0
        ready = instrument.ready_heads()
        if instrument is not self._of or not set(ready) <= set(self._heads):
            self._close()
        if self._outlet is None:
            if not ready:
                return 0
            self._open(instrument, ready)
        return self._push(instrument)

    def _open(self, instrument: Instrument, heads: tuple[HeadEntry, ...]) -> None:
        recording = newest(instrument, heads, _FIRST_S)
        if recording is None:
            return
        names = ",".join(recording.array.names)
        rig = instrument.rig.name
        info = self._lsl.StreamInfo(
            f"Nullfield {rig}",
            STREAM_TYPE,
            recording.array.n_channels,
            recording.sampling_rate_hz,
            "float32",
            f"nullfield-{rig}-{hashlib.sha256(names.encode()).hexdigest()[:12]}",
        )
        # Names, tesla, places and sensitive axes, in the form in which MNE takes them back.
        info.set_channel_info(to_mne_info(recording.array, recording.sampling_rate_hz))
        self._outlet = self._lsl.StreamOutlet(info, max_buffered=_KEPT_S)
        self._of, self._heads = instrument, heads
        self._next, self._time = None, BoardTime()
        # Both are the machine's monotonic clock. Virtual boards that do not keep real time keep
        # their own: the steps between samples stay those of the boards.
        self._layer_s = self._lsl.local_clock() - instrument.clock.now_s()
        self._on_event(f"Lab Streaming Layer: {recording.array.n_channels} channels of {rig}")

    def _push(self, instrument: Instrument) -> int:
        if self._outlet is None:
            return 0
        board = instrument.sensors[self._heads[0].board]
        rate_hz = board.sampling_rate_hz
        stop = board.samples.next_index
        if stop is None:
            return 0
        if self._next is not None and self._next > stop:
            # The board counts anew.
            self._next = None
        reach_s = _FIRST_S if self._next is None else (stop - self._next) / rate_hz + _MARGIN_S
        recording = newest(instrument, self._heads, min(reach_s, _CATCH_UP_S))
        if recording is None:
            return 0
        first = round(recording.start_time_s * rate_hz)
        start = first if self._next is None else max(first, self._next)
        field_t = np.where(recording.usable, recording.field_pt, np.nan)[:, start - first :]
        count = int(field_t.shape[1])
        if count == 0:
            return 0
        blocks = board.samples.blocks(stop - round(_FOLLOWED_S * rate_hz))
        self._time.follow(blocks)
        begin_s = self._time.host_time_s(blocks[-1], start) + self._layer_s
        self._outlet.push_chunk(
            np.ascontiguousarray((field_t * _T_PER_PT).T, dtype=np.float32),
            begin_s + np.arange(count) / rate_hz,
        )
        self._next = start + count
        return count

    def _close(self) -> None:
        if self._outlet is not None:
            self._on_event("Lab Streaming Layer: stream ended")
        # The library ends a stream when nothing holds its outlet any more.
        self._outlet, self._of, self._heads = None, None, ()

    def _run(self) -> None:
        while not self._stopping.wait(_PERIOD_S):
            try:
                self.send()
            except (NullfieldError, KeyError, ValueError, IndexError) as error:
                # Boards come and go in another thread while this one looks at them.
                if str(error) != self._trouble:
                    self._trouble = str(error)
                    self._on_event(f"Lab Streaming Layer: {error}")
