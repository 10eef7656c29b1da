"""The console under load: many viewers while an examination is recorded.

The console is served by `nullfield serve` on the virtual instrument at real time. Viewers are
WebSocket clients of this process, each with the state and sixty live channels, and one Chromium on
the engineer's page. What must not happen is a sample lost in the recording.
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.bench.console_browser import Screen, engineer_page
from tests.bench.console_server import Console, served
from tests.bench.console_viewer import Audience, Viewer
from tests.bench.figures import Figure

_GROUP = "console"
_CHANNELS = 60
_RATE_BPM = 66.0
"""Of the built-in heart."""
_REST_S = 10.0
_MOST_START_S = 900.0
_SETTLE_S = 2.0
_WINDOW_S = 5.0


def figures(rig: str, n_viewers: int, minutes: float) -> list[Figure]:
    """Record for some minutes before so many viewers, on a console of its own; see `load`."""
    with tempfile.TemporaryDirectory(prefix="nullfield-console-") as place:
        return load(rig, n_viewers, minutes, Path(place))


def load(rig: str, n_viewers: int, minutes: float, folder: Path) -> list[Figure]:
    """Record for some minutes before so many viewers.

    Parameters
    ----------
    rig : str
    n_viewers : int
    minutes : float
    folder : Path
        For the console's data.
    """
    with served(rig, folder) as console:
        console.wait_for(lambda state: state["phase"] == "off", _MOST_START_S)
        console.post("/api/v1/instrument/start")
        console.wait_for(lambda state: state["phase"] == "standby", _MOST_START_S)
        alone = _shares(console, _REST_S)
        channels = console.get("/api/v1/live/channels")[:_CHANNELS]
        audience = Audience(console.url, console.token, channels, n_viewers)
        thread = threading.Thread(target=audience.run)
        thread.start()
        try:
            with engineer_page(console.url) as screen:
                watched = _watch_exam(console, audience, screen, minutes)
        finally:
            audience.end()
            thread.join()
        record = console.get(f"/api/v1/exams/{watched.exam_id}")["record"]["record"]
    note = f"{n_viewers} viewers, {minutes:g} min, {rig}, {len(channels)} channels"
    return _figures(watched, alone, audience.viewers, record, console.waits_s, note)


class _Watched:
    """What was measured while the recording was made."""

    def __init__(self, exam_id: str) -> None:
        self.exam_id = exam_id
        self.shares = (0.0, 0.0)
        self.duration_s = 0.0
        self.frames_before: list[int] = []
        self.frames_after: list[int] = []
        self.fps: list[float] = []


def _watch_exam(console: Console, audience: Audience, screen: Screen, minutes: float) -> _Watched:
    beats = max(10, round(minutes * _RATE_BPM))
    body = {"subject_id": "BENCH", "beats": beats, "adjust": False}
    watched = _Watched(console.post("/api/v1/exams", body)["exam_id"])
    console.wait_for(lambda state: _step(state, "record") == "running", _MOST_START_S)
    # What came until now belongs to another load.
    time.sleep(_SETTLE_S)
    for viewer in audience.viewers:
        viewer.arrivals_s.clear()
        viewer.skipped, viewer.longest_pause_s = 0, 0.0
    console.waits_s.clear()
    before, begin_s = console.cpu_s(), time.monotonic()
    watched.frames_before = [viewer.frames for viewer in audience.viewers]

    def is_over(state: dict[str, Any]) -> bool:
        watched.fps += screen.pictures_per_s()
        return _step(state, "record") != "running"

    console.wait_for(is_over, 60.0 * minutes * 4 + 120.0)
    watched.duration_s = time.monotonic() - begin_s
    after = console.cpu_s()
    watched.frames_after = [viewer.frames for viewer in audience.viewers]
    watched.shares = (
        (after[0] - before[0]) / watched.duration_s,
        (after[1] - before[1]) / watched.duration_s,
    )
    audience.end()
    console.wait_for(lambda state: state["job"]["state"] == "done", _MOST_START_S)
    return watched


def _step(state: dict[str, Any], name: str) -> str:
    job = state["job"]
    steps = [] if job is None else job["steps"]
    return next((str(step["state"]) for step in steps if step["name"] == name), "")


def _shares(console: Console, seconds: float) -> tuple[float, float]:
    before, begin_s = console.cpu_s(), time.monotonic()
    time.sleep(seconds)
    after, took_s = console.cpu_s(), time.monotonic() - begin_s
    return (after[0] - before[0]) / took_s, (after[1] - before[1]) / took_s


def _figures(
    watched: _Watched,
    alone: tuple[float, float],
    viewers: list[Viewer],
    record: dict[str, Any],
    waits_s: list[float],
    note: str,
) -> list[Figure]:
    lost = sum(record["rows_lost"].values())
    counts = np.subtract(watched.frames_after, watched.frames_before)
    rates = counts / watched.duration_s
    arrivals = [np.array(v.arrivals_s) for v in viewers if len(v.arrivals_s) > 1]
    if not arrivals:
        raise RuntimeError("no viewer got a frame")
    delays = np.concatenate([_late_ms(one) for one in arrivals])
    answers_ms = 1e3 * np.array(waits_s)

    def figure(name: str, value: float, unit: str, **goal: Any) -> Figure:
        return Figure(_GROUP, name, float(value), unit, **{"note": note, **goal})

    found = [
        figure("rows lost in the recording", lost, "rows", maximum=0.0,
               note=f"of {record['rows_expected']}; {note}"),
        figure("pace of the instrument", _pace(arrivals[0]), "of real time",
               note="below 1 this machine is too slow for the virtual instrument, and all else here "
                    "is a figure of that"),
        figure("frames a second, slowest viewer", rates.min(), "1/s", minimum=18.0,
               is_own_goal=True),
        figure("frames a second, median viewer", np.median(rates), "1/s"),
        figure("frames that skipped samples", sum(v.skipped for v in viewers), "",
               note=f"of {int(counts.sum())}"),
        figure("viewers cut off", sum(v.is_cut_off for v in viewers), "", maximum=0.0,
               is_own_goal=True),
        figure("frame later than the fastest of 5 s, median", np.median(delays), "ms"),
        figure("frame later than the fastest of 5 s, 95 %", np.percentile(delays, 95), "ms"),
        figure("frame later than the fastest of 5 s, 99 %", np.percentile(delays, 99), "ms"),
        figure("longest pause between frames",
               1e3 * max(v.longest_pause_s for v in viewers), "ms"),
        figure("GET status, median", np.median(answers_ms), "ms"),
        figure("GET status, 99 %", np.percentile(answers_ms, 99), "ms"),
        figure("server, recording and viewers", 100.0 * watched.shares[0], "% of a core",
               note=f"plant of the virtual instrument included; {note}"),
        figure("server, no viewers", 100.0 * alone[0], "% of a core",
               note="standby, plant of the virtual instrument included"),
        figure("virtual boards", 100.0 * watched.shares[1], "% of a core",
               note="their processes, not part of a real instrument"),
    ]  # fmt: skip
    if watched.fps:
        found.append(
            figure("pictures a second, engineer's page", float(np.median(watched.fps)), "1/s",
                   minimum=20.0, note=f"headless Chromium; {note}")
        )  # fmt: skip
    return found


def _late_ms(arrivals_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much later than the fastest frame of the same five seconds each frame came.

    The instrument's clock and ours have no common zero, and a virtual instrument may fall behind.
    """
    came_s, delays_s = arrivals_s[:, 0], arrivals_s[:, 0] - arrivals_s[:, 1]
    windows = ((came_s - came_s[0]) / _WINDOW_S).astype(int)
    fastest_s = np.full(windows[-1] + 1, np.inf)
    np.minimum.at(fastest_s, windows, delays_s)
    return np.asarray(1e3 * (delays_s - fastest_s[windows]))


def _pace(arrivals_s: NDArray[np.float64]) -> float:
    wall_s, instrument_s = arrivals_s[-1] - arrivals_s[0]
    return float(instrument_s / wall_s)
