"""``flash`` and ``provision``: firmware onto boards, and what a board is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from nullfield.cli.bundle import build_for, key_ring, mcu_name
from nullfield.cli.exam import JsonOption
from nullfield.cli.flash_image import flash_image
from nullfield.cli.terminal import errors, output, print_json, progress_bars
from nullfield.deploy.backup import (
    mark_restored,
    newest_with_settings,
    pending_backup,
    read_backup,
)
from nullfield.deploy.board_port import serial_board_port
from nullfield.deploy.board_state import Provision
from nullfield.deploy.bundle import Bundle, parse_bundle, read_bundle
from nullfield.deploy.find import find_boards
from nullfield.deploy.flash_board import FlashOptions, FlashResult, flash_board
from nullfield.deploy.look import Found, Kind
from nullfield.deploy.provision_board import provision_board
from nullfield.deploy.restore import finish_interrupted
from nullfield.deploy.restore import restore as write_settings
from nullfield.deploy.signing import DEVELOPMENT_KEY, KeyRing
from nullfield.deploy.to_prompt import restarted_at_the_end
from nullfield.devices.find import serial_ports
from nullfield.errors import InputError, NullfieldError, RigError
from nullfield.link import Link
from nullfield.places import firmware_directory
from nullfield.rig import load_rig
from nullfield.toolchain.revision import UNKNOWN
from nullfield.transport.timing import WallClock
from nullfield_protocol.catalogue import Command, SelfTestFlag


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        epilog="Example: [bold]nullfield flash all[/]    "
        "[bold]nullfield flash /dev/ttyACM0 --board coil_pico2 --unit C01[/]    "
        "[bold]nullfield flash S03 --bundle sensor_pico2-rp2350.nfb[/]    "
        "[bold]nullfield flash --uf2 nullfield-rp2350.uf2[/]"
    )(flash)
    app.command(
        epilog="Example: [bold]nullfield provision /dev/ttyACM0 --board sensor_pico2 --unit S01[/]"
        "    [bold]nullfield provision S01 --board sensor_pico2 --unit S01 "
        "--setting cell_setpoint=148[/]"
    )(provision)
    app.command(
        epilog="Example: [bold]nullfield restore S01[/]    "
        "[bold]nullfield restore S01 --backup 20260102T030405Z.json[/]"
    )(restore)


RigOption = Annotated[str | None, typer.Option("--rig", help="Look at this rig's ports only.")]
UnitOption = Annotated[str, typer.Option("--unit", help="Name of this unit, for instance S01.")]


@dataclass(frozen=True)
class _Planned:
    """A board and what it would get; or nothing, as it has that already.

    `pending` is the backup whose settings an interrupted flashing did not bring over.
    """

    found: Found
    bundle: Bundle
    is_same: bool
    pending: Path | None = None

    @property
    def has_work(self) -> bool:
        return not self.is_same or self.pending is not None


def flash(
    target: Annotated[
        str | None, typer.Argument(help="Unit, uid, port, or 'all'.", metavar="BOARD|PORT|all")
    ] = None,
    rig: RigOption = None,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="A bundle; by default one is built.")
    ] = None,
    board: Annotated[
        str | None, typer.Option("--board", help="What a board is that nobody has named yet.")
    ] = None,
    unit: UnitOption = "",
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", help="Keep the firmware in spite of this self-test finding."),
    ] = None,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    is_forced: Annotated[
        bool, typer.Option("--force-same", help="Flash what runs there already, too.")
    ] = False,
    replaces_main: Annotated[
        bool, typer.Option("--replace-main", help="Overwrite somebody else's main.py.")
    ] = False,
    uf2: Annotated[
        Path | None, typer.Option("--uf2", help="Image for a board in BOOTSEL mode.")
    ] = None,
    drive: Annotated[
        Path | None, typer.Option("--drive", help="Where its drive is mounted.")
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Put firmware on boards; settings and calibration stay.

    The firmware goes into the slot that does not run, is verified there, started on trial, and kept if
    its self-test is good; otherwise the board returns to what it had. It may be interrupted at any time
    and run again.
    """
    if uf2 is not None:
        flash_image(uf2, drive, is_json)
        return
    if target is None:
        raise InputError("which board?", "give a unit, a uid, a port, or 'all'")
    given = None if board is None else Provision(board, unit)
    if given is not None:
        given.format()
    accepted = _findings(accept or [])
    ring = key_ring()
    chosen = None if bundle is None else _trusted(bundle, ring)
    options = FlashOptions(
        bootstrap=(firmware_directory() / "main.py").read_bytes(),
        provision=given,
        replace_main=replaces_main,
        accepted=accepted,
    )
    boards = _find(target, rig, is_json)
    results = []
    with restarted_at_the_end(boards) as handled:
        plans = [_plan(found, chosen, given, ring, is_forced) for found in boards]
        if not is_json:
            _show(plans)
        if any(plan.has_work for plan in plans):
            _ask(plans, is_sure, is_json)
        for plan in plans:
            handled.add(plan.found.uid)
            results.append(_flash_one(plan, options, is_json))
    if is_json:
        print_json(results)
    failed = [one for one in results if one["status"] == "failed"]
    for one in failed if not is_json else []:
        errors.print(f"[bold red]error:[/] {escape(one['error'])}")
        errors.print(f"[bold]fix:[/]   {escape(one['fix'])}")
    if failed:
        raise typer.Exit(code=int(failed[0]["exit_code"]))


