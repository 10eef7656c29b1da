"""Maps of the field over the chest: all three components, and how sure they are.

A map is what the channels tell of the field on a grid, by the physics of a source-free region; see
`nullfield.analysis.map_operator` for how, and `nullfield.analysis.equivalent_layer` for what stands
in for the heart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nullfield.analysis.data import FloatArray, SensorArray
from nullfield.analysis.equivalent_layer import MODEL_ERROR as MODEL_ERROR
from nullfield.analysis.equivalent_layer import effective_noise_pt as effective_noise_pt
from nullfield.analysis.equivalent_layer import model_error_share as model_error_share
from nullfield.analysis.map_grid import MapGrid, pitch_m
from nullfield.analysis.map_grid import grid_line as grid_line
from nullfield.analysis.map_operator import FEWEST_CHANNELS as FEWEST_CHANNELS
from nullfield.analysis.map_operator import MapOperator

UNSURE = 0.2
"""Error over the largest field of the map from which a place is hatched and noted."""
_FAR_PITCHES = 0.5


@dataclass(frozen=True)
class FieldMap:
    """Field on a regular grid at one height, of one moment or of a series.

    Attributes
    ----------
    x_m : numpy.ndarray, shape ``(n_x,)``
    y_m : numpy.ndarray, shape ``(n_y,)``
    z_m : float
    bz_pt : numpy.ndarray, shape ``(n_y, n_x)`` or ``(n_y, n_x, n_times)``
    gof : float
        Share of the channels' power that the layer explains, in all moments together.
    n_channels : int
    bx_pt, by_pt : numpy.ndarray or None
        As `bz_pt`.
    error_pt : numpy.ndarray or None
        Standard error of `bz_pt`, same shape: noise, and what the channels leave open.
    bx_error_pt, by_error_pt : numpy.ndarray or None
        Those of `bx_pt` and `by_pt`. Large where only Bz is measured.
    is_tangential_measured : bool
        Whether channels look along both axes of the plane.
    notes : tuple of str
        What the reader of the map should know.
    """

    x_m: FloatArray
    y_m: FloatArray
    z_m: float
    bz_pt: FloatArray
    gof: float
    n_channels: int
    bx_pt: FloatArray | None = None
    by_pt: FloatArray | None = None
    error_pt: FloatArray | None = None
    bx_error_pt: FloatArray | None = None
    by_error_pt: FloatArray | None = None
    is_tangential_measured: bool = False
    notes: tuple[str, ...] = ()

    @property
    def grid(self) -> MapGrid:
        """The grid."""
        return MapGrid(self.x_m, self.y_m, self.z_m)

    @property
    def n_times(self) -> int:
        """Number of moments; 1 for a single map."""
        return 1 if self.bz_pt.ndim == 2 else int(self.bz_pt.shape[2])

    def at(self, index: int) -> FieldMap:
        """The map of one moment of a series."""
        if self.bz_pt.ndim == 2:
            return self

        def pick(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else values[..., index]

        return replace(
            self,
            bz_pt=self.bz_pt[..., index],
            bx_pt=pick(self.bx_pt),
            by_pt=pick(self.by_pt),
            error_pt=pick(self.error_pt),
            bx_error_pt=pick(self.bx_error_pt),
            by_error_pt=pick(self.by_error_pt),
        )

    def unsure(self, share: float = UNSURE) -> FloatArray | None:
        """Where the error of Bz is more than a share of the map's largest field, as `bz_pt`."""
        if self.error_pt is None:
            return None
        largest = np.abs(self.bz_pt).max(axis=(0, 1), keepdims=True)
        return np.asarray(self.error_pt > share * largest)


def map_field(
    field_pt: FloatArray,
    array: SensorArray,
    noise_pt: FloatArray | None = None,
    *,
    grid: MapGrid | None = None,
    model_error: float = MODEL_ERROR,
) -> FieldMap:
    """Map of all three components over the array, with its standard error.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels,)`` or ``(n_channels, n_times)``
        Channels with a NaN, references and channels without a place are left out. A series is
        mapped with one operator.
    array : SensorArray
        In the working frame.
    noise_pt : numpy.ndarray, shape ``(n_channels,)``, optional
        Standard deviation; a channel with NaN is left out.
    grid : MapGrid, optional
        `MapGrid.over` the channels in use if left out.
    model_error : float, optional
        Error of each channel as a share of the RMS field; `model_error_share` tells it from the
        array's uncertainty. The default is that of a calibrated array.

    Raises
    ------
    AnalysisError
        If there are too few channels, no area, or Bz is neither measured nor determined.
    """
    operator = MapOperator.build(array, noise_pt, grid, data_pt=field_pt, model_error=model_error)
    return apply_operator(operator, field_pt, array)


