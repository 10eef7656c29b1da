"""What coils do at channels, and how late, from known pseudo-random commands.

Each coil has its own sequence, so all are measured at once. First a finite response is fitted for
every coil and channel; the largest singular vector of a channel's is its path (delay of link and
boards, lag of the coils, response of the head, whose loop settles in its own way). Then each coil's
strength is fitted anew with its command sent through that path, which has far fewer unknowns.

The path is one for all coils of a channel, and that is not quite so: a head answers a field along its
beam in another way than one across it, and a coil makes both. What counts for a loop that holds slow
changes is what is left when all has settled, so strengths are fitted to means over several settling
times, of commands that stand for as long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d

FloatArray = npt.NDArray[np.float64]

TAPS = 64
"""Steps that a response may last: a head's loop settles in some 12 ms."""
MAINS_HZ = (50.0, 100.0, 150.0, 250.0, 60.0, 120.0, 180.0, 300.0)
SETTLED_STEPS = 40
"""Strengths are fitted to means over so many steps, three times what a head's loop needs. Two periods
of 50 Hz and less than three of 60 Hz are in it."""
_LEFT_OF_A_COLUMN = 0.02
"""What the means leave of a sine that the drift is not made of is no help any more."""
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
    """Commands for `fit_path`: two fifths of the time quick, for the path, then slow, for the strength.

    Parameters
    ----------
    n_steps, n_coils : int
    amplitude_ma : float
    chip_steps : int
        Steps between two changes of the quick part; `SETTLED_STEPS` in the slow one.

    Returns
    -------
    numpy.ndarray, shape ``(n_steps, n_coils)``
    """
    quick = 2 * n_steps // 5
    return np.concatenate(
        [
            random_offsets(quick, n_coils, amplitude_ma, chip_steps),
            random_offsets(n_steps - quick, n_coils, amplitude_ma, SETTLED_STEPS, seed=2),
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
    settled = _means(np.where(np.isfinite(reading_pt), reading_pt, 0.0))
    is_whole = np.zeros(n_steps)
    is_whole[whole] = 1.0
    windows = np.flatnonzero(_means(is_whole[:, None])[:, 0] > 1.0 - 0.5 / SETTLED_STEPS)
    windows = windows[windows < n_steps - SETTLED_STEPS]
    slow = _means(nuisance)
    size = np.abs(slow[windows]).max(axis=0)
    slow = slow[:, size > _LEFT_OF_A_COLUMN * np.abs(nuisance).max(axis=0)]
    for channel, one in enumerate(responses):
        # The sign of a singular vector is free; a path's sum is one.
        vector = np.linalg.svd(one, full_matrices=False)[2][0]
        path[channel, 1:] = vector / vector.sum()
        through = late @ path[channel, 1:]
        residual[channel] = _rest(np.hstack([through, nuisance])[whole], seen[:, channel])
        columns = np.hstack([_means(through), slow])[windows]
        normal = np.linalg.inv(columns.T @ columns)
        solution = normal @ (columns.T @ settled[windows, channel])
        left = settled[windows, channel] - columns @ solution
        # Means that overlap are not so many measurements.
        scatter = np.sqrt(SETTLED_STEPS * np.mean(left**2))
        response[channel] = solution[:n_coils]
        uncertainty[channel] = scatter * np.sqrt(np.diag(normal))[:n_coils]
    return PathFit(response, uncertainty, path, residual)


def _means(values: FloatArray) -> FloatArray:
    """Means over `SETTLED_STEPS` about each step, ``(n_steps, n)``."""
    return np.asarray(uniform_filter1d(values, SETTLED_STEPS, axis=0))


def _rest(columns: FloatArray, values: FloatArray) -> float:
    """What least squares leave, rms."""
    solution = np.linalg.solve(columns.T @ columns, columns.T @ values)
    return float(np.sqrt(np.mean((values - columns @ solution) ** 2)))


def _delayed(command_ma: FloatArray, lag: int) -> FloatArray:
    out = np.zeros_like(command_ma)
    out[lag:] = command_ma[:-lag]
    return out


def _nuisance(n_steps: int, dt_s: float) -> FloatArray:
    """Level, drift and mains, which are none of the coils' doing."""
    time = np.arange(n_steps) * dt_s
    # Cosines up to 2 Hz take the drift: left in, it would pass for a long tail of the response, and
    # the response's sum, by which coils are judged, would be off by a per cent.
    phase = np.pi * (np.arange(n_steps) + 0.5) / n_steps
    columns = [np.cos(k * phase) for k in range(round(2.0 * DRIFT_HZ * n_steps * dt_s) + 1)]
    columns.append(phase)
    for frequency in MAINS_HZ:
        columns += [np.cos(2 * np.pi * frequency * time), np.sin(2 * np.pi * frequency * time)]
    return np.stack(columns, axis=1)
