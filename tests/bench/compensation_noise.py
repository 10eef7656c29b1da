"""What shielding at 1 Hz costs in noise, whatever the loop: bounds in closed form.

The references' noise comes into the field by ``Q D``, and what is left of a disturbance is ``1 - Q D``
(`room.shielding_filter`). So a shielding of ``s`` dB at a frequency needs ``|Q D| >= 1 - 10^(-s/20)``
there, and passes the noise of the predicted field by as much, at that frequency. Over a band a filter
must fall off behind it, as fast as delay and causality let it: the least noise is a convex problem,
solved here in the product's own family of filters and in a wider one, of 32 Laguerre functions
(Oppenheim, Johnson and Steiglitz, Proc. IEEE 59, 1971), by a barrier (Boyd and Vandenberghe, Convex
Optimization, 2004, ch. 11).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from tests.bench.figures import Figure

from nullfield.rig import load_rig
from nullfield.room.first_order import N_UNIFORM, channel_field
from nullfield.room.reference_model import ReferenceModel
from nullfield.room.shielding_filter import (
    NOISE_BAND_HZ,
    ShieldingFilter,
    bounds,
    design_filter,
    path_transfer,
)

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]

GROUP = "dynamic compensation"
DT_S = 1e-3
REFERENCE_FT = 13.0
CORNER_HZ = 2.0
"""Channels of 13 fT/√Hz and a 1/f corner at 2 Hz, as the virtual heads are."""
SHIELDING_DB = (3.0, 6.0, 10.0, 15.0, 20.0, 25.0, 30.0)
GOAL_FT = 3.0
_FUNCTIONS = 32
_CORNER_OF_FUNCTIONS_HZ = 6.0
_SLACK = 1.02
"""The product's filter may miss its own margin by 2 %; the wider family starts from it."""


def usual_path() -> FloatArray:
    """4 ms of link, host and output, 2 ms of coils and heads: 6 ms in all, as measured on boards."""
    tail = np.exp(-np.arange(24) / 2.5)
    path = np.concatenate([np.zeros(4), tail])
    return np.asarray(path / path.sum())


def weights(rig_name: str) -> tuple[float, float]:
    """Noise of the predicted uniform field by a channel's, rms over the axes: solved for with the
    gradients, and if there were none.
    """
    rig, _ = load_rig(rig_name)
    heads = [h for h in rig.heads if h.kind == "reference"]
    places, axes = np.array([h.position_m for h in heads]), np.array([h.axes for h in heads])[:, :2]
    model = ReferenceModel.of_heads(places, axes)
    every = model.estimator(np.ones(model.n_channels, dtype=np.bool_))[1][:N_UNIFORM]
    uniform = np.linalg.pinv(channel_field(places, axes)[:, :N_UNIFORM])
    return tuple(float(np.sqrt((e**2).sum(axis=1).mean())) for e in (every, uniform))  # type: ignore[return-value]


def figures(rig_name: str = "demo36") -> list[Figure]:
    """The trade of shielding at 1 Hz (50 dB to 0.1 Hz throughout) for noise."""
    path = usual_path()
    with_gradients, without = weights(rig_name)
    out = []
    at_one = REFERENCE_FT * float(np.sqrt(1.0 + CORNER_HZ))
    for shielding_db in SHIELDING_DB:
        found = design_filter(path, 1.0, DT_S, shielding_db)
        factor = found.noise_factor(CORNER_HZ)
        least = least_noise_factor(found, shielding_db)
        needed = 1.0 - 10.0 ** (-shielding_db / 20.0)
        added = REFERENCE_FT * with_gradients * factor
        out.append(
            Figure(
                GROUP,
                f"noise for {shielding_db:g} dB at 1 Hz, rms 1-100 Hz",
                added,
                "fT/√Hz",
                maximum=GOAL_FT,
                note=(
                    f"wider family of filters {REFERENCE_FT * with_gradients * least:.1f}; were there"
                    f" no gradients {REFERENCE_FT * without * least:.1f}; at 1 Hz at least"
                    f" {at_one * with_gradients * needed:.1f} (|QD| {needed:.2f}); goal needs channels"
                    f" of {GOAL_FT / (with_gradients * factor):.1f}, or"
                    f" {np.ceil(4.0 * (added / GOAL_FT) ** 2):.0f} heads"
                ),
            )
        )
    return out


