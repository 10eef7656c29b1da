"""Gains, axes and places of all heads from what they report of all windings.

Least squares with what is known beforehand (tolerances of heads, coils and, if there is one, of the
transfer standard) as further equations, by Gauss-Newton with Levenberg's damping::

    min_x  |(m - model(x)) / sigma|^2 + |x / tolerance|^2

The inverse of the normal matrix at the end is the covariance of the unknowns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

from nullfield.errors import ProcedureError
from nullfield.room.array_model import ArrayModel, Tolerances
from nullfield.room.crosstalk import neighbour_share
from nullfield.room.gauge import Rank, head_modes, projection, rank
from nullfield.room.windings import Winding

FloatArray = npt.NDArray[np.float64]

_MOST_STEPS = 30
_ENOUGH = 1e-4
"""A step that moves no unknown by more than this share of its tolerance is the last."""
_TRIFLE = 1e-6
COIL_MODEL_SHARE = 1e-3
"""Share of a room coil's field that its model may miss: walls are no endless mirrors. It enters the
uncertainty of every report."""
LOOP_MODEL_SHARE = 2e-4
"""The same for a standard's loop, whose errors are unknowns of their own: the width of its wire."""
LARGEST_STRAIN = 6.0
"""Times its tolerance that anything may be found off before it is called wrong."""
LEAST_VALUES = 12
"""Values of one head, for as many unknowns of its own."""


@dataclass(frozen=True)
class ArrayFit:
    """What a calibration found.

    Attributes
    ----------
    gain : numpy.ndarray, shape ``(n, 3)``
        Report per field along the axis; 1 is ideal.
    gain_sigma : numpy.ndarray, shape ``(n, 3)``
    axes : numpy.ndarray, shape ``(n, 3, 3)``
        Unit vectors of the sensing axes in rows, head frame; need not be orthogonal.
    angle_sigma_rad : numpy.ndarray, shape ``(n, 3)``
        Of each axis, about each of the two directions across it (root mean square of both).
    position_m, position_sigma_m : numpy.ndarray, shape ``(n, 3)``
    crosstalk_strength, crosstalk_sigma : numpy.ndarray, shape ``(3,)``
    crosstalk : numpy.ndarray, shape ``(n, n)``
        Largest share of head j's report in head i's.
    shield_image, shield_image_sigma : float
    winding_errors : dict of str to numpy.ndarray
        As `windings.COIL_PARAMETERS` or `LOOP_PARAMETERS`.
    residual : numpy.ndarray, shape ``(n, 3, n_windings)``
        Measured less fitted, pT/mA; NaN where nothing was measured.
    reduced_chi2 : float
        About 1 if the tolerances and the uncertainties are what they should be.
    gauge_sigma : numpy.ndarray, shape ``(8,)``
        How well scale, rotation (rad), translation (m) and length are known in all; the
        uncertainties above leave them out where `has_standard` is False.
    has_standard : bool
    rank : Rank
    steps : int
    unknowns : numpy.ndarray
        The whole vector of `model`.
    model : ArrayModel
    """

    gain: FloatArray
    gain_sigma: FloatArray
    axes: FloatArray
    angle_sigma_rad: FloatArray
    position_m: FloatArray
    position_sigma_m: FloatArray
    crosstalk_strength: FloatArray
    crosstalk_sigma: FloatArray
    crosstalk: FloatArray
    shield_image: float
    shield_image_sigma: float
    winding_errors: dict[str, FloatArray]
    residual: FloatArray
    reduced_chi2: float
    gauge_sigma: FloatArray
    has_standard: bool
    rank: Rank
    steps: int
    unknowns: FloatArray
    model: ArrayModel

    @property
    def strain_of_heads(self) -> FloatArray:
        """How many of its tolerances each head is off at most, shape ``(n,)``."""
        strain = np.abs(self.unknowns / self.model.tolerance())
        matrix = strain[self.model.matrix].reshape(-1, 9)
        place = strain[self.model.place].reshape(-1, 3)
        return np.asarray(np.maximum(matrix.max(axis=1), place.max(axis=1)))

    @property
    def strain_of_windings(self) -> FloatArray:
        """The same of each winding, shape ``(n_windings,)``."""
        strain = np.abs(self.unknowns / self.model.tolerance())
        return np.array([strain[own].max() for own in self.model.own])


