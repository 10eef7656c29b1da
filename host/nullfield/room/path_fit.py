"""What coils do at channels, and how late, from known pseudo-random commands.

Each coil has its own sequence, so all are measured at once. First a finite response is fitted for
every coil and channel; the largest singular vector of all of them is the path they share (delay of
link and boards, lag of the coils, response of the heads). Then each coil's strength is fitted anew
with its command sent through that path, which has far fewer unknowns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

TAPS = 32
"""Steps that a response may last."""
MAINS_HZ = (50.0, 100.0, 150.0, 60.0, 120.0, 180.0)


@dataclass(frozen=True)
class PathFit:
    """What was found.

    Attributes
    ----------
    response_pt_per_ma, uncertainty_pt_per_ma : numpy.ndarray, shape ``(n_channels, n_coils)``
    path : numpy.ndarray, shape ``(n_taps + 1,)``
        Share of a command that shows 0, 1, 2 ... steps after the row that it followed; sum 1, and
        nothing at 0.
    residual_pt : numpy.ndarray, shape ``(n_channels,)``
        What the fit leaves, rms.
    """

    response_pt_per_ma: FloatArray
    uncertainty_pt_per_ma: FloatArray
    path: FloatArray
    residual_pt: FloatArray


def random_offsets(
    n_steps: int, n_coils: int, amplitude_ma: float, chip_steps: int, seed: int = 1
) -> FloatArray:
    """Pseudo-random two-level commands, one sequence a coil, shape ``(n_steps, n_coils)``."""
    rng = np.random.default_rng(seed)
    chips = rng.integers(0, 2, (-(-n_steps // chip_steps), n_coils)) * 2.0 - 1.0
    return np.asarray(amplitude_ma * np.repeat(chips, chip_steps, axis=0)[:n_steps])


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
    whole = np.isfinite(reading_pt).all(axis=1)
    whole[:taps] = False
    if whole.sum() < 4 * n_coils * taps:
        raise ValueError(f"{whole.sum()} whole rows are too few")
    rows = np.hstack([late.reshape(n_steps, -1), nuisance])[whole]
    seen = reading_pt[whole]
    solution = np.linalg.lstsq(rows, seen, rcond=None)[0]
    responses = solution[: n_coils * taps].T.reshape(-1, taps)
    # Each coil and channel counts by its size; the sign of the vector is free.
    vector = np.linalg.svd(responses, full_matrices=False)[2][0]
    shape = vector / vector.sum()
    through = np.hstack([late @ shape, nuisance])[whole]
    solution = np.linalg.lstsq(through, seen, rcond=None)[0]
    rest = seen - through @ solution
    residual = np.sqrt((rest**2).mean(axis=0))
    spread = np.sqrt(np.diag(np.linalg.inv(through.T @ through)))[:n_coils]
    return PathFit(
        np.asarray(solution[:n_coils].T),
        np.outer(residual, spread),
        np.concatenate([[0.0], shape]),
        residual,
    )


def _delayed(command_ma: FloatArray, lag: int) -> FloatArray:
    out = np.zeros_like(command_ma)
    out[lag:] = command_ma[:-lag]
    return out


def _nuisance(n_steps: int, dt_s: float) -> FloatArray:
    """Level, drift and mains, which are none of the coils' doing."""
    time = np.arange(n_steps) * dt_s
    middle = (time - time.mean()) / max(time[-1], dt_s)
    columns = [np.ones(n_steps), middle, middle**2, middle**3]
    for frequency in MAINS_HZ:
        columns += [np.cos(2 * np.pi * frequency * time), np.sin(2 * np.pi * frequency * time)]
    return np.stack(columns, axis=1)