def least_noise_factor(start: ShieldingFilter, fast_db: float) -> float:
    """Noise factor (as `ShieldingFilter.noise_factor`) of the best of a wider family of filters.

    Parameters
    ----------
    start : ShieldingFilter
        A filter within the bounds.
    fast_db : float
        Its shielding at its bandwidth.
    """
    path, dt_s, width_hz = start.path, start.dt_s, start.bandwidth_hz
    grid = np.unique(
        np.concatenate(
            [np.geomspace(0.005, 1.0, 80) * width_hz, np.geomspace(width_hz, 0.5 / dt_s, 400)]
        )
    )
    there = path_transfer(path, grid, dt_s)
    functions = _laguerre(grid, dt_s)
    seen = functions * there[:, None]
    limit = _SLACK * bounds(grid, width_hz, fast_db)
    fine = np.arange(*NOISE_BAND_HZ, 0.25)
    heard = _laguerre(fine, dt_s) * path_transfer(path, fine, dt_s)[:, None]
    cost = np.real(heard.conj().T @ ((1.0 + CORNER_HZ / fine)[:, None] * heard)) / len(fine)
    constant = np.real(_laguerre(np.zeros(1), dt_s)[0])
    own = start.transfer(grid) / there
    rows = np.vstack([functions.real, functions.imag, 1e3 * constant])
    first = np.linalg.lstsq(rows, np.concatenate([own.real, own.imag, [1e3]]), rcond=None)[0]
    best = _barrier(first, cost, seen, limit, np.linalg.svd(constant[None])[2][1:].T)
    return float(np.sqrt(best @ cost @ best))


def _laguerre(frequency_hz: FloatArray, dt_s: float) -> ComplexArray:
    """Orthonormal functions of one pole, ``(n, 32)``; low-passes of any order are among them."""
    pole = np.exp(-2.0 * np.pi * _CORNER_OF_FUNCTIONS_HZ * dt_s)
    back = np.exp(-2j * np.pi * frequency_hz * dt_s)
    one = np.sqrt(1.0 - pole**2) / (1.0 - pole * back)
    step = (back - pole) / (1.0 - pole * back)
    return np.asarray(np.stack([one * step**k for k in range(_FUNCTIONS)], axis=-1))


def _barrier(
    start: FloatArray, cost: FloatArray, seen: ComplexArray, limit: FloatArray, free: FloatArray
) -> FloatArray:
    """Least ``c'Cc`` with ``|1 - Bc| < limit`` along the directions that keep a constant field held."""
    c = start
    if np.max(np.abs(1.0 - seen @ c) / limit) >= 1.0:
        raise ValueError("the filter to start from is not within the bounds")

    def value(at: FloatArray, hardness: float) -> float:
        left = limit**2 - np.abs(1.0 - seen @ at) ** 2
        return (
            np.inf if left.min() <= 0.0 else float(hardness * at @ cost @ at - np.log(left).sum())
        )

    hardness = 0.1 / float(c @ cost @ c)
    for _ in range(16):
        for _ in range(50):
            error = 1.0 - seen @ c
            left = limit**2 - np.abs(error) ** 2
            slope = 2.0 * np.real(error.conj()[:, None] * seen) / left[:, None]
            gradient = 2.0 * hardness * cost @ c - slope.sum(axis=0)
            curvature = (
                2.0 * hardness * cost
                + slope.T @ slope
                + 2.0 * np.real((seen.conj().T / left) @ seen)
            )
            inside = free.T @ curvature @ free
            step = -free @ np.linalg.solve(inside, free.T @ gradient)
            gain = -float(gradient @ step)
            if gain < 1e-7:
                break
            length, here = 1.0, value(c, hardness)
            while (
                value(c + length * step, hardness) > here - 1e-4 * length * gain and length > 1e-9
            ):
                length *= 0.5
            c = c + length * step
        hardness *= 6.0
    return c
