"""How well the position adjust finds the heart: its offset along the table against the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tests.bench.figures import Figure
from tests.bench.virtual_rig import open_rig, rig_of

from nullfield.errors import ProcedureError
from nullfield.instrument.adjust_position import look, rebalance
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.move_table import home_table, move_table
from nullfield.instrument.null_room import null_room
from nullfield.instrument.start_up import start_up
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario

OFFSETS_MM = (-80.0, -40.0, 0.0, 40.0, 80.0)
SEEDS = (1, 2)
BEATS = 6
_TABLE_IN_MM = 400.0
_GROUP = "position adjust"
GOAL_MM = 5.0


@dataclass(frozen=True)
class Case:
    """One look: what it said, and the truth."""

    seed: int
    true_mm: float
    told_mm: float
    across_error_mm: float
    sigma_mm: float
    beats: int
    is_believed: bool
    duration_s: float

    @property
    def error_mm(self) -> float:
        """Told minus true, along the table."""
        return self.told_mm - self.true_mm


def figures(rig_name: str = "demo36") -> list[Figure]:
    """Errors over offsets and seeds."""
    cases = [case for seed in SEEDS for case in run(rig_name, seed)]
    out = [
        Figure(_GROUP, f"error at {c.true_mm:+.0f} mm, seed {c.seed}", c.error_mm, "mm",
               note=f"{rig_name}, {c.beats} beats, {c.duration_s:.1f} s, told sigma "
               f"{c.sigma_mm:.1f} mm" + ("" if c.is_believed else ", told to be a step only"))
        for c in cases
    ]  # fmt: skip
    believed = [c for c in cases if c.is_believed]
    errors_mm = np.array([abs(c.error_mm) for c in believed])
    if len(errors_mm):
        note = f"{rig_name}, {len(believed)} of {len(cases)} looks believed"
        share = float(np.mean([abs(c.error_mm) <= 2.0 * c.sigma_mm for c in believed]))
        out += [
            Figure(_GROUP, "largest error along", float(errors_mm.max()), "mm",
                   maximum=GOAL_MM, note=note, is_own_goal=True),
            Figure(_GROUP, "largest error across",
                   max(abs(c.across_error_mm) for c in believed), "mm", note=note),
            Figure(_GROUP, "errors within two told sigmas", 100.0 * share, "%", note=note),
        ]  # fmt: skip
    return out


def run(rig_name: str, seed: int) -> list[Case]:
    """Start and null once; the table then makes the offsets."""
    # Far enough from the end of its travel that the heart can be on either side.
    scenario = Scenario(table_in_mm=_TABLE_IN_MM)
    with open_rig(rig_of(rig_name), scenario, seed) as (world, instrument):
        instrument.stream(True)
        home_table(instrument)
        start_up(instrument)
        null_room(instrument)
        return [_case(world, instrument, seed, offset) for offset in OFFSETS_MM]


def _case(world: VirtualInstrument, instrument: Instrument, seed: int, offset_mm: float) -> Case:
    heart_y_mm = float(world.plant.scenario.heart_position_m[1]) * 1e3
    move_table(instrument, (_TABLE_IN_MM + offset_mm - heart_y_mm) * 1e-3)
    rebalance(instrument)
    began_s = instrument.clock.now_s()
    truth_mm = world.plant.truth().heart_position_m * 1e3
    try:
        location = look(instrument, beats=BEATS)
    except ProcedureError as error:
        raise ProcedureError(f"seed {seed}, {offset_mm:+.0f} mm: {error.message}") from error
    told_mm = location.offset_m * 1e3
    return Case(
        seed,
        float(truth_mm[1]),
        float(told_mm[1]),
        float(told_mm[0] - truth_mm[0]),
        location.uncertainty_m * 1e3,
        location.beats,
        location.is_believed,
        instrument.clock.now_s() - began_s,
    )
