"""``boards`` and ``virtual``: who is there, and a virtual instrument for others to connect to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from nullfield.cli import board_definitions
from nullfield.cli.exam import JsonOption, PaceOption, SeedOption, check_pace
from nullfield.cli.session import make_scenario, take_defects
from nullfield.cli.terminal import errors, output, print_json
from nullfield.devices.board import Board
from nullfield.devices.connect import connect
from nullfield.devices.find import serial_ports
from nullfield.errors import BoardNotFoundError, NullfieldError
from nullfield.rig import BoardEntry, load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import WallClock
from nullfield_protocol.catalogue import BoardState, FaultCode, Role


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        rich_markup_mode="rich",
        invoke_without_command=True,
        epilog="Example: [bold]nullfield boards --rig myrig.toml[/]    "
        "[bold]nullfield boards --port /dev/ttyACM0 --port socket://127.0.0.1:4000[/]    "
        "[bold]nullfield boards check[/]",
    )
    group.callback()(boards)
    board_definitions.register(group)
    app.add_typer(group, name="boards")
    app.command(
        epilog="Example: [bold]nullfield virtual bench4[/]    "
        "[bold]nullfield virtual demo36 --write-rig live.toml[/]"
    )(virtual)


def boards(
    context: typer.Context,
    rig: Annotated[str | None, typer.Option("--rig", help="Rig file to compare with.")] = None,
    port: Annotated[
        list[str] | None, typer.Option("--port", help="Look at this port; may be repeated.")
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Who is there: role, uid, versions, health.

    Without options the USB ports of Raspberry Pi's modules are looked at, and no others. On a
    virtual rig the boards are started for the look. The commands below are about definitions and
    need no board.
    """
    if context.invoked_subcommand is not None:
        return
    if rig is not None and load_rig(rig)[0].is_virtual:
        found = _virtual_boards(rig)
    else:
        entries = load_rig(rig)[0].boards if rig is not None else _entries(port)
        found = _refuse_twins([_look(entry) for entry in entries])
    if is_json:
        print_json(found)
    else:
        _show(found)
    missing = [one for one in found if one.get("error")]
    if missing and (rig is not None or port):
        raise typer.Exit(code=int(missing[0]["exit_code"]))


def _entries(ports: list[str] | None) -> tuple[BoardEntry, ...]:
    if not ports:
        ports = list(serial_ports())
        if not ports:
            errors.print("no board's port on this machine; give one with --port, or a rig")
    return tuple(
        BoardEntry.model_construct(uid="", role="sensor", port=p, definition="") for p in ports
    )


def _look(entry: BoardEntry) -> dict[str, Any]:
    try:
        board = connect(
            SerialTransport(entry.port),
            WallClock(),
            # Only a rig's entry knows what should be there.
            expected_role=Role[entry.role.upper()] if entry.uid else None,
            expected_uid=entry.uid or None,
            name=entry.port,
        )
    except NullfieldError as error:
        return _trouble(entry.port, entry.uid, error)
    with board:
        return _describe(board, entry.port)


def _trouble(port: str, uid: str, error: NullfieldError) -> dict[str, Any]:
    return {
        "port": port,
        "uid": uid,
        "error": error.message,
        "fix": error.hint,
        "exit_code": error.exit_code,
    }


