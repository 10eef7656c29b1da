"""Small words in byte buffers, without making Python integers.

A 32-bit value above 2**30 is a heap object in MicroPython; counters and times that run for days are
therefore kept in byte buffers and counted there.
"""

import micropython


@micropython.viper
def add_u64(buffer: ptr8, offset: int, amount: int):
    """Add a small amount to the little-endian 64-bit word at an offset aligned to 4."""
    words = ptr32(uint(buffer) + offset)
    low = uint(words[0])
    after = low + uint(amount)
    words[0] = int(after)
    if after < low:
        words[1] = words[1] + 1


@micropython.viper
def add_u32(buffer: ptr8, offset: int, amount: int):
    """Add to the little-endian 32-bit word at an offset aligned to 4."""
    words = ptr32(uint(buffer) + offset)
    words[0] = words[0] + amount


@micropython.viper
def put_i32(buffer: ptr8, offset: int, value: int):
    """Store 32 bits at an offset aligned to 4."""
    words = ptr32(uint(buffer) + offset)
    words[0] = value


@micropython.viper
def get_i32(buffer: ptr8, offset: int) -> int:
    """Load 32 bits from an offset aligned to 4; above 2**30 the result is a heap object."""
    words = ptr32(uint(buffer) + offset)
    return words[0]


@micropython.viper
def get_small(buffer: ptr8, offset: int) -> int:
    """Load 32 bits, clipped to a small integer: what a stranger sent must not make a heap object."""
    words = ptr32(uint(buffer) + offset)
    value = words[0]
    if value > 0x3FFFFFFF:
        return 0x3FFFFFFF
    if value < 0 - 0x3FFFFFFF:
        return 0 - 0x3FFFFFFF
    return value


@micropython.viper
def put_u16(buffer: ptr8, offset: int, value: int):
    """Store 16 bits at an even offset."""
    words = ptr16(uint(buffer) + offset)
    words[0] = value


@micropython.viper
def get_u16(buffer: ptr8, offset: int) -> int:
    """Load 16 bits from an even offset."""
    words = ptr16(uint(buffer) + offset)
    return words[0]


@micropython.viper
def copy(target: ptr8, places: int, source: ptr8, count: int):
    """Copy count bytes; `places` is target offset << 16 | source offset.

    Eight bytes a turn by constant indices: viper makes one load and one store of each.
    """
    to = ptr8(uint(target) + (places >> 16))
    start = ptr8(uint(source) + (places & 0xFFFF))
    while count >= 8:
        to[0] = start[0]
        to[1] = start[1]
        to[2] = start[2]
        to[3] = start[3]
        to[4] = start[4]
        to[5] = start[5]
        to[6] = start[6]
        to[7] = start[7]
        to = ptr8(uint(to) + 8)
        start = ptr8(uint(start) + 8)
        count -= 8
    for i in range(count):
        to[i] = start[i]


@micropython.viper
def copy_words(target: ptr8, offset: int, source: ptr32, count: int):
    """Copy count 32-bit words from an array to an aligned place in a buffer."""
    words = ptr32(uint(target) + offset)
    for i in range(count):
        words[i] = source[i]


@micropython.viper
def equal(a: ptr8, places: int, b: ptr8, count: int) -> int:
    """1 if count bytes are equal; `places` is offset in a << 16 | offset in b."""
    first = places >> 16
    second = places & 0xFFFF
    for i in range(count):
        if a[first + i] != b[second + i]:
            return 0
    return 1
