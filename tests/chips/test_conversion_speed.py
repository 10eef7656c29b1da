"""Work of the block kernels for ten boards; `python test_conversion_speed.py` prints the times."""

from __future__ import annotations

import time

import numpy as np

from nullfield.virtual.chips import fill_frames, words_to_volts

BOARDS = 10


def blocks():
    rng = np.random.Generator(np.random.PCG64(5))
    adc = (
        rng.normal(0.0, 0.5, (BOARDS, 8, 16)),
        rng.normal(0.0, 5e-6, (BOARDS, 8, 16)),
        np.ones((BOARDS, 8)),
        np.ones(BOARDS, dtype=np.bool_),
        np.zeros((BOARDS, 16, 10), dtype=np.int32),
    )
    words = np.zeros((BOARDS, 16, 12), dtype=np.uint32)
    words[:] = np.arange(12, dtype=np.uint32) << 24
    words |= rng.integers(0, 65536, words.shape, dtype=np.uint32) << 8
    dac = (
        words,
        np.full((BOARDS, 16), 0x8000, dtype=np.uint16),
        np.full((BOARDS, 16), -10.0),
        np.full((BOARDS, 16), 20.0 / 65536.0),
        np.zeros((BOARDS, 12, 16)),
    )
    return adc, dac


def test_ten_boards_at_once():
    adc, dac = blocks()
    fill_frames(*adc)
    words_to_volts(*dac)
    expected = np.floor(np.clip((adc[0] + adc[1]) / 1.2, -1, 1 - 2**-23) * 2**23 + 0.5)
    # The kernel multiplies where this divides: one LSB at a rounding border.
    assert np.abs(adc[4][:, :, 1:9].transpose(0, 2, 1) - expected).max() <= 1
    codes = (dac[0] >> 8 & 0xFFFF).transpose(0, 2, 1)
    np.testing.assert_array_equal(dac[4], -10.0 + codes * (20.0 / 65536.0))


def main() -> None:
    """Print the time of each kernel for one block."""
    for kernel, arguments in zip((fill_frames, words_to_volts), blocks(), strict=True):
        kernel(*arguments)
        rounds = 20000
        began = time.perf_counter()
        for _ in range(rounds):
            kernel(*arguments)
        taken_us = (time.perf_counter() - began) / rounds * 1e6
        print(f"{kernel.__name__}: {taken_us:.1f} us a block of {BOARDS} boards")


if __name__ == "__main__":
    main()
