"""Slow references that share no code with the firmware: CRC, COBS, frames, random numbers."""


class Random:
    """Numbers that are the same in every run and on every machine."""

    def __init__(self, seed):
        self._state = seed & 0xFFFFFFFF

    def bits(self):
        """32 bits (Numerical Recipes' linear congruence; the low bits are poor, so mix)."""
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        high = self._state
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (high & 0xFFFF0000) | (self._state >> 16)

    def between(self, low, high):
        """Whole number from low to high, both possible."""
        return low + self.bits() % (high - low + 1)


def signed(value):
    """Two's complement of 32 bits."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def crc32(data):
    """CRC-32 of IEEE 802.3, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def cobs(data):
    """Stuffed bytes with delimiter (Cheshire and Baker 1999); a trailing full group adds nothing."""
    out = bytearray()
    group = bytearray()
    for number, byte in enumerate(data):
        if byte:
            group.append(byte)
            if len(group) == 254:
                out += b"\xff" + group
                group = bytearray()
                if number == len(data) - 1:
                    # The firmware and the host both open a new group here.
                    return bytes(out + b"\x01\x00")
        else:
            out += bytes([len(group) + 1]) + group
            group = bytearray()
    return bytes(out + bytes([len(group) + 1]) + group + b"\0")


def uncobs(stuffed):
    """Data of stuffed bytes without delimiter; ValueError if they are not COBS."""
    out = bytearray()
    at = 0
    while at < len(stuffed):
        code = stuffed[at]
        if code == 0 or at + code > len(stuffed):
            raise ValueError("cobs")
        out += stuffed[at + 1 : at + code]
        at += code
        if code < 255 and at < len(stuffed):
            out.append(0)
    return bytes(out)


def encode(message, sequence, payload):
    """Whole frame as it goes over the wire."""
    head = bytes([message, 0]) + len(payload).to_bytes(2, "little")
    raw = head + (sequence & 0xFFFFFFFF).to_bytes(4, "little") + payload
    return cobs(raw + crc32(raw).to_bytes(4, "little"))


def decode_all(data):
    """(message, sequence, payload) of every frame in some bytes; asserts that each is whole."""
    frames = []
    for stuffed in bytes(data).split(b"\0")[:-1]:
        raw = uncobs(stuffed)
        assert crc32(raw[:-4]) == int.from_bytes(raw[-4:], "little"), "checksum"
        payload = raw[8:-4]
        assert len(payload) == raw[2] | raw[3] << 8, "length"
        frames.append((raw[0], int.from_bytes(raw[4:8], "little"), payload))
    return frames


def u16(data, at):
    """Unsigned 16 bits."""
    return data[at] | data[at + 1] << 8


def u32(data, at):
    """Unsigned 32 bits."""
    return int.from_bytes(data[at : at + 4], "little")


def i32(data, at):
    """Signed 32 bits."""
    return signed(u32(data, at))
