"""Board definitions: literals only, complete, and no pin used twice."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

BOARDS = Path(__file__).resolve().parents[2] / "boards"
NAMES = sorted(path.parent.name for path in BOARDS.glob("*/board.py"))

# GPIOs of a Pico 2 header, and the LED. 23, 24 and 29 belong to the module's supply.
USABLE = {*range(23), 25, 26, 27, 28}
# Functions that the RP2350 (as the RP2040) offers on a pin: data sheet, "GPIO function select".
SPI_PINS = {
    0: {"miso": {0, 4, 16, 20}, "sck": {2, 6, 18, 22}, "mosi": {3, 7, 19, 23}},
    1: {"miso": {8, 12, 24, 28}, "sck": {10, 14, 26}, "mosi": {11, 15, 27}},
}
UART_PINS = {
    0: {"tx": {0, 12, 16, 28}, "rx": {1, 13, 17, 29}},
    1: {"tx": {4, 8, 20, 24}, "rx": {5, 9, 21, 25}},
}


def load(name):
    tree = ast.parse((BOARDS / name / "board.py").read_text())
    (assignment,) = [node for node in tree.body if isinstance(node, ast.Assign)]
    assert assignment.targets[0].id == "BOARD"
    return ast.literal_eval(assignment.value)


def pins(board):
    for bus in board["spi"].values():
        yield from (bus["sck"], bus["mosi"], bus["miso"])
    for chip in board["chips"].values():
        yield from chip.get("stream", {}).values()
        if "cs" in chip:
            yield chip["cs"]
        if "uart" in chip:
            yield from (chip["uart"]["tx"], chip["uart"]["rx"])
    for group in ("pwm", "outputs", "inputs"):
        for entry in board[group].values():
            yield entry["pin"]
    if "stepper" in board:
        yield from (board["stepper"]["step"], board["stepper"]["direction"])


@pytest.mark.parametrize("name", NAMES)
def test_board(name):
    board = load(name)
    assert board["name"] == name
    assert len(name) <= 24  # as the identity message carries it
    used = list(pins(board))
    assert len(used) == len(set(used)), "a pin is used twice"
    assert set(used) <= USABLE
    for chip in board["chips"].values():
        assert ("stream" in chip) + ("spi" in chip) + ("uart" in chip) == 1
        if "spi" in chip:
            assert chip["spi"] in board["spi"]
    for output in board["outputs"].values():
        assert output["safe"] in (0, 1)
    for value in (*board["scales"].values(), *board["limits"].values()):
        assert isinstance(value, int)
        assert abs(value) < 1 << 30  # a small integer in MicroPython


@pytest.mark.parametrize("name", NAMES)
def test_peripherals_reach_their_pins(name):
    board = load(name)
    for bus in board["spi"].values():
        for signal, allowed in SPI_PINS[bus["id"]].items():
            assert bus[signal] in allowed
    for chip in board["chips"].values():
        if "uart" in chip:
            for signal, allowed in UART_PINS[chip["uart"]["id"]].items():
                assert chip["uart"][signal] in allowed
        if "stream" in chip:
            assert chip["stream"]["cs"] == chip["stream"]["sck"] + 1  # side-set pins
    # A PWM slice has two channels: GPIO n is on slice n // 2 % 8, channel n % 2.
    channels = [entry["pin"] % 16 for entry in board["pwm"].values()]
    assert len(channels) == len(set(channels))


def test_every_role_has_a_board():
    assert {load(name)["role"] for name in NAMES} == {"sensor", "coil", "table", "bringup"}
