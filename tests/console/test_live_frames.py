"""Binary frames of live samples: what is packed is what a viewer reads."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from nullfield.console.live.frames import HEADER_BYTES, FrameFlags, pack, unpack
from nullfield.errors import InputError

FIELD_PT = np.random.default_rng(1).normal(scale=50.0, size=(3, 50))


def test_what_is_packed_is_read_back():
    frame = unpack(pack(FIELD_PT, 12345.678, 1000.0, FrameFlags.RECORDING))
    assert frame.start_time_s == 12345.678
    assert frame.rate_hz == 1000.0
    assert frame.flags == FrameFlags.RECORDING
    np.testing.assert_allclose(frame.field_pt, FIELD_PT, rtol=1e-6)


def test_layout_is_the_one_that_other_programs_are_told():
    message = pack(np.array([[1.0, 2.0], [3.0, 4.0]]), 0.5, 250.0, 1)
    expected = struct.pack("<IIdfI4f", 2, 2, 0.5, 250.0, 1, 1.0, 2.0, 3.0, 4.0)
    assert message == expected
    assert HEADER_BYTES % 4 == 0, "a browser lays a Float32Array over the samples"


def test_a_lost_sample_stays_lost():
    field_pt = FIELD_PT.copy()
    field_pt[1, 10:13] = np.nan
    read = unpack(pack(field_pt, 0.0, 1000.0)).field_pt
    np.testing.assert_array_equal(np.isnan(read), np.isnan(field_pt))


def test_a_strided_view_is_packed_in_its_own_order():
    every_other = FIELD_PT[:, ::2]
    np.testing.assert_allclose(
        unpack(pack(every_other, 0.0, 500.0)).field_pt, every_other, rtol=1e-6
    )


def test_time_keeps_a_sample_apart_after_a_month():
    """Float32 seconds would step by 0.25 s here; a gap could not be told from none."""
    start_time_s = 30 * 86400.0 + 0.001
    assert unpack(pack(FIELD_PT, start_time_s, 1000.0)).start_time_s == start_time_s


def test_no_samples_is_a_frame_too():
    frame = unpack(pack(np.empty((4, 0)), 1.0, 1000.0))
    assert frame.field_pt.shape == (4, 0)


def test_one_channel_without_its_axis_is_refused():
    with pytest.raises(InputError, match="1 dimension"):
        pack(np.zeros(5), 0.0, 1000.0)


@pytest.mark.parametrize("cut", [0, 10, HEADER_BYTES, -1])
def test_part_of_a_frame_is_refused(cut):
    message = pack(FIELD_PT, 0.0, 1000.0)
    with pytest.raises(InputError, match="bytes"):
        unpack(message[:cut])
