"""A board's shell: runs lines of commands, says what came of them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from nullfield.devices.board import Board
from nullfield.devices.trace import Scope
from nullfield.errors import InputError
from nullfield.shell.verbs import Verb, verbs_of


class Access(Protocol):
    """Where the board comes from, and comes back from after a reset."""

    port: str

    def reconnect(self) -> Board[Any]:
        """Connect again."""
        ...


class Shell:
    """Commands for one board.

    Parameters
    ----------
    board : Board
        Connected; exchanged for a new one by ``reset``.
    access : Access
    say : callable
        Takes each line for the user.

    Attributes
    ----------
    is_over : bool
        Set by ``quit`` and ``repl``.
    is_at_prompt : bool
        The board shows MicroPython's prompt now.
    """

    def __init__(self, board: Board[Any], access: Access, say: Callable[[str], None]) -> None:
        self.board = board
        self.access = access
        self.say = say
        self.scope = Scope(board)
        self.is_over = False
        self.is_at_prompt = False
        self.verbs: dict[str, Verb] = verbs_of(board)
        self._told_faults = 0

    def run(self, text: str) -> None:
        """Run a text of commands, parted by semicolons and line ends; ``#`` begins a remark.

        Raises
        ------
        NullfieldError
            Of the first command that fails; the rest is not run.
        """
        for words in commands_of(text):
            if self.is_over:
                return
            verb = self.verbs.get(words[0].lower())
            if verb is None:
                raise InputError(
                    f"'{words[0]}': the board has no such command", "help lists the commands"
                )
            try:
                verb.run(self, words[1:])
            finally:
                self.tell_news()

    def tell_news(self) -> None:
        """Say the log lines and faults that came since the last time."""
        if self.is_at_prompt:
            return
        while self.board.logs:
            line = self.board.logs.popleft()
            self.say(f"[{line.board_time_us / 1e6:.3f} s] {line.level.name.lower()}: {line.text}")
        faults = self.board.link.faults
        for fault in faults[min(self._told_faults, len(faults)) :]:
            self.say(f"[{fault.board_time_us / 1e6:.3f} s] fault: {fault}")
        self._told_faults = len(faults)

    def restart(self) -> None:
        """Reset the board and connect to it again."""
        self.board.reset()
        self.board.close()
        self.board = self.access.reconnect()
        self.scope = Scope(self.board)
        self._told_faults = 0


def commands_of(text: str) -> Iterator[list[str]]:
    """Words of each command in a text.

    Raises
    ------
    InputError
        If a quotation mark is left open.
    """
    for part in text.splitlines():
        words: list[str] = []
        try:
            lexer = shlex.shlex(part, posix=True, punctuation_chars=";")
            lexer.whitespace_split = True
            tokens = list(lexer)
        except ValueError as error:
            raise InputError(f"'{part}': {error}", "close the quotation mark") from error
        for token in [*tokens, ";"]:
            if set(token) != {";"}:
                words.append(token)
            elif words:
                yield words
                words = []
