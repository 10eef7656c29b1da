"""A schematic torso, to show about where a map lies on the body.

The lines are drawn by hand for this program, after no one's measures: an adult's chest seen from
in front, 0.4 m across the shoulders. It is put so that the array's middle lies over the heart, and
made larger where the array is larger than the chest. It tells nothing about the patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nullfield.analysis.data import FloatArray, SensorArray

LABEL = "schematic torso, not the patient's"

# Half outlines, x toward the patient's left, metres from the breastbone at the heart's level.
_BODY = (
    (0.048, 0.305), (0.050, 0.285), (0.062, 0.262), (0.120, 0.243), (0.172, 0.226), (0.203, 0.190),
    (0.222, 0.130), (0.236, 0.050), (0.247, -0.040), (0.262, -0.140), (0.268, -0.200),
)  # fmt: skip
_INNER_ARM = ((0.210, -0.200), (0.206, -0.140), (0.190, -0.030), (0.176, 0.060), (0.168, 0.112))
_SIDE = (
    (0.168, 0.112), (0.164, 0.060), (0.158, -0.010), (0.148, -0.090), (0.142, -0.160),
    (0.144, -0.200),
)  # fmt: skip
_RIB_ARCH = ((0.0, -0.032), (0.022, -0.056), (0.060, -0.102), (0.104, -0.142), (0.134, -0.158))
_COLLAR_BONE = ((0.014, 0.196), (0.060, 0.210), (0.112, 0.214), (0.160, 0.216))
_BREASTBONE = ((0.0, 0.196), (0.0, 0.080), (0.0, -0.032))
_OVER_HEART_M = (0.020, 0.0)
_CHEST_M = 0.34


@dataclass(frozen=True)
class TorsoOutline:
    """Lines of a schematic torso in the working frame.

    Attributes
    ----------
    body_m : tuple of numpy.ndarray, each of shape ``(n, 2)``
        Neck, shoulders, arms and sides.
    bones_m : tuple of numpy.ndarray
        Collar bones, breastbone and rib arch.
    """

    body_m: tuple[FloatArray, ...]
    bones_m: tuple[FloatArray, ...]

    @property
    def extent_m(self) -> tuple[float, float, float, float]:
        """Least x, largest x, least y and largest y."""
        lines = np.concatenate(self.body_m)
        (left, low), (right, high) = lines.min(axis=0), lines.max(axis=0)
        return float(left), float(right), float(low), float(high)


def torso_outline(array: SensorArray) -> TorsoOutline:
    """The torso below an array.

    Parameters
    ----------
    array : SensorArray
        In the working frame; at least one chest channel has a place.
    """
    places = array.positions_m[array.is_chest & array.has_place, :2]
    low, high = places.min(axis=0), places.max(axis=0)
    scale = max(1.0, float((high - low).max()) / _CHEST_M)
    shift = 0.5 * (low + high) - scale * np.array(_OVER_HEART_M)

    def placed(points: tuple[tuple[float, float], ...], side: float = 1.0) -> FloatArray:
        return np.asarray(_smooth(np.array(points) * [side, 1.0]) * scale + shift)

    both = (1.0, -1.0)
    return TorsoOutline(
        body_m=tuple(placed(line, s) for line in (_BODY, _INNER_ARM, _SIDE) for s in both),
        bones_m=(
            placed(_BREASTBONE),
            *(placed(line, side) for line in (_RIB_ARCH, _COLLAR_BONE) for side in both),
        ),
    )


def _smooth(points: FloatArray) -> FloatArray:
    """A curve through the points that does not swing past them."""
    from scipy.interpolate import PchipInterpolator

    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return np.asarray(PchipInterpolator(along, points)(np.linspace(0.0, along[-1], 80)))
