"""Cycles of the fast path on the emulated RP2040: simulated, without a model of the flash's timing.

A pin is raised before and lowered after a number of calls, and the emulator tells the cycle of each
edge. What the loop and the pin cost is measured the same way with an empty call, and taken off.
"""

from __future__ import annotations

from nullfield.emulated.board import EmulatedBoard
from nullfield.emulated.prompt import Prompt

LABEL = "simulated cycles, no flash timing model"
PARTS = ("demodulate", "close_loops", "fill_dac")
BLOCK_US = 1000

_PIN = 15
_CALLS = 64
_EVENT_S = 60.0

_SET_UP = """
import gc
import micropython
from array import array
from machine import Pin
from nullfield_fw.control import lockin

state = lockin.new_state()
lockin.set_modulation(state, 1 << 20)
for head in range(lockin.HEADS):
    base = head * lockin.STRIDE
    state[base + lockin.W_XI] = state[base + lockin.W_YQ] = 12000
    state[base + lockin.LOOP_CLOSED] = state[base + lockin.MODULATION_ON] = 1
    state[base + lockin.GAIN] = 3000
adc = array("i", [(number * 7919) %% 20001 - 10000 for number in range(160)])
row = array("i", bytearray(4 * 13))
dac = array("I", bytearray(4 * 192))
pin = Pin(%d, Pin.OUT, value=0)

@micropython.viper
def nothing(first: ptr32, second: ptr32):
    pass

def measure(call, first, second):
    gc.collect()
    pin.value(1)
    for _ in range(%d):
        call(first, second)
    pin.value(0)
"""

_CALLS_OF = {
    "nothing": "measure(nothing, adc, state)",
    "demodulate": "measure(lockin.demodulate, adc, state)",
    "close_loops": "measure(lockin.close_loops, state, row)",
    "fill_dac": "measure(lockin.fill_dac, state, dac)",
}


def measure_cycles(board: EmulatedBoard) -> dict[str, float]:
    """Cycles of each part of the fast path, for one block of four heads.

    Parameters
    ----------
    board : EmulatedBoard
        It is restarted.

    Returns
    -------
    dict
        By the name of the function; ``fast path`` is their sum.
    """
    with Prompt(board) as prompt:
        prompt.run(_SET_UP % (_PIN, _CALLS))
        board.watch(_PIN)
        cycles = {name: _cycles(board, prompt, code) for name, code in _CALLS_OF.items()}
        board.unwatch(_PIN)
    spent = {name: cycles[name] - cycles["nothing"] for name in PARTS}
    return {**spent, "fast path": sum(spent.values())}


def _cycles(board: EmulatedBoard, prompt: Prompt, code: str) -> float:
    board.events("pin")
    prompt.run(code)
    edges = [board.wait_event("pin", _EVENT_S) for _ in range(2)]
    return float((edges[1]["cycles"] - edges[0]["cycles"]) / _CALLS)


def report(cycles: dict[str, float], clock_hz: float) -> list[str]:
    """Lines for a person.

    Parameters
    ----------
    cycles : dict
        What `measure_cycles` returned.
    clock_hz : float
        Of the processor.
    """
    lines = [f"RP2040, {LABEL}; four heads, one block"]
    for name, count in cycles.items():
        share = count / (clock_hz * BLOCK_US * 1e-6)
        lines.append(
            f"  {name:12} {count:8.0f} cycles = {count / clock_hz * 1e6:6.1f} us at "
            f"{clock_hz / 1e6:.0f} MHz, {share:.1%} of a block"
        )
    return lines
