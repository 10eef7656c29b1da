"""What a calibration keeps of an array: gains, axes, places and cross-talk of all heads."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nullfield.room.calibration_fit import ArrayFit
from nullfield.room.crosstalk import crosstalk_shape, mixing_matrix

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """One calibration of one array.

    Attributes
    ----------
    rig_name, rig_fingerprint : str
    made_at : str
        ISO 8601, of the clock that was given.
    standard : str
        Name of the transfer standard; empty without one.
    heads, coils : tuple of str
    response_pt_per_ma, uncertainty_pt_per_ma : numpy.ndarray, shape ``(n, 3, n_coils)``
        Of the room's coils, along the heads' axes, cross-talk included, as measured.
    head_gain, head_gain_sigma : numpy.ndarray, shape ``(n, 3)``
        Report per field along the axis.
    head_axes : numpy.ndarray, shape ``(n, 3, 3)``
        Unit vectors of the sensing axes in rows, head frame.
    head_angle_sigma_rad : numpy.ndarray, shape ``(n, 3)``
    head_position_m, head_position_sigma_m : numpy.ndarray, shape ``(n, 3)``
    crosstalk_strength, crosstalk_sigma : numpy.ndarray, shape ``(3,)``
        Of the coils of each local axis, at 40 mm.
    crosstalk : numpy.ndarray, shape ``(n, n)``
        Largest share of head j's report in head i's.
    cell_temperature_c : numpy.ndarray, shape ``(n,)``
    gauge_sigma : numpy.ndarray, shape ``(8,)``
        How well scale, rotation, translation and length of all together are known; without a
        standard the heads' own uncertainties leave it out.
    shield_image : float
    coil_errors : dict of str to list of float
        Gain, turn and shift of every winding, see `windings.COIL_PARAMETERS`.
    residual_pt_per_ma : numpy.ndarray, shape ``(n, 3)``
        Root mean square of what the fit leaves over all windings.
    reduced_chi2 : float
    faults : tuple of str
        What was found wrong and did not stop the calibration.
    """

    rig_name: str
    rig_fingerprint: str
    made_at: str
    standard: str
    heads: tuple[str, ...]
    coils: tuple[str, ...]
    response_pt_per_ma: FloatArray
    uncertainty_pt_per_ma: FloatArray
    head_gain: FloatArray
    head_gain_sigma: FloatArray
    head_axes: FloatArray
    head_angle_sigma_rad: FloatArray
    head_position_m: FloatArray
    head_position_sigma_m: FloatArray
    crosstalk_strength: FloatArray
    crosstalk_sigma: FloatArray
    crosstalk: FloatArray
    cell_temperature_c: FloatArray
    gauge_sigma: FloatArray
    shield_image: float
    coil_errors: dict[str, list[float]]
    residual_pt_per_ma: FloatArray
    reduced_chi2: float
    faults: tuple[str, ...] = field(default=())

    @property
    def mixing(self) -> FloatArray:
        """Reports of all heads as they would be without the others' coils, from the reports.

        Shape ``(3 n, 3 n)``, channel ``3 i + axis``; see `crosstalk.mixing_matrix`.
        """
        shape = crosstalk_shape(self.head_position_m, self.head_axes)
        return mixing_matrix(shape * self.head_gain[:, :, None, None], self.crosstalk_strength)

    def correction(self, heads: tuple[str, ...]) -> FloatArray:
        """Matrix from reports to fields along the calibrated axes.

        Parameters
        ----------
        heads : tuple of str
            Heads of the reports, three channels each; those that were not calibrated stay as they
            are.

        Returns
        -------
        numpy.ndarray, shape ``(3 n_heads, 3 n_heads)``
            Takes cross-talk out and divides by the gains.
        """
        out = np.eye(3 * len(heads))
        own = {name: number for number, name in enumerate(self.heads)}
        known = [(k, own[name]) for k, name in enumerate(heads) if name in own]
        there = np.array([3 * k + a for k, _ in known for a in range(3)], dtype=np.int64)
        here = np.array([3 * i + a for _, i in known for a in range(3)], dtype=np.int64)
        scaled = self.mixing / self.head_gain.reshape(-1, 1)
        out[np.ix_(there, there)] = scaled[np.ix_(here, here)]
        return out

    def expected_response_pt_per_ma(self, heads: tuple[str, ...]) -> FloatArray:
        """What heads report of the coils when only they are running, shape ``(n_heads, 3, n_coils)``.

        A head that is off does not reach its neighbours, which report a hundredth more or less.
        """
        rows = [3 * self.heads.index(name) + a for name in heads for a in range(3)]
        apart = self.mixing @ self.response_pt_per_ma.reshape(3 * len(self.heads), -1)
        part = np.linalg.solve(self.mixing[np.ix_(rows, rows)], apart[rows])
        return np.asarray(part.reshape(len(heads), 3, -1))

    @property
    def typical_gain_sigma(self) -> float:
        """Root mean square over heads and axes, the common scale included."""
        return _rms(self.head_gain_sigma, self._common(0))

    @property
    def typical_angle_sigma_rad(self) -> float:
        """Root mean square over heads and axes, the common rotation included."""
        return _rms(self.head_angle_sigma_rad, _rms(self._common(slice(1, 4))))

    @property
    def typical_position_sigma_m(self) -> float:
        """Root mean square of one coordinate, the common translation included."""
        return _rms(self.head_position_sigma_m, _rms(self._common(slice(4, 7))))

    def _common(self, part: int | slice) -> FloatArray:
        # With a standard the heads' own uncertainties hold the common part already.
        return np.atleast_1d(self.gauge_sigma[part]) * (0.0 if self.standard else 1.0)


def _rms(values: FloatArray, common: FloatArray | float = 0.0) -> float:
    return float(np.sqrt(np.mean(np.square(values)) + np.mean(np.square(common))))


def calibration_of(
    fit: ArrayFit,
    *,
    rig_name: str,
    rig_fingerprint: str,
    made_at: str,
    standard: str,
    heads: tuple[str, ...],
    response_pt_per_ma: FloatArray,
    uncertainty_pt_per_ma: FloatArray,
    cell_temperature_c: FloatArray,
    faults: tuple[str, ...] = (),
) -> Calibration:
    """Calibration from a fit and what was measured.

    Parameters
    ----------
    fit : ArrayFit
    response_pt_per_ma, uncertainty_pt_per_ma : numpy.ndarray, shape ``(n, 3, n_windings)``
        Of all windings; those of the room's coils are kept.
    rig_name, rig_fingerprint, made_at, standard, heads, cell_temperature_c, faults
        As in `Calibration`.
    """
    windings = fit.model.windings
    of_room = np.array([not w.is_loop for w in windings])
    return Calibration(
        rig_name=rig_name,
        rig_fingerprint=rig_fingerprint,
        made_at=made_at,
        standard=standard,
        heads=heads,
        coils=tuple(w.name for w in windings if not w.is_loop),
        response_pt_per_ma=response_pt_per_ma[:, :, of_room],
        uncertainty_pt_per_ma=uncertainty_pt_per_ma[:, :, of_room],
        head_gain=fit.gain,
        head_gain_sigma=fit.gain_sigma,
        head_axes=fit.axes,
        head_angle_sigma_rad=fit.angle_sigma_rad,
        head_position_m=fit.position_m,
        head_position_sigma_m=fit.position_sigma_m,
        crosstalk_strength=fit.crosstalk_strength,
        crosstalk_sigma=fit.crosstalk_sigma,
        crosstalk=fit.crosstalk,
        cell_temperature_c=cell_temperature_c,
        gauge_sigma=fit.gauge_sigma,
        shield_image=fit.shield_image,
        coil_errors={name: [float(v) for v in row] for name, row in fit.winding_errors.items()},
        residual_pt_per_ma=np.sqrt(np.nanmean(fit.residual**2, axis=2)),
        reduced_chi2=fit.reduced_chi2,
        faults=faults,
    )
