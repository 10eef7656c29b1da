"""The emulator ends with the program that started it, whatever ends that."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nullfield.emulated import EmulatedBoard
from nullfield.errors import BoardLostError, InputError

PROGRAM = """
import sys
from pathlib import Path
from nullfield.emulated import EmulatedBoard
board = EmulatedBoard(Path(sys.argv[1]))
print(board.port, flush=True)
sys.stdin.read()
"""


def test_emulator_ends_with_a_killed_parent(image: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(image)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    port = int(parent.stdout.readline().rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        parent.kill()
        parent.communicate()
        # Until the emulator closes it.
        while client.recv(4096):
            pass


def test_a_board_that_was_closed_says_so(emulated: EmulatedBoard) -> None:
    emulated.close()
    with pytest.raises(BoardLostError, match="gone"):
        emulated.stats()


def test_bad_requests_are_answered_in_words(emulated: EmulatedBoard) -> None:
    with pytest.raises(InputError, match="there is no pin 30"):
        emulated.pin(30)
    with pytest.raises(InputError, match="1 or more"):
        emulated.cut_after(0)
    with pytest.raises(InputError, match="no command 'dance'"):
        emulated._ask("dance")
    assert emulated.stats().powered
