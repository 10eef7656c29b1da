"""Fixtures of the emulated rung: one image, boards that run it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from links import connect_to

from nullfield.devices.board import Board
from nullfield.emulated import EmulatedBoard, Prompt

IMAGE_VARIABLE = "NULLFIELD_EMULATED_IMAGE"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder, and skip them without an image."""
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.emulated)
        if IMAGE_VARIABLE not in os.environ:
            item.add_marker(
                pytest.mark.skip(reason="run by 'make test-emulated', which builds the image")
            )


@pytest.fixture(scope="session")
def image() -> Path:
    """The RP2040 image under test."""
    return Path(os.environ[IMAGE_VARIABLE])


@pytest.fixture
def emulated(image: Path) -> Iterator[EmulatedBoard]:
    """A board of its own for one test, with a new flash."""
    with EmulatedBoard(image) as board:
        yield board


@pytest.fixture(scope="module")
def shared(image: Path) -> Iterator[EmulatedBoard]:
    """One board for the tests of a module that do not change it for each other."""
    with EmulatedBoard(image) as board:
        yield board


@pytest.fixture(scope="module")
def prompt(shared: EmulatedBoard) -> Iterator[Prompt]:
    """The shared board's prompt."""
    with Prompt(shared) as one:
        yield one


@pytest.fixture
def open_link() -> Iterator[Callable[[EmulatedBoard], Board[Any]]]:
    """Connect to a board; it is let go at the end."""
    opened: list[Board[Any]] = []

    def one(board: EmulatedBoard) -> Board[Any]:
        opened.append(connect_to(board))
        return opened[-1]

    yield one
    for board in opened:
        board.close()
