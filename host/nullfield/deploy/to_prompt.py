"""From running firmware to its prompt, outputs off and streams stopped first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from nullfield.deploy.board_files import BoardFiles
from nullfield.deploy.board_port import BoardPort
from nullfield.deploy.look import Found, Kind, found_at_prompt
from nullfield.deploy.prompt import Prompt
from nullfield.errors import FlashError, NullfieldError, TransportError
from nullfield.link import Link
from nullfield_protocol.catalogue import Command
from nullfield_protocol.codec import build
from nullfield_protocol.frame import encode_frame
from nullfield_protocol.messages import MessageId

_LEAVE = (Command.SAFE_OFF, Command.STREAM_STOP, Command.ENTER_REPL)
_ANSWER_S = 0.5
_FIRST_ID = 0x3FFFF000
"""Request ids that no session of a host begins with."""


def leave(link: Link) -> None:
    """Have the application leave for the prompt; closes the link."""
    try:
        for command in _LEAVE:
            link.command(command)
    finally:
        link.close()


def leave_blindly(port: BoardPort) -> None:
    """As `leave`, to firmware of another protocol version.

    Frames and the command request have been the same since the first version; whether it worked shows
    at the prompt.
    """
    transport = port.make_transport()
    transport.set_receiver(lambda data: None)
    transport.set_lost(lambda reason: None)
    transport.open()
    try:
        transport.write(b"\0")
        for number, command in enumerate(_LEAVE):
            payload = build(
                MessageId.COMMAND_REQUEST,
                request_id=_FIRST_ID + number,
                command=int(command),
                argument=[0] * 4,
            )
            transport.write(encode_frame(MessageId.COMMAND_REQUEST, number, payload))
            port.clock.wait(lambda: False, _ANSWER_S)
    except TransportError as error:
        raise FlashError(error.message, error.hint) from error
    finally:
        transport.close()


def bring_to_prompt(found: Found) -> Found:
    """A board with firmware of another protocol version, at its prompt, where all can be read."""
    leave_blindly(found.port)
    prompt, files = open_files(found.port, found.uid)
    with prompt:
        try:
            there = found_at_prompt(found.port, files)
        except NullfieldError:
            prompt.reset()
            raise
    return replace(there, version=found.version)


def restart(found: Found) -> None:
    """Let a board go that was brought to its prompt for a look: its program starts again."""
    with found.port.open_prompt() as prompt:
        if prompt.enter():
            prompt.reset()


@contextmanager
def restarted_at_the_end(boards: Iterable[Found]) -> Iterator[set[str]]:
    """Let the boards at their prompt go when this ends, however it ends.

    The value is a set; a board whose uid is put into it is in other hands and left alone.
    """
    handled: set[str] = set()
    try:
        yield handled
    finally:
        for found in boards:
            if found.kind is Kind.PROMPT and found.uid not in handled:
                # A port that is gone by now must not hide why this ended.
                with suppress(NullfieldError):
                    restart(found)


def open_files(port: BoardPort, uid: str) -> tuple[Prompt, BoardFiles]:
    """Enter the prompt of a board whose application has left.

    Raises
    ------
    FlashError
        If no prompt answers, or it is another board's.
    """
    prompt = port.open_prompt()
    try:
        if not prompt.enter():
            raise FlashError(
                f"board {uid} at {port.name} does not leave for its prompt",
                "hold BOOTSEL through the second after power-on: the board then stays at its prompt",
            )
        files = BoardFiles(prompt)
        if uid and files.facts.uid != uid:
            prompt.reset()
            raise FlashError(
                f"board {uid} was at {port.name}, now {files.facts.uid} answers there",
                "leave the boards plugged in, and run it again",
            )
    except NullfieldError:
        prompt.close()
        raise
    return prompt, files