def apply_operator(operator: MapOperator, field_pt: FloatArray, array: SensorArray) -> FieldMap:
    """Map of data by an operator that is there already."""
    bx, by, bz = operator.field_pt(field_pt)
    bx_error, by_error, bz_error = operator.error_pt(field_pt)
    field_map = FieldMap(
        x_m=operator.grid.x_m,
        y_m=operator.grid.y_m,
        z_m=operator.grid.z_m,
        bz_pt=bz,
        gof=operator.gof(field_pt),
        n_channels=operator.n_channels,
        bx_pt=bx,
        by_pt=by,
        error_pt=bz_error,
        bx_error_pt=bx_error,
        by_error_pt=by_error,
        is_tangential_measured=measures_tangential(array.subset(operator.used)),
    )
    return replace(field_map, notes=_notes(field_map, operator, array.subset(operator.used)))


def map_bz(
    field_pt: FloatArray,
    array: SensorArray,
    noise_pt: FloatArray | None = None,
    *,
    x_m: FloatArray | None = None,
    y_m: FloatArray | None = None,
    z_m: float | None = None,
) -> FieldMap:
    """Map over the array; as `map_field`, with the grid given by its lines.

    Parameters
    ----------
    x_m, y_m : numpy.ndarray, optional
        Grid lines; the extent of the chest channels in steps of 5 mm if left out.
    z_m : float, optional
        Height; that of `MapGrid.over` if left out.
    """
    grid = None
    if x_m is not None or y_m is not None or z_m is not None:
        if x_m is None or y_m is None or z_m is None:
            standard = MapGrid.over(array, z_m=z_m)
            x_m = standard.x_m if x_m is None else x_m
            y_m = standard.y_m if y_m is None else y_m
            z_m = standard.z_m
        grid = MapGrid(x_m, y_m, z_m)
    return map_field(field_pt, array, noise_pt, grid=grid)


def measures_tangential(array: SensorArray) -> bool:
    """Whether channels look along both axes of the plane, so that Bx and By are measured."""
    across = array.orientations[array.is_chest & array.has_place, :2]
    if not len(across):
        return False
    # The weaker of the two directions: half a head's worth of channels is enough to tell.
    weak = float(np.linalg.eigvalsh(across.T @ across)[0])
    return weak > 0.5 * len(np.unique(np.array(array.head_names)))


def _notes(field_map: FieldMap, operator: MapOperator, array: SensorArray) -> tuple[str, ...]:
    notes = []
    pitch = pitch_m(array)
    low, high = float(array.positions_m[:, 2].min()), float(array.positions_m[:, 2].max())
    if field_map.z_m < low - 1e-4:
        notes.append(
            f"continued {1e3 * (low - field_map.z_m):.0f} mm downward from the lowest head:"
            " noise and fine detail grow, and no current may flow in between"
        )
    elif field_map.z_m > high + _FAR_PITCHES * pitch:
        notes.append(f"continued {1e3 * (field_map.z_m - high):.0f} mm upward from the array")
    if not array.is_normal.any():
        notes.append(
            "Bz is not measured but computed from the other components"
            f" ({100.0 * operator.resolved_share:.0f} % of it are determined)"
        )
    unsure = field_map.unsure()
    share = 0.0 if unsure is None else float(np.mean(unsure))
    if share > 0.1:
        notes.append(
            f"the error is more than {100 * UNSURE:.0f} % of the largest field in"
            f" {100.0 * share:.0f} % of the map"
        )
    if field_map.bz_pt.ndim == 2 and not (field_map.bz_pt.max() > 0.0 > field_map.bz_pt.min()):
        notes.append("the map has one sign only: the other pole lies outside the array")
    return tuple(notes)
