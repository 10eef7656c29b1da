"""Rig files: which boards, heads, coils and table make up an instrument.

The same TOML file describes a real rig (boards at ports) and a virtual one (``port = "virtual"``).
A ``[virtual]`` table holds the scenario of the virtual world; it is kept aside as it stands and only
the plant reads it, so no procedure of the host can look at it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nullfield.errors import RigError
from nullfield.toml_file import first_trouble, read_toml

Vector = tuple[float, float, float]
RoleName = Literal["sensor", "coil", "table", "bringup"]
CoilKind = Literal[
    "uniform_x",
    "uniform_y",
    "uniform_z",
    "gradient_xx",
    "gradient_xy",
    "gradient_xz",
    "gradient_yz",
    "gradient_zz",
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BoardEntry(_Strict):
    """One board, known by its uid; ``port`` says where to reach it.

    ``image`` is for virtual boards: ``stock`` has no firmware built in, as official MicroPython.
    """

    uid: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    role: RoleName
    port: str = "virtual"
    definition: str
    image: Literal["nullfield", "stock"] = "nullfield"

    @property
    def is_virtual(self) -> bool:
        """Whether the board is a process of this host."""
        return self.port == "virtual"


class HeadEntry(_Strict):
    """One sensor head. ``axes`` are the local x, local y and beam directions in the head frame."""

    name: str
    board: str
    slot: Annotated[int, Field(ge=0, le=3)]
    position_m: Vector
    axes: tuple[Vector, Vector, Vector]
    kind: Literal["array", "reference"] = "array"

    @field_validator("axes")
    @classmethod
    def _right_handed(cls, axes: tuple[Vector, Vector, Vector]) -> tuple[Vector, Vector, Vector]:
        matrix = np.array(axes)
        if not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-6) or np.linalg.det(matrix) < 0:
            raise ValueError("axes must be three orthogonal unit vectors, right-handed")
        return axes


class WindingEntry(_Strict):
    """What a channel of a coil board drives: a room coil or a loop of a transfer standard."""

    name: str
    board: str
    channel: Annotated[int, Field(ge=0, le=7)]
    current_max_ma: Annotated[float, Field(gt=0, le=10.0)] = 10.0


class CoilEntry(WindingEntry):
    """One room coil on a channel of a coil board."""

    kind: CoilKind
    nominal_nt_per_ma: Annotated[float, Field(gt=0)] = 10.0


class TableEntry(_Strict):
    """The patient table."""

    board: str
    in_position_mm: Annotated[float, Field(ge=0, le=600)] = 550.0
    speed_mm_s: Annotated[float, Field(gt=0, le=50)] = 40.0


class DegaussEntry(_Strict):
    """The channel of a coil board that drives the amplifier of the degaussing winding.

    Attributes
    ----------
    current_max_ma : float
        Into the amplifier, for the winding's largest current.
    """

    board: str
    channel: Annotated[int, Field(ge=0, le=7)]
    current_max_ma: Annotated[float, Field(gt=0, le=10.0)] = 10.0


class LoopEntry(WindingEntry):
    """One loop of a transfer standard; its board is the standard's."""

    board: str = ""
    corners_m: Annotated[tuple[Vector, ...], Field(min_length=3)]
    turns: Annotated[int, Field(ge=1)] = 1

    @property
    def kind(self) -> Literal["loop"]:
        """Kind of the winding."""
        return "loop"


