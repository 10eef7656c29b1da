"""Time of the sensor board's fast path; runs on MicroPython, prints JSON."""

import json
import time
from array import array

from nullfield_fw.control import lockin

BLOCKS = 20000


def main():
    """Time the three calls of a block, apart and together."""
    state = lockin.new_state()
    lockin.set_modulation(state, 1 << 20)
    for head in range(lockin.HEADS):
        base = head * lockin.STRIDE
        state[base + lockin.W_XI] = state[base + lockin.W_YQ] = 12000
        state[base + lockin.LOOP_CLOSED] = state[base + lockin.MODULATION_ON] = 1
        state[base + lockin.GAIN] = 3000
    adc = array("i", bytearray(4 * 160))
    for number in range(160):
        adc[number] = (number * 7919) % 20001 - 10000
    row = array("i", bytearray(4 * 13))
    dac = array("I", bytearray(4 * 192))
    parts = (
        ("demodulate", lambda: lockin.demodulate(adc, state)),
        ("close_loops", lambda: lockin.close_loops(state, row)),
        ("fill_dac", lambda: lockin.fill_dac(state, dac)),
    )
    # Pairs: MicroPython's dictionaries keep no order.
    spent = []
    for name, call in parts:
        start = time.ticks_us()
        for _ in range(BLOCKS):
            call()
        spent.append(("firmware " + name, time.ticks_diff(time.ticks_us(), start) / BLOCKS))
    spent.append(("firmware fast path", sum(value for _, value in spent)))
    print(json.dumps(spent))


main()
