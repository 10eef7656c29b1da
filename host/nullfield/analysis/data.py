"""What every analysis works on: where the channels are, and what they saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

CHEST_NORMAL_COSINE = 0.9
"""A channel counts as one of the chest normal if its axis is within 26 degrees of it."""


@dataclass(frozen=True)
class SensorArray:
    """Geometry of an array, head frame (x right to left, y toward the head, z out of the chest).

    Attributes
    ----------
    names : tuple of str
        One a channel.
    positions_m : numpy.ndarray, shape ``(n_channels, 3)``
        NaN for a channel whose place is not known: it counts for beats and averages, and is left
        out of everything that needs geometry.
    orientations : numpy.ndarray, shape ``(n_channels, 3)``
        Unit vectors of the sensitive axes; NaN where not known.
    head_names : tuple of str
        The sensor head that each channel belongs to.
    axis_index : numpy.ndarray of int, shape ``(n_channels,)``
        The head's local axis: 0 and 1 transverse, 2 along the beam.
    is_reference : numpy.ndarray of bool, shape ``(n_channels,)``
        True for heads far from the heart.
    """

    names: tuple[str, ...]
    positions_m: FloatArray
    orientations: FloatArray
    head_names: tuple[str, ...]
    axis_index: IntArray
    is_reference: BoolArray

    def __post_init__(self) -> None:
        n = len(self.names)
        shapes = {
            "positions_m": (np.shape(self.positions_m), (n, 3)),
            "orientations": (np.shape(self.orientations), (n, 3)),
            "head_names": ((len(self.head_names),), (n,)),
            "axis_index": (np.shape(self.axis_index), (n,)),
            "is_reference": (np.shape(self.is_reference), (n,)),
        }
        for name, (found, wanted) in shapes.items():
            if found != wanted:
                raise ValueError(f"SensorArray.{name} has shape {found}, {wanted} is needed")
        length = np.linalg.norm(
            self.orientations[np.isfinite(self.orientations).all(axis=1)], axis=1
        )
        if len(length) and not np.allclose(length, 1.0, atol=1e-3):
            raise ValueError("SensorArray.orientations are no unit vectors")

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.names)

    @property
    def is_chest(self) -> BoolArray:
        """Channels over the chest, shape ``(n_channels,)``."""
        return np.asarray(~np.asarray(self.is_reference, dtype=bool))

    @property
    def has_place(self) -> BoolArray:
        """Channels with known position and orientation, shape ``(n_channels,)``."""
        return np.asarray(
            np.isfinite(self.positions_m).all(axis=1) & np.isfinite(self.orientations).all(axis=1)
        )

    @property
    def is_normal(self) -> BoolArray:
        """Chest channels that measure Bz, the component normal to the chest."""
        along = np.nan_to_num(np.abs(self.orientations[:, 2]))
        return self.is_chest & (along >= CHEST_NORMAL_COSINE)

    def subset(self, channels: BoolArray | IntArray) -> SensorArray:
        """Some of the channels, by mask or by index."""
        index = np.arange(self.n_channels)[channels]
        return SensorArray(
            names=tuple(self.names[i] for i in index),
            positions_m=self.positions_m[index],
            orientations=self.orientations[index],
            head_names=tuple(self.head_names[i] for i in index),
            axis_index=self.axis_index[index],
            is_reference=self.is_reference[index],
        )


@dataclass(frozen=True)
class SensorUncertainty:
    """How well the channels of an array are known; standard deviations, the same for all.

    Attributes
    ----------
    gain : float
        Share of a channel's gain.
    position_m : float
        Of a head's place, along each axis.
    angle_rad : float
        Of a channel's axis, about each of the two directions across it.
    crosstalk : float
        Share of a neighbouring head's field that a channel sees without its being known.
    """

    gain: float = 0.03
    position_m: float = 0.001
    angle_rad: float = 0.0175
    crosstalk: float = 0.01


UNCALIBRATED = SensorUncertainty()
"""An array as it was built: 3 %, 1 mm, 1 degree, 1 % cross-talk at 40 mm."""
CALIBRATED = SensorUncertainty(
    gain=0.003, position_m=0.0005, angle_rad=np.radians(0.1), crosstalk=0.001
)
"""After calibration with a transfer standard (the goals of the room's calibration)."""


@dataclass(frozen=True)
class FieldRecording:
    """Field over time of every channel of an array.

    Attributes
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels, n_samples)``
        Field along each channel's axis, pT; NaN where nothing came.
    sampling_rate_hz : float
    array : SensorArray
    start_time_s : float
        Time of the first sample on the recording's own clock.
    valid : numpy.ndarray of bool, shape ``(n_channels, n_samples)``, or None
        False where a sample is missing or unusable. None: all finite samples are good.
    metadata : mapping
        What else the file told: ``source``, ``notes`` (list of str: what was assumed or left out
        on reading), ``coordinates``, ``date``, ``subject`` ...
    unit : str
        ``"pT"``, or ``"uV"`` for an electric channel (an ECG lead), of which only beats and
        averages are wanted; `field_pt` then holds microvolts.
    """

    field_pt: FloatArray
    sampling_rate_hz: float
    array: SensorArray
    start_time_s: float = 0.0
    valid: BoolArray | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    unit: str = "pT"

    def __post_init__(self) -> None:
        if self.field_pt.ndim != 2 or len(self.field_pt) != self.array.n_channels:
            raise ValueError(
                f"FieldRecording.field_pt has shape {self.field_pt.shape},"
                f" {self.array.n_channels} channels are needed"
            )
        if self.valid is not None and self.valid.shape != self.field_pt.shape:
            raise ValueError(
                f"FieldRecording.valid has shape {self.valid.shape}, not {self.field_pt.shape}"
            )
        if not self.sampling_rate_hz > 0:
            raise ValueError(f"FieldRecording.sampling_rate_hz is {self.sampling_rate_hz}")

    @property
    def n_samples(self) -> int:
        """Number of samples, missing ones counted."""
        return int(self.field_pt.shape[1])

    @property
    def duration_s(self) -> float:
        """Length of the recording, gaps counted."""
        return self.n_samples / self.sampling_rate_hz

    @property
    def time_s(self) -> FloatArray:
        """Time of each sample, shape ``(n_samples,)``."""
        return self.start_time_s + np.arange(self.n_samples) / self.sampling_rate_hz

    @property
    def usable(self) -> BoolArray:
        """Finite and valid, shape ``(n_channels, n_samples)``."""
        finite = np.isfinite(self.field_pt)
        return np.asarray(finite if self.valid is None else finite & self.valid)

    def subset(self, channels: BoolArray | IntArray) -> FieldRecording:
        """Some of the channels, by mask or by index."""
        return replace(
            self,
            field_pt=self.field_pt[channels],
            array=self.array.subset(channels),
            valid=None if self.valid is None else self.valid[channels],
        )

    def with_field(self, field_pt: FloatArray) -> FieldRecording:
        """The same channels and times with other values; validity is kept."""
        return replace(self, field_pt=field_pt)
