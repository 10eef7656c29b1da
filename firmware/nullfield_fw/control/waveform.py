"""Waveforms of the coil channels, from the number of the block alone, so that a host can repeat them.

The phase of block n after the start is ``start + n * increment``, in 2**-32 of a cycle and without its
whole cycles: 32-bit arithmetic that wraps. All channels share n, so they stay in step whatever
their frequencies; a block that was missed counts. `nullfield.room.waveforms` is the same on the host,
equal to the bit; what is changed here is changed there.

=============  =======================================================================================
shape          value by phase
=============  =======================================================================================
SINE           sine by a table of a quarter, 256 intervals, straight lines between: 2e-5 of the
               amplitude at worst
SQUARE         + in the first half of a cycle, - in the second
PSEUDO_RANDOM  + or - by a maximal-length sequence of 1023 chips (x^10 + x^7 + 1); the increment is the
               number of blocks a chip, the start phase (its upper ten bits) the first chip
DEGAUSS        a sine whose amplitude falls after each cycle: to zero in even steps over its cycles, or
               by a factor (in 2**-16) if there is one
=============  =======================================================================================

Bit growth: table values have 22 bits and a sign; a line between two has 15 bits times 14 of the phase;
the amplitude of 24 bits is taken in two parts, 14 and 10 bits, times 17 bits of the sine: 31 bits.
"""

from array import array

import micropython

from ..bits import copy
from .coil_loop import CHANNELS, COMMAND, STRIDE, WAVE

SHAPE = 16
AMPLITUDE = 17
INCREMENT = 18
PHASE_START = 19
DECAY = 20
CYCLES = 21  # 0: without end
CYCLE = 22
ENVELOPE = 23
PHASE = 24
ARMED = 25
RUNNING = 26
ANY_RUNNING = 266
BLOCK = 267  # blocks since the start; -1 before the first one

_QUARTER = 256
_BITS = 22
_CHIPS_AT = 1040  # bytes: 257 words of the sine come first


def new_table():
    """Sine of a quarter (257 words) and the pseudo-random chips (32 words of 32 bits from word 260)."""
    table = array("i", bytearray(4 * (260 + 32)))
    one = 1 << 60
    # pi * 2**60, rounded: integers only, so that every machine makes the same table.
    pi = 3622009729038561421
    for number in range(_QUARTER + 1):
        angle = pi * number // (2 * _QUARTER)
        square = angle * angle >> 60
        term = angle
        total = 0
        order = 1
        while term:
            total += term
            # A right shift of a negative number would never reach zero.
            size = abs(term) * square // one // ((order + 1) * (order + 2))
            term = -size if term > 0 else size
            order += 2
        table[number] = (total + (1 << (59 - _BITS))) >> (60 - _BITS)
    chips = bytearray(128)
    register = 1
    for chip in range(1023):
        if register & 1:
            chips[chip >> 3] |= 1 << (chip & 7)
        feedback = (register ^ (register >> 3)) & 1
        register = register >> 1 | feedback << 9
    # Without a Python integer of 32 bits.
    copy(table, _CHIPS_AT << 16, chips, 128)
    return table


@micropython.viper
def wave_block(state: ptr32, table: ptr32):
    """Value of each running channel in this block."""
    if not state[266]:
        return
    chips = ptr8(uint(table) + 1040)
    number = state[267]
    if number < 0:
        number = 0
    else:
        number += state[270]
    state[267] = number
    running = 0
    for channel in range(8):
        base = channel << 5
        if not state[base + 26]:
            continue
        shape = state[base + 16]
        amplitude = state[base + 17]
        value = 0
        ended = 0
        if shape == 3:
            chip = number // state[base + 18]
            cycles = state[base + 21]
            if cycles and chip >= cycles * 1023:
                ended = 1
            else:
                chip = (chip + ((state[base + 19] >> 22) & 1023)) % 1023
                value = amplitude if (chips[chip >> 3] >> (chip & 7)) & 1 else 0 - amplitude
        else:
            turned = number * state[base + 18]
            phase = turned + state[base + 19]
            # Cycles are counted from the start, whatever the start phase is.
            before = state[base + 24]
            state[base + 24] = turned
            if uint(turned) < uint(before):
                state[base + 22] += 1
                if shape == 4:
                    if state[base + 20]:
                        old = state[base + 23]
                        state[base + 23] = ((old >> 9) * state[base + 20] >> 7) + (
                            (old & 511) * state[base + 20] >> 16
                        )
                    else:
                        left = state[base + 21] - state[base + 22]
                        if left < 0:
                            left = 0
                        step = amplitude // state[base + 21]
                        rest = amplitude - step * state[base + 21]
                        state[base + 23] = step * left + rest * left // state[base + 21]
            if state[base + 21] and state[base + 22] >= state[base + 21]:
                ended = 1
            elif shape == 2:
                value = amplitude if phase >= 0 else 0 - amplitude
            else:
                if shape == 4:
                    amplitude = state[base + 23]
                place = (phase >> 8) & 0x7FFFFF
                if place & 0x400000:
                    place = 0x400000 - (place & 0x3FFFFF)
                else:
                    place = place & 0x3FFFFF
                at = place >> 14
                sine = table[at]
                if at < 256:
                    sine += ((table[at + 1] - sine) * (place & 0x3FFF)) >> 14
                if phase < 0:
                    sine = 0 - sine
                short = (sine + 32) >> 6
                value = ((short * (amplitude >> 10)) >> 6) + ((short * (amplitude & 1023)) >> 16)
        if ended:
            state[base + 26] = 0
        else:
            running = 1
        state[base + 8] = value
    state[266] = running


def start(state):
    """Start all armed channels together; False if none is armed."""
    found = 0
    for channel in range(CHANNELS):
        base = channel * STRIDE
        if state[base + ARMED]:
            found = 1
            state[base + ARMED] = 0
            state[base + RUNNING] = 1
            state[base + CYCLE] = 0
            state[base + PHASE] = 0
            state[base + ENVELOPE] = state[base + AMPLITUDE]
    if found:
        state[BLOCK] = -1
        state[ANY_RUNNING] = 1
    return found == 1


def stop(state):
    """End all waveforms; what they stood at goes on as a part of the command, which ramps."""
    for channel in range(CHANNELS):
        base = channel * STRIDE
        state[base + ARMED] = 0
        state[base + RUNNING] = 0
        state[base + COMMAND] += state[base + WAVE]
        state[base + WAVE] = 0
    state[ANY_RUNNING] = 0
