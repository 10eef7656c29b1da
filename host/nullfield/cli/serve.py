"""``serve``: the web console."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nullfield.cli.exam import (
    CalibrationOption,
    HeartOption,
    PaceOption,
    SeedOption,
    check_folder,
    check_pace,
)
from nullfield.cli.session import Session, open_session
from nullfield.cli.terminal import errors, output
from nullfield.errors import InputError
from nullfield.extras import library
from nullfield.instrument.use_calibration import calibration_for
from nullfield.rig import load_rig
from nullfield.transport.timing import Clock

if TYPE_CHECKING:
    from nullfield.console.build import Built
    from nullfield.console.lsl import LslOutlet

_NEED = "the console"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Example: [bold]nullfield serve[/]    "
        "[bold]nullfield serve --rig rigs/lab.toml --data /srv/mcg --host 0.0.0.0 "
        "--certificate tls.crt --key tls.key[/]"
    )(serve)


def serve(
    rig: Annotated[str, typer.Option("--rig", help="Rig file, or a shipped rig.")] = "demo36",
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free.")] = 8036,
    data: Annotated[
        Path, typer.Option("--data", help="Folder of studies and users; made if missing.")
    ] = Path("console-data"),
    database: Annotated[
        str | None,
        typer.Option("--database", help="SQLAlchemy URL; SQLite in the data folder by default."),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="TLS certificate, PEM.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Its private key, PEM.")] = None,
    host_name: Annotated[
        list[str] | None,
        typer.Option("--host-name", help="Name that browsers use for this machine; repeatable."),
    ] = None,
    insecure_http: Annotated[
        bool,
        typer.Option("--insecure-http", help="Allow other machines without TLS (a closed net)."),
    ] = False,
    lsl: Annotated[
        bool, typer.Option("--lsl", help="Also stream samples by Lab Streaming Layer.")
    ] = False,
    seed: SeedOption = 1,
    heart: HeartOption = None,
    pace: PaceOption = "realtime",
    calibration: CalibrationOption = None,
) -> None:
    """The console in a browser: one button, the heart's map on the screen. Virtual by default."""
    uvicorn = library("uvicorn", _NEED, "console")
    library("fastapi", _NEED, "console")
    from nullfield.console.access.binding import check_binding
    from nullfield.console.app import create_app
    from nullfield.console.build import build_console

    check_binding(host, has_tls=certificate is not None, allow_insecure=insecure_http)
    for path in (certificate, key):
        if path is not None and not path.is_file():
            raise InputError(f"{path}: no such file", "give certificate and key as PEM files")
    if (certificate is None) != (key is None):
        raise InputError("TLS needs both files", "give --certificate and --key")
    check_folder(data)
    # A rig file that is wrong is told now, not in the browser.
    entry = load_rig(rig)[0]
    name = entry.name
    in_force = calibration_for(entry, calibration)
    chosen_pace = check_pace(pace)

    @contextmanager
    def opener(wrap: Callable[[Clock], Clock]) -> Iterator[Session]:
        with open_session(
            rig, seed=seed, pace=chosen_pace, heart=heart, wrap_clock=wrap
        ) as session:
            session.instrument.calibration = in_force
            yield session

    if lsl:
        library("mne_lsl.lsl", "Lab Streaming Layer needs mne-lsl", "lsl")
    listener = _listen(host, port)
    built = build_console(data, name, opener, database)
    shown = f"[{host}]" if ":" in host else host
    scheme = "https" if certificate is not None else "http"
    if built.password is not None:
        output.print("First start. Log in as [bold]admin[/] with this one-time password:")
        output.print(f"  [bold]{built.password}[/]", highlight=False)
    for exam_id in built.recovered:
        errors.print(f"examination {exam_id} was interrupted; the console shows what is there")
    output.print(
        f"{name}: {scheme}://{shown}:{listener.getsockname()[1]}   (Ctrl-C ends it; all outputs go off)"
    )
    outlet = _outlet(built) if lsl else None
    config = uvicorn.Config(
        create_app(built.context, host_name or ()),
        ssl_certfile=None if certificate is None else str(certificate),
        ssl_keyfile=None if key is None else str(key),
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    try:
        if outlet is not None:
            outlet.start()
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        if outlet is not None:
            outlet.stop()


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else is done: a second console is refused at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(
            f"{host}:{port} cannot be listened on ({error.strerror or error})",
            "another program has it, or the address is not this machine's; give --port or --host",
        ) from error


def _outlet(built: Built) -> LslOutlet:
    from nullfield.console.lsl import LslOutlet

    context = built.context
    return LslOutlet(lambda: context.engine.instrument, context.events.add)