def provision(
    target: Annotated[str, typer.Argument(help="Unit, uid or port.", metavar="BOARD|PORT")],
    board: Annotated[str, typer.Option("--board", help="Name of the board definition.")],
    unit: UnitOption,
    setting: Annotated[
        list[str] | None, typer.Option("--setting", help="NAME=VALUE in the setting's unit.")
    ] = None,
    rig: RigOption = None,
    replaces: Annotated[
        bool, typer.Option("--replace", help="It may become another board than it is.")
    ] = False,
    is_json: JsonOption = False,
) -> None:
    """Tell a board what it is, and save settings and calibration on it."""
    wanted = Provision(board, unit)
    wanted.format()
    values = dict(_setting(text) for text in setting or [])
    boards = _find(target, rig, is_json)
    with restarted_at_the_end(boards) as handled:
        (found,) = _one(boards)
        result = provision_board(found, wanted, values, replaces)
        handled.add(found.uid)
    if is_json:
        print_json(
            {
                "port": found.port.name,
                "uid": found.uid,
                "board": board,
                "unit": unit,
                "running": result.is_running,
                "settings": result.settings,
            }
        )
        return
    output.print(f"{found.uid} at {found.port.name} is {unit}, a {board}")
    for name, value in result.settings.items():
        output.print(f"  {name} = {value:g}")
    if not result.is_running:
        output.print(f"it has no firmware for that yet: nullfield flash {found.port.name}")


def restore(
    target: Annotated[str, typer.Argument(help="Unit, uid or port.", metavar="BOARD|PORT")],
    backup: Annotated[
        Path | None,
        typer.Option("--backup", help="Backup file; by default the newest one with settings."),
    ] = None,
    rig: RigOption = None,
    is_json: JsonOption = False,
) -> None:
    """Bring settings and calibration of a backup back onto a board.

    A value that the board's firmware does not allow is reported, and its default stays.
    """
    boards = _find(target, rig, is_json)
    with restarted_at_the_end(boards):
        (found,) = _one(boards)
        if found.kind is not Kind.RUNNING:
            raise InputError(f"{found.label} runs no firmware that could take settings", "flash it")
    file = backup or newest_with_settings(found.uid)
    if file is None:
        raise InputError(
            f"there is no backup of {found.label} with settings", "give one with --backup"
        )
    content = read_backup(file)
    link = Link(found.port.make_transport(), found.port.clock)
    link.open()
    try:
        link.command(Command.SAFE_OFF)
        link.command(Command.STREAM_STOP)
        plan = write_settings(link, content.settings)
    finally:
        link.close()
    if content.uid == found.uid:
        mark_restored(file)
    if is_json:
        print_json({"uid": found.uid, "backup": str(file), **asdict(plan)})
        return
    written = ", ".join(f"{n} = {v:g}" for n, v in plan.write.items()) or "nothing differed"
    output.print(f"{found.label}: {written} (backup {file})")
    _tell_losses(plan.unknown, plan.refused)


def _find(target: str, rig: str | None, is_json: bool) -> list[Found]:
    clock = WallClock()
    if rig is None:
        ports = list(serial_ports())
    else:
        described = load_rig(rig)[0]
        if described.is_virtual:
            raise RigError(
                f"{rig}: its boards are virtual and run the source tree",
                "start them with 'nullfield virtual RIG --write-rig live.toml', then give live.toml",
            )
        ports = [entry.port for entry in described.boards]

    def tell(error: NullfieldError) -> None:
        if not is_json:
            errors.print(f"[dim]passed over: {escape(error.message)}[/]")

    return find_boards(target, ports, lambda url: serial_board_port(url, clock), tell)


def _one(found: list[Found]) -> list[Found]:
    if len(found) != 1:
        raise InputError(f"{len(found)} boards are meant", "give one unit, uid or port")
    return found


def _trusted(file: Path, ring: KeyRing) -> Bundle:
    bundle = read_bundle(file)
    bundle.verify(ring.trusted(), str(file))
    return bundle