def fit_array(
    response_pt_per_ma: FloatArray,
    uncertainty_pt_per_ma: FloatArray,
    position_m: FloatArray,
    axes: FloatArray,
    windings: tuple[Winding, ...],
    tolerances: Tolerances | None = None,
) -> ArrayFit:
    """Fit heads and windings to a measured response.

    Parameters
    ----------
    response_pt_per_ma, uncertainty_pt_per_ma : numpy.ndarray, shape ``(n, 3, n_windings)``
        Report of every head along its axes, and its standard deviation. What is not finite counts
        as not measured.
    position_m : numpy.ndarray, shape ``(n, 3)``
    axes : numpy.ndarray, shape ``(n, 3, 3)``
        As the rig file says.
    windings : tuple of Winding
    tolerances : Tolerances, optional

    Returns
    -------
    ArrayFit

    Raises
    ------
    ProcedureError
        If there are too few values, or the fit does not come to an end.
    """
    model = ArrayModel(position_m, axes, windings, tolerances or Tolerances())
    measured = np.asarray(response_pt_per_ma, dtype=np.float64)
    sigma = np.asarray(uncertainty_pt_per_ma, dtype=np.float64)
    seen = np.isfinite(measured) & np.isfinite(sigma) & (sigma > 0.0)
    _refuse_little(seen)
    reports = np.where(seen, measured, 0.0)
    share = np.array([LOOP_MODEL_SHARE if w.is_loop else COIL_MODEL_SHARE for w in windings])
    floor = share * np.linalg.norm(reports, axis=1, keepdims=True)
    weight = np.where(seen, 1.0 / np.hypot(np.where(seen, sigma, 1.0), floor), 0.0)
    tolerance = model.tolerance()
    scaled, steps = _solve(model, reports, weight, tolerance)
    unknowns = scaled * tolerance
    normal = _normal(model.jacobian(unknowns, reports), weight, tolerance)
    covariance = cho_solve(cho_factor(normal), np.eye(len(normal)))
    covariance *= tolerance[:, None] * tolerance
    return _result(model, unknowns, covariance, reports, weight, seen, steps)


def _refuse_little(seen: npt.NDArray[np.bool_]) -> None:
    per_head = seen.sum(axis=(1, 2))
    if seen.shape[0] == 0 or seen.shape[2] < 3 or per_head.max(initial=0) < LEAST_VALUES:
        raise ProcedureError(
            f"{seen.shape[2]} windings and {seen.shape[0]} heads are too few for a calibration",
            "at least three windings must be driven and one head must see four",
        )


def _normal(jacobian: FloatArray, weight: FloatArray, tolerance: FloatArray) -> FloatArray:
    rows = (jacobian * weight[..., None]).reshape(-1, jacobian.shape[-1]) * tolerance
    return np.asarray(rows.T @ rows + np.eye(len(tolerance)))


def _cost(
    model: ArrayModel, scaled: FloatArray, tolerance: FloatArray, reports: FloatArray,
    weight: FloatArray,
) -> tuple[float, FloatArray]:  # fmt: skip
    left = reports - model.predict(scaled * tolerance, reports)
    return float(np.sum((left * weight) ** 2) + scaled @ scaled), left


