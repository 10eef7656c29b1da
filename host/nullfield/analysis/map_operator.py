"""From channels to a map as one linear operator, with the error of what it gives.

The strengths of the equivalent layer are taken as random and alike beforehand, and the data as what
the channels see of them, with noise. The expected field at a grid point is then a fixed linear
combination of the channels (ridge regression, or the posterior mean of a Gaussian process), and its
variance has two parts:

- the *shape* of the field that the channels leave open, ``s^2 |g - A K|^2`` for a point that sees
  the layer by ``g``, channels that see it by ``K``, the combination ``A`` and the strengths'
  variance ``s^2``, which the data tell;
- the channels' noise and model error, carried through ``A``.

Depth and ridge are those of the largest evidence (marginal likelihood; Rasmussen and Williams,
Gaussian Processes for Machine Learning, 2006, section 5.4). Generalised cross-validation gives as
good a map, but often too shallow a layer, with a stated error of half the true one. How well each
head is foretold by all others then tells whether the stated error is large enough; if not, it is
raised (the leave-one-out residuals of a ridge regression need no second fit).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from nullfield.analysis.data import BoolArray, FloatArray, SensorArray
from nullfield.analysis.equivalent_layer import (
    MODEL_ERROR,
    EquivalentLayer,
    depths_m,
    effective_noise_pt,
    lay,
)
from nullfield.analysis.map_grid import MapGrid
from nullfield.errors import AnalysisError, InputError

FEWEST_CHANNELS = 4
LEAST_RESOLVED = 0.8
"""Share of the variance of Bz that channels of other directions must tell to stand in for it."""

_RIDGES = np.logspace(-10, 0, 81)
_NEGLIGIBLE = 1e-5
"""Components so far below the ridge that they add nothing to a map."""
_TRIAL_CHANNELS = 150


@dataclass(frozen=True)
class _Spectrum:
    """Gram matrix of a layer in the channels' noise, by its eigenvectors."""

    layer: EquivalentLayer
    whitened: FloatArray
    values: FloatArray
    vectors: FloatArray

    def scores(self, seen: FloatArray) -> FloatArray:
        """Minus twice the log evidence of each trial ridge, but for a constant.

        `seen` are whitened data in the eigenvectors' frame; the strengths' variance is at its best.
        """
        power = (seen**2).sum(axis=1)
        spread = self.values[None, :] + self.ridges()[:, None]
        scaled = np.maximum((power / spread).sum(axis=1), 1e-300)
        return np.asarray(len(power) * np.log(scaled) + np.log(spread).sum(axis=1))

    def ridges(self) -> FloatArray:
        """Trial ridges."""
        return _RIDGES * max(float(self.values[-1]), 1e-300)


