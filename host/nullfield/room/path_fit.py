"""What coils do at channels, and how late, from known pseudo-random commands.

Each coil has its own sequence, so all are measured at once. First a finite response is fitted for
every coil and channel; the largest singular vector of a channel's is its path (delay of link and
boards, lag of the coils, response of the head, whose loop settles in its own way). Then each coil's
strength is fitted anew with its command sent through that path, which has far fewer unknowns.

The path is one for all coils of a channel, and that is not quite so: a head answers a field along its
beam in another way than one across it, and a coil makes both, so that strengths came out up to 7 % off
at references near a winding. What counts for a loop that holds slow changes is what is there when all
has settled: strengths are fitted to means of rows before which all commands stood for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

TAPS = 64
"""Steps that a response may last: a head's loop settles in some 12 ms."""
MAINS_HZ = (50.0, 100.0, 150.0, 250.0, 60.0, 120.0, 180.0, 300.0)
SETTLED_STEPS = 40
"""Steps without a change after which a row counts as settled: three times what a head's loop needs."""
SLOW_CHIP_STEPS = 100
"""Steps between two changes of the slow part. When it has settled three periods of 50 Hz are left, over
which that is zero; 60 Hz is the same in each of them."""
_SPARE_MEANS = 20
"""Means beyond the unknowns, so that their scatter can be told."""
DRIFT_HZ = 2.0
"""What is slower counts as drift of the room."""


@dataclass(frozen=True)
class PathFit:
    """What was found.

    Attributes
    ----------
    response_pt_per_ma, uncertainty_pt_per_ma : numpy.ndarray, shape ``(n_channels, n_coils)``
    path : numpy.ndarray, shape ``(n_channels, n_taps + 1)``
        Share of a command that shows 0, 1, 2 ... steps after the row that it followed; sum 1, and
        nothing at 0.
    residual_pt : numpy.ndarray, shape ``(n_channels,)``
        What the fit leaves, rms.
    """

    response_pt_per_ma: FloatArray
    uncertainty_pt_per_ma: FloatArray
    path: FloatArray
    residual_pt: FloatArray

    @property
    def mean_path(self) -> FloatArray:
        """Path over all channels, each by the strength of its response, shape ``(n_taps + 1,)``."""
        weight = np.linalg.norm(self.response_pt_per_ma, axis=1)
        return np.asarray(weight @ self.path / weight.sum())


