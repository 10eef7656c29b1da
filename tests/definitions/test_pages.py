"""Pages say what the definitions say, and are fresh."""

import re

import pytest

from nullfield.definitions import board_names, load_board, load_definition
from nullfield.definitions.__main__ import main
from nullfield.definitions.chips import CHIPS
from nullfield.definitions.mcus import HEADER_PINS
from nullfield.definitions.pages.page import page, page_of, stale_pages
from nullfield.definitions.pin_use import pin_uses


def test_pages_are_fresh():
    stale = [str(path) for path, _ in stale_pages(board_names())]
    assert not stale, "run: python -m nullfield.definitions --write"


def test_check_and_write(spoilt, monkeypatch, capsys):
    folder = spoilt("coil_pico2")
    (folder / "notes.md").write_text("- Built on a Tuesday.\n", encoding="utf-8")

    def run(option):
        monkeypatch.setattr("sys.argv", ["definitions", option, str(folder)])
        return main()

    assert run("--check") == 1
    assert "README.md: stale" in capsys.readouterr().err
    assert run("--write") == 0
    assert run("--check") == 0
    assert "Built on a Tuesday." in (folder / "README.md").read_text(encoding="utf-8")
    (folder / "notes.md").write_text("- Built on a Friday.\n", encoding="utf-8")
    assert run("--check") == 1


def test_a_wrong_definition_has_no_page(spoilt, monkeypatch, capsys):
    folder = spoilt("coil_pico2", {"inputs.sync.pin": 22})
    monkeypatch.setattr("sys.argv", ["definitions", "--write", str(folder)])
    assert main() == 3
    assert "inputs.sync.pin: GPIO22 is used" in capsys.readouterr().err
    assert not (folder / "README.md").exists()


@pytest.mark.parametrize("name", board_names())
def test_page_has_every_pin_once_and_every_number(name):
    _, text = page_of(name)
    literal = load_definition(name)
    rows = re.findall(r"^\| (\d+|module) \| GPIO(\d+) \|", text, flags=re.MULTILINE)
    assert sorted(int(gpio) for _, gpio in rows) == sorted(
        u.gpio for u in pin_uses(load_board(name))
    )
    for number, gpio in rows:
        assert number == str(HEADER_PINS.get(int(gpio), "module"))
    for group in ("scales", "limits"):
        for key, value in literal[group].items():
            assert f"| `{key}` | {value} |" in text
    for chip in literal["chips"].values():
        assert CHIPS[chip["chip"]].sheet in text
    for section in ("Block diagram", "Wiring", "Key parts", "Power-up", "Notes"):
        assert f"\n## {section}\n" in text
    for output in literal["outputs"].values():
        assert f"GPIO {output['pin']}" in text.partition("## Wiring")[0]


def test_page_follows_its_definition():
    board = load_board("sensor_pico2")
    before = page(board, "")
    enable = board.outputs["laser_enable"].model_copy(update={"pin": 0, "active_low": True})
    moved = board.model_copy(update={"outputs": {**board.outputs, "laser_enable": enable}})
    after = page(moved, "")
    assert "laser_enable on pin 29 (GPIO22) 10 kΩ to ground" in before
    assert "laser_enable on pin 1 (GPIO0) 10 kΩ to 3V3" in after
    assert "laser_enable 3.3 V on pin 1 (GPIO0)" in after
    assert (
        "| 1 | GPIO0 | laser_enable | out | GPIO | enable of the four laser drivers | high (off), "
        in after
    )
    low = moved.model_copy(update={"limits": {**board.limits, "laser_current_max_na": 1_600_000}})
    assert "never above 1.6 mA" in page(low, "")