def _plan(
    found: Found, bundle: Bundle | None, given: Provision | None, ring: KeyRing, is_forced: bool
) -> _Planned:
    name = found.board or (given.board if given else "")
    if bundle is None:
        if not name:
            raise InputError(
                f"{found.label}: nobody has said what this board is",
                "say it: --board NAME --unit NAME; 'nullfield boards check' knows the names",
            )
        data = build_for(name, mcu_name(found.mcu or None), DEVELOPMENT_KEY, ring)
        bundle = parse_bundle(data, f"the bundle of {name}")
        bundle.verify(ring.trusted(), f"the bundle of {name}")
    header = bundle.header
    # Only a clean revision says everything about what is inside.
    is_known = header.revision != UNKNOWN and not header.revision.endswith("+")
    is_same = (
        found.kind is Kind.RUNNING
        and (found.version, found.revision) == (header.version, header.revision)
        and (found.board, found.mcu) == (header.board, header.mcu)
        and is_known
        and not (found.is_trial or is_forced)
    )
    return _Planned(found, bundle, is_same, pending_backup(found.uid) if is_same else None)


def _show(plans: list[_Planned]) -> None:
    table = Table("board", "uid", "port", "runs", "gets")
    for plan in plans:
        header = plan.bundle.header
        gets = "nothing: it has that" if plan.is_same else f"{header.version} ({header.revision})"
        if plan.pending is not None:
            gets = "settings, of the flashing that was interrupted"
        name = " ".join(w for w in (plan.found.unit, plan.found.board or header.board) if w)
        table.add_row(name, plan.found.uid, plan.found.port.name, plan.found.firmware, gets)
    output.print(table)


def _ask(plans: list[_Planned], is_sure: bool, is_json: bool) -> None:
    if is_sure:
        return
    count = sum(plan.has_work for plan in plans)
    if is_json or not errors.is_terminal:
        raise InputError("nobody can be asked here", "give --yes")
    if not typer.confirm(f"Flash {count} board{'s' if count > 1 else ''}?", err=True):
        raise typer.Abort


def _flash_one(plan: _Planned, options: FlashOptions, is_json: bool) -> dict[str, Any]:
    found, header = plan.found, plan.bundle.header
    content: dict[str, Any] = {
        "port": found.port.name,
        "uid": found.uid,
        "board": found.board or header.board,
        "unit": found.unit or (options.provision.unit if options.provision else ""),
        "before": {"version": found.version, "revision": found.revision, "slot": found.slot},
        "bundle": {"version": header.version, "revision": header.revision},
    }
    if plan.is_same and plan.pending is None:
        return {**content, "status": "same"}
    try:
        if plan.pending is not None:
            restored = finish_interrupted(found, plan.pending)
            if not is_json:
                written = ", ".join(restored.write) or "nothing differed"
                output.print(f"{found.label}: settings written again: {written}")
                _tell_losses(restored.unknown, restored.refused)
            return {
                **content,
                "status": "same",
                "backup": str(plan.pending),
                "restored": restored.write,
                "unknown": restored.unknown,
                "refused": restored.refused,
            }
        with progress_bars(is_json) as progress:
            result = flash_board(
                found,
                plan.bundle,
                options,
                datetime.now(UTC),
                lambda step, part: progress(f"Board {content['unit'] or found.uid}", part, step),
            )
    except NullfieldError as error:
        # One board that fails does not keep the others waiting.
        return {
            **content,
            "status": "failed",
            "error": error.message,
            "fix": error.hint,
            "exit_code": error.exit_code,
        }
    if not is_json:
        _tell(found, header.version, result)
    return {
        **content,
        "status": "flashed",
        "slot": result.slot,
        "written_bytes": result.written_bytes,
        "backup": str(result.backup),
        "restored": result.restored,
        "unknown": result.unknown,
        "refused": result.refused,
        "accepted": [str(flag.name).lower() for flag in SelfTestFlag if flag in result.self_test],
    }


def _tell(found: Found, version: str, result: FlashResult) -> None:
    output.print(
        f"{found.label}: version {version} runs from slot {result.slot} and is confirmed; "
        f"backup {result.backup}"
    )
    if result.restored:
        output.print(f"  settings written again: {', '.join(result.restored)}")
    _tell_losses(result.unknown, result.refused)


def _tell_losses(unknown: list[str], refused: list[str]) -> None:
    for name in unknown:
        errors.print(f"[yellow]note:[/] the firmware has no setting {escape(name)}")
    for line in refused:
        errors.print(f"[yellow]note:[/] default kept, {escape(line)}")


def _findings(names: list[str]) -> SelfTestFlag:
    found = SelfTestFlag(0)
    for name in names:
        try:
            found |= SelfTestFlag[name.upper()]
        except KeyError as error:
            known = ", ".join(str(flag.name).lower() for flag in SelfTestFlag)
            raise InputError(f"--accept: {name!r} is unknown", f"give one of {known}") from error
    return found


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise InputError(
            f"--setting: {text!r} is not NAME=VALUE", "give for instance host_timeout=3.5"
        ) from error