def random_offsets(
    n_steps: int, n_coils: int, amplitude_ma: float, chip_steps: int, seed: int = 1
) -> FloatArray:
    """Pseudo-random two-level commands, one sequence a coil, shape ``(n_steps, n_coils)``."""
    rng = np.random.default_rng(seed)
    chips = rng.integers(0, 2, (-(-n_steps // chip_steps), n_coils)) * 2.0 - 1.0
    return np.asarray(amplitude_ma * np.repeat(chips, chip_steps, axis=0)[:n_steps])


def probe_offsets(n_steps: int, n_coils: int, amplitude_ma: float, chip_steps: int) -> FloatArray:
    """Commands for `fit_path`: a third of the time quick, for the path, then slow, for the strengths.

    Parameters
    ----------
    n_steps, n_coils : int
    amplitude_ma : float
    chip_steps : int
        Steps between two changes of the quick part; `SLOW_CHIP_STEPS` in the slow one.

    Returns
    -------
    numpy.ndarray, shape ``(n_steps, n_coils)``
    """
    quick = n_steps // 3
    return np.concatenate(
        [
            random_offsets(quick, n_coils, amplitude_ma, chip_steps),
            random_offsets(n_steps - quick, n_coils, amplitude_ma, SLOW_CHIP_STEPS, seed=2),
        ]
    )


def fit_path(
    command_ma: FloatArray, reading_pt: FloatArray, dt_s: float, taps: int = TAPS
) -> PathFit:
    """Fit responses and the path that they share.

    Parameters
    ----------
    command_ma : numpy.ndarray, shape ``(n_steps, n_coils)``
        What was sent after each row.
    reading_pt : numpy.ndarray, shape ``(n_steps, n_channels)``
        The rows; steps with a NaN are left out.
    dt_s : float
        Step.
    taps : int
        Steps after which a command has shown in full.

    Raises
    ------
    ValueError
        If there are too few whole steps.
    """
    n_steps, n_coils = command_ma.shape
    late = np.stack(
        [_delayed(command_ma, lag) for lag in range(1, taps + 1)], axis=2
    )  # (steps, coils, taps)
    nuisance = _nuisance(n_steps, dt_s)
    whole = np.flatnonzero(np.isfinite(reading_pt).all(axis=1))
    whole = whole[whole >= taps]
    if len(whole) < 4 * n_coils * taps:
        raise ValueError(f"{len(whole)} whole rows are too few")
    rows = np.hstack([late.reshape(n_steps, -1), nuisance])[whole]
    seen = reading_pt[whole]
    first = np.linalg.solve(rows.T @ rows, rows.T @ seen)[: n_coils * taps]
    responses = first.T.reshape(-1, n_coils, taps)
    response = np.empty((len(responses), n_coils))
    uncertainty = np.empty_like(response)
    path = np.zeros((len(responses), taps + 1))
    residual = np.empty(len(responses))
    runs = _settled_runs(command_ma, whole)
    drift = np.empty((0, 0))
    if runs:
        first_row, last_row = int(runs[0][0]), int(runs[-1][-1])
        inside = _drift(last_row - first_row + 1, dt_s)
        drift = _means(inside, [run - first_row for run in runs])
    is_settled = len(runs) >= n_coils + drift.shape[1] + _SPARE_MEANS
    for channel, one in enumerate(responses):
        # The sign of a singular vector is free; a path's sum is one.
        vector = np.linalg.svd(one, full_matrices=False)[2][0]
        path[channel, 1:] = vector / vector.sum()
        through = late @ path[channel, 1:]
        quick = np.hstack([through, nuisance])[whole]
        _, left = _least_squares(quick, seen[:, channel])
        residual[channel] = np.sqrt(np.mean(left**2))
        columns, values = quick, seen[:, channel]
        if is_settled:
            columns = np.hstack([_means(late[:, :, 0], runs), drift])
            values = _means(reading_pt[:, channel], runs)
        solution, left = _least_squares(columns, values)
        scatter = np.sqrt((left**2).sum() / (len(left) - len(solution)))
        response[channel] = solution[:n_coils]
        normal = np.linalg.inv(columns.T @ columns)
        uncertainty[channel] = scatter * np.sqrt(np.diag(normal))[:n_coils]
    return PathFit(response, uncertainty, path, residual)


def _settled_runs(
    command_ma: FloatArray, whole: npt.NDArray[np.int64]
) -> list[npt.NDArray[np.int64]]:
    """Whole rows before which no command changed for a while, run by run."""
    changes = np.flatnonzero(np.any(np.diff(command_ma, axis=0) != 0.0, axis=1)) + 1
    edges = np.concatenate([[0], changes, [len(command_ma) - 1]])
    runs = []
    for start, stop in pairwise(edges.tolist()):
        # A row shows commands up to the one before it.
        run = whole[(whole > start + SETTLED_STEPS) & (whole <= stop)]
        if len(run) >= SETTLED_STEPS:
            runs.append(run)
    return runs


def _means(values: FloatArray, runs: list[npt.NDArray[np.int64]]) -> FloatArray:
    """Mean of each run, ``(n_runs, ...)``."""
    return np.stack([values[run].mean(axis=0) for run in runs])


def _least_squares(columns: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Solution, and what it leaves."""
    solution = np.asarray(np.linalg.solve(columns.T @ columns, columns.T @ values))
    return solution, np.asarray(values - columns @ solution)


def _delayed(command_ma: FloatArray, lag: int) -> FloatArray:
    out = np.zeros_like(command_ma)
    out[lag:] = command_ma[:-lag]
    return out


def _nuisance(n_steps: int, dt_s: float) -> FloatArray:
    """Level, drift and mains, which are none of the coils' doing."""
    time = np.arange(n_steps) * dt_s
    mains = [
        wave(2 * np.pi * frequency * time) for frequency in MAINS_HZ for wave in (np.cos, np.sin)
    ]
    return np.column_stack([_drift(n_steps, dt_s), *mains])


def _drift(n_steps: int, dt_s: float) -> FloatArray:
    """Level and slow changes, ``(n_steps, n)``."""
    # Cosines up to 2 Hz take the drift: left in, it would pass for a long tail of the response, and
    # the response's sum, by which coils are judged, would be off by a per cent.
    phase = np.pi * (np.arange(n_steps) + 0.5) / n_steps
    columns = [np.cos(k * phase) for k in range(round(2.0 * DRIFT_HZ * n_steps * dt_s) + 1)]
    return np.stack([*columns, phase], axis=1)