class StandardEntry(_Strict):
    """A transfer standard: a plate of loops of known geometry, laid over the array.

    Attributes
    ----------
    name : str
    board : str
        Uid of the coil board that drives it.
    tolerance : float
        How well its geometry and constants are known, as a share (angles: radians).
    seat_position_m, seat_angle_deg : float
        How well its pins put it where the corners say.
    loops : tuple of LoopEntry
    """

    name: str
    board: str
    tolerance: Annotated[float, Field(gt=0, lt=0.1)] = 1e-3
    seat_position_m: Annotated[float, Field(gt=0, lt=0.01)] = 1e-4
    seat_angle_deg: Annotated[float, Field(gt=0, lt=5.0)] = 0.03
    loops: Annotated[tuple[LoopEntry, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_board(self) -> StandardEntry:
        loops = tuple(loop.model_copy(update={"board": self.board}) for loop in self.loops)
        object.__setattr__(self, "loops", loops)  # the model is frozen
        return self


class Rig(_Strict):
    """An instrument as its file describes it.

    Attributes
    ----------
    name : str
    boards, heads, coils : tuple
        In the file's order.
    table : TableEntry or None
    degauss : DegaussEntry or None
    standard : StandardEntry or None
        A transfer standard that lies on the array.
    """

    name: str
    boards: Annotated[tuple[BoardEntry, ...], Field(min_length=1)]
    heads: tuple[HeadEntry, ...] = ()
    coils: tuple[CoilEntry, ...] = ()
    table: TableEntry | None = None
    degauss: DegaussEntry | None = None
    standard: StandardEntry | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Rig:
        for uid, count in Counter(board.uid for board in self.boards).items():
            if count > 1:
                raise ValueError(f"boards: uid {uid} stands {count} times; each board has its own")
        for port, count in Counter(b.port for b in self.boards if not b.is_virtual).items():
            if count > 1:
                raise ValueError(f"boards: port {port} is given to {count} boards")
        roles = {board.uid: board.role for board in self.boards}
        uses: list[tuple[str, str, RoleName]] = [
            *((f"heads: {h.name}", h.board, "sensor") for h in self.heads),
            *((f"coils: {c.name}", c.board, "coil") for c in self.coils),
        ]
        if self.table is not None:
            uses.append(("table", self.table.board, "table"))
        if self.degauss is not None:
            uses.append(("degauss", self.degauss.board, "coil"))
        if self.standard is not None:
            uses.append((f"standard: {self.standard.name}", self.standard.board, "coil"))
        for what, uid, role in uses:
            if uid not in roles:
                raise ValueError(f"{what}: no board has the uid {uid}")
            if roles[uid] != role:
                raise ValueError(f"{what}: board {uid} is a {roles[uid]} board, not a {role} board")
        places = Counter([(h.board, h.slot) for h in self.heads])
        for (uid, slot), count in places.items():
            if count > 1:
                raise ValueError(f"heads: {count} heads sit on slot {slot} of board {uid}")
        channels = Counter([(winding.board, winding.channel) for winding in self.driven])
        if self.degauss is not None and channels[(self.degauss.board, self.degauss.channel)]:
            raise ValueError(
                f"degauss: a coil sits on channel {self.degauss.channel} of board "
                f"{self.degauss.board}"
            )
        for (uid, channel), count in channels.items():
            if count > 1:
                raise ValueError(f"coils: {count} coils sit on channel {channel} of board {uid}")
        head_names = [head.name for head in self.heads]
        for label, names in (("heads", head_names), ("coils", [w.name for w in self.driven])):
            for name, count in Counter(names).items():
                if count > 1:
                    raise ValueError(f"{label}: the name {name} stands {count} times")
        return self

    @property
    def driven(self) -> tuple[CoilEntry | LoopEntry, ...]:
        """Every winding: the coils, then the standard's loops."""
        return (*self.coils, *(() if self.standard is None else self.standard.loops))

    @property
    def fingerprint(self) -> str:
        """What a calibration depends on, in twelve hex digits: heads and coils, their places and
        plugs. Ports, the table and a standard do not count.
        """
        content = self.model_dump(mode="json", include={"heads", "coils"})
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def is_virtual(self) -> bool:
        """Whether all boards are virtual."""
        return all(board.is_virtual for board in self.boards)

    def boards_of(self, role: RoleName) -> tuple[BoardEntry, ...]:
        """Boards of a role, in order of their uid."""
        return tuple(sorted((b for b in self.boards if b.role == role), key=lambda b: b.uid))

    def heads_of(self, uid: str) -> tuple[HeadEntry, ...]:
        """Heads of a sensor board, by slot."""
        return tuple(sorted((h for h in self.heads if h.board == uid), key=lambda h: h.slot))

    def positions_m(self, heads: tuple[HeadEntry, ...] | None = None) -> npt.NDArray[np.float64]:
        """Head positions, shape (n, 3)."""
        return np.array([h.position_m for h in (self.heads if heads is None else heads)])


def load_rig(path: Path | str) -> tuple[Rig, dict[str, Any]]:
    """Read a rig file.

    Parameters
    ----------
    path : path
        A TOML file, or the name of a rig that ships with Nullfield (``demo36``, ``bench4``).

    Returns
    -------
    rig : Rig
    scenario : dict
        The ``[virtual]`` table, unread.

    Raises
    ------
    RigError
        Names file, key and trouble.
    """
    file = resolve_rig(path)
    content = read_toml(
        file, "rig file", "correct that line; compare with rigs/bench4.toml", RigError
    )
    scenario = content.pop("virtual", {})
    if not isinstance(scenario, dict):
        raise RigError(f"{file}: 'virtual' must be a table", "write its keys under [virtual]")
    try:
        rig = Rig.model_validate(content)
    except ValidationError as error:
        raise RigError(
            f"{file}: {first_trouble(error)}",
            "compare with rigs/bench4.toml; docs/rigs.md lists every key",
        ) from error
    if rig.is_virtual != any(board.is_virtual for board in rig.boards):
        raise RigError(
            f"{file}: virtual and real boards are mixed",
            'give every board a port, or set port = "virtual" for all of them',
        )
    return rig, scenario


def resolve_rig(path: Path | str) -> Path:
    """Path of a rig file, or of a shipped rig given by its name."""
    from nullfield.places import rigs_directory

    file = Path(path)
    if file.exists():
        return file
    shipped = rigs_directory() / f"{file.name.removesuffix('.toml')}.toml"
    if file.parent in (Path(), Path("rigs")) and shipped.exists():
        return shipped
    names = ", ".join(sorted(p.stem for p in rigs_directory().glob("*.toml")))
    raise RigError(f"{file}: no such rig file", f"rigs that ship with Nullfield: {names}")
