"""A definition that ships, spoilt by a test, as a file of its own."""

import pprint

import pytest

from nullfield.definitions import load_definition


@pytest.fixture
def spoilt(tmp_path):
    """Write a changed definition; keys are joined by dots, ``None`` with ``drop`` removes one."""

    def write(name, changes=(), drop=()):
        board = load_definition(name)
        for path, value in dict(changes).items():
            *parents, last = path.split(".")
            table = board
            for parent in parents:
                table = table.setdefault(parent, {})
            table[last] = value
        for path in drop:
            *parents, last = path.split(".")
            table = board
            for parent in parents:
                table = table[parent]
            del table[last]
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        text = f'"""Spoilt."""\n\nBOARD = {pprint.pformat(board, sort_dicts=False)}\n'
        (folder / "board.py").write_text(text, encoding="utf-8")
        return folder

    return write
