"""``sniff``: what passes between host and boards, live or from a capture."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from nullfield.cli.exam import JsonOption
from nullfield.cli.terminal import errors
from nullfield.devices.find import find_board, is_port
from nullfield.errors import InputError
from nullfield.recording.reader import Recording
from nullfield.sniff.files import frames_of_file
from nullfield.sniff.interpret import Interpreter, Reading
from nullfield.sniff.live import LiveFrames, listen
from nullfield.sniff.pcapng import CaptureWriter
from nullfield.sniff.show import TrafficCount, json_of, line_of
from nullfield.sniff.tap import Tap
from nullfield.sniff.wire import WireFrame
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import WallClock
from nullfield_protocol.codec import SAMPLE_MESSAGES
from nullfield_protocol.dissector import dissector
from nullfield_protocol.messages import MESSAGES, MessageId

_SAMPLE_NAMES = frozenset(MessageId(one).name.lower() for one in SAMPLE_MESSAGES)


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Example: [bold]nullfield sniff /dev/ttyACM0 --no-samples[/]    "
        "[bold]nullfield sniff --tap /dev/ttyACM0 --write t.pcapng[/]    "
        "[bold]nullfield sniff t.pcapng --message fault --json[/]"
    )(sniff)


def sniff(
    source: Annotated[
        str | None,
        typer.Argument(help="Port or board to listen to; recording, pcapng, pcap or raw file."),
    ] = None,
    tap: Annotated[
        str | None,
        typer.Option("--tap", help="Stand between this port and its client, show both directions."),
    ] = None,
    tcp: Annotated[
        int | None,
        typer.Option("--listen", min=0, max=65535, help="With --tap: TCP port for the client."),
    ] = None,
    write: Annotated[
        Path | None, typer.Option("--write", help="Write what is shown to this pcapng file.")
    ] = None,
    message: Annotated[
        list[str] | None, typer.Option("--message", help="Only this message; may be repeated.")
    ] = None,
    is_without_samples: Annotated[
        bool, typer.Option("--no-samples", help="Leave sample blocks out.")
    ] = False,
    board: Annotated[
        str | None, typer.Option("--board", help="Only boards whose uid or port has this in it.")
    ] = None,
    count: Annotated[int | None, typer.Option("--count", min=1, help="End after so many.")] = None,
    lua: Annotated[
        Path | None,
        typer.Option("--dissector", help="Write Wireshark's dissector to this file and end."),
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Decode the traffic of boards, one line a frame, with statistics at the end.

    A listener sends nothing. Filters hold for what is shown and written; the statistics count all.
    """
    if lua is not None:
        lua.parent.mkdir(parents=True, exist_ok=True)
        lua.write_text(dissector(), encoding="utf-8")
        errors.print(f"Wireshark's dissector: {escape(str(lua))}")
        return
    wanted = _Filter(message or [], is_without_samples, board)
    if (source is None) == (tap is None):
        raise InputError(
            "sniff: give a source, or a port with --tap",
            "for instance: nullfield sniff /dev/ttyACM0",
        )
    if tcp is not None and tap is None:
        raise InputError("--listen goes with --tap", "add --tap PORT")
    with ExitStack() as stack:
        clock = WallClock()
        epoch_s = 0.0
        origin_s: float | None = None
        interpreter = Interpreter()
        if source is not None and _is_file(source):
            _learn(interpreter, Path(source))
            frames: Iterable[WireFrame] = frames_of_file(Path(source))
        else:
            origin_s = clock.now_s()
            epoch_s = time.time() - origin_s
            if tap is not None:
                live = stack.enter_context(_tapped(_port_of(tap, clock), clock, tcp))
            else:
                live = stack.enter_context(_listened(_port_of(str(source), clock), clock))
            frames = _until_lost(live)
        capture = stack.enter_context(CaptureWriter(write, epoch_s)) if write is not None else None
        counted = TrafficCount()
        _run(frames, interpreter, wanted, counted, _Output(is_json, origin_s, capture, count))
    _finish(counted, is_json)


