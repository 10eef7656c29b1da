"""Where the time from a sample to the coils' field goes, stage by stage, from the boards' own rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nullfield.instrument.instrument import Instrument
from nullfield.instrument.reference_loop import ReferenceLoop
from nullfield.room.shielding_filter import path_delay_s

FloatArray = npt.NDArray[np.float64]

OUTPUT_BLOCKS = 2
"""A row's command acts two blocks later (docs/protocol.md, COIL_SAMPLES)."""
_WRAP = 1 << 32


@dataclass(frozen=True)
class LatencyBudget:
    """Times in seconds.

    Attributes
    ----------
    sample_to_row_s : float
        From the middle of the samples to the row that carries them: the board's group delay.
    row_to_command_s, row_to_command_worst_s : float
        From that row to the row in which the coil board has the command: link, host, link.
    command_to_output_s : float
        Double buffering of the coil board.
    rest_s : float
        What is left of the total: lag of the coils, response of the cells.
    total_s : float
        From a change of the ambient field to the field that answers it, at low frequency.
    """

    sample_to_row_s: float
    row_to_command_s: float
    row_to_command_worst_s: float
    command_to_output_s: float
    rest_s: float = float("nan")
    total_s: float = float("nan")

    def with_path(self, path: FloatArray, dt_s: float) -> LatencyBudget:
        """Add the total that the references show, and the rest that it leaves."""
        total = path_delay_s(path, dt_s)
        known = self.row_to_command_s + self.command_to_output_s
        return replace(self, rest_s=total - known, total_s=total)

    def stages(self) -> list[tuple[str, float]]:
        """Name and time of each stage, in order."""
        return [
            ("row, link, host, link", self.row_to_command_s),
            ("coil board's output", self.command_to_output_s),
            ("coils and heads", self.rest_s),
        ]


def latency_budget(instrument: Instrument, loop: ReferenceLoop) -> LatencyBudget:
    """Compare the rows that messages followed with the rows in which they took effect.

    All boards count the same blocks by the SYNC line, so the difference is exact.

    Raises
    ------
    ValueError
        If the coil board's rows hold none of the newest messages.
    """
    uid = sorted({c.board for c in instrument.rig.coils})[-1]
    window = instrument.coils[uid].samples.window(1000)
    sequence = window.rows["compensation_sequence"].astype(np.int64)
    changed = np.flatnonzero(np.diff(sequence, prepend=sequence[:1]))
    late = [
        (int(window.index[k]) - loop.count.sent[int(sequence[k])][0]) % _WRAP
        for k in changed
        if int(sequence[k]) in loop.count.sent
    ]
    if not late:
        raise ValueError("the coil board shows none of the messages")
    block_s = instrument.coils[uid].identity.row_period_us * 1e-6
    sensor = instrument.sensors[loop.references[0].board]
    return LatencyBudget(
        sample_to_row_s=sensor.identity.group_delay_us * 1e-6,
        row_to_command_s=float(np.median(late)) * block_s,
        row_to_command_worst_s=float(np.max(late)) * block_s,
        command_to_output_s=OUTPUT_BLOCKS * block_s,
    )
