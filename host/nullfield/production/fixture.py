"""Fixture files: what is attached to the board under test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nullfield.errors import InputError
from nullfield.places import rigs_directory
from nullfield.toml_file import first_trouble, read_toml

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldCoil(_Strict):
    """Coil of the fixture that makes a field along one local axis of every head."""

    channel: Annotated[int, Field(ge=0, le=7)]
    nt_per_ma: Positive


class FieldCoils(_Strict):
    """Calibrated coil set around the heads, driven by a coil board of its own.

    Attributes
    ----------
    board : str
        Uid of that coil board.
    port : str
        Its port, where no rig file tells it.
    tolerance : float
        Relative, of the set and of the heads' own coils together.
    """

    board: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    port: str = ""
    tolerance: Share
    x: FieldCoil
    y: FieldCoil
    b: FieldCoil

    def axis(self, number: int) -> FieldCoil:
        """Coil of local axis 0, 1 or 2 (x, y, beam)."""
        return (self.x, self.y, self.b)[number]


class SensorFixture(_Strict):
    """Heads or their dummies at a sensor board. Tolerances are relative."""

    heads: Annotated[tuple[Annotated[int, Field(ge=0, le=3)], ...], Field(min_length=1)]
    cells: bool = False
    coils: bool = False
    light_source: Literal["laser", "none"] = "none"
    oven_j_per_k: Positive | None = None
    oven_w_per_k: Positive | None = None
    oven_tolerance: Share = 0.15
    laser_k_per_a_s: Positive | None = None
    laser_tolerance: Share = 0.25
    light_ua_per_ma: Positive | None = None
    light_threshold_ma: float = 0.0
    light_tolerance: Share = 0.15
    response_na_per_nt: Positive | None = None
    response_tolerance: Share = 0.3
    noise_limit_ft_rthz: Positive = 20.0
    field_coils: FieldCoils | None = None


class Load(_Strict):
    """What hangs at some outputs of a coil board.

    Attributes
    ----------
    lag_ms : float
        How far the current is behind the source: 1.5 ms by the resistance over 100 Ω.
    """

    channels: Annotated[tuple[Annotated[int, Field(ge=0, le=7)], ...], Field(min_length=1)]
    lag_ms: Positive
    tolerance: Share

    @property
    def time_constant_s(self) -> float:
        """How slowly the current follows the source."""
        return self.lag_ms * 1e-3


class CoilFixture(_Strict):
    """Loads at a coil board.

    Attributes
    ----------
    open_channel : int or None
        An output with nothing at it on purpose, for the test of the trip.
    """

    loads: Annotated[tuple[Load, ...], Field(min_length=1)]
    open_channel: Annotated[int, Field(ge=0, le=7)] | None = None

    @property
    def loaded(self) -> tuple[int, ...]:
        """Channels with a load."""
        return tuple(sorted(channel for load in self.loads for channel in load.channels))

    def load_of(self, channel: int) -> Load:
        """Load of a channel."""
        return next(load for load in self.loads if channel in load.channels)

    @model_validator(mode="after")
    def _one_load_each(self) -> CoilFixture:
        if len(set(self.loaded)) != len(self.loaded):
            raise ValueError("loads: a channel stands twice")
        if self.open_channel in self.loaded:
            raise ValueError(f"open_channel {self.open_channel} has a load")
        return self


class TableFixture(_Strict):
    """Motor and switches at a table board."""

    motor: bool = False
    home_switch: bool = False
    end_switch: bool = False
    end_switch_mm: Positive = 599.5
    end_switch_tolerance_mm: Positive = 2.0
    emergency_stop: bool = False


class Fixture(_Strict):
    """What is attached to the board under test.

    Attributes
    ----------
    operator : bool
        Somebody is there to press and plug when asked.
    """

    name: str
    role: Literal["sensor", "coil", "table", "bringup"]
    ambient_c: float = 22.0
    ambient_tolerance_k: Positive = 2.0
    operator: bool = False
    sensor: SensorFixture | None = None
    coil: CoilFixture | None = None
    table: TableFixture | None = None

    @model_validator(mode="after")
    def _own_table_only(self) -> Fixture:
        for role in ("sensor", "coil", "table"):
            if role != self.role and getattr(self, role) is not None:
                raise ValueError(f"{role}: this is the fixture of a {self.role} board")
        return self

    def lacks(self, need: str) -> str:
        """Why the fixture cannot serve a need, or nothing.

        Parameters
        ----------
        need : str
            ``operator``, or a key of the role's table, for instance ``sensor.cells``.
        """
        where, _, key = need.partition(".")
        part = getattr(self, where)
        value = getattr(part, key) if key and part is not None else part
        if value is None or value is False or value == "none":
            return f"the fixture has no {need}"
        return ""


def resolve_fixture(path: Path | str) -> Path:
    """Path of a fixture file, or of a shipped one given by its name."""
    file = Path(path)
    if file.exists():
        return file
    directory = rigs_directory() / "fixtures"
    shipped = directory / f"{file.name.removesuffix('.toml')}.toml"
    if file.parent in (Path(), Path("rigs/fixtures")) and shipped.exists():
        return shipped
    names = ", ".join(sorted(p.stem for p in directory.glob("*.toml")))
    raise InputError(f"{file}: no such fixture file", f"fixtures that ship: {names}")


def load_fixture(path: Path | str) -> Fixture:
    """Read a fixture file.

    Raises
    ------
    InputError
        Names file, key and trouble.
    """
    file = resolve_fixture(path)
    content = read_toml(file, "fixture file", "correct that line", InputError)
    try:
        return Fixture.model_validate(content)
    except ValidationError as error:
        raise InputError(
            f"{file}: {first_trouble(error)}",
            "compare with rigs/fixtures/; docs/production-bench.md lists every key",
        ) from error
