"""``digest`` and ``replay``: what can be done with own recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nullfield.cli.exam import JsonOption
from nullfield.cli.terminal import output, print_json
from nullfield.devices.connect import connect
from nullfield.devices.sensor import SensorBoard
from nullfield.recording.digest import recording_digest
from nullfield.recording.replay import Replay

RecordingArgument = Annotated[Path, typer.Argument(help="Recording: its folder or a file of it.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: [bold]nullfield digest runs/today/recording[/]")(digest)
    app.command(epilog="Example: [bold]nullfield replay runs/today/recording --json[/]")(replay)


def digest(recording: RecordingArgument, is_json: JsonOption = False) -> None:
    """Hash over samples, settings and events, without wall-clock fields.

    Two runs of a virtual examination with one seed have the same digest.
    """
    value = recording_digest(recording)
    if is_json:
        print_json({"recording": str(recording), "digest": value})
    else:
        output.print(value)


def replay(recording: RecordingArgument, is_json: JsonOption = False) -> None:
    """Feed a recording through the whole host path: frames, link, devices, samples."""
    played = Replay(recording)
    boards = []
    for uid, transport in played.transports.items():
        boards.append(connect(transport, played.clock, expected_uid=uid))
    played.clock.run_to_end()
    rows = []
    for board in boards:
        window = board.samples.all()
        row = {
            "uid": board.uid,
            "role": board.identity.role.name.lower(),
            "frames": board.link.statistics.frames_received,
            "rows": board.samples.received_rows,
            "lost": board.samples.lost_rows(),
        }
        if isinstance(board, SensorBoard) and len(window):
            row["field_rms_pt"] = [
                round(float(v) * 1e12, 3) for v in board.field_t(window).std(axis=1)
            ]
        rows.append(row)
        board.close()
    summary = {"truncated": played.recording.truncated, "boards": rows}
    if is_json:
        print_json(summary)
        return
    for row in rows:
        lost = sum(row["lost"].values())  # type: ignore[attr-defined]
        output.print(
            f"{row['role']:<7} {row['uid']}  {row['frames']} frames, {row['rows']} rows, {lost} lost"
        )
    if played.recording.truncated:
        output.print("the recording is truncated; what is whole was replayed")
