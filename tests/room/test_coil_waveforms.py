"""The host's waveforms: shapes, ends, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.room.waveforms import (
    Shape,
    Waveform,
    chip_signs,
    envelope_na,
    samples_na,
    sine_table,
    waveform_of,
)


def test_the_sine_is_a_sine() -> None:
    assert np.abs(sine_table() / 2**22 - np.sin(np.pi / 512 * np.arange(257))).max() < 2e-7
    made = waveform_of(Shape.SINE, 8e-3, 12.5, phase_rad=1.0)
    blocks = np.arange(100_000)
    values = samples_na(made, blocks)
    wanted = 8e6 * np.sin(2 * np.pi * made.frequency_hz * blocks * 1e-3 + 1.0)
    assert np.abs(values - wanted).max() < 2e-5 * 8e6
    assert abs((values - wanted).mean()) < 3
    assert abs(made.frequency_hz - 12.5) < 3e-7


def test_nothing_before_the_start_and_after_the_end() -> None:
    for shape in Shape:
        made = waveform_of(shape, 1e-3, 100.0, cycles=2)
        length = 1023 * 2 * 10 if shape is Shape.PSEUDO_RANDOM else 20
        values = samples_na(made, np.arange(-5, length + 20))
        assert not values[:5].any()
        # The increment is rounded: the last cycle may end a block late.
        assert not values[5 + length + 1 :].any()
        assert values[5 : 5 + length].any()


def test_the_sequence_is_of_maximal_length() -> None:
    signs = chip_signs()
    spectrum = np.abs(np.fft.fft(signs)) ** 2
    # Flat but for its mean: the mark of such a sequence.
    assert spectrum[1:] == pytest.approx(np.full(1022, 1024.0))
    assert abs(signs.sum()) == 1


def test_a_degaussing_envelope_falls_evenly_or_by_a_factor() -> None:
    linear = envelope_na(waveform_of(Shape.DEGAUSS, 10e-3, 10.0, cycles=7))
    assert np.abs(np.diff(linear) + 10_000_000 / 7).max() <= 2
    assert linear[0] == 10_000_000
    factor = envelope_na(waveform_of(Shape.DEGAUSS, 10e-3, 10.0, cycles=30, decay=0.9))
    assert factor == pytest.approx(1e7 * 0.9 ** np.arange(30), rel=3e-4, abs=10)


@pytest.mark.parametrize(
    ("shape", "given", "says"),
    [
        (Shape.SINE, (1e-3, 0.0), "frequency of 0 Hz"),
        (Shape.SINE, (1e-3, 501.0), "frequency of 501 Hz"),
        (Shape.PSEUDO_RANDOM, (1e-3, 1001.0), "frequency of 1001 Hz"),
        (Shape.SQUARE, (float("nan"), 1.0), "amplitude of nan"),
        (Shape.SQUARE, (-1e-3, 1.0), "amplitude of -0.001"),
        (Shape.SINE, (1e-3, 1.0, float("inf")), "phase"),
        (Shape.SINE, (1e-3, 1.0, 0.0, 32768), "32768 cycles"),
        (Shape.DEGAUSS, (1e-3, 1.0, 0.0, 5, 1.0), "decay of 1"),
        (Shape.DEGAUSS, (1e-3, 1.0), "needs its number of cycles"),
    ],
)
def test_what_cannot_be_made_is_refused(shape: Shape, given: tuple[float, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        waveform_of(shape, *given)  # type: ignore[arg-type]


def test_the_board_numbers_are_within_their_fields() -> None:
    made = waveform_of(Shape.SINE, 10e-3, 500.0, phase_rad=-1e-12)
    assert isinstance(made, Waveform)
    assert 0 < made.increment <= 2**31
    assert 0 <= made.phase < 2**32
