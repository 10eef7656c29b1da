"""Dynamic compensation on the virtual instrument, judged by the plant's own field.

``python -m tests.bench.compensation shielding noise t_wave`` runs parts. ``hour`` drives the plant's
room with an observatory's series for an hour of simulated time without boards (`plain_room`).
``hour_on_boards`` does it with boards and cells: it appends a line a minute to its file, and when it
is started again it goes on behind the last whole minute with a new start of the instrument, so it can
run in the background and be stopped at any time. ``noise_bound`` computes what shielding costs in
noise.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import welch
from tests.bench.disturbance import Bump, DisturbedRoom, Sine, disturb
from tests.bench.figures import Figure, as_json, show
from tests.bench.plain_room import PlainRoom, compensator_for, held_chunks
from tests.bench.virtual_rig import open_rig

from nullfield.instrument.compensate import BANDWIDTH_HZ, Compensation, CompensationPlan
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.null_room import null_room
from nullfield.instrument.set_up_compensation import set_up_compensation
from nullfield.instrument.start_up import start_up
from nullfield.rig import load_rig
from nullfield.room.compensator import Compensator
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario

FloatArray = npt.NDArray[np.float64]

RIG = "room8"
GROUP = "dynamic compensation"
LEARN_S = 100.0
SHIELDED_HZ = (0.1, 0.3, 1.0, 3.0, 10.0, 20.0, 30.0, 45.0)
SINE_PT = 60.0
GENTLE = {
    "room_residual_nt": 20.0,
    "room_gradient_nt_per_m": 8.0,
    "room_third_order_nt_per_m2": 3.0,
}
"""A static field that the reference heads, 1 m off, zero in: what changes is what is measured."""
_MAINS_HZ = (50.0, 100.0, 150.0, 250.0)


@dataclass
class TrueField:
    """What the plant makes at the array's heads, head frame, sample by sample."""

    world: VirtualInstrument
    room_nt: list[FloatArray] = field(default_factory=list)
    current_ma: list[FloatArray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.heads = [n for n, h in enumerate(self.world.rig.heads) if h.kind == "array"]
        self.world.watchers.append(self.take)

    def take(self) -> None:
        """Note the block that ended."""
        plant = self.world.plant
        self.room_nt.append(plant.room_field_now_nt()[self.heads])
        self.current_ma.append(plant.outputs.room_coil_current_ma.copy())

    def clear(self) -> None:
        """Forget, as before a new measurement."""
        self.room_nt.clear()
        self.current_ma.clear()

    def fields_pt(self) -> tuple[FloatArray, FloatArray]:
        """Room alone, and room with coils, each ``(n, n_heads, 3)``."""
        room = np.array(self.room_nt) * 1e3
        by_coil = self.world.plant.coil_field_nt_per_ma[self.heads]
        coils = np.einsum("nkc,tc->tnk", by_coil, np.array(self.current_ma)) * 1e3
        return room, room + coils


@contextmanager
def set_up(
    scenario: Scenario, seed: int = 1, learn_s: float = LEARN_S, parts: tuple[Sine | Bump, ...] = ()
) -> Iterator[tuple[VirtualInstrument, Instrument, CompensationPlan]]:
    """A rig started, nulled, probed and taught; times of `parts` count from the end of all that."""
    rig, _ = load_rig(RIG)
    with open_rig(rig, scenario, seed) as (world, instrument):
        instrument.stream(True)
        start_up(instrument)
        nulled = null_room(instrument)
        plan = set_up_compensation(instrument, nulled, learn_s=learn_s)
        began_s = world.now_s()
        disturb(
            world,
            *[
                replace(p, start_s=p.start_s + began_s)
                if isinstance(p, Sine)
                else replace(p, centre_s=p.centre_s + began_s)
                for p in parts
            ],
        )
        yield world, instrument, plan


def gentle_scenario(**changes: object) -> Scenario:
    _, table = load_rig(RIG)
    return replace(Scenario(**table), heart_enabled=False, **GENTLE, **changes)


def _amplitudes(field_pt: FloatArray, frequencies: tuple[float, ...]) -> FloatArray:
    """Amplitude of each sine, ``(n_frequencies, n_heads, 3)``, drift and mains fitted along."""
    time_s = np.arange(len(field_pt)) * 1e-3
    middle = np.linspace(-1.0, 1.0, len(field_pt))
    columns = [middle**k for k in range(6)]
    for frequency in (*frequencies, *_MAINS_HZ):
        columns += [np.sin(2 * np.pi * frequency * time_s), np.cos(2 * np.pi * frequency * time_s)]
    rows = np.stack(columns, axis=1)
    fit = np.linalg.lstsq(rows, field_pt.reshape(len(field_pt), -1), rcond=None)[0]
    fit = fit[6:].reshape(-1, 2, *field_pt.shape[1:])[: len(frequencies)]
    return np.asarray(np.hypot(fit[:, 0], fit[:, 1]))


def shielding(seconds: float = 40.0, learn_s: float = LEARN_S) -> list[Figure]:
    """Sines of uniform field along (1, 1, 1), from 0.1 to 45 Hz at once."""
    sines = tuple(Sine(f, (SINE_PT,) * 3, start_s=2.0) for f in SHIELDED_HZ)
    with set_up(gentle_scenario(), learn_s=learn_s, parts=sines) as (world, instrument, plan):
        true = TrueField(world)
        with Compensation(instrument, plan, wall_s=time.perf_counter) as running:
            running.wait(6.0)
            true.clear()
            running.wait(seconds)
            work_us = 1e6 * running.count.work_s / running.loop.count.steps
        room, left = true.fields_pt()
        budget = plan.prepared.budget
    bare, rest = _amplitudes(room, SHIELDED_HZ), _amplitudes(left, SHIELDED_HZ)
    figures = []
    for number, frequency in enumerate(SHIELDED_HZ):
        goal = 50.0 if frequency <= 0.1 else 30.0 if frequency == 1.0 else None
        goal = -6.0 if frequency > 1.0 else goal
        across = [0, 2]
        db = _db(bare[number][:, across], rest[number][:, across])
        beam = _db(bare[number][:, 1:2], rest[number][:, 1:2])
        design = float(plan.uniform_filter.shielding_db(np.array([frequency]))[0])
        figures.append(
            Figure(GROUP, f"shielding at {frequency:g} Hz", db, "dB", minimum=goal,
                   note=f"true field across the beams; along them {beam:.1f}; design {design:.1f}")
        )  # fmt: skip
    for name, value in (*budget.stages(), ("total", budget.total_s)):
        goal_ms = 8.0 if name == "total" else None
        figures.append(Figure(GROUP, f"latency, {name}", 1e3 * value, "ms", maximum=goal_ms,
                              note="simulated time"))  # fmt: skip
    figures.append(Figure(GROUP, "host's work a row", work_us, "us", note="wall time"))
    return figures


def _db(before: FloatArray, after: FloatArray) -> float:
    return float(10.0 * np.log10((before**2).sum() / (after**2).sum()))


def plain_shielding(seconds: float = 40.0, seeds: tuple[int, ...] = (1, 2, 3)) -> list[Figure]:
    """The same without boards over several rooms, with and without learning; the worst of them."""
    rig, table = load_rig(RIG)
    scenario = replace(Scenario(**table), heart_enabled=False)
    figures = []
    for learn_s in (LEARN_S, 0.0):
        across = np.empty((len(seeds), len(SHIELDED_HZ)))
        along = np.empty_like(across)
        for number, seed in enumerate(seeds):
            room = PlainRoom(rig, scenario, seed)
            compensator = compensator_for(room, BANDWIDTH_HZ, learn_s)
            start_s = room.block * 1e-3
            parts = tuple(Sine(f, (SINE_PT,) * 3, start_s=start_s) for f in SHIELDED_HZ)
            room.room = DisturbedRoom(room.room, parts)
            bare, left = _plain_run(room, compensator, 6.0, seconds)
            before, after = _amplitudes(bare, SHIELDED_HZ), _amplitudes(left, SHIELDED_HZ)
            for k in range(len(SHIELDED_HZ)):
                across[number, k] = _db(before[k][:, [0, 2]], after[k][:, [0, 2]])
                along[number, k] = _db(before[k][:, 1:2], after[k][:, 1:2])
        taught = f"learnt for {learn_s:g} s" if learn_s else "geometry of the rig file"
        for k, frequency in enumerate(SHIELDED_HZ):
            goal = 50.0 if frequency <= 0.1 else 30.0 if frequency == 1.0 else None
            goal = -6.0 if frequency > 1.0 else goal
            figures.append(
                Figure(GROUP, f"without boards, {taught}: {frequency:g} Hz", across[:, k].min(),
                       "dB", minimum=goal if learn_s else None,
                       note=f"worst of {len(seeds)} rooms across the beams, best "
                            f"{across[:, k].max():.1f}; along {along[:, k].min():.1f} to "
                            f"{along[:, k].max():.1f}")
            )  # fmt: skip
    return figures


def _plain_run(
    room: PlainRoom, compensator: Compensator, settle_s: float, seconds: float
) -> tuple[FloatArray, FloatArray]:
    """True field at the array, alone and with the coils, after a time to settle."""
    bare, left = zip(*held_chunks(room, compensator, settle_s, seconds), strict=True)
    return np.concatenate(bare), np.concatenate(left)


def noise(seconds: float = 60.0) -> list[Figure]:
    """Field that the coils make at the array in a room where nothing happens."""
    quiet = gentle_scenario(drift_pp_nt=0.0, mains_pt=0.0, vibration_um_rms=0.0)
    figures = []
    with set_up(quiet, learn_s=0.0) as (world, instrument, plan):
        true = TrueField(world)
        by_coil = world.plant.coil_field_nt_per_ma[true.heads]
        for name, is_watching in (("coil channels alone", True), ("in all", False)):
            with Compensation(instrument, plan, is_watching=is_watching) as running:
                running.wait(5.0)
                true.clear()
                running.wait(seconds)
                current = np.array(true.current_ma)
            made = np.einsum("nkc,tc->tnk", by_coil, current) * 1e6
            f, power = welch(made.reshape(len(made), -1).T, 1e3, nperseg=8000)
            band = (f >= 1.0) & (f <= 100.0)
            at_one = (f >= 0.9) & (f <= 1.1)
            average = float(np.sqrt(power[:, band].mean()))
            one = float(np.sqrt(power[:, at_one].mean()))
            figures.append(
                Figure(GROUP, f"noise added, 1-100 Hz, {name}", average, "fT/√Hz", maximum=3.0,
                       note=f"rms density of the band, all heads and axes; at 1 Hz {one:.1f}")
            )  # fmt: skip
    return figures


def transients(seconds: float = 30.0) -> list[Figure]:
    """A vehicle that passes: uniform field and gradients, 1.5 nT and 0.5 nT/m."""
    bump = Bump(15.0, 2.0, (900.0, -800.0, 900.0, 200.0, -200.0, 200.0, 200.0, 200.0))
    with set_up(gentle_scenario(), parts=(bump,)) as (world, instrument, plan):
        true = TrueField(world)
        with Compensation(instrument, plan) as running:
            running.wait(3.0)
            true.clear()
            running.wait(seconds)
        room, left = true.fields_pt()
    slow_room, slow_left = slow_means(room), slow_means(left)
    return [
        Figure(GROUP, "vehicle, peak without", float(np.ptp(slow_room, axis=0).max()), "pT"),
        Figure(GROUP, "vehicle, peak with", float(np.ptp(slow_left, axis=0).max()), "pT",
               note="true field, all axes, mains averaged out"),
    ]  # fmt: skip


def slow_means(field_pt: FloatArray) -> FloatArray:
    """Means of 0.1 s, which hold whole periods of the mains."""
    n = len(field_pt) // 100 * 100
    return field_pt[:n].reshape(-1, 100, *field_pt.shape[1:]).mean(axis=1)


def main() -> int:
    """Run the parts that are named."""
    from tests.bench import compensation_noise, plain_t_wave, t_wave
    from tests.bench.compensation_hour import hour, hour_on_boards

    parser = argparse.ArgumentParser(prog="python -m tests.bench.compensation", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="+",
        choices=[
            *("shielding", "noise", "transients", "t_wave", "hour"),
            *("plain_shielding", "plain_t_wave", "hour_on_boards", "noise_bound"),
        ],
    )
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.add_argument("--series", type=Path, help="IAGA-2002 file of the hour")
    parser.add_argument("--place", type=Path, default=Path("runs/compensation-hour.jsonl"))
    parser.add_argument("--seconds", type=float, default=3600.0, help="of the hour, simulated")
    given = parser.parse_args()
    figures: list[Figure] = []
    for part in given.parts:
        if part in ("hour", "hour_on_boards"):
            if given.series is None:
                parser.error("the hour needs --series")
            run = hour if part == "hour" else hour_on_boards
            figures += run(given.series, given.place, given.seconds)
        elif part == "noise_bound":
            figures += compensation_noise.figures()
        elif part == "t_wave":
            figures += t_wave.figures()
        elif part == "plain_t_wave":
            figures += plain_t_wave.figures()
        elif part == "plain_shielding":
            figures += plain_shielding()
        else:
            figures += {"shielding": shielding, "noise": noise, "transients": transients}[part]()
    if given.json:
        print(as_json(figures))
    else:
        show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
