"""An hour of an observatory's series that drives the room, without boards and with them."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tests.bench.compensation import (
    GROUP,
    LEARN_S,
    RIG,
    TrueField,
    gentle_scenario,
    set_up,
    slow_means,
)
from tests.bench.figures import Figure
from tests.bench.plain_room import CHUNK, PlainRoom, compensator_for, held_chunks

from nullfield.instrument.compensate import BANDWIDTH_HZ, Compensation
from nullfield.rig import load_rig
from nullfield.room.compensator import Compensator
from nullfield.virtual.plant import Scenario

FloatArray = npt.NDArray[np.float64]


def hour(series: Path, place: Path, seconds: float = 3600.0, seed: int = 1) -> list[Figure]:
    """The plant's room driven by an observatory's series, without boards; see `plain_room`."""
    rig, table = load_rig(RIG)
    scenario = replace(
        Scenario(**table), heart_enabled=False, geomagnetic_path=series, vehicles=True
    )
    room = PlainRoom(rig, scenario, seed)
    compensator = compensator_for(room, BANDWIDTH_HZ, LEARN_S)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    bare_pt: list[FloatArray] = []
    left_pt: list[FloatArray] = []
    for bare, left in held_chunks(room, compensator, 10.0, seconds):
        bare_pt.append(bare.mean(axis=0))
        left_pt.append(left.mean(axis=0))
        if len(bare_pt) % 469 == 0:  # a minute
            _note(place, np.array(bare_pt[-469:]), np.array(left_pt[-469:]), compensator)
    bare, left = np.array(bare_pt), np.array(left_pt)
    across = left[:, :, [0, 2]] - left[:80, :, [0, 2]].mean(axis=0)
    along = left[:, :, 1] - left[:80, :, 1].mean(axis=0)
    moved = bare - bare[0]
    note = "true change since the start, means of 0.128 s, all heads"
    return [
        Figure(GROUP, "observatory's series, simulated time", len(bare) * CHUNK * 1e-3, "s",
               minimum=0.99 * seconds, note=f"state at the end {compensator.state.name.lower()}"),
        Figure(GROUP, "room's field moves, peak to peak", float(np.ptp(moved, axis=0).max()), "pT",
               note="drift, vehicles, geomagnetic field through the shield"),
        Figure(GROUP, "room's field moves, rms", float(np.sqrt((moved**2).mean())), "pT"),
        Figure(GROUP, "left across the beams, rms", float(np.sqrt((across**2).mean())), "pT",
               maximum=50.0, note=note),
        Figure(GROUP, "left across the beams, largest", float(np.abs(across).max()), "pT", note=note),
        Figure(GROUP, "left along the beams, rms", float(np.sqrt((along**2).mean())), "pT",
               maximum=50.0, note=note),
    ]  # fmt: skip


def _note(place: Path, bare: FloatArray, left: FloatArray, compensator: Compensator) -> None:
    line = {
        "room_rms_pt": float(np.sqrt(bare.var(axis=0).mean())),
        "left_rms_pt": float(np.sqrt(left[:, :, [0, 2]].var(axis=0).mean())),
        "state": compensator.state.name.lower(),
    }
    with place.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def hour_on_boards(
    series: Path, place: Path, seconds: float = 3600.0, seed: int = 1
) -> list[Figure]:
    """The same with boards and cells, minute by minute into a file; takes hours of a core."""
    place.parent.mkdir(parents=True, exist_ok=True)
    lines = _lines(place)
    done_s = 60.0 * len(lines)
    if done_s < seconds:
        session = 1 + max((int(line["session"]) for line in lines), default=0)
        _run_hour(series, place, done_s, seconds, seed, session)
        lines = _lines(place)
    rms = np.array([line["left_rms_pt"] for line in lines])
    return [
        Figure(GROUP, "observatory's series on boards", 60.0 * len(lines), "s",
               minimum=seconds, note=f"in {lines[-1]['session']:g} session(s)"),
        Figure(GROUP, "on boards: room's field moves, peak to peak", lines[-1]["room_pp_pt"], "pT",
               note="since the session began"),
        Figure(GROUP, "on boards: left across the beams, rms", float(np.sqrt((rms**2).mean())),
               "pT", maximum=50.0,
               note=f"worst minute {rms.max():.2f}; means of 0.1 s, change since the session began"),
        Figure(GROUP, "on boards: steps not in full operation",
               sum(line["reduced"] for line in lines), ""),
    ]  # fmt: skip


def _lines(place: Path) -> list[dict[str, float]]:
    if not place.exists():
        return []
    return [json.loads(line) for line in place.read_text().splitlines() if line.endswith("}")]


def _run_hour(
    series: Path, place: Path, done_s: float, seconds: float, seed: int, session: int
) -> None:
    scenario = gentle_scenario(geomagnetic_path=series, vehicles=True)
    with set_up(scenario, seed) as (world, instrument, plan):
        room = world.plant.room
        skipped = int(done_s)
        if skipped and room._geomagnetic is not None:
            # A later session begins where the former ended: the series is what is continued.
            room._geomagnetic = room._geomagnetic[skipped:] - room._geomagnetic[skipped]
        true = TrueField(world)
        first_room = first_left = None
        lowest = highest = None
        with Compensation(instrument, plan) as running:
            running.wait(2.0)
            true.clear()
            for minute in range(round((seconds - done_s) / 60.0)):
                running.wait(60.0)
                bare, left = (slow_means(one) for one in true.fields_pt())
                true.clear()
                if first_room is None:
                    first_room, first_left = bare[0], left[:50].mean(axis=0)
                    lowest = highest = bare[0]
                lowest = np.minimum(lowest, bare.min(axis=0))
                highest = np.maximum(highest, bare.max(axis=0))
                moved = left - first_left
                states = running.count.steps_by_state
                line = {
                    "minute": minute + round(done_s / 60.0),
                    "session": session,
                    "room_rms_pt": float(np.sqrt(((bare - first_room) ** 2).mean())),
                    "room_pp_pt": float((highest - lowest).max()),
                    "left_rms_pt": float(np.sqrt((moved[:, :, [0, 2]] ** 2).mean())),
                    "left_max_pt": float(np.abs(moved[:, :, [0, 2]]).max()),
                    "left_beam_rms_pt": float(np.sqrt((moved[:, :, 1] ** 2).mean())),
                    "reduced": running.loop.count.steps - states.get("running", 0),
                    "limited": running.count.limited_steps,
                    "lost_rows": running.loop.count.lost_rows,
                }
                with place.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                sys.stderr.write(f"minute {line['minute']}: {line['left_rms_pt']:.2f} pT\n")
