"""ADS1220: driver against model, ratio, timing."""

from __future__ import annotations

import numpy as np
import pytest

from nullfield.virtual.chips.ads1220 import Ads1220


@pytest.fixture
def driver(spi_bus):
    from nullfield_fw.drivers.ads1220 import Ads1220 as Driver

    return lambda chip: Driver(spi_bus(chip))


@pytest.mark.parametrize("level", [0x00, 0xFF])
@pytest.mark.parametrize("mode", ["pt1000", "divider"])
def test_absent_chip_is_not_found(driver, empty_socket, level, mode):
    device = driver(empty_socket(level))
    assert not device.configure(mode)
    assert not device.probe()


@pytest.mark.parametrize("mode", ["pt1000", "divider"])
def test_each_input_gives_its_own_ratio(driver, mode):
    chip = Ads1220(mode)
    chip.ratio_of_input[:] = [0.25, 0.4, 0.5, 0.75]
    device = driver(chip)
    assert device.configure(mode)
    for number in range(4):
        device.select(number)
        chip.advance(0.010)
        assert device.read() == round(chip.ratio_of_input[number] * 2**23)


def test_pt1000_at_150_degrees(driver):
    # IEC 60751: R(150 degC) = 1573.25 ohm for a Pt1000.
    chip = Ads1220("pt1000")
    chip.ratio_of_input[0] = 1573.25 / 4020.0
    device = driver(chip)
    device.configure("pt1000")
    chip.advance(0.010)
    assert device.read() * 4020.0 / 2**23 == pytest.approx(1573.25, abs=4020 / 2**23)


def test_conversion_takes_its_time(driver):
    chip = Ads1220("divider")
    device = driver(chip)
    device.configure("divider")
    assert chip.conversion_s == pytest.approx(23762 / 4.096e6)
    chip.ratio_of_input[:] = 0.5
    device.select(0)
    chip.advance(0.005)
    assert not chip.data_ready
    assert device.read() == 0
    chip.advance(0.001)
    assert chip.data_ready
    assert device.read() == 1 << 22
    assert not chip.data_ready
    chip.ratio_of_input[:] = 0.25
    chip.advance(1.0)
    assert device.read() == 1 << 22  # single shot: no further conversion


def test_continuous_mode_goes_on():
    chip = Ads1220("divider")
    chip.transfer(bytes([0x43, 0x81, 0x64, 0xC0, 0x00, 0x08]))
    for ratio in (0.1, 0.2):
        chip.ratio_of_input[:] = ratio
        chip.advance(0.006)
        assert chip.transfer(b"\x10\0\0\0")[1:] == round(ratio * 2**23).to_bytes(3, "big")


def test_clipping_and_sign(driver):
    chip = Ads1220("divider")
    device = driver(chip)
    device.configure("divider")
    for ratio, code in ((1.5, 2**23 - 1), (-0.5, -(2**22)), (-2.0, -(2**23))):
        chip.ratio_of_input[:] = ratio
        device.select(1)
        chip.advance(0.010)
        assert device.read() == code


def test_source_to_the_wrong_input_reads_nothing():
    chip = Ads1220("pt1000")
    chip.ratio_of_input[:] = 0.4
    chip.transfer(bytes([0x43, 0x81, 0x60, 0x44, 2 << 5 | 5 << 2, 0x08]))
    chip.advance(0.010)
    assert chip.transfer(b"\x10\0\0\0")[1:] == bytes(3)


def test_no_current_in_the_reference_is_full_scale():
    chip = Ads1220("pt1000")
    chip.ratio_of_input[:] = 0.4
    chip.transfer(bytes([0x43, 0x81, 0x60, 0x44, 1 << 5, 0x08]))
    chip.advance(0.010)
    assert chip.transfer(b"\x10\0\0\0")[1:] == b"\x7f\xff\xff"


def test_noise_is_drawn_from_the_given_source(driver):
    draw = np.random.Generator(np.random.PCG64(3)).standard_normal
    chip = Ads1220("divider", lambda: float(draw()))
    chip.ratio_of_input[:] = 0.5
    device = driver(chip)
    device.configure("divider")
    codes = []
    for _ in range(400):
        device.select(0)
        chip.advance(0.010)
        codes.append(device.read())
    # 4 uV at 20 SPS, 11.8 uV at 175 SPS, of 3.3 V.
    assert np.std(codes) == pytest.approx(11.83e-6 / 3.3 * 2**23, rel=0.15)


def test_power_down_stops_a_conversion_and_reset_clears(driver):
    chip = Ads1220("divider")
    device = driver(chip)
    device.configure("divider")
    chip.transfer(b"\x02")
    chip.advance(0.010)
    assert not chip.data_ready
    chip.transfer(b"\x06")
    assert chip.registers == (0, 0, 0, 0)
    assert not device.probe()


def test_unknown_command_does_nothing():
    chip = Ads1220("divider")
    chip.transfer(b"\xf0\x80")
    assert chip.registers == (0, 0, 0, 0)
