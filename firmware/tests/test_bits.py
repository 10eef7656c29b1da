"""Words in byte buffers, against Python's big integers."""

from array import array

from nullfield_fw import bits
from reference import Random, i32, signed, u16, u32

_LIMITS = (
    0,
    1,
    -1,
    0x7FFF,
    0x8000,
    0xFFFF,
    (1 << 30) - 1,
    1 << 30,
    0x7FFFFFFF,
    -(1 << 31),
    -(1 << 30) - 1,
)


def test_add_u64_carries_into_the_high_word():
    buffer = bytearray(12)
    for start in (0, 0xFFFFFFFF, 0xFFFFFC18, 0x7FFFFFFF, 0x1FFFFFFFF, (1 << 63) - 1):
        for amount in (0, 1, 1000, 60000, (1 << 30) - 1):
            buffer[:] = b"\xaa" * 12
            buffer[4:12] = start.to_bytes(8, "little")
            bits.add_u64(buffer, 4, amount)
            assert int.from_bytes(buffer[4:12], "little") == start + amount, (start, amount)
            assert bytes(buffer[:4]) == b"\xaa" * 4


def test_add_u64_over_days_of_blocks():
    buffer = bytearray(8)
    for _ in range(5000):
        bits.add_u64(buffer, 0, 999983)
    assert int.from_bytes(buffer, "little") == 5000 * 999983


def test_add_u32_wraps():
    buffer = bytearray(8)
    buffer[4:] = b"\xff\xff\xff\xff"
    bits.add_u32(buffer, 4, 3)
    assert u32(buffer, 4) == 2
    assert u32(buffer, 0) == 0


def test_put_and_get_32_bits():
    buffer = bytearray(12)
    for value in _LIMITS:
        bits.put_i32(buffer, 4, value)
        assert i32(buffer, 4) == value and bits.get_i32(buffer, 4) == value, value
        assert u32(buffer, 0) == 0
        assert u32(buffer, 8) == 0


def test_get_small_clips_to_small_integers():
    buffer = bytearray(8)
    most = (1 << 30) - 1
    for value in _LIMITS:
        bits.put_i32(buffer, 4, value)
        assert bits.get_small(buffer, 4) == max(min(value, most), -most), value


def test_put_and_get_16_bits():
    buffer = bytearray(6)
    for value in (0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x12345):
        bits.put_u16(buffer, 2, value)
        assert u16(buffer, 2) == value & 0xFFFF == bits.get_u16(buffer, 2)
        assert u16(buffer, 0) == 0
        assert u16(buffer, 4) == 0


def test_copy_with_offsets():
    source = bytearray(range(64))
    target = bytearray(64)
    bits.copy(target, 5 << 16 | 9, source, 20)
    assert bytes(target) == bytes(5) + bytes(range(9, 29)) + bytes(39)
    bits.copy(target, 0, b"from bytes", 10)
    assert target[:10] == b"from bytes"


def test_copy_words():
    random = Random(5)
    words = array("i", [signed(random.bits()) for _ in range(8)])
    target = bytearray(40)
    bits.copy_words(target, 4, words, 8)
    for number in range(8):
        assert i32(target, 4 + 4 * number) == words[number]
    assert u32(target, 0) == 0
    assert u32(target, 36) == 0


def test_equal():
    a = bytearray(b"..abcdef")
    b = bytearray(b"abcdxf")
    assert bits.equal(a, 2 << 16, b, 4) == 1
    assert bits.equal(a, 2 << 16, b, 5) == 0
    assert bits.equal(a, 7 << 16 | 5, b, 1) == 1
    assert bits.equal(a, 0, b, 0) == 1
