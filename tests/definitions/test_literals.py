"""Only literals are read, nothing of a definition is ever run."""

import pytest

from nullfield.definitions import board_names, load_definition
from nullfield.definitions.literals import read_literal
from nullfield.errors import DefinitionError, InputError

BAD = {
    "import": ("import os\nBOARD = {}\n", "line 1 is not 'BOARD"),
    "call": ("BOARD = dict(name='x')\n", "not a literal"),
    "call inside": ("BOARD = {'a': int('3')}\n", "not a literal"),
    "arithmetic": ("BOARD = {'a': 2 * 3}\n", "not a literal"),
    "another name": ("TABLE = {}\n", "line 1 is not 'BOARD"),
    "nothing": ('"""Only words."""\n', "0 assignments of BOARD"),
    "twice": ("BOARD = {}\nBOARD = {}\n", "2 assignments of BOARD"),
    "no dictionary": ("BOARD = [1]\n", "BOARD is not a dictionary"),
    "not Python": ("BOARD = {'a': }\n", "not Python"),
    "key twice": ("BOARD = {\n  'spi': {'sck': 2,\n 'sck': 6}}\n", "'sck' stands 2 times"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(tmp_path, case):
    text, words = BAD[case]
    file = tmp_path / "board.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as refused:
        read_literal(file)
    assert str(file) in refused.value.message
    assert words in refused.value.message
    assert refused.value.hint


def test_not_text(tmp_path):
    (tmp_path / "board.py").write_bytes(b"BOARD = {'\xff': 1}")
    with pytest.raises(DefinitionError, match="not UTF-8"):
        read_literal(tmp_path / "board.py")


def test_unknown_name_lists_those_known():
    with pytest.raises(InputError, match="no board definition 'sensor_pico3'") as refused:
        load_definition("sensor_pico3")
    for name in board_names():
        assert name in refused.value.hint


def test_same_board_by_name_folder_and_file():
    from nullfield.places import boards_directory

    folder = boards_directory() / "coil_pico2"
    board = load_definition("coil_pico2")
    assert board == load_definition(folder) == load_definition(folder / "board.py")
