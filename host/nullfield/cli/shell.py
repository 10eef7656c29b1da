"""``shell``: typed commands and settings of one board."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from nullfield.cli.board_access import BoardArgument, RigForBoardOption, board_access, leave_safe
from nullfield.cli.terminal import errors
from nullfield.errors import NullfieldError
from nullfield.shell.completion import choices
from nullfield.shell.session import Shell

if TYPE_CHECKING:
    from prompt_toolkit.history import History


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Example: [bold]nullfield shell S01[/]    "
        '[bold]nullfield shell /dev/ttyACM0 -c "get host_timeout; selftest"[/]    '
        "[bold]nullfield shell 51b001 --rig bench4 < commands.txt[/]"
    )(shell)


def shell(
    board: BoardArgument,
    command: Annotated[
        list[str] | None,
        typer.Option("-c", "--command", help="Run this and leave; may be repeated."),
    ] = None,
    rig: RigForBoardOption = None,
    is_kept: Annotated[
        bool,
        typer.Option(
            "--keep", help="Leave outputs as they are; without a host they go off by themselves."
        ),
    ] = False,
) -> None:
    """Commands and settings of one board, with completion; 'help' lists them.

    With -c or a file as standard input it runs what it is given; the first command that fails ends
    it with its exit code. However it ends, outputs go off.
    """
    with board_access(board, rig) as access, ExitStack() as stack:
        session = Shell(access.connect(), access, _say)

        def leave() -> None:
            if not is_kept and not session.is_at_prompt:
                leave_safe(session.board)
            session.board.close()

        stack.callback(leave)
        if command:
            for text in command:
                session.run(text)
        elif sys.stdin.isatty():
            _converse(session)
        else:
            _run_lines(session, sys.stdin)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _run_lines(session: Shell, lines: Iterable[str]) -> None:
    for number, line in enumerate(lines, 1):
        if session.is_over:
            return
        try:
            session.run(line)
        except NullfieldError as error:
            errors.print(f"[dim]line {number}: {escape(line.strip())}[/]")
            raise error from None


def _converse(session: Shell) -> None:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document

    class Words(Completer):
        def get_completions(
            self, document: Document, complete_event: CompleteEvent
        ) -> Iterable[Completion]:
            for one in choices(session, document.text_before_cursor):
                yield Completion(one.text, -one.replaces, display_meta=one.note)

    session.run("who")
    _say("Tab completes, 'help' lists the commands, Ctrl-D leaves with outputs off.")
    prompt: PromptSession[str] = PromptSession(
        history=_history(), completer=Words(), complete_while_typing=True
    )
    while not session.is_over:
        session.tell_news()
        identity = session.board.identity
        name = identity.unit_name or identity.uid[-6:]
        try:
            line = prompt.prompt(f"{identity.role.name.lower()} {name}> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        try:
            session.run(line)
            session.board.check()
        except NullfieldError as error:
            errors.print(f"[bold red]error:[/] {escape(error.message)}")
            if error.hint:
                errors.print(f"[bold]fix:[/]   {escape(error.hint)}")
            if session.board.link.lost_reason is not None:
                raise


def _history() -> History:
    """Lines of earlier sessions; of this one alone where nothing can be written."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    try:
        return FileHistory(str(_history_file()))
    except OSError:
        return InMemoryHistory()


def _history_file() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    directory = Path(state) / "nullfield"
    directory.mkdir(parents=True, exist_ok=True)
    return directory / "shell-history"
