"""Live samples as one binary message of the traces' WebSocket, twenty times a second.

Little-endian, no padding: `n_channels` (uint32), `n_samples` (uint32), `start_time_s` (float64),
`rate_hz` (float32), `flags` (uint32), then `field_pt` as float32, channel after channel. The header
is 24 bytes long, so that a browser can lay a `Float32Array` over the samples without copying them.
A sample that was lost is NaN: gaps are shown, never bridged.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

import numpy as np

from nullfield.dsp.gaps import FloatArray
from nullfield.errors import InputError

_HEADER = struct.Struct("<IIdfI")
HEADER_BYTES = _HEADER.size


class FrameFlags(enum.IntFlag):
    """What a viewer should know of a frame beside its samples."""

    NONE = 0
    SKIPPED = 1
    """Samples before this frame were not sent, because this viewer reads too slowly."""
    RECORDING = 2
    """These samples are also being written to a recording."""


@dataclass(frozen=True)
class Frame:
    """One message, unpacked.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels, n_samples)``
        NaN where a sample was lost.
    start_time_s : float
        Time of the first sample on the instrument's clock.
    rate_hz : float
    flags : FrameFlags
    """

    field_pt: FloatArray
    start_time_s: float
    rate_hz: float
    flags: FrameFlags


def pack(
    field_pt: FloatArray, start_time_s: float, rate_hz: float, flags: int = FrameFlags.NONE
) -> bytes:
    """One message of samples.

    Parameters
    ----------
    field_pt : numpy.ndarray, shape ``(n_channels, n_samples)``
        NaN where a sample was lost.
    start_time_s, rate_hz : float
    flags : int
        `FrameFlags`.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If `field_pt` is not two-dimensional.
    """
    if field_pt.ndim != 2:
        raise InputError(
            f"live samples have {field_pt.ndim} dimension(s), not channels by samples",
            hint="pass an array of shape (n_channels, n_samples)",
        )
    n_channels, n_samples = field_pt.shape
    header = _HEADER.pack(n_channels, n_samples, start_time_s, rate_hz, int(flags))
    return header + np.ascontiguousarray(field_pt, dtype="<f4").tobytes()


def unpack(message: bytes) -> Frame:
    """Read a message back, as a client of the WebSocket does.

    Raises
    ------
    InputError
        If the message is shorter or longer than its header says.
    """
    if len(message) < HEADER_BYTES:
        raise InputError(
            f"a live frame of {len(message)} bytes is shorter than its header of {HEADER_BYTES}",
            hint="read whole WebSocket messages; each is one frame",
        )
    n_channels, n_samples, start_time_s, rate_hz, flags = _HEADER.unpack_from(message)
    expected = HEADER_BYTES + 4 * n_channels * n_samples
    if len(message) != expected:
        raise InputError(
            f"a live frame of {n_channels} x {n_samples} samples has {len(message)} bytes,"
            f" not {expected}",
            hint="read whole WebSocket messages; each is one frame",
        )
    samples = np.frombuffer(message, dtype="<f4", offset=HEADER_BYTES)
    return Frame(
        field_pt=samples.reshape(n_channels, n_samples).astype(np.float64),
        start_time_s=start_time_s,
        rate_hz=rate_hz,
        flags=FrameFlags(flags),
    )