class _Filter:
    """Which readings are shown."""

    def __init__(self, messages: list[str], is_without_samples: bool, board: str | None) -> None:
        known = {one.name for one in MESSAGES.values()} | {"bad"}
        self._messages = {name.lower() for name in messages}
        for name in self._messages - known:
            raise InputError(f"--message {name}: no such message", f"one of {sorted(known)}")
        self._is_without_samples = is_without_samples
        self._board = board.lower() if board else ""

    def takes(self, reading: Reading) -> bool:
        name = reading.message or "bad"
        if self._messages and name not in self._messages:
            return False
        if self._is_without_samples and name in _SAMPLE_NAMES:
            return False
        names = f"{reading.board} {reading.frame.source}".lower()
        return self._board in names


class _Output:
    """Where readings go."""

    def __init__(
        self,
        is_json: bool,
        origin_s: float | None,
        capture: CaptureWriter | None,
        count: int | None,
    ) -> None:
        self._is_json = is_json
        self._origin_s = origin_s
        self._capture = capture
        self._left = count

    @property
    def is_full(self) -> bool:
        return self._left is not None and self._left <= 0

    def put(self, reading: Reading) -> None:
        if self._left is not None:
            self._left -= 1
        if self._capture is not None:
            self._capture.add(reading.frame)
        if self._is_json:
            sys.stdout.write(json.dumps(json_of(reading), allow_nan=False) + "\n")
        else:
            if self._origin_s is None:
                self._origin_s = reading.frame.time_s or 0.0
            sys.stdout.write(line_of(reading, self._origin_s) + "\n")
        sys.stdout.flush()


def _run(
    frames: Iterable[WireFrame],
    interpreter: Interpreter,
    wanted: _Filter,
    counted: TrafficCount,
    output: _Output,
) -> None:
    try:
        for frame in frames:
            reading = interpreter.read(frame)
            counted.add(reading)
            if wanted.takes(reading):
                output.put(reading)
                if output.is_full:
                    return
    except KeyboardInterrupt:
        # The way to end a live look; the statistics come all the same.
        return


def _finish(counted: TrafficCount, is_json: bool) -> None:
    if is_json:
        sys.stdout.write(json.dumps({"statistics": counted.to_json()}, allow_nan=False) + "\n")
    else:
        sys.stdout.write("\n" + "\n".join(counted.lines()) + "\n")


def _is_file(source: str) -> bool:
    path = Path(source)
    return path.is_file() or path.is_dir()


def _port_of(name: str, clock: WallClock) -> str:
    if is_port(name):
        return name
    if Path(name).suffix:
        raise InputError(f"{name}: no such file", "give a recording, a capture or a port")
    return find_board(name, clock).port


def _learn(interpreter: Interpreter, path: Path) -> None:
    """Settings stand in a recording's header, so that values are shown by their names."""
    if path.is_dir() or path.suffix == ".mcap":
        for one in Recording(path).header.get("boards", []):
            interpreter.learn_settings(one["uid"], one["settings"])


@contextmanager
def _listened(port: str, clock: WallClock) -> Iterator[LiveFrames]:
    transport = SerialTransport(port)
    live = listen(transport, clock)
    errors.print(f"[dim]listening at {escape(port)}; Ctrl-C ends[/]")
    try:
        yield live
    finally:
        transport.close()


@contextmanager
def _tapped(port: str, clock: WallClock, tcp: int | None) -> Iterator[LiveFrames]:
    tap = Tap(SerialTransport(port), clock, tcp)
    tap.open()
    ways = " or ".join(filter(None, (tap.path, tap.address)))
    errors.print(f"connect the client to {escape(ways)} instead of {escape(port)}; Ctrl-C ends")
    try:
        yield tap.live
    finally:
        tap.close()
        if tap.lost_bytes:
            errors.print(f"{tap.lost_bytes} bytes were lost: the client read too slowly")


def _until_lost(live: LiveFrames) -> Iterator[WireFrame]:
    yield from live.frames()
    errors.print(f"the port went away: {escape(live.lost_reason or '')}")
