"""A sensor board for the bring-up commands: connected, its heads chosen, off afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from nullfield.cli.board_access import BoardAccess, board_access, leave_safe
from nullfield.definitions import load_definition
from nullfield.devices.board import Board
from nullfield.devices.sensor import SensorBoard
from nullfield.errors import WrongRoleError
from nullfield.instrument.read_head import HeadScales
from nullfield_protocol.messages import HEADS_PER_BOARD

NOBODY = {"heart_enabled": False}
"""A virtual rig while its boards are brought up: nobody lies in it."""
QUIET_WORLD = {
    **NOBODY,
    "noise_enabled": False,
    "drift_pp_nt": 0.0,
    "mains_pt": 0.0,
    "vibration_um_rms": 0.0,
    "vehicles": False,
}
"""Nothing that makes noise but the board's own numbers and converters."""

HeadOption = Annotated[
    int | None, typer.Option("--head", min=0, max=3, help="This head only; by default all four.")
]
PlotOption = Annotated[
    Path | None, typer.Option("--plot", help="Write a figure here (png, svg, pdf).")
]


@dataclass(frozen=True)
class OpenSensor:
    """A sensor board that is connected, and what its converters' steps are."""

    access: BoardAccess
    board: SensorBoard
    scales: HeadScales


@contextmanager
def open_sensor(
    wanted: str, rig: str | None, world: dict[str, Any] | None = None
) -> Iterator[OpenSensor]:
    """Connect to a sensor board; on every way out its outputs go off.

    Raises
    ------
    WrongRoleError
        If the board is of another role.
    """
    with board_access(wanted, rig, world=world or NOBODY) as access, ExitStack() as stack:
        board: Board[Any] = stack.enter_context(access.connect())
        if not isinstance(board, SensorBoard):
            raise WrongRoleError(
                f"{board} has no sensor heads", "give a sensor board; 'nullfield boards' lists all"
            )
        stack.callback(leave_safe, board)
        scales = HeadScales.of(load_definition(board.identity.board_name))
        yield OpenSensor(access, board, scales)


def slots_of(head: int | None) -> tuple[int, ...]:
    """Heads that the option means."""
    return tuple(range(HEADS_PER_BOARD)) if head is None else (head,)