@dataclass(frozen=True)
class MapOperator:
    """Linear operator from the channels to the field on a grid.

    Attributes
    ----------
    grid : MapGrid
    used : numpy.ndarray of bool, shape ``(n_channels,)``
        Channels that enter; the others may hold anything.
    depth_m : float
        Of the layer below the array.
    ridge : float
        Variance of the (whitened) noise over that of the layer's strengths.
    resolved_share : float
        Median over the grid of the share of the variance of Bz that the channels tell.
    validation : float
        RMS over heads of the error of a head that is foretold by the others, over the error that
        was stated for it. The stated errors of the map hold this factor where it is above one.
    model_error : float
        Of each channel, as a share of the RMS field.
    """

    grid: MapGrid
    used: BoolArray
    depth_m: float
    ridge: float
    resolved_share: float
    validation: float
    model_error: float
    _to_layer: FloatArray  # (rank, n_used): whitened data to the layer's main components
    _to_grid: FloatArray  # (3 n_points, rank)
    _hat: FloatArray  # (n_used, rank): what the channels see of those components, whitened
    _deviation_pt: FloatArray  # (n_used,)
    _noise_pt: FloatArray  # (n_used,)
    _inverse: FloatArray  # (n_used, n_used): of the whitened data's covariance over s^2
    _open: FloatArray  # (3, n_points): shape variance at s = 1
    _noise_gain: FloatArray  # (3, 3, n_points): variance by noise, by unit error, by deviation

    @classmethod
    def build(
        cls,
        array: SensorArray,
        noise_pt: FloatArray | None = None,
        grid: MapGrid | None = None,
        *,
        data_pt: FloatArray,
        model_error: float = MODEL_ERROR,
    ) -> MapOperator:
        """Choose depth and ridge on given data and make the operator.

        Parameters
        ----------
        array : SensorArray
        noise_pt : numpy.ndarray, shape ``(n_channels,)``, optional
            Standard deviation of each channel in `data_pt`; a channel with NaN is left out. If it
            is not given, the data alone tell the noise.
        grid : MapGrid, optional
            `MapGrid.over` the array if left out.
        data_pt : numpy.ndarray, shape ``(n_channels,)`` or ``(n_channels, n_times)``
            The field that is to be mapped, or an average that stands for many alike. Channels
            with a NaN anywhere, references and channels without a place are left out.
        model_error : float, optional
            Of each channel, as a share of the RMS field; see `model_error_share`.

        Raises
        ------
        AnalysisError
            If there are too few channels, no area, or Bz is neither measured nor determined.
        InputError
            If shapes do not go together.
        """
        data = np.asarray(data_pt, dtype=np.float64)
        data = data[:, None] if data.ndim == 1 else data
        _check_shape("data_pt", data, array)
        used = np.isfinite(data).all(axis=1) & array.is_chest & array.has_place
        if noise_pt is not None:
            _check_shape("noise_pt", noise_pt, array)
            used &= np.isfinite(noise_pt)
        if used.sum() < FEWEST_CHANNELS:
            raise AnalysisError(
                f"{int(used.sum())} channels are too few for a map, {FEWEST_CHANNELS} are needed",
                "check which heads are locked, and that their positions are known",
            )
        part, data = array.subset(used), data[used]
        chosen_grid = MapGrid.over(part) if grid is None else grid
        noise = np.zeros(len(data)) if noise_pt is None else np.asarray(noise_pt)[used]
        deviation = effective_noise_pt(data, noise, model_error)
        whitened = data / deviation[:, None]
        depth = _best_depth_m(part, whitened, deviation)
        spectrum = _spectrum(part, lay(part, depth), deviation)
        seen = spectrum.vectors.T @ whitened
        ridge = float(spectrum.ridges()[int(np.argmin(spectrum.scores(seen)))])
        _check_height(chosen_grid, spectrum.layer, part)

        main = spectrum.values > _NEGLIGIBLE * ridge
        vectors, values = spectrum.vectors[:, main], spectrum.values[main]
        gain = 1.0 / (values + ridge)
        weights = spectrum.whitened.T @ vectors
        kernel = spectrum.layer.kernel(chosen_grid.points_m) / _scale(spectrum.layer, part)
        to_grid = kernel @ weights
        inverse = (spectrum.vectors / (spectrum.values + ridge)) @ spectrum.vectors.T
        to_layer = gain[:, None] * vectors.T
        # |g - A K|^2 of every point, in the components.
        open_ = (kernel**2).sum(axis=2) - (to_grid**2) @ (gain * (2.0 - values * gain))
        white = (to_grid * gain) @ vectors.T
        # By the noise alone, by a unit error of all channels, and by their deviation.
        kinds = np.stack([noise / deviation, 1.0 / deviation, np.ones_like(noise)], axis=1)
        noise_gain = np.moveaxis((white**2) @ kinds**2, 2, 0)
        before = np.maximum((kernel[2] ** 2).sum(axis=1), 1e-300)
        told = 1.0 - (open_[2] + ridge * noise_gain[2, 2]) / before
        operator = cls(
            grid=chosen_grid,
            used=used,
            depth_m=depth,
            ridge=ridge,
            resolved_share=float(np.median(told)),
            validation=_validation(inverse, whitened, part),
            model_error=model_error,
            _to_layer=to_layer,
            _to_grid=to_grid.reshape(-1, to_grid.shape[2]),
            _hat=vectors * values,
            _deviation_pt=deviation,
            _noise_pt=noise,
            _inverse=inverse,
            _open=np.maximum(open_, 0.0),
            _noise_gain=noise_gain,
        )
        if not part.is_normal.any() and operator.resolved_share < LEAST_RESOLVED:
            raise AnalysisError(
                "no channel measures the field normal to the chest, and the others tell only"
                f" {100.0 * operator.resolved_share:.0f} % of it",
                "turn some heads, or use both axes that lie in the plane",
            )
        return operator

    @property
    def n_channels(self) -> int:
        """Number of channels that enter."""
        return int(self.used.sum())

    def field_pt(self, field_pt: FloatArray) -> FloatArray:
        """Field on the grid.

        Parameters
        ----------
        field_pt : numpy.ndarray, shape ``(n_channels,)`` or ``(n_channels, n_times)``
            All channels of the array; only those in `used` enter, and a NaN in one of them makes
            the whole map of that time NaN.

        Returns
        -------
        numpy.ndarray, shape ``(3, n_y, n_x)`` or ``(3, n_y, n_x, n_times)``
            Bx, By and Bz, pT.
        """
        data, shape = self._whitened(field_pt)
        field = self._to_grid @ (self._to_layer @ data)
        return np.asarray(field.reshape(3, *self.grid.shape, *shape))

    def bz_pt(self, field_pt: FloatArray) -> FloatArray:
        """Bz alone, shape ``(n_y, n_x)`` or ``(n_y, n_x, n_times)``: a third of the work."""
        data, shape = self._whitened(field_pt)
        rows = self._to_grid[2 * self.grid.n_points :]
        return np.asarray((rows @ (self._to_layer @ data)).reshape(*self.grid.shape, *shape))

    def error_pt(self, field_pt: FloatArray) -> FloatArray:
        """Standard error of `field_pt` of the same data, same shape; pT."""
        data, shape = self._whitened(field_pt)
        strength2 = ((self._inverse @ data) * data).sum(axis=0) / len(data)
        floor2 = self.model_error**2 * np.mean((data * self._deviation_pt[:, None]) ** 2, axis=0)
        noise, one, deviation = (gain[..., None] for gain in self._noise_gain)
        # The noise as given, or as the data show it, whichever is more.
        carried = np.maximum(noise + one * floor2, deviation * self.ridge * strength2)
        variance = (self._open[..., None] * strength2 + carried) * max(self.validation, 1.0) ** 2
        return np.asarray(np.sqrt(variance).reshape(3, *self.grid.shape, *shape))

    def gof(self, field_pt: FloatArray) -> float:
        """Share of the channels' (whitened) power that the layer explains."""
        data, _ = self._whitened(field_pt)
        miss = self._hat @ (self._to_layer @ data) - data
        return 1.0 - float((miss**2).sum()) / max(float((data**2).sum()), 1e-300)

    def _whitened(self, field_pt: FloatArray) -> tuple[FloatArray, tuple[int, ...]]:
        data = np.asarray(field_pt, dtype=np.float64)
        if data.ndim not in (1, 2) or len(data) != len(self.used):
            raise InputError(
                f"field of shape {data.shape}, the map's array has {len(self.used)} channels",
                "give one row for each channel of the array",
            )
        shape = data.shape[1:]
        data = data[self.used].reshape(self.n_channels, -1)
        return data / self._deviation_pt[:, None], shape


