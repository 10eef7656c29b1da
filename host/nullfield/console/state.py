"""The whole state as those who look get it; see `docs/api.md` for its form."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from nullfield import __version__
from nullfield.console.engine import Engine
from nullfield.console.live.snapshot import instrument_state
from nullfield.errors import BoardFaultError, EmergencyStopError
from nullfield_protocol.catalogue import HeadState

_EMPTY: dict[str, Any] = {"heads": [], "coils": [], "table": None, "boards": []}


class StateView:
    """Builds the state, at most once for all who look within a short time.

    Parameters
    ----------
    engine : Engine
    rig : str
        Name of the rig.
    clock : callable
        Gives the time, UTC.
    now_s : callable
        Seconds, monotonic; for the age of what is kept.
    """

    FRESH_S = 0.2

    def __init__(
        self,
        engine: Engine,
        rig: str,
        clock: Callable[[], datetime],
        now_s: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._rig = rig
        self._clock = clock
        self._now_s = now_s
        self._lock = threading.Lock()
        self._built_s: float | None = None
        self._state: dict[str, Any] = {}
        self._version = 0
        self.viewers = 0

    def get(self) -> dict[str, Any]:
        """The state; not to be changed by those who get it."""
        with self._lock:
            now_s = self._now_s()
            if self._built_s is None or now_s - self._built_s >= self.FRESH_S:
                self._version += 1
                self._state = self._build()
                self._built_s = now_s
            return self._state

    def _build(self) -> dict[str, Any]:
        engine = self._engine
        instrument = engine.instrument
        phase, message, hint = self._phase()
        engine.control.look()
        holder = engine.control.holder
        return {
            "version": self._version,
            "software": __version__,
            "rig": self._rig,
            "is_virtual": engine.is_virtual,
            "time": self._clock().isoformat(timespec="milliseconds"),
            "phase": phase,
            "message": message,
            "hint": hint,
            "control": {
                "holder": None if holder is None else holder.name,
                "since": None if holder is None else holder.since.isoformat(timespec="seconds"),
                "asking": engine.control.asking,
            },
            "viewers": self.viewers,
            "job": None if engine.job is None else engine.job.to_json(),
            "null": self._null(),
            "events": engine.events.newest(),
            **(
                _EMPTY
                if instrument is None
                else instrument_state(instrument, engine.follower.noise)
            ),
        }

    def _phase(self) -> tuple[str, str, str]:
        engine = self._engine
        instrument, error = engine.instrument, engine.phase_error
        message = "" if error is None else error.message
        hint = "" if error is None else error.hint
        if instrument is None:
            return ("connecting" if error is None else "lost"), message, hint
        if engine.is_busy:
            job = engine.job
            asked = job is not None and job.question is not None
            return ("question" if asked else "busy"), "", ""
        if isinstance(error, BoardFaultError):
            return "fault", message, hint
        if isinstance(error, EmergencyStopError):
            return "off", message, hint
        ready = any(state == HeadState.READY for state in instrument.head_states().values())
        return ("standby" if ready else "off"), message, hint

    def _null(self) -> dict[str, Any] | None:
        null, instrument = self._engine.null, self._engine.instrument
        if null is None or instrument is None:
            return None
        return {
            "before_rms_pt": round(null.before_rms_pt, 1),
            "after_rms_pt": round(null.after_rms_pt, 1),
            "age_s": round(instrument.clock.now_s() - self._engine.null_at_s, 1),
            "limited": list(null.limited),
        }
