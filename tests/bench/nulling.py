"""Nulling of the room over hidden truths: what is left at the cells, and how long it takes.

Each seed draws another room, other coils and other heads; the run writes one JSON line when it is done
with a seed and, started again, goes on with the seeds that are missing.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.bench.figures import Figure
from tests.bench.virtual_rig import open_rig, rig_of

from nullfield.instrument.instrument import Instrument
from nullfield.instrument.null_result import NullResult
from nullfield.instrument.null_room import null_room
from nullfield.instrument.renull import renull
from nullfield.instrument.start_up import start_up
from nullfield.room.field_model import fit_gradient
from nullfield.room.harmonics import field_basis, term_degrees
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario

FloatArray = npt.NDArray[np.float64]

START_NT = 70.0
DRIFT_S = 30.0
RESIDUAL_PT = 50.0
GRADIENT_PT_PER_M = 300.0
NULL_S = 10.0
RENULL_S = 3.0
_GROUP = "nulling"
_SNAPSHOTS = 23
_STEP_S = 0.013
"""Steps that fall into all phases of the mains; the heart falls out of the mean, too."""
_SCHEMA = 1


def figures(rig: str = "demo36", seeds: int = 10, lines: Path | None = None) -> list[Figure]:
    """Run the seeds that are missing and put all into figures.

    Parameters
    ----------
    rig : str
    seeds : int
        Seeds 1 to this.
    lines : path, optional
        File of one JSON object a line, read and added to; ``runs/nulling-RIG.jsonl`` by default.
    """
    path = Path("runs") / f"nulling-{rig}.jsonl" if lines is None else lines
    path.parent.mkdir(parents=True, exist_ok=True)
    done = _read(path, rig)
    for seed in range(1, seeds + 1):
        if seed not in done:
            done[seed] = one_seed(rig, seed)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(done[seed]) + "\n")
    return _figures(rig, [done[seed] for seed in range(1, seeds + 1)])


def one_seed(rig_name: str, seed: int) -> dict[str, Any]:
    """Null, drift and null again in one world; every figure of it."""
    began_wall_s = time.perf_counter()
    scenario = Scenario(room_residual_nt=START_NT)
    with open_rig(rig_of(rig_name), scenario, seed) as (world, instrument):
        instrument.stream(True)
        started = start_up(instrument)
        full = null_room(instrument)
        after = measure_truth(world, instrument, full)
        instrument.wait_s(DRIFT_S)
        drifted = measure_truth(world, instrument, full)
        again = renull(instrument, full)
        renulled = measure_truth(world, instrument, again)
        channels = more_channels(world)
    return {
        "schema": _SCHEMA,
        "rig": rig_name,
        "seed": seed,
        "heads_failed": len(started.failed),
        "null": {**after, **_told(full)},
        "drifted": drifted,
        "renull": {**renulled, **_told(again)},
        "channels": channels,
        "wall_s": round(time.perf_counter() - began_wall_s, 1),
    }


def measure_truth(
    world: VirtualInstrument, instrument: Instrument, result: NullResult
) -> dict[str, Any]:
    """What is left at the cells of the array's heads by the plant's truth."""
    effective, true, room = [], [], []
    used = np.array([h.name in result.heads for h in world.plant.heads])
    for _ in range(_SNAPSHOTS):
        instrument.wait_s(_STEP_S)
        truth = world.plant.truth()
        effective.append(truth.effective_field_pt[used])
        true.append(truth.true_field_pt[used])
        room.append(truth.room_and_coils_field_pt[used])
    position_m = world.plant.true_heads.position_m[used]
    mean = np.mean(effective, axis=0)
    upright = np.tile(np.eye(3), (int(used.sum()), 1, 1))
    gradient = fit_gradient(position_m, upright, np.mean(room, axis=0)) if used.sum() >= 4 else None
    return {
        "effective_rms_pt": _rms(mean),
        "effective_by_axis_pt": [_rms(mean[:, k]) for k in range(3)],
        "effective_worst_pt": float(np.abs(mean).max()),
        "with_heart_rms_pt": _rms(np.array(effective)),
        "true_rms_pt": _rms(np.mean(true, axis=0)),
        "room_coils_rms_pt": _rms(np.mean(room, axis=0)),
        "gradient_pt_per_m": None if gradient is None else gradient.size_pt_per_m,
        "gradient_largest_pt_per_m": None
        if gradient is None
        else float(np.abs(gradient.tensor_pt_per_m).max()),
    }


def more_channels(world: VirtualInstrument) -> dict[str, float]:
    """What currents known from the truth would leave, by the number of channels.

    To the rig's coils as built come ideal coils of the next degrees of the harmonic series: 7 of
    degree 3, then 9 of degree 4.
    """
    plant = world.plant
    near = np.array([h.kind == "array" for h in plant.heads])
    room = plant.room_field_now_nt()[near].reshape(-1) * 1e3
    coils = plant.coil_field_nt_per_ma[near].reshape(len(room), -1) * 1e3
    degree = term_degrees(4)
    ideal = field_basis(plant.true_heads.position_m[near], 4).reshape(len(room), -1) * 1e3
    left = {"0": _rms(room)}
    for highest in (2, 3, 4):
        columns = np.hstack([coils, ideal[:, (degree > 2) & (degree <= highest)]])
        if columns.shape[1] >= len(room):
            break
        rest = room - columns @ np.linalg.lstsq(columns, room, rcond=None)[0]
        left[str(columns.shape[1])] = _rms(rest)
    return left


def _told(result: NullResult) -> dict[str, Any]:
    gradient = result.gradient_after
    return {
        "duration_s": result.duration_s,
        "heads": len(result.heads),
        "measured_before_rms_pt": result.before_rms_pt,
        "measured_after_rms_pt": result.after_rms_pt,
        "cell_rms_pt": result.cell_rms_pt,
        "estimated_gradient_pt_per_m": None if gradient is None else gradient.size_pt_per_m,
        "estimated_gradient_uncertainty_pt_per_m": None
        if gradient is None
        else gradient.size_uncertainty_pt_per_m,
        "degree": None if result.model is None else result.model.degree,
    }


def _read(path: Path, rig: str) -> dict[int, dict[str, Any]]:
    if not path.exists():
        return {}
    done = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            content = json.loads(line)
        except ValueError:
            continue  # cut off by a kill: that seed is run again
        if content.get("schema") == _SCHEMA and content.get("rig") == rig:
            done[int(content["seed"])] = content
    return done


def _figures(rig: str, runs: list[dict[str, Any]]) -> list[Figure]:
    count = len(runs)
    note = f"{rig}, {count} seeds, from {START_NT:g} nT"

    def values(part: str, key: str) -> FloatArray:
        return np.array([run[part][key] for run in runs if run[part].get(key) is not None])

    def pooled(part: str, key: str, name: str, goal: float | None, words: str = "") -> Figure:
        each = values(part, key)
        spread = "/".join(f"{v:.0f}" for v in each)
        return Figure(
            _GROUP, name, _rms(each), "pT", maximum=goal,
            note=f"{note}; {words + '; ' if words else ''}by seed {spread}",
        )  # fmt: skip

    out = [
        pooled("null", "effective_rms_pt", "effective residual, all cells, 3 axes, rms",
               RESIDUAL_PT, "mean of 0.3 s"),
        *(
            Figure(_GROUP, f"effective residual, {axis}, rms",
                   _rms(np.array([run["null"]["effective_by_axis_pt"][k] for run in runs])), "pT",
                   note=note)
            for k, axis in enumerate(("local x", "local y", "beam"))
        ),
        pooled("null", "true_rms_pt", "true residual, rms", None, "light shift included"),
        pooled("null", "with_heart_rms_pt", "effective, heart and mains included, rms", None),
        pooled("null", "room_coils_rms_pt", "left by the room coils alone, 8 channels", None),
        pooled("renull", "effective_rms_pt", "effective residual after the re-null, rms",
               RESIDUAL_PT),
        pooled("drifted", "room_coils_rms_pt", f"room coils alone after {DRIFT_S:g} s of drift", None),
    ]  # fmt: skip
    for channels in sorted({int(n) for run in runs for n in run["channels"]}):
        left = np.array(
            [run["channels"][str(channels)] for run in runs if str(channels) in run["channels"]]
        )
        out.append(
            Figure(_GROUP, f"best that {channels} channels could leave", _rms(left), "pT",
                   note=f"{note}; currents by the truth, channels beyond 8 ideal")
        )  # fmt: skip
    for key, name, goal in (
        ("gradient_pt_per_m", "mean fitted gradient, true, all elements", GRADIENT_PT_PER_M),
        ("gradient_largest_pt_per_m", "mean fitted gradient, true, largest element", None),
        ("estimated_gradient_pt_per_m", "mean fitted gradient, as the heads tell it", None),
    ):
        each = values("null", key)
        if len(each):
            spread = "/".join(f"{v:.0f}" for v in each)
            out.append(
                Figure(_GROUP, name, float(each.mean()), "pT/m", maximum=goal,
                       note=f"{note}; by seed {spread}")
            )  # fmt: skip
    for part, name, goal in (("null", "null", NULL_S), ("renull", "re-null", RENULL_S)):
        each = values(part, "duration_s")
        out.append(
            Figure(_GROUP, f"{name}, longest", float(each.max()), "s", maximum=goal,
                   note=f"{note}; median {np.median(each):.2f} s")
        )  # fmt: skip
    return out


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.asarray(values) ** 2)))
