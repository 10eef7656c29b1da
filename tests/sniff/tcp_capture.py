"""Captures of TCP as other programs make them."""

import struct

BOARD, CLIENT = b"\x7f\0\0\1", b"\x7f\0\0\1"


def segment(from_port, to_port, sequence, data, flags=0x18):
    """Ethernet, IPv4 and TCP headers around data."""
    tcp = struct.pack(">HHIIBBHHH", from_port, to_port, sequence, 0, 5 << 4, flags, 65535, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0, BOARD, CLIENT)
    return bytes(12) + b"\x08\x00" + ip + tcp + data


def tcp_capture(path, pieces, board_port=4000, client_port=50321, order="<", nanoseconds=False):
    """A pcap file of one connection in which a board sends these pieces."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    start = 0xFFFFFF00  # wraps soon
    packets = [segment(client_port, board_port, 7, b"", 0x02)]
    packets.append(segment(board_port, client_port, start - 1, b"", 0x12))
    at = start
    for piece in pieces:
        packets.append(segment(board_port, client_port, at & 0xFFFFFFFF, piece))
        at += len(piece)
    for number, packet in enumerate(packets):
        fraction = number * (1000000 if nanoseconds else 1000)
        out += struct.pack(order + "IIII", 100, fraction, len(packet), len(packet)) + packet
    path.write_bytes(out)
    return path
