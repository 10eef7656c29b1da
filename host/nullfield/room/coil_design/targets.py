"""Fields that a coil can be asked for: harmonic, so they exist without currents in the volume.

First order as in rig files: ``uniform_k`` is B_k, ``gradient_kl`` is dB_k/dl = dB_l/dk. Diagonal
gradients are those of the room coils' kinds: ``gradient_xx`` is dB_x/dx = -dB_y/dy with nothing
along z, ``gradient_zz`` is dB_z/dz with half of it taken from x and y each. Second order: gradients
of the seven solid harmonics of degree 3, each with a leading coefficient of one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
_Field = Callable[[FloatArray, FloatArray, FloatArray], tuple[FloatArray, FloatArray, FloatArray]]

_FIELDS: dict[str, _Field] = {
    "uniform_x": lambda x, y, z: (1 + 0 * x, 0 * x, 0 * x),
    "uniform_y": lambda x, y, z: (0 * x, 1 + 0 * x, 0 * x),
    "uniform_z": lambda x, y, z: (0 * x, 0 * x, 1 + 0 * x),
    "gradient_xx": lambda x, y, z: (x, -y, 0 * x),
    "gradient_xy": lambda x, y, z: (y, x, 0 * x),
    "gradient_xz": lambda x, y, z: (z, 0 * x, x),
    "gradient_yz": lambda x, y, z: (0 * x, z, y),
    "gradient_zz": lambda x, y, z: (-x / 2, -y / 2, z),
    "axial_x": lambda x, y, z: (x, -y / 2, -z / 2),
    "axial_y": lambda x, y, z: (-x / 2, y, -z / 2),
    "second_zzz": lambda x, y, z: (-x * z, -y * z, z * z - (x * x + y * y) / 2),
    "second_xzz": lambda x, y, z: (z * z - (3 * x * x + y * y) / 4, -x * y / 2, 2 * x * z),
    "second_yzz": lambda x, y, z: (-x * y / 2, z * z - (x * x + 3 * y * y) / 4, 2 * y * z),
    "second_xxz": lambda x, y, z: (2 * x * z, -2 * y * z, x * x - y * y),
    "second_xyz": lambda x, y, z: (y * z, x * z, x * y),
    "second_xxx": lambda x, y, z: (x * x - y * y, -2 * x * y, 0 * x),
    "second_yyy": lambda x, y, z: (2 * x * y, x * x - y * y, 0 * x),
}

FIRST_ORDER = tuple(name for name in _FIELDS if name.startswith(("uniform", "gradient")))
"""Three uniform fields and the five gradients."""
SECOND_ORDER = tuple(name for name in _FIELDS if name.startswith("second"))
COMPONENTS = FIRST_ORDER + SECOND_ORDER


def target_field(component: str, points_m: FloatArray) -> FloatArray:
    """Wanted field, shape ``(n, 3)``: in T for 1 T, 1 T/m or 1 T/m^2."""
    x, y, z = np.asarray(points_m, dtype=np.float64).T
    return np.stack(_FIELDS[component](x, y, z), axis=1)


def unit_of(component: str) -> str:
    """Unit of the coil's constant."""
    order = component.split("_", maxsplit=1)[0]
    return {"uniform": "nT/mA", "second": "nT/m²/mA"}.get(order, "nT/m/mA")


def leading(component: str, field: FloatArray, points_m: FloatArray) -> float:
    """How much of the wanted field there is in a field: least squares over points and axes."""
    wanted = target_field(component, points_m)
    return float((wanted * field).sum() / (wanted**2).sum())
