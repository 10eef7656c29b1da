"""Record until enough heartbeats are in."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import construct
import numpy as np

from nullfield import __version__
from nullfield.analysis.beats import find_beats
from nullfield.analysis.data import FieldRecording
from nullfield.errors import ProcedureError
from nullfield.instrument.compensate import Compensation
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.live_field import live_field
from nullfield.instrument.move_table import quiet_table
from nullfield.instrument.progress import Progress, silent
from nullfield.recording.writer import RecordingWriter
from nullfield.rig import HeadEntry
from nullfield.room.calibration_file import to_json

_LOOK_EVERY_S = 2.0
_WINDOW_S = 24.0
_SLOWEST_BPM = 30.0
_INDEX_WRAP = 1 << 32
_COUNTING_HEADS = 8
"""Heads that the live count looks at; the analysis afterwards uses all."""


@dataclass(frozen=True)
class RecordResult:
    """What was recorded.

    Attributes
    ----------
    path : Path
        Folder with the recording's files.
    beats : int
        Live count.
    duration_s : float
        By the instrument's clock.
    lost : dict of str to int
        Sample rows lost while recording, by cause.
    received : int
        Sample rows received.
    expected : int
        Sample rows that the boards' own counts say there were.
    """

    path: Path
    beats: int
    duration_s: float
    lost: dict[str, int]
    received: int
    expected: int


def recording_header(instrument: Instrument, notes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything that must be known to read the recording again, settings included."""
    calibration = instrument.calibration
    in_force = {} if calibration is None else {"calibration": to_json(calibration)}
    return {
        **in_force,
        "rig": instrument.rig.model_dump(mode="json"),
        "boards": [board.description() for board in instrument.boards.values()],
        "software": {
            "nullfield": __version__,
            "numpy": np.__version__,
            "construct": construct.__version__,
            "wall_clock": {"python": platform.python_version()},
        },
        "notes": notes or {},
    }


def record(
    instrument: Instrument,
    directory: Path,
    beats: int = 60,
    progress: Progress = silent,
    duration_s: float | None = None,
    notes: dict[str, Any] | None = None,
    on_live: Callable[[FieldRecording], None] | None = None,
    compensation: Compensation | None = None,
) -> RecordResult:
    """Record all boards until ``beats`` heartbeats are in, or for a given time.

    Parameters
    ----------
    instrument : Instrument
        Streams are started if they are off.
    directory : Path
        Folder of the recording; must hold none yet.
    beats : int
        Heartbeats wanted.
    progress : Progress
    duration_s : float, optional
        Record this long instead, whatever the heart does.
    notes : dict, optional
        Goes into the header.
    on_live : callable, optional
        Gets the newest stretch of field every two seconds.
    compensation : Compensation, optional
        One that runs: what it takes to add it back goes into the recording, and its end ends it.

    Raises
    ------
    ProcedureError
        If no heartbeat can be seen, or too few come in the time a heart of 30 beats a minute needs.
        What was recorded stays readable.
    """
    clock = instrument.clock
    began_s = clock.now_s()
    limit_s = duration_s if duration_s is not None else 20.0 + beats * 60.0 / _SLOWEST_BPM
    quiet_table(instrument)
    with RecordingWriter(directory, recording_header(instrument, notes)) as writer:
        instrument.stream(True)
        # The count begins when every board's stream runs, so that each has an index to count from.
        instrument.wait_until(
            lambda: all(b.samples.next_index is not None for b in instrument.boards.values()),
            5.0,
            "starting the streams",
        )
        lost_before, received_before = _account(instrument)
        first = _next_indices(instrument)
        cancels = [
            board.link.subscribe(writer.frame_sink(uid)) for uid, board in instrument.boards.items()
        ]
        try:
            writer.add_event("record_start", began_s, beats_wanted=beats)
            _tell_clocks(instrument, writer)
            if compensation is not None:
                writer.add_event("compensation", clock.now_s(), **compensation.plan.to_json())
            counter = _BeatCounter(instrument, began_s)
            while True:
                instrument.wait_s(_LOOK_EVERY_S)
                writer.check()
                if compensation is not None:
                    compensation.check()
                elapsed_s = clock.now_s() - began_s
                live = counter.update()
                if live is not None and on_live is not None:
                    on_live(live)
                _tell(progress, counter.count, beats, elapsed_s, duration_s)
                if duration_s is not None:
                    if elapsed_s >= duration_s:
                        break
                elif counter.count >= beats:
                    break
                elif elapsed_s > limit_s:
                    raise _too_few(counter.count, beats, elapsed_s)
            writer.add_event("record_end", clock.now_s(), beats=counter.count)
        finally:
            for cancel in cancels:
                cancel()
    expected = sum(
        (last - first[uid]) % _INDEX_WRAP for uid, last in _next_indices(instrument).items()
    )
    lost_after, received_after = _account(instrument)
    lost = {k: lost_after[k] - lost_before.get(k, 0) for k in lost_after}
    lost["disk"] = writer.frames_lost_to_disk
    return RecordResult(
        directory,
        counter.count,
        clock.now_s() - began_s,
        lost,
        received_after - received_before,
        expected,
    )


