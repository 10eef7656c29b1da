"""ADS131M08: driver against model, data sheet facts, block kernel."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.virtual.chips.ads131m08 import (
    STREAM_STATUS_WORD,
    Ads131m08,
    crc_ccitt,
    fill_frames,
)


@pytest.fixture
def driver(spi_bus):
    from nullfield_fw.drivers.ads131m08 import Ads131m08 as Driver

    return lambda chip: Driver(spi_bus(chip))


def frame24(command: int, *values: int) -> bytes:
    words = [command, *values] + [0] * (9 - len(values))
    return b"".join(word.to_bytes(2, "big") + b"\0" for word in words)


def test_start_sets_up_the_stream(driver):
    chip = Ads131m08()
    assert not chip.running
    assert driver(chip).start(gain_code=2)
    assert chip.running
    assert chip.word_length == 3
    np.testing.assert_array_equal(chip.gain, np.full(8, 4.0))
    assert chip.register(0x03) == 0xFF86


def test_start_works_again_while_the_chip_is_in_long_words(driver):
    chip = Ads131m08()
    assert driver(chip).start()
    assert driver(chip).start(1)
    assert chip.gain[0] == 2.0


def test_status_after_start_tells_of_no_reset(driver):
    chip = Ads131m08()
    device = driver(chip)
    device.start()
    assert device.status() == STREAM_STATUS_WORD >> 16


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_absent_chip_is_not_found(driver, empty_socket, level):
    assert not driver(empty_socket(level)).probe()
    assert not driver(empty_socket(level)).start()


def test_another_converter_of_the_family_is_refused(driver):
    class FourChannels(Ads131m08):
        def register(self, address: int) -> int:
            return 0x2400 if address == 0 else super().register(address)

    assert not driver(FourChannels()).probe()


def test_answers_come_one_frame_later():
    chip = Ads131m08()
    assert chip.transfer(frame24(0xA000))[:2] == b"\xff\x28"  # answer to the power-on reset
    assert chip.transfer(frame24(0))[:2] == b"\x28\x00"
    assert chip.transfer(frame24(0))[:2] == b"\x05\xff"  # STATUS answers NULL


def test_write_is_acknowledged_and_read_only_registers_stay():
    chip = Ads131m08()
    chip.transfer(frame24(0x6000 | 0x04 << 7 | 1, 0x0001, 0x0002))
    assert chip.transfer(frame24(0x6000, 0x1234))[:2] == (0x4000 | 4 << 7 | 1).to_bytes(2, "big")
    assert chip.register(0x04) == 1
    assert chip.register(0x05) == 2
    assert chip.register(0x00) == 0x2800


def test_multi_register_read():
    chip = Ads131m08()
    chip.transfer(frame24(0xA000 | 0x02 << 7 | 1))
    answer = chip.transfer(frame24(0))
    assert answer[:2] == (0xE000 | 0x02 << 7 | 1).to_bytes(2, "big")
    assert (answer[3:5], answer[6:8]) == (b"\x05\x10", b"\xff\x0e")


def test_lock_ignores_writes_and_reset():
    chip = Ads131m08()
    chip.transfer(frame24(0x0555))
    chip.transfer(frame24(0x6000 | 0x04 << 7, 0x7777))
    chip.transfer(frame24(0x0011))
    assert chip.register(0x04) == 0
    assert chip.register(0x01) & 0x8000
    chip.transfer(frame24(0x0655))
    chip.transfer(frame24(0x6000 | 0x04 << 7, 0x7777))
    assert chip.register(0x04) == 0x7777


def test_reset_needs_a_whole_frame():
    chip = Ads131m08()
    chip.transfer(frame24(0x6000 | 0x04 << 7, 0x7777))
    chip.transfer(b"\x00\x11\x00")
    assert chip.register(0x04) == 0x7777
    assert chip.transfer(frame24(0x0011))[:2] == b"\x00\x11"
    assert chip.register(0x04) == 0


def test_unknown_command_answers_with_status():
    chip = Ads131m08()
    chip.transfer(frame24(0x1234))
    assert chip.transfer(frame24(0))[:2] == b"\x05\xff"


def test_standby_stops_the_stream(driver):
    chip = Ads131m08()
    driver(chip).start()
    chip.transfer(b"\x00\x22" + bytes(38))
    assert not chip.running
    chip.transfer(b"\x00\x33" + bytes(38))
    assert chip.running


def test_frame_carries_codes_and_crc(driver):
    chip = Ads131m08()
    chip.codes[:] = [-1, 1, 0, 0, 0, 0, 0, -(1 << 23)]
    answer = chip.transfer(frame24(0))
    assert answer[3:6] == b"\xff\xff\xff"
    assert answer[24:27] == b"\x80\x00\x00"
    assert int.from_bytes(answer[27:29], "big") == crc_ccitt(answer[:27])
    driver(chip).start()
    assert chip.transfer(bytes(40))[4:8] == b"\xff\xff\xff\xff"


def test_crc_check_value():
    # The published check value of CRC-16 with polynomial 1021h and seed FFFFh.
    assert crc_ccitt(b"123456789") == 0x29B1


def convert(volts, gain=1.0, running=True):
    block = np.zeros((2, 8, 16))
    block[1, 3, 5] = volts
    out = np.full((2, 16, 10), 7, dtype=np.int32)
    fill_frames(block, np.zeros_like(block), np.full((2, 8), gain), np.array([True, running]), out)
    return out


@pytest.mark.parametrize(
    ("volts", "code"),
    [
        (0.0, 0),
        (1.2 / 2**23, 1),
        (-1.2 / 2**23, -1),
        (0.6, 1 << 22),
        (1.2, (1 << 23) - 1),
        (5.0, (1 << 23) - 1),
        (-1.2, -(1 << 23)),
        (-5.0, -(1 << 23)),
    ],
)
def test_codes_and_clipping(volts, code):
    out = convert(volts)
    assert out[1, 5, 4] == code
    assert np.count_nonzero(out[:, :, 1:9]) == (1 if code else 0)
    assert (out[:, :, 0] == STREAM_STATUS_WORD).all()
    assert (out[:, :, 9] == 0).all()


def test_gain_scales_before_clipping():
    assert convert(0.15, gain=4.0)[1, 5, 4] == 1 << 22
    assert convert(0.4, gain=4.0)[1, 5, 4] == (1 << 23) - 1


def test_noise_adds_at_the_input():
    rng = np.random.Generator(np.random.PCG64(1))
    noise = rng.normal(0.0, 5e-6, (1, 8, 16))
    out = np.zeros((1, 16, 10), dtype=np.int32)
    fill_frames(np.zeros((1, 8, 16)), noise, np.ones((1, 8)), np.array([True]), out)
    np.testing.assert_allclose(out[0, :, 1:9].T * (1.2 / 2**23), noise[0], atol=0.51 * 1.2 / 2**23)


def test_stopped_board_gives_zeros():
    out = convert(0.5, running=False)
    assert not out[1].any()
    assert out[0].any()
