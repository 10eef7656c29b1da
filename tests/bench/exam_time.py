"""From the button to the first live map and to the report, in simulated seconds.

The instrument is ready: warm, and nulled before the patient came. Then the button: table in, position
adjusted by the heart, null taken up again, sixty beats, analysis and report.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from tests.bench.figures import Figure
from tests.bench.virtual_rig import open_rig, rig_of

from nullfield.analysis.average import average_beats, remove_baseline
from nullfield.analysis.beats import find_beats
from nullfield.analysis.data import FieldRecording
from nullfield.analysis.field_map import map_field
from nullfield.analysis.frame import find_frame
from nullfield.errors import AnalysisError
from nullfield.instrument.examine import ExamHooks, examine
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.live_field import live_field
from nullfield.instrument.move_table import home_table
from nullfield.instrument.null_room import null_room
from nullfield.instrument.start_up import start_up
from nullfield.virtual.plant import Scenario

_GROUP = "examination"
_HEART_OFF_M = (0.01, 0.03, -0.08)
MAP_WITHIN_S = 60.0
REPORT_WITHIN_S = 180.0
_BEATS_FOR_A_MAP = 2


def figures(rig_name: str = "demo36", beats: int = 60, seed: int = 1) -> list[Figure]:
    """Run one examination from ready, with the heart 30 mm off along the table."""
    scenario = Scenario(heart_position_m=_HEART_OFF_M)
    begins: dict[str, float] = {}
    begins_wall: dict[str, float] = {}
    first_map_s: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="nullfield-bench-") as place,
        open_rig(rig_of(rig_name), scenario, seed) as (world, instrument),
    ):
        clock = instrument.clock
        instrument.stream(True)
        home_table(instrument)
        start_up(instrument)
        full = null_room(instrument)

        def on_step(step: str, state: str, detail: str) -> None:
            if state == "running":
                begins[step] = clock.now_s()
                begins_wall[step] = time.perf_counter()

        def on_live(_: FieldRecording) -> None:
            if not first_map_s and has_map(instrument, clock.now_s() - begins["record"]):
                first_map_s.append(clock.now_s())

        pressed_s, wall_s = clock.now_s(), time.perf_counter()
        exam = examine(
            instrument,
            Path(place) / "exam",
            beats,
            hooks=ExamHooks(
                on_step=on_step,
                on_live=on_live,
                confirm=lambda proposal: proposal.move_m,
                previous_null=full,
                is_warm=True,
            ),
        )
        report_s = clock.now_s() - pressed_s
        analysis_s = time.perf_counter() - begins_wall["map"]
        wall_s = time.perf_counter() - wall_s
        centre_mm = world.plant.truth().heart_position_m[1] * 1e3
    # What a person takes to confirm the move comes on top.
    note = f"{rig_name}, {beats} beats, simulated, confirmed at once; {wall_s:.0f} s wall"
    null = exam.content["null"]
    took = " by the response of before" if "null_in_full" not in exam.content else ", in full"
    map_s = first_map_s[0] - pressed_s if first_map_s else float("nan")
    return [
        Figure(_GROUP, "button to first live map", map_s, "s", maximum=MAP_WITHIN_S, note=note),
        Figure(_GROUP, "button to report", report_s, "s", maximum=REPORT_WITHIN_S,
               note=f"{note}; the host's own work takes no simulated time"),
        Figure(_GROUP, "analysis and report, wall", analysis_s, "s",
               note="on a machine that also runs the boards"),
        *(
            Figure(_GROUP, f"of which {name}", seconds, "s", note=note)
            for name, seconds in exam.content["timings_s"].items()
        ),
        Figure(_GROUP, "heart off the array's centre at the end", abs(float(centre_mm)), "mm",
               note=f"it began {_HEART_OFF_M[1] * 1e3:.0f} mm off"),
        Figure(_GROUP, "full null before", full.duration_s, "s",
               note=f"leaves {full.after_rms_pt:.0f} pT rms as the heads tell it"),
        Figure(_GROUP, "null in the examination", null["duration_s"], "s",
               note=f"{took.strip(', ')}; {null['measured_before_rms_pt']:.0f} -> "
               f"{null['measured_after_rms_pt']:.0f} pT rms"),
    ]  # fmt: skip


def has_map(instrument: Instrument, since_s: float) -> bool:
    """Whether what came so far gives a map of all array heads."""
    heads = tuple(h for h in instrument.ready_heads() if h.kind == "array")
    live = live_field(instrument, heads, since_s, "transverse")
    if live is None:
        return False
    live = find_frame(live.array, None).to_working(live)
    try:
        beats = find_beats(live)
        if beats.n_accepted < _BEATS_FOR_A_MAP:
            return False
        level, segment_s = remove_baseline(live, beats)
        average = average_beats(level, beats, segment_s)
        field_pt, noise_pt = average.field_at(0.0, np.ones(live.array.n_channels, dtype=bool))
        map_field(field_pt, live.array, noise_pt)
    except AnalysisError:
        return False
    return True
