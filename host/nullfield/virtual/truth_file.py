"""The plant's truth, kept while a run goes on and written to its own file for scoring."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.virtual.instrument import VirtualInstrument

SNAPSHOT_BLOCKS = 500
SCHEMA = 1


class TruthRecorder:
    """Takes a snapshot of the plant twice a second of virtual time.

    Parameters
    ----------
    instrument : VirtualInstrument
    seed : int
    """

    def __init__(self, instrument: VirtualInstrument, seed: int) -> None:
        self._instrument = instrument
        self._seed = seed
        self._snapshots: list[dict[str, Any]] = []
        instrument.watchers.append(self._watch)

    def _watch(self) -> None:
        if self._instrument.block % SNAPSHOT_BLOCKS == 0:
            truth = self._instrument.plant.truth()
            self._snapshots.append(
                {
                    "time_s": truth.time_s,
                    "effective_field_pt": _rounded(truth.effective_field_pt),
                    "true_field_pt": _rounded(truth.true_field_pt),
                    "room_and_coils_field_pt": _rounded(truth.room_and_coils_field_pt),
                    "heart_position_m": [round(float(v), 6) for v in truth.heart_position_m],
                }
            )

    def write(self, path: Path) -> None:
        """Write ``truth.json``."""
        plant = self._instrument.plant
        blocks = np.arange(max(self._instrument.block, 1), dtype=np.int64)
        moment = np.ascontiguousarray(plant.moments_at(blocks), dtype=np.float32)
        truth = plant.truth()
        content = {
            "schema": SCHEMA,
            "seed": self._seed,
            "heads": [head.name for head in plant.heads],
            "head_kind": [head.kind for head in plant.heads],
            "head_position_m": truth.head_position_m.tolist(),
            "head_axes": truth.head_axes.tolist(),
            "heart_moment_a_m": {
                "rate_hz": 1000.0,
                "dtype": "<f4",
                "shape": list(moment.shape),
                "base64": base64.b64encode(moment.astype("<f4").tobytes()).decode("ascii"),
            },
            "snapshots": self._snapshots,
        }
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _rounded(values: npt.NDArray[np.float64]) -> list[list[float]]:
    return [[round(float(v), 2) for v in row] for row in values]
