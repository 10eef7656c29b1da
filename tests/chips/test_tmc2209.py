"""TMC2209: CRC against published datagrams, driver against model."""

from __future__ import annotations

import pytest

from nullfield.virtual.chips.tmc2209 import Tmc2209, crc8


@pytest.fixture
def driver(uart_bus):
    from nullfield_fw.drivers.tmc2209 import Tmc2209 as Driver

    return lambda chip, address=0: Driver(uart_bus(chip), address)


PUBLISHED = [
    # Write CHOPCONF = 0x10000053; read IOIN; the answer with version 21h.
    ("0500ec10000053", 0x9C),
    ("550006", 0xE8),
    ("05ff0621000241", 0x9D),
]


@pytest.mark.parametrize(("datagram", "crc"), PUBLISHED)
def test_crc_of_published_datagrams(datagram, crc):
    from nullfield_fw.drivers.tmc2209 import crc8 as driver_crc8

    data = bytes.fromhex(datagram)
    assert crc8(data) == crc
    assert driver_crc8(data, len(data)) == crc


def test_configure_sets_the_registers(driver):
    chip = Tmc2209(2)
    device = driver(chip, 2)
    assert device.probe()
    assert device.configure(16)
    assert chip.microsteps == 16
    assert chip.register(0x00) == 0x1C0
    assert chip.register(0x10) == 0x00041000
    assert chip.register(0x70) == 0xC11D0024
    assert chip.register(0x01) == 0
    assert device.write_count() == 7


def test_absent_or_differently_addressed_chip_is_not_found(driver):
    assert not driver(None).probe()
    assert not driver(None).configure(16)
    assert driver(None).status() == -1
    assert not driver(Tmc2209(1), 0).probe()


def test_datagram_with_wrong_crc_is_ignored():
    chip = Tmc2209()
    chip.transfer(bytes.fromhex("0500ec100000539d"))
    assert chip.register(0x02) == 0
    chip.transfer(bytes.fromhex("0500ec140000539c"))
    assert chip.register(0x6C) == 0x10000053
    assert chip.transfer(bytes.fromhex("050006ff"), 8) == bytes(8)


def test_write_counter_wraps(driver):
    chip = Tmc2209()
    device = driver(chip)
    for _ in range(255):
        device.write_register(0x11, 0, 9)
    assert device.write_count() == 255
    assert device.probe()
    assert device.configure(20)


def test_unanswered_write_is_noticed(driver):
    class Deaf(Tmc2209):
        def _write(self, address: int, value: int) -> None:
            """Counts a datagram and forgets it."""

    assert not driver(Deaf()).configure(16)


def test_motor_carries_no_current_at_rest(driver):
    chip = Tmc2209()
    driver(chip).configure(15)
    chip.advance(0.001, steps=5)
    assert chip.current_share == 0.5
    chip.advance(1.0, steps=0)
    assert chip.current_share == 0.0


def test_status_bits(driver):
    from nullfield_fw.drivers import tmc2209

    chip = Tmc2209()
    device = driver(chip)
    device.configure(16)
    assert device.status() & tmc2209.STANDSTILL
    chip.advance(0.001, steps=1)
    assert not device.status() & tmc2209.STANDSTILL
    chip.driver_flags = 0x003
    assert device.status() & tmc2209.OVER_TEMPERATURE
    assert device.status() & tmc2209.OVER_TEMPERATURE_WARNING
    assert 0 <= device.status() < 1 << 30


def run(chip, steps, load_share, blocks=5):
    for _ in range(blocks):
        chip.advance(1e-3, steps, load_share)


def test_stall_guard_falls_with_the_load_and_diag_follows_its_threshold(driver):
    chip = Tmc2209()
    device = driver(chip)
    assert device.configure(20)
    device.watch_stall(45)
    results = []
    for load in (0.0, 0.4, 0.7, 0.9, 1.0):
        run(chip, 13, load)  # 20 mm/s
        results.append(device.stall_guard())
        assert chip.diag == (results[-1] <= 90)
    assert results == sorted(results, reverse=True)
    assert results[0] > 300
    assert results[-1] == 0
    assert all(value & 0x201 == 0 for value in results)


def test_diag_is_silent_below_its_speed_at_standstill_without_current_and_with_no_threshold(driver):
    chip = Tmc2209()
    device = driver(chip)
    device.configure(20)
    device.watch_stall(45)
    run(chip, 2, 1.0)  # 3 mm/s
    assert not chip.diag
    run(chip, 13, 1.0)
    assert chip.diag
    run(chip, 0, 0.0)
    assert not chip.diag
    run(chip, 13, 1.0)
    device.watch_stall(0)
    run(chip, 13, 1.0)
    assert not chip.diag


def test_diag_tells_trouble_of_the_driver_too(driver):
    chip = Tmc2209()
    driver(chip).configure(20)
    chip.driver_flags = 1 << 1
    run(chip, 0, 0.0)
    assert chip.diag
