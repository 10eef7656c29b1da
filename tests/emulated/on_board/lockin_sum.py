"""Checksums of the fast path over pseudo-random blocks; runs on a board and on the unix port.

Amplitudes go from a few steps to the rails, weights and commands to their limits, loops are closed
and open, the modulation on and off. Prints one line for each group of blocks.
"""

import binascii
from array import array

import micropython
from nullfield_fw.control import lockin


@micropython.viper
def scramble(target: ptr32, count: int, seed: int, shift: int) -> int:
    """Fill with xorshift32 numbers of 24 bits, made smaller by `shift`; return the next seed."""
    x = seed
    for i in range(count):
        x = x ^ (x << 13)
        x = x ^ ((x >> 17) & 0x7FFF)
        x = x ^ (x << 5)
        target[i] = (x >> 8) >> shift
    return x


def prepare(state, seed):
    """Set parameters of the four heads from the same numbers."""
    numbers = array("i", bytearray(4 * 64))
    seed = scramble(numbers, 64, seed, 0)
    for head in range(lockin.HEADS):
        base = head * lockin.STRIDE
        own = numbers[16 * head : 16 * head + 16]
        for word in range(4):
            state[base + lockin.W_XI + word] = own[word] % lockin.WEIGHT_LIMIT
            state[base + lockin.SECOND_W_XI + word] = -(own[3 - word] % lockin.WEIGHT_LIMIT)
            state[base + lockin.OFFSET_I + word] = own[word] * 2
        state[base + lockin.LOOP_CLOSED] = own[4] & 1
        state[base + lockin.GAIN] = own[5] & 4095
        for axis in range(3):
            state[base + lockin.U_X + axis] = own[6 + axis] * 14
        state[base + lockin.MODULATION_ON] = own[9] & 1
        state[base + lockin.POLARITY] = 1 if own[10] & 1 else -1
        state[base + lockin.FLAGS] = own[11] & 63
        state[base + lockin.SETTLE] = own[12] & 3
        state[base + lockin.COUNT] = own[13] & 15
    lockin.set_modulation(state, 1 + (numbers[15] & 0x3FFFFFF) % 53687091)
    return seed


def main(groups, blocks):
    """Print the checksums."""
    adc = array("i", bytearray(4 * 160))
    row = bytearray(52)
    dac = array("I", bytearray(4 * 192))
    seed = 0x1234567
    for group in range(groups):
        state = lockin.new_state()
        seed = prepare(state, seed)
        total = 0
        for _ in range(blocks):
            seed = scramble(adc, 160, seed, group % 17)
            lockin.demodulate(adc, state)
            lockin.close_loops(state, row)
            lockin.fill_dac(state, dac)
            total = binascii.crc32(row, total)
            total = binascii.crc32(dac, total)
            total = binascii.crc32(state, total)
        print("%d %08x" % (group, total))
