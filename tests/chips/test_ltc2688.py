"""LTC2688: driver against model, exact voltages, block kernel."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.virtual.chips.ltc2688 import SPANS_V, Ltc2688, words_to_volts


@pytest.fixture
def driver(spi_bus):
    from nullfield_fw.drivers.ltc2688 import Ltc2688 as Driver

    return lambda chip: Driver(spi_bus(chip))


def test_probe_leaves_nothing_behind(driver):
    chip = Ltc2688()
    assert driver(chip).probe()
    assert chip.register(0x72) == 0


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_absent_chip_is_not_found(driver, empty_socket, level):
    assert not driver(empty_socket(level)).probe()
    assert not driver(empty_socket(level)).configure(0, 3, 0x8000)


@pytest.mark.parametrize("span", range(5))
@pytest.mark.parametrize("code", [0, 1, 0x8000, 0xFFFF])
def test_codes_give_exact_voltages(driver, span, code):
    chip = Ltc2688()
    assert driver(chip).configure(9, span, code)
    low, high = SPANS_V[span]
    assert chip.volts()[9] == low + code * (high - low) / 65536
    assert chip.code[9] == code


def test_middle_of_a_symmetric_span_is_zero(driver):
    chip = Ltc2688()
    driver(chip).configure(0, 3, 0x8000)
    assert chip.volts()[0] == 0.0


def test_configure_makes_no_step(driver):
    chip = Ltc2688()
    device = driver(chip)
    seen = []
    transfer = chip.transfer

    def watched(data: bytes) -> bytes:
        answer = transfer(data)
        seen.append(chip.volts()[2])
        return answer

    chip.transfer = watched  # type: ignore[method-assign]
    device.configure(2, 3, 0x8000)
    assert set(seen) == {0.0}


def test_load_shows_after_update(driver):
    chip = Ltc2688()
    device = driver(chip)
    device.load_code(4, 0x8000)
    assert chip.volts()[4] == 0.0
    device.update(4)
    assert chip.volts()[4] == 2.5
    device.load_code(5, 0x4000)
    device.update_all()
    assert chip.volts()[5] == 1.25
    device.load_code(6, 0x4000)
    chip.ldac()
    assert chip.volts()[6] == 1.25


def test_settings_are_double_buffered(driver):
    chip = Ltc2688()
    device = driver(chip)
    device.write_register(0x10, 1)
    assert tuple(chip.span[0]) == (0.0, 5.0)
    device.write_code(0, 0x8000)
    assert chip.volts()[0] == 5.0


def test_read_back(driver):
    chip = Ltc2688()
    device = driver(chip)
    device.write_code(15, 0xBEEF)
    assert device.read_code(15) == 0xBEEF
    assert device.read_register(0x7C) == 0  # no such register


def test_power_down_floats_to_ground_and_keeps_the_code(driver):
    chip = Ltc2688()
    device = driver(chip)
    device.configure(1, 3, 0xFFFF)
    device.power_down(1 << 1)
    assert chip.volts()[1] == 0.0
    assert chip.scale[1] == 0.0
    device.power_down(0)
    assert chip.volts()[1] > 9.9


def test_reset_brings_zero_volts(driver):
    chip = Ltc2688()
    device = driver(chip)
    device.configure(1, 3, 0xFFFF)
    device.reset()
    assert not chip.volts().any()
    assert tuple(chip.span[1]) == (0.0, 5.0)


def test_all_channel_commands(driver):
    chip = Ltc2688()
    device = driver(chip)
    device.write_register(0x7A, 2)
    device.write_register(0x79, 0xC000)
    np.testing.assert_array_equal(chip.volts(), np.full(16, 2.5))


@pytest.mark.parametrize("word", [b"\x7d\x12\x34", b"\x77\xff\xff", b"\x40\x12", b""])
def test_wrong_commands_do_nothing(word):
    chip = Ltc2688()
    before = [chip.register(command) for command in range(0x78)]
    chip.transfer(word)
    assert [chip.register(command) for command in range(0x78)] == before
    assert not chip.volts().any()


def test_stream_words_against_single_transactions(driver):
    from nullfield_fw.drivers.ltc2688 import stream_word

    single, streamed = Ltc2688(), Ltc2688()
    for chip in (single, streamed):
        for channel in range(12):
            driver(chip).configure(channel, 3, 0x8000)
    codes = np.random.Generator(np.random.PCG64(2)).integers(0, 65536, (16, 12))
    words = np.zeros((1, 16, 12), dtype=np.uint32)
    expected = np.zeros((12, 16))
    for sample in range(16):
        for channel in range(12):
            words[0, sample, channel] = stream_word(channel, int(codes[sample, channel]))
            single.transfer(int(words[0, sample, channel]).to_bytes(4, "big")[:3])
        single.ldac()
        expected[:, sample] = single.volts()[:12]
    held = streamed.code[None].copy()
    out = np.zeros((1, 12, 16))
    words_to_volts(words, held, streamed.low[None], streamed.scale[None], out)
    np.testing.assert_array_equal(out[0], expected)
    streamed.streamed(held[0])
    np.testing.assert_array_equal(streamed.code, single.code)


def test_channel_without_a_word_is_held_and_foreign_words_are_ignored():
    words = np.full((1, 16, 12), 0xFF000000, dtype=np.uint32)
    words[0, 8:, 0] = 3 << 24 | 0xFFFF << 8
    held = np.full((1, 16), 0x8000, dtype=np.uint16)
    out = np.ones((1, 12, 16))
    words_to_volts(words, held, np.full((1, 16), -10.0), np.full((1, 16), 20 / 65536), out)
    assert not out[0, :3].any()
    assert not out[0, 3, :8].any()
    assert (out[0, 3, 8:] == -10 + 65535 * 20 / 65536).all()
