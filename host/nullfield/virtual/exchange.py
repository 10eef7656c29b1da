"""Messages between the rig process and a board process (firmware side: ``hal/virtual.py``).

All over a packet socket, so a message arrives whole. Little-endian.

======  =========================================================================
tick    ``T``, u8 die temperature in degC + 100, u16 link bytes, u32 block, u16 input levels,
        u16 supply in mV, i32 stepper count, ADC words, link bytes
tock    ``K``, flags, u16 link bytes, u32 0, u32 output levels, i32 step rate, 8 x u16 PWM duty,
        u16 posted bytes, u16 watchdog ms, u32 0, DAC words, posted writes, link bytes
X       ``X``, device, u16 sent, u16 posted, u16 wanted, posted writes, bytes sent; answer: bytes
F       ``F``, operation, u16 block, u16 offset, u16 length, data; answer: data or one byte
B       ``B``: who am I; answer: ``B``, 0, 0, 0, reset cause, u16 flash blocks, 0, uid, 2 x u32 scratch
W       ``W``, number, 0, 0, u32: a scratch word, kept through resets; answer: one byte
Q       ``Q``, reason: the board leaves, 0 for a reset, 1 for good
======  =========================================================================
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

TICK = struct.Struct("<BBHIHHi")
TOCK = struct.Struct("<BBHIIi16sHHI")
TRANSFER = struct.Struct("<BBHHH")
FLASH = struct.Struct("<BBHHH")

LINK_BYTES_PER_BLOCK = 256
"""Most bytes that a board takes from the host in one block."""

_TICK_KIND = ord("T")
KIND_TOCK = ord("K")
KIND_TRANSFER = ord("X")
KIND_FLASH = ord("F")
KIND_HELLO = ord("B")
KIND_QUIT = ord("Q")
KIND_SCRATCH = ord("W")

FLAG_FED = 1
FLAG_WATCHDOG = 2

LARGEST_MESSAGE = 16384


class Tock(NamedTuple):
    """What a board hands over at the end of a block; duties are eight little-endian uint16."""

    fed: bool
    outputs: int
    step_rate: int
    duties: bytes
    watchdog_ms: int
    dac: memoryview
    posted: bytes
    link: bytes


class TickBuffer:
    """The tick of one board, written in place each block.

    Always of one length, as MicroPython reads until its buffer is full.

    Parameters
    ----------
    adc_words : int
        ADC words in it.

    Attributes
    ----------
    message : bytearray
    adc : numpy.ndarray of int32
        View on its ADC words.
    """

    def __init__(self, adc_words: int) -> None:
        self._link_at = TICK.size + 4 * adc_words
        self.message = bytearray(self._link_at + LINK_BYTES_PER_BLOCK)
        self.adc = np.frombuffer(self.message, np.int32, adc_words, TICK.size)

    def fill(
        self, block: int, inputs: int, steps: int, link: bytes, supply_mv: int, die_c: int
    ) -> None:
        """Write header and link bytes; the ADC words are written through `adc`."""
        TICK.pack_into(
            self.message, 0, _TICK_KIND, die_c + 100, len(link), block & 0xFFFFFFFF, inputs,
            supply_mv, steps,
        )  # fmt: skip
        if link:
            self.message[self._link_at : self._link_at + len(link)] = link


def unpack_tock(message: bytes, dac_bytes: int) -> Tock:
    """Take a tock apart; the DAC words stay a view on the message."""
    _, flags, link, _, outputs, rate, duties, posted, watchdog_ms, _ = TOCK.unpack_from(message)
    dac_end = TOCK.size + dac_bytes
    posted_end = dac_end + posted
    return Tock(
        bool(flags & FLAG_FED),
        outputs,
        rate,
        duties,
        watchdog_ms if flags & FLAG_WATCHDOG else 0,
        memoryview(message)[TOCK.size : dac_end],
        message[dac_end:posted_end],
        message[posted_end : posted_end + link],
    )


def split_posted(posted: bytes) -> list[tuple[int, bytes]]:
    """Posted writes as (device, bytes), in order."""
    out: list[tuple[int, bytes]] = []
    at = 0
    while at < len(posted):
        device, count = posted[at], posted[at + 1]
        out.append((device, posted[at + 2 : at + 2 + count]))
        at += 2 + count
    return out
