"""Which conductor a body is taken for: a setting, apart from the models themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nullfield.errors import InputError

NAMES = ("half-space", "free", "sphere", "torso")
DEFAULT_RADIUS_M = 0.15


@dataclass(frozen=True)
class ModelChoice:
    """Which conductor the body is taken for.

    Attributes
    ----------
    name : str
        One of `NAMES`.
    radius_m : float
        Of the sphere, whose top lies just below the middle of the array.
    surface : str or None
        Mesh file of the torso, in the recording's device coordinates.
    surface_unit : str or None
        Unit of the mesh file; told from its size if None.
    is_doubted : bool
        Count two trunks, 15 % smaller and larger than a usual one, as what the body might be as
        well (`fit_dipole`'s alternatives).
    """

    name: str = "half-space"
    radius_m: float = DEFAULT_RADIUS_M
    surface: str | None = None
    surface_unit: str | None = None
    is_doubted: bool = False

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise InputError(
                f"model {self.name}: no such forward model", f"one of {', '.join(NAMES)}"
            )
        if self.name == "torso" and self.surface is None:
            raise InputError("a torso needs a mesh file", "give it with --torso FILE")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "radius_m": self.radius_m if self.name == "sphere" else None,
            "surface": self.surface,
            "is_doubted": self.is_doubted,
        }
