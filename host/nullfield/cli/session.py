"""Composition root: a rig file becomes a connected instrument, real or virtual."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nullfield.cli.terminal import errors
from nullfield.errors import InputError, RigError
from nullfield.instrument.instrument import Instrument
from nullfield.rig import BoardEntry, Rig, load_rig
from nullfield.room.excitation_coil import Excitation
from nullfield.toolchain import ensure_micropython
from nullfield.transport.base import Transport
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import Clock, WallClock

if TYPE_CHECKING:
    from nullfield.virtual.defects import Defect
    from nullfield.virtual.plant import Scenario

Pace = Literal["max", "realtime"]
_FIRST_REQUEST = 1000
"""First request id on a virtual instrument, fixed so that a run is reproducible."""


@dataclass(frozen=True)
class Session:
    """A connected instrument and what was needed to make it.

    `excite` puts the excitation coil outside a virtual room on; beside a real room somebody does it.
    """

    rig: Rig
    instrument: Instrument
    clock: Clock
    is_virtual: bool
    excite: Callable[[Excitation], None] | None = None


def make_scenario(table: dict[str, Any], heart: Path | None) -> Scenario:
    """The virtual world of a rig file, with the heart's file from the command line.

    Raises
    ------
    RigError
        Naming an unknown or wrong key.
    """
    from pydantic import TypeAdapter, ValidationError

    from nullfield.virtual.plant import Scenario

    known = set(Scenario.__dataclass_fields__)
    for key in table:
        if key not in known:
            raise RigError(
                f"virtual: unknown key '{key}'", "docs/rigs.md lists the keys of the virtual world"
            )
    if heart is not None:
        if not heart.is_file():
            raise InputError(f"{heart}: no such file", "give a CSV with time_s,vx_mV,vy_mV,vz_mV")
        table = {**table, "heart_csv": heart}
    try:
        return TypeAdapter(Scenario).validate_python(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RigError(
            f"virtual.{where}: {first['msg']}",
            "correct the rig file; docs/rigs.md lists the keys of the virtual world",
        ) from error


def take_defects(table: dict[str, Any]) -> tuple[dict[str, Any], tuple[Defect, ...]]:
    """Split a ``[virtual]`` table into the world's keys and the boards' defects.

    Raises
    ------
    RigError
        If a defect is written wrongly.
    """
    from pydantic import TypeAdapter, ValidationError

    from nullfield.virtual.defects import Defect

    world = {key: value for key, value in table.items() if key != "defects"}
    try:
        return world, TypeAdapter(tuple[Defect, ...]).validate_python(table.get("defects", ()))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RigError(
            f"virtual.defects.{where}: {first['msg']}", "see docs/production-bench.md"
        ) from error


@contextmanager
def open_session(
    rig_path: Path | str,
    *,
    seed: int = 1,
    pace: Pace = "max",
    heart: Path | None = None,
    truth_directory: Path | None = None,
    wrap_clock: Callable[[Clock], Clock] = lambda clock: clock,
    change_rig: Callable[[Rig], Rig] | None = None,
    is_empty: bool = False,
) -> Iterator[Session]:
    """Open a rig; leaving the context switches every output off.

    Parameters
    ----------
    rig_path : path
        Rig file, or the name of one that ships.
    seed, pace, heart
        For a virtual rig.
    truth_directory : path, optional
        Where the plant writes ``truth.json``.
    wrap_clock : callable
        Gives the clock that host code waits on, around the one it gets.
    change_rig : callable, optional
        Gives the rig to open for the one that the file describes: with a standard on it.
    is_empty : bool
        Nobody is in a virtual room, as the operator sees to it in a real one.
    """
    rig, table = load_rig(rig_path)
    if change_rig is not None:
        rig = change_rig(rig)
    if not rig.is_virtual:
        if heart is not None:
            raise InputError("--heart is for virtual rigs", "leave it out on a real rig")
        clock = wrap_clock(WallClock())

        def by_port(entry: BoardEntry) -> Transport:
            return SerialTransport(entry.port)

        with Instrument(rig, clock, by_port) as instrument:
            yield Session(rig, instrument, clock, False)
        return
    table, defects = take_defects(table)
    scenario = make_scenario(table, heart)
    if is_empty:
        scenario = replace(scenario, heart_enabled=False)
    interpreter = ensure_micropython(lambda text: errors.print(f"[dim]{text}[/]"))
    # Numba and the plant take a second to load: only those who need them wait.
    from nullfield.virtual.clock import VirtualClock
    from nullfield.virtual.instrument import VirtualInstrument
    from nullfield.virtual.transport import VirtualTransport
    from nullfield.virtual.truth_file import TruthRecorder

    with ExitStack() as stack:
        world = stack.enter_context(
            VirtualInstrument(rig, scenario, seed, interpreter, defects=defects)
        )
        if truth_directory is not None:
            truth_directory.mkdir(parents=True, exist_ok=True)
            truth = TruthRecorder(world, seed)
            stack.callback(truth.write, truth_directory / "truth.json")
        virtual_clock = wrap_clock(VirtualClock(world, realtime=pace == "realtime"))
        instrument = stack.enter_context(
            Instrument(
                rig,
                virtual_clock,
                lambda entry: VirtualTransport(world, entry.uid),
                session=_FIRST_REQUEST,
            )
        )
        yield Session(rig, instrument, virtual_clock, True, world.plant.room.excite)
