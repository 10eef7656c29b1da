"""The filter of the compensation, found by optimisation against its closed-form transfer function.

The ambient field d is known from the references with the coils' own part taken out, so the loop is
open but for errors of that model (internal model control: Morari and Zafiriou, Robust Process
Control, 1989, ch. 3). With the filter Q and the path D from a command to the field at the sensors,
as the references show it, what is left of a disturbance is

    S(f) = 1 - Q(f) D(f),

and noise of the references comes into the field by Q D. S is affine in the coefficients of Q, so the
filter with the least noise that keeps |S| within bounds is a convex problem (Boyd and Barratt,
Linear Controller Design, 1991), and what it cannot reach, no filter of this form can.

Q is a sum of powers of one low-pass, ``Q = sum_j c_j L^j`` with ``L = (1 - p) / (1 - p z^-1)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]

ORDER = 8
CORNERS = (4.0, 6.0, 9.0)
"""Corner of the low-pass by the bandwidth; the one with the least noise is taken."""
SLOW_SHARE = 0.1
"""Of the bandwidth: where the shielding has to be `SLOW_DB`."""
SLOW_DB, FAST_DB = 50.0, 30.0
LARGEST_GAIN_DB = 6.0
NOISE_BAND_HZ = (1.0, 100.0)
_MARGIN_DB = 0.5
"""Between the bounds that are asked for and those that are kept: the path is known to a few %."""
_OUTSIDE = 0.02
"""Weight of noise outside the band: it is recorded, too."""


@dataclass(frozen=True)
class ShieldingFilter:
    """A filter and the path that it was made for.

    Attributes
    ----------
    pole : float
        Of the low-pass, by step.
    coefficients : numpy.ndarray, shape ``(order,)``
    path : numpy.ndarray, shape ``(n_taps,)``
        Response of the references to a command, by step; sum 1.
    dt_s : float
    bandwidth_hz : float
        Where the shielding is `FAST_DB`.
    """

    pole: float
    coefficients: FloatArray
    path: FloatArray
    dt_s: float
    bandwidth_hz: float

    def transfer(self, frequency_hz: FloatArray) -> ComplexArray:
        """Q D, from a disturbance to the field that opposes it, shape as given."""
        basis = _basis(frequency_hz, self.pole, len(self.coefficients), self.dt_s)
        q = basis @ self.coefficients
        return np.asarray(q * path_transfer(self.path, frequency_hz, self.dt_s))

    def sensitivity(self, frequency_hz: FloatArray) -> ComplexArray:
        """S, from a disturbance to what is left of it, shape as given."""
        return np.asarray(1.0 - self.transfer(frequency_hz))

    def shielding_db(self, frequency_hz: FloatArray) -> FloatArray:
        """Shielding in dB, shape as given; negative where a disturbance grows."""
        return np.asarray(-20.0 * np.log10(np.abs(self.sensitivity(frequency_hz))))

    def noise_factor(self, corner_hz: float = 2.0) -> float:
        """Noise that comes into the field, rms over 1-100 Hz, by a mode's white noise level.

        Parameters
        ----------
        corner_hz : float
            Below it, the sensors' noise power rises as 1/f.
        """
        frequency = np.arange(NOISE_BAND_HZ[0], NOISE_BAND_HZ[1], 0.25)
        power = np.abs(self.transfer(frequency)) ** 2 * (1.0 + corner_hz / frequency)
        return float(np.sqrt(power.mean()))


def path_delay_s(path: FloatArray, dt_s: float) -> float:
    """Mean delay of a path: what counts at low frequencies."""
    return float(np.arange(len(path)) @ path / path.sum() * dt_s)


def path_transfer(path: FloatArray, frequency_hz: FloatArray, dt_s: float) -> ComplexArray:
    """Transfer function of a path."""
    angle = -2j * np.pi * np.asarray(frequency_hz)[..., None] * dt_s * np.arange(len(path))
    return np.asarray(np.exp(angle) @ path)


def design_filter(
    path: FloatArray, bandwidth_hz: float, dt_s: float, fast_db: float = FAST_DB
) -> ShieldingFilter:
    """Find the filter with the least noise within the bounds.

    Parameters
    ----------
    path : numpy.ndarray, shape ``(n_taps,)``
        Response of the references to a command, by step; sum 1.
    bandwidth_hz : float
        Shielding is `fast_db` here and 50 dB at a tenth of it, in between in proportion.
    dt_s : float
        Step.
    fast_db : float

    Returns
    -------
    ShieldingFilter

    Raises
    ------
    ValueError
        If no filter of this form keeps the bounds: the path is too slow for the bandwidth.
    """
    best: ShieldingFilter | None = None
    for corner in CORNERS:
        pole = float(np.exp(-2.0 * np.pi * corner * bandwidth_hz * dt_s))
        coefficients = _optimise(path, bandwidth_hz, dt_s, pole, fast_db)
        if coefficients is None:
            continue
        found = ShieldingFilter(pole, coefficients, path, dt_s, bandwidth_hz)
        if best is None or found.noise_factor() < best.noise_factor():
            best = found
    if best is None:
        raise ValueError(
            f"a path of {path_delay_s(path, dt_s) * 1e3:.1f} ms allows no bandwidth of"
            f" {bandwidth_hz:g} Hz"
        )
    return best


def bounds(frequency_hz: FloatArray, bandwidth_hz: float, fast_db: float = FAST_DB) -> FloatArray:
    """Largest |S| that is asked for, shape as given."""
    share = np.clip(frequency_hz / bandwidth_hz, SLOW_SHARE, None)
    slope = (SLOW_DB - fast_db) / np.log10(1.0 / SLOW_SHARE)
    falling = SLOW_DB - slope * np.log10(share / SLOW_SHARE)
    db = np.where(frequency_hz <= bandwidth_hz * (1.0 + 1e-9), falling, -LARGEST_GAIN_DB)
    return np.asarray(10.0 ** (-(db + _MARGIN_DB) / 20.0))


def _basis(frequency_hz: FloatArray, pole: float, order: int, dt_s: float) -> ComplexArray:
    delay = np.exp(-2j * np.pi * np.asarray(frequency_hz) * dt_s)
    low_pass = (1.0 - pole) / (1.0 - pole * delay)
    return np.stack([low_pass**j for j in range(1, order + 1)], axis=-1)


def _optimise(
    path: FloatArray, bandwidth_hz: float, dt_s: float, pole: float, fast_db: float
) -> FloatArray | None:
    nyquist = 0.5 / dt_s
    grid = np.unique(
        np.concatenate(
            [
                np.geomspace(0.02, 1.0, 40) * bandwidth_hz,
                np.geomspace(bandwidth_hz, nyquist, 240),
            ]
        )
    )
    there = path_transfer(path, grid, dt_s)
    basis = _basis(grid, pole, ORDER, dt_s) * there[:, None]
    limit = bounds(grid, bandwidth_hz, fast_db)
    fine = np.arange(0.25, nyquist, 0.5)
    weight = 1.0 + 2.0 / fine
    weight[(fine < NOISE_BAND_HZ[0]) | (fine > NOISE_BAND_HZ[1])] *= _OUTSIDE
    heard = _basis(fine, pole, ORDER, dt_s) * path_transfer(path, fine, dt_s)[:, None]
    cost = np.real(heard.conj().T @ (weight[:, None] * heard)) / len(fine)

    def room_left(c: FloatArray) -> FloatArray:
        return np.asarray(1.0 - np.abs(1.0 - basis @ c) ** 2 / limit**2)

    def slope(c: FloatArray) -> FloatArray:
        left = 1.0 - basis @ c
        return np.asarray(2.0 * np.real(left.conj()[:, None] * basis) / limit[:, None] ** 2)

    start = np.zeros(ORDER)
    start[:3] = (3.0, -3.0, 1.0)
    find: Any = minimize  # its types know no dictionaries of constraints
    result = find(
        lambda c: float(c @ cost @ c),
        start,
        jac=lambda c: 2.0 * cost @ c,
        constraints=[
            {"type": "ineq", "fun": room_left, "jac": slope},
            # Nothing is left of a constant field: the loop holds it for hours.
            {"type": "eq", "fun": lambda c: c.sum() - 1.0, "jac": lambda c: np.ones(ORDER)},
        ],
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-10},
    )
    kept = room_left(result.x).min() > -0.05  # within the margin
    return np.asarray(result.x, dtype=np.float64) if kept else None