def _best_depth_m(array: SensorArray, whitened: FloatArray, deviation: FloatArray) -> float:
    # The depth needs no more channels than these, and takes most of the time.
    few = np.arange(array.n_channels)[:: -(-array.n_channels // _TRIAL_CHANNELS)]
    part = array.subset(few)
    trials = depths_m(array)
    scores = []
    for depth in trials:
        spectrum = _spectrum(part, lay(part, float(depth)), deviation[few])
        scores.append(float(spectrum.scores(spectrum.vectors.T @ whitened[few]).min()))
    return float(trials[int(np.argmin(scores))])


def _spectrum(array: SensorArray, layer: EquivalentLayer, deviation: FloatArray) -> _Spectrum:
    kernel = layer.channel_kernel(array) / (_scale(layer, array) * deviation[:, None])
    values, vectors = linalg.eigh(kernel @ kernel.T)
    return _Spectrum(layer, kernel, np.maximum(values, 0.0), vectors)


def _scale(layer: EquivalentLayer, array: SensorArray) -> float:
    """Size of the field that unit strengths give about the array, so that numbers stay near one."""
    # The RMS of 1/R^2 over a wide layer goes as the root of the number of poles within its depth.
    return 1.0 / (layer.depth_m * layer.step_m)


def _check_shape(name: str, values: FloatArray, array: SensorArray) -> None:
    if np.shape(values)[0] != array.n_channels:
        raise InputError(
            f"{name} of shape {np.shape(values)}, the array has {array.n_channels} channels",
            "give one row for each channel of the array",
        )


def _check_height(grid: MapGrid, layer: EquivalentLayer, array: SensorArray) -> None:
    height = float(layer.positions_m[:, 2].max()) + layer.step_m
    if grid.z_m < height:
        lowest = float(array.positions_m[:, 2].min())
        raise AnalysisError(
            f"a map at z = {1e3 * grid.z_m:.0f} mm is {1e3 * (lowest - grid.z_m):.0f} mm below"
            " the lowest channel, too near to the layer that stands for the heart",
            f"ask for z = {1e3 * height:.0f} mm or more",
        )


def _validation(inverse: FloatArray, whitened: FloatArray, array: SensorArray) -> float:
    """RMS over heads of leave-one-head-out residuals over their stated errors."""
    back = inverse @ whitened
    strength2 = np.maximum((back * whitened).sum(axis=0) / len(whitened), 1e-300)
    _, index = np.unique(np.array(array.head_names), return_inverse=True)
    total = 0.0
    for head in range(int(index.max()) + 1):
        rows = np.flatnonzero(index == head)
        # Left-out residual C_II^-1 b_I has covariance s^2 C_II^-1, C the inverse of the data's.
        solved = np.linalg.solve(inverse[np.ix_(rows, rows)], back[rows])
        total += float(np.mean((solved * back[rows]).sum(axis=0) / strength2))
    return float(np.sqrt(total / len(whitened)))
