"""What the heads' own zero leaves at the cells, against the plant's truth, and how long it takes.

``python -m tests.bench.zero_accuracy --rig bench4 --seeds 3``
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tests.bench.figures import Figure, as_json, show
from tests.bench.virtual_rig import open_rig, rig_of

from nullfield.instrument.instrument import Instrument
from nullfield.instrument.measure_field import zero_heads
from nullfield.instrument.start_up import start_up
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario

FloatArray = npt.NDArray[np.float64]

GOAL_PT = 50.0
GOAL_BEAM_S = 0.5
_GROUP = "zero of the heads"
_SNAPSHOTS = 23
"""Some 13 ms apart: heart and mains, which no zero removes, fall out of the mean."""
_PAUSE_S = 0.2


@dataclass(frozen=True)
class Zero:
    """One zero of all heads.

    Attributes
    ----------
    name : str
    residual_pt : numpy.ndarray, shape ``(n_heads, 3)``
        Mean effective field at the cells.
    duration_s : float
    """

    name: str
    residual_pt: FloatArray
    duration_s: float

    def rms_pt(self) -> FloatArray:
        """Over the heads, by axis."""
        return np.asarray(np.sqrt(np.mean(self.residual_pt**2, axis=0)))


def residual_pt(world: VirtualInstrument, instrument: Instrument) -> FloatArray:
    """Mean effective field of all cells, (n_heads, 3)."""
    snapshots = []
    for _ in range(_SNAPSHOTS):
        instrument.wait_s(0.013)
        snapshots.append(world.plant.truth().effective_field_pt)
    return np.asarray(np.mean(snapshots, axis=0))


def run(rig_name: str, seed: int, scenario: Scenario | None = None) -> list[Zero]:
    """Start, zero again, and balance twice; the residual after each."""
    zeros = []
    with open_rig(rig_of(rig_name), scenario or Scenario(), seed) as (world, instrument):
        instrument.stream(True)
        start_up(instrument)
        heads = instrument.ready_heads()
        instrument.wait_s(_PAUSE_S)
        zeros.append(Zero("first zero", residual_pt(world, instrument), float("nan")))
        for name, beam_only in (("full zero", False), ("beam", True), ("beam again", True)):
            began_s = instrument.clock.now_s()
            zero_heads(instrument, heads, beam_only=beam_only)
            duration_s = instrument.clock.now_s() - began_s
            instrument.wait_s(_PAUSE_S)
            zeros.append(Zero(name, residual_pt(world, instrument), duration_s))
    return zeros


def figures(rig_name: str = "bench4", seeds: int = 3) -> list[Figure]:
    """Residual by axis over seeds, and the longest durations."""
    runs = [run(rig_name, seed) for seed in range(1, seeds + 1)]
    out = []
    for number, first in enumerate(runs[0]):
        zeros = [zeros[number] for zeros in runs]
        every = np.concatenate([zero.residual_pt for zero in zeros])
        by_seed = "; ".join("/".join(f"{v:.0f}" for v in zero.rms_pt()) for zero in zeros)
        for axis, name in enumerate(("x", "y", "beam")):
            rms_pt = float(np.sqrt(np.mean(every[:, axis] ** 2)))
            worst_pt = float(np.abs(every[:, axis]).max())
            note = f"{rig_name}, {seeds} seeds, worst {worst_pt:.0f} pT"
            if axis == 0:
                note += f"; x/y/beam by seed {by_seed}"
            out.append(
                Figure(_GROUP, f"{first.name}, {name}, rms", rms_pt, "pT", None, GOAL_PT, note)
            )
        if number:
            goal_s = GOAL_BEAM_S if number > 1 else None
            longest_s = max(zero.duration_s for zero in zeros)
            out.append(Figure(_GROUP, f"{first.name}, duration", longest_s, "s", None, goal_s))
    return out


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rig", default="bench4")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = figures(given.rig, given.seeds)
    if given.json:
        print(as_json(found))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
