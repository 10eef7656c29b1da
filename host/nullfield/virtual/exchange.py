"""Messages between the rig process and a board process (firmware side: ``hal/virtual.py``).

All over a packet socket, so a message arrives whole. Little-endian.

======  =========================================================================
tick    ``T``, 0, u16 link bytes, u32 block, u32 input levels, i32 stepper count, ADC words, link bytes
tock    ``K``, flags, u16 link bytes, u32 0, u32 output levels, i32 step rate, 8 x u16 PWM duty,
        u16 posted bytes, u16 watchdog ms, u32 0, DAC words, posted writes, link bytes
X       ``X``, device, u16 sent, u16 posted, u16 wanted, posted writes, bytes sent; answer: bytes
F       ``F``, operation, u16 block, u16 offset, u16 length, data; answer: data or one byte
B       ``B``: who am I; answer: ``B``, 0, 0, 0, reset cause, u16 flash blocks, 0, uid
Q       ``Q``, reason: the board leaves, 0 for a reset, 1 for the prompt
======  =========================================================================
"""

from __future__ import annotations

import struct
from typing import NamedTuple

TICK = struct.Struct("<BBHIIi")
TOCK = struct.Struct("<BBHIIi8HHHI")
TRANSFER = struct.Struct("<BBHHH")
FLASH = struct.Struct("<BBHHH")

LINK_BYTES_PER_BLOCK = 256
"""Most bytes that a board takes from the host in one block."""

KIND_TOCK = ord("K")
KIND_TRANSFER = ord("X")
KIND_FLASH = ord("F")
KIND_HELLO = ord("B")
KIND_QUIT = ord("Q")

FLAG_FED = 1
FLAG_WATCHDOG = 2

LARGEST_MESSAGE = 16384


class Tock(NamedTuple):
    """What a board hands over at the end of a block."""

    fed: bool
    outputs: int
    step_rate: int
    duties: tuple[int, ...]
    watchdog_ms: int
    dac: memoryview
    posted: bytes
    link: bytes


def pack_tick(block: int, inputs: int, steps: int, adc: bytes, link: bytes) -> bytes:
    """Build a tick; always of one length, as MicroPython reads until its buffer is full."""
    head = TICK.pack(ord("T"), 0, len(link), block & 0xFFFFFFFF, inputs, steps)
    return head + adc + link.ljust(LINK_BYTES_PER_BLOCK, b"\0")


def unpack_tock(message: bytes, dac_bytes: int) -> Tock:
    """Take a tock apart; the DAC words stay a view on the message."""
    _, flags, link, _, outputs, rate, *rest = TOCK.unpack_from(message)
    posted, watchdog_ms = rest[8], rest[9]
    dac_end = TOCK.size + dac_bytes
    posted_end = dac_end + posted
    return Tock(
        bool(flags & FLAG_FED),
        outputs,
        rate,
        tuple(rest[:8]),
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
