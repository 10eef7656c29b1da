"""``monitor``: boards live in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Annotated, Any

import typer
from rich.live import Live

from nullfield.cli.board_access import RigForBoardOption, accesses, leave_safe
from nullfield.cli.monitor_view import json_line, view
from nullfield.cli.terminal import errors, output
from nullfield.devices.board import Board
from nullfield.devices.find import serial_ports
from nullfield.devices.sensor import SensorBoard
from nullfield.errors import BoardLostError, BoardNotFoundError, InputError, NullfieldError
from nullfield.instrument.watch_boards import NOISE_S, Snapshot, take_snapshot
from nullfield.rig import Rig, load_rig
from nullfield.transport.timing import Clock

_FOUND_S = 0.3
"""A stream that runs has sent rows by then."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Example: [bold]nullfield monitor --rig bench4 --start[/]    "
        "[bold]nullfield monitor S01 --interval 2 --json | tee log.jsonl[/]"
    )(monitor)


def monitor(
    boards: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BOARD]...", help="Uids, units or ports; by default all of the rig or on USB."
        ),
    ] = None,
    interval_s: Annotated[
        float, typer.Option("--interval", min=0.1, max=60, help="Seconds from look to look.")
    ] = 0.5,
    is_json: Annotated[
        bool, typer.Option("--json", help="One line of JSON a look, instead of the view.")
    ] = False,
    is_once: Annotated[
        bool, typer.Option("--once", help="One look, when there are data, then end.")
    ] = False,
    is_start: Annotated[
        bool, typer.Option("--start", help="Start the heads that are off; all go off at the end.")
    ] = False,
    rig: RigForBoardOption = None,
) -> None:
    """Heads, boards and coils live: states, temperatures, lock, light, field, noise, faults, losses.

    Changes nothing: it turns the sample streams on, and at the end (Ctrl-C) stops those that were
    not on before. Outputs stay as they were found; a board whose host is gone makes itself safe by
    its own watch. With --start it is the monitor that switched on, so it leaves all outputs off.
    The ports are held while it runs, as by every other command.
    """
    described = load_rig(rig)[0] if rig is not None else None
    wanted = boards or _all(described)
    with ExitStack() as stack:
        opened, clock = stack.enter_context(_open(wanted, rig))
        stack.enter_context(_streams(opened, clock))
        for board in opened.values():
            if is_start:
                stack.callback(leave_safe, board)
                _start(board)
        try:
            if is_once:
                clock.wait(lambda: False, NOISE_S)
                _once(take_snapshot(opened, clock.now_s(), described), is_json)
            else:
                _follow(opened, clock, described, interval_s, is_json)
        except KeyboardInterrupt:
            # The usual way to end it, so no error.
            left = "all outputs go off" if is_start else "outputs are left as they were found"
            errors.print(f"[bold]monitor ends:[/] {left}")


def _all(rig: Rig | None) -> list[str]:
    if rig is not None:
        return []
    ports = list(serial_ports())
    if not ports:
        raise BoardNotFoundError(
            "no board's port on this machine", "connect a board, or give BOARD or --rig"
        )
    return ports


@contextmanager
def _open(wanted: list[str], rig: str | None) -> Iterator[tuple[dict[str, Board[Any]], Clock]]:
    with accesses(wanted, rig, is_realtime=True) as found, ExitStack() as stack:
        opened: dict[str, Board[Any]] = {}
        for access in found:
            if access.uid in opened:
                raise InputError(
                    f"board {access.uid} is named twice", "name each board once, by uid or port"
                )
            opened[access.uid] = stack.enter_context(access.connect())
        yield opened, found[0].clock


@contextmanager
def _streams(opened: dict[str, Board[Any]], clock: Clock) -> Iterator[None]:
    """Turn the streams on, and afterwards those off that were not on."""
    clock.wait(lambda: False, _FOUND_S)
    begun = [board for board in opened.values() if not board.samples.received_rows]
    try:
        for board in begun:
            board.stream_start()
        yield
    finally:
        for board in begun:
            if board.link.lost_reason is None:
                with suppress(NullfieldError):
                    board.stream_stop()


def _start(board: Board[Any]) -> None:
    if isinstance(board, SensorBoard):
        board.start()


def _once(snapshot: Snapshot, is_json: bool) -> None:
    if is_json:
        typer.echo(json_line(snapshot))
    else:
        output.print(view(snapshot, output.width))
    gone = [one for one in snapshot.boards if one.trouble.startswith(("gone", "silent"))]
    if gone:
        raise BoardLostError(f"board {gone[0].uid}: {gone[0].trouble}", "check cable and power")


def _follow(
    opened: dict[str, Board[Any]],
    clock: Clock,
    rig: Rig | None,
    interval_s: float,
    is_json: bool,
) -> None:
    """Look again and again until somebody ends it; boards that are gone stay in view."""
    live: Live | None = None
    if not is_json and sys.stdout.isatty():
        live = Live(console=output, auto_refresh=False, screen=True, vertical_overflow="crop")
    with live if live is not None else ExitStack():
        while True:
            snapshot = take_snapshot(opened, clock.now_s(), rig)
            if is_json:
                typer.echo(json_line(snapshot))
            elif live is not None:
                live.update(view(snapshot, output.width, output.height), refresh=True)
            else:
                output.print(view(snapshot, output.width))
            if all(board.link.lost_reason is not None for board in opened.values()):
                raise BoardLostError("all boards are gone", "check cables and power")
            clock.wait(lambda: False, interval_s)