def _tell_clocks(instrument: Instrument, writer: RecordingWriter) -> None:
    """Measure each board's clock against the host's and keep it with the recording."""
    for uid, board in instrument.boards.items():
        regression = board.exchange_time()
        newest_us = board.link.last_heartbeat.board_time_us if board.link.last_heartbeat else 0
        writer.add_event(
            "clock",
            instrument.clock.now_s(),
            board=uid,
            board_time_us=newest_us,
            as_host_time_s=regression.host_time_s(newest_us),
            uncertainty_s=regression.uncertainty_s(newest_us),
        )


def _tell(
    progress: Progress, count: int, beats: int, elapsed_s: float, duration_s: float | None
) -> None:
    if duration_s is not None:
        progress("record", min(elapsed_s / duration_s, 1.0), f"{elapsed_s:.0f} s, {count} beats")
    else:
        progress("record", min(count / beats, 1.0), f"{count}/{beats} beats, {elapsed_s:.0f} s")


def _too_few(count: int, beats: int, elapsed_s: float) -> ProcedureError:
    if count == 0:
        return ProcedureError(
            f"no heartbeat seen in {elapsed_s:.0f} s",
            "check that the table is in and the heads are ready; what was recorded is kept",
        )
    return ProcedureError(
        f"only {count} of {beats} heartbeats in {elapsed_s:.0f} s",
        "ask for fewer beats with --beats; what was recorded is kept",
    )


def _next_indices(instrument: Instrument) -> dict[str, int]:
    """Index of the next row of each board, by the board's own count of blocks."""
    return {uid: board.samples.next_index or 0 for uid, board in instrument.boards.items()}


def _account(instrument: Instrument) -> tuple[dict[str, int], int]:
    lost: dict[str, int] = {"board_queue": 0, "link": 0, "host": 0}
    received = 0
    for board in instrument.boards.values():
        received += board.samples.received_rows
        for cause, rows in board.samples.lost_rows().items():
            lost[cause] = lost.get(cause, 0) + rows
        lost["host"] += board.samples.refused_blocks
    return lost, received


class _BeatCounter:
    """Counts heartbeats in a sliding window of a few heads' chest normals."""

    def __init__(self, instrument: Instrument, began_s: float) -> None:
        self._instrument = instrument
        self._heads = self._choose()
        self._last_index: int | None = None
        self._starts: dict[str, int] = {}
        self.count = 0
        self._began_s = began_s

    def _choose(self) -> tuple[HeadEntry, ...]:
        chest = [h for h in self._instrument.ready_heads() if h.kind == "array"]
        step = max(len(chest) // _COUNTING_HEADS, 1)
        return tuple(chest[::step][:_COUNTING_HEADS])

    def update(self) -> FieldRecording | None:
        """Look at what came since; returns the window, or None if there is too little."""
        elapsed_s = self._instrument.clock.now_s() - self._began_s
        live = live_field(self._instrument, self._heads, min(_WINDOW_S, elapsed_s), "normal")
        if live is None:
            return None
        # Flagged rows count like others: a beat is a beat.
        recording = replace(live, valid=None)
        rate_hz = recording.sampling_rate_hz
        start = round(recording.start_time_s * rate_hz)
        beats = find_beats(recording)
        # A beat belongs to this look if it lies behind the last one counted; the newest 0.5 s wait
        # for the next look, when the beat is whole.
        for sample in np.sort(beats.samples[beats.accepted]):
            index = start + int(sample)
            if sample > recording.n_samples - 0.5 * rate_hz:
                continue
            if self._last_index is None or index > self._last_index + 0.25 * rate_hz:
                self.count += 1
                self._last_index = index
        return recording