def _refuse_twins(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two boards with one uid cannot be told apart: the second is an error."""
    ports: dict[str, str] = {}
    checked = []
    for one in found:
        first = ports.setdefault(one["uid"], one["port"]) if "error" not in one else one["port"]
        if first != one["port"]:
            error = BoardNotFoundError(
                f"{one['port']}: board {one['uid']} answers at {first}, too",
                "two boards have one uid, or two ports lead to one board: leave one port out",
            )
            one = _trouble(one["port"], one["uid"], error)
        checked.append(one)
    return checked


def _virtual_boards(rig: str) -> list[dict[str, Any]]:
    from nullfield.cli.session import open_session

    with open_session(rig) as session:
        session.instrument.wait_s(0.5)
        return [
            _describe(board, f"virtual:{uid}") for uid, board in session.instrument.boards.items()
        ]


def _describe(board: Board[Any], port: str) -> dict[str, Any]:
    identity = board.identity
    heartbeat = board.link.last_heartbeat
    statistics = board.link.statistics
    return {
        "port": port,
        "uid": identity.uid,
        "role": identity.role.name.lower(),
        "board": identity.board_name,
        "unit": identity.unit_name,
        "mcu": identity.mcu.name.lower(),
        "firmware": identity.firmware_version,
        "revision": identity.firmware_revision,
        "slot": identity.slot.name.lower().replace("_", "-"),
        "is_trial": identity.is_trial,
        "protocol": identity.protocol_version,
        "fingerprint": identity.catalogue_fingerprint,
        "reset_cause": identity.reset_cause.name.lower(),
        "state": BoardState(heartbeat.state if heartbeat else identity.state).name.lower(),
        "fault": FaultCode(heartbeat.fault_code).name.lower() if heartbeat else "none",
        "settings": identity.setting_count,
        "receive_errors": int(heartbeat.receive_errors) if heartbeat else 0,
        "dropped_frames": int(heartbeat.dropped_frames) if heartbeat else 0,
        "missed_blocks": int(heartbeat.missed_blocks) if heartbeat else 0,
        "bad_frames": sum(statistics.errors.values()),
        "supply_v": heartbeat.supply_mv / 1e3 if heartbeat else None,
        "mcu_temperature_c": heartbeat.mcu_temperature_mc / 1e3 if heartbeat else None,
    }


_COLUMNS = (
    "role",
    "uid",
    "unit",
    "board",
    "firmware",
    "revision",
    "slot",
    "state",
    "fault",
    "port",
)


def _show(found: list[dict[str, Any]]) -> None:
    there = [one for one in found if "error" not in one]
    if there:
        table = Table()
        for column in _COLUMNS:
            table.add_column(column, no_wrap=column in ("uid", "port"))
        for one in there:
            table.add_row(*(str(one[c]) for c in _COLUMNS))
        output.print(table)
    for one in found:
        if "error" in one:
            errors.print(f"[bold red]error:[/] {escape(one['error'])}")
            if one["fix"]:
                errors.print(f"[bold]fix:[/]   {escape(one['fix'])}")


def virtual(
    rig: Annotated[str, typer.Argument(help="Rig file, or the name of a shipped rig.")],
    seed: SeedOption = 1,
    pace: PaceOption = "realtime",
    heart: Annotated[Path | None, typer.Option("--heart", help="Vectorcardiogram CSV.")] = None,
    write_rig: Annotated[
        Path | None,
        typer.Option("--write-rig", help="Write a rig file with the ports, for other commands."),
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Run the virtual instrument standing alone: one serial port a board, for any client.

    It goes on until Ctrl-C. When bytes arrive depends on the clients, so a run is not reproducible;
    'nullfield exam' is.
    """
    described, table = load_rig(rig)
    table, defects = take_defects(table)
    scenario = make_scenario(table, heart)
    interpreter = ensure_micropython(lambda text: errors.print(f"[dim]{text}[/]"))
    from nullfield.virtual.instrument import VirtualInstrument
    from nullfield.virtual.standalone import StandingInstrument

    instrument = VirtualInstrument(described, scenario, seed, interpreter, defects=defects)
    with StandingInstrument(instrument) as standing:
        roles = {b.uid: b.role for b in described.boards}
        if is_json:
            print_json([{"uid": u, "role": roles[u], "port": p} for u, p in standing.ports.items()])
        else:
            listing = Table("role", "uid", "port")
            for uid, name in standing.ports.items():
                listing.add_row(roles[uid], uid, name)
            output.print(listing)
            output.print("[dim]not reproducible: clients decide when bytes arrive. Ctrl-C ends.[/]")
        if write_rig is not None:
            write_rig.write_text(_with_ports(rig, standing.ports), "utf-8")
            errors.print(f"rig with these ports: {write_rig}")
        standing.run(lambda: False, pace=check_pace(pace))


def _with_ports(rig: str, ports: dict[str, str]) -> str:
    """The rig's file with the ports in place; the virtual world is left out."""
    from nullfield.rig import resolve_rig

    lines: list[str] = []
    for line in resolve_rig(rig).read_text(encoding="utf-8").splitlines():
        if line.startswith("[virtual]"):
            break
        # Of virtual boards only: the port may stand in the file or be the default.
        if line.startswith(("port = ", "image = ")):
            continue
        lines.append(line)
        if line.startswith("uid = "):
            lines.append(f'port = "{ports[line.split(chr(34))[1]]}"')
    return "\n".join(lines) + "\n"