def _solve(
    model: ArrayModel, reports: FloatArray, weight: FloatArray, tolerance: FloatArray
) -> tuple[FloatArray, int]:
    scaled = np.zeros(model.n_parameters)
    cost, left = _cost(model, scaled, tolerance, reports, weight)
    damping = 0.0
    for step in range(1, _MOST_STEPS + 1):
        jacobian = model.jacobian(scaled * tolerance, reports)
        rows = (jacobian * weight[..., None]).reshape(-1, model.n_parameters) * tolerance
        normal = rows.T @ rows + np.eye(len(scaled))
        slope = rows.T @ (left * weight).reshape(-1) - scaled
        while True:
            damped = normal + damping * np.diag(np.diag(normal))
            move = cho_solve(cho_factor(damped), slope)
            new_cost, new_left = _cost(model, scaled + move, tolerance, reports, weight)
            # The derivative leaves the cross-talk's geometry out: at the end a good step may cost a
            # trifle.
            if new_cost <= cost * (1.0 + _TRIFLE):
                break
            damping = max(10.0 * damping, 1e-4)
            if damping > 1e6:
                raise ProcedureError(
                    "the fit of the array does not come to an end",
                    "check the wiring: coils and heads as the rig file names them",
                )
        scaled, left, cost = scaled + move, new_left, new_cost
        damping = 0.1 * damping if damping > 1e-5 else 0.0
        if np.abs(move).max() < _ENOUGH:
            return scaled, step
    raise ProcedureError(
        f"the fit of the array is not at rest after {_MOST_STEPS} steps",
        "check the wiring: coils and heads as the rig file names them",
    )


def _result(
    model: ArrayModel, unknowns: FloatArray, covariance: FloatArray, reports: FloatArray,
    weight: FloatArray, seen: npt.NDArray[np.bool_], steps: int,
) -> ArrayFit:  # fmt: skip
    n = model.n_heads
    has_standard = any(w.is_loop for w in model.windings)
    heads = slice(0, 12 * n)
    tolerance = model.tolerance()[heads]
    basis = head_modes(model.position_m, model.axes)
    own = covariance[heads, heads]
    weighted = np.linalg.pinv(basis / tolerance[:, None]) / tolerance
    gauge_sigma = np.sqrt(np.diag(weighted @ own @ weighted.T))
    if not has_standard:
        without = projection(basis, tolerance)
        own = without @ own @ without.T
    matrix = model.head_matrix(unknowns)
    gain = np.linalg.norm(matrix, axis=2)
    axes = matrix / gain[..., None]
    gain_sigma, angle_sigma = _spreads(own, gain, axes, model.axes)
    left = np.where(seen, reports - model.predict(unknowns, reports), np.nan)
    # What was known beforehand counts as data: an equation for each unknown, so that as many values
    # as were measured are left to judge by.
    chi2 = float(np.nansum((left * weight) ** 2) + np.sum((unknowns / model.tolerance()) ** 2))
    strength = unknowns[model.crosstalk]
    spread = np.sqrt(np.diag(covariance))
    return ArrayFit(
        gain=gain,
        gain_sigma=gain_sigma,
        axes=axes,
        angle_sigma_rad=angle_sigma,
        position_m=model.head_position_m(unknowns),
        position_sigma_m=np.sqrt(np.diag(own)[9 * n :]).reshape(n, 3),
        crosstalk_strength=strength,
        crosstalk_sigma=spread[model.crosstalk],
        crosstalk=neighbour_share(model.crosstalk_shape(unknowns), strength),
        shield_image=float(model.tolerances.shield_image + unknowns[model.room][7]),
        shield_image_sigma=float(spread[model.room][7]),
        winding_errors={
            w.name: unknowns[part] for w, part in zip(model.windings, model.own, strict=True)
        },
        residual=left,
        reduced_chi2=chi2 / int(seen.sum()),
        gauge_sigma=gauge_sigma,
        has_standard=has_standard,
        rank=rank(model, unknowns, reports),
        steps=steps,
        unknowns=unknowns,
        model=model,
    )


def _spreads(
    covariance: FloatArray, gain: FloatArray, axes: FloatArray, nominal: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Standard deviations of gains and axes from the covariance of S = (1 + E) nominal."""
    n = len(gain)
    gain_sigma, angle_sigma = np.empty((n, 3)), np.empty((n, 3))
    for i in range(n):
        for a in range(3):
            first = 9 * i + 3 * a
            row = covariance[first : first + 3, first : first + 3]
            in_frame = nominal[i].T @ row @ nominal[i]
            along = axes[i, a]
            total = np.trace(in_frame)
            gain_sigma[i, a] = np.sqrt(along @ in_frame @ along)
            across = max(float(total - along @ in_frame @ along), 0.0)
            angle_sigma[i, a] = np.sqrt(0.5 * across) / gain[i, a]
    return gain_sigma, angle_sigma
