"""Each check finds its fault, says where it is, and says what to write instead."""

from typing import get_args

import pytest

from nullfield import rig
from nullfield.definitions import board_names, check_definition, load_board, load_definition, schema
from nullfield.definitions.roles import ROLES
from nullfield.errors import DefinitionError

STREAM = {"chip": "ltc2688", "mode": 0}


def streams(count):
    """More streamed chips, on pins that do not matter here."""
    pins = {"mosi": 0, "sck": 18, "cs": 19, "miso": 1}
    return {f"chips.extra{n}": {**STREAM, "stream": pins} for n in range(count)}


SPOILT = {
    # seed: (board, changes, keys removed, key of the problem, words of the text, words of the fix)
    "pin used twice": (
        "sensor_pico2", {"inputs.sync.pin": 22}, (),
        "inputs.sync.pin", "GPIO22 is used by outputs.laser_enable.pin", "GPIO0, GPIO1",
    ),
    "converter's mode pin": (
        "coil_pico2", {"inputs.sync.pin": 23}, (),
        "inputs.sync.pin", "GPIO23 sets the mode of the module's voltage converter", "GPIO0",
    ),
    "VBUS sense": (
        "coil_pico", {"outputs.coil_enable.pin": 24}, (),
        "outputs.coil_enable.pin", "GPIO24 senses VBUS", "GPIO0",
    ),
    "LED pin for something else": (
        "table_pico2", {"outputs.motor_enable.pin": 25}, (),
        "outputs.motor_enable.pin", "GPIO25 drives the module's LED", "GPIO0",
    ),
    "supply pin for something else": (
        "table_pico2", {"inputs.home.pin": 29}, (),
        "inputs.home.pin", "GPIO29 measures VSYS / 3", "GPIO0",
    ),
    "ADC on a pin without": (
        "bringup_pico2", {"supply.adc_pin": 22}, (),
        "supply.adc_pin", "GPIO22 has no ADC", "GPIO26, GPIO27, GPIO28",
    ),
    "other divider than the module's": (
        "bringup_pico", {"supply.divider": 2}, (), "supply.divider", "divides VSYS by 3", "write 3",
    ),
    "supply beyond the converter": (
        "bringup_pico", {"supply.minimum_mv": 9900}, (),
        "supply.minimum_mv", "more than GPIO29 can tell", "lower it",
    ),
    "MISO on a TX pin": (
        "sensor_pico2", {"spi.slow.miso": 15, "chips.slow_dac.cs": 12}, (),
        "spi.slow.miso", "GPIO15 can be SPI1 TX, MISO needs SPI1 RX", "GPIO8, GPIO12, GPIO28",
    ),
    "SCK of the other bus": (
        "sensor_pico", {"spi.slow.id": 0}, (),
        "spi.slow.sck", "GPIO10 can be SPI1 SCK, SCK needs SPI0 SCK", "GPIO2, GPIO6, GPIO18, GPIO22",
    ),
    "one SPI for two buses": (
        "sensor_pico2",
        {"spi.fast": {"id": 1, "sck": 10, "mosi": 11, "miso": 12, "baudrate": 1000000}}, (),
        "spi.fast.id", "SPI1 is already the bus 'slow'", "write 0",
    ),
    "unknown bus": (
        "sensor_pico2", {"chips.cell_adc.spi": "quick"}, (),
        "chips.cell_adc.spi", "no bus 'quick'", "slow",
    ),
    "SPI faster than a chip": (
        "sensor_pico2", {"spi.slow.baudrate": 10000000}, (),
        "spi.slow.baudrate", "10000000 Hz is above the 6666666 Hz of cell_adc (SBAS501",
        "at most 6666666",
    ),
    "SPI faster than the processor": (
        "bringup_pico",
        {"spi.quick": {"id": 0, "sck": 2, "mosi": 3, "miso": 4, "baudrate": 70000000}}, (),
        "spi.quick.baudrate", "70000000 Hz is above the 62500000 Hz of the RP2040's SPI",
        "at most 62500000",
    ),
    "SPI mode": (
        "sensor_pico2", {"chips.cell_adc.mode": 0}, (),
        "chips.cell_adc.mode", "the ADS1220 speaks mode 1", "write 1",
    ),
    "UART on a pin without": (
        "table_pico2", {"chips.driver.uart.tx": 7}, (),
        "chips.driver.uart.tx", "GPIO7 can be UART1 RTS or UART1 RX on an RP2350A, not UART1 TX",
        "GPIO4, GPIO6, GPIO8",
    ),
    "UART's other pins on the older chip": (
        "table_pico", {"chips.driver.uart.tx": 6, "chips.driver.uart.rx": 7}, (),
        "chips.driver.uart.tx", "GPIO6 can be UART1 CTS on an RP2040, not UART1 TX",
        "GPIO4, GPIO8, GPIO20",
    ),
    "UART too fast": (
        "table_pico2", {"chips.driver.uart.baudrate": 1000000}, (),
        "chips.driver.uart.baudrate", "1000000 is above 500000", "at most 500000",
    ),
    "two PWM outputs on one channel": (
        "sensor_pico2", {"pwm.heater1.pin": 2, "chips.adc.stream.sck": 0, "chips.adc.stream.cs": 1}, (),
        "pwm.heater1.pin", "GPIO2 and GPIO18 of heater0 are one PWM channel (slice 1A)", "GPIO",
    ),
    "two frequencies in one slice": (
        "sensor_pico2", {"pwm.heater1.frequency": 200000}, (),
        "pwm.heater1.frequency", "GPIO19 shares PWM slice 1 with heater0 at 100000 Hz",
        "write 100000",
    ),
    "PWM too fast for its steps": (
        "sensor_pico", {"pwm.heater0.frequency": 600000, "pwm.heater1.frequency": 600000}, (),
        "pwm.heater0.frequency", "GPIO18: 600000 Hz is outside of 8 .. 488281 Hz", "8 .. 488281",
    ),
    "PWM in the heater's signal band": (
        "sensor_pico2", {"pwm.heater2.frequency": 1000, "pwm.heater3.frequency": 1000}, (),
        "pwm.heater2.frequency", "GPIO20: 1000 Hz is outside of 50000", "50000 .. 400000",
    ),
    "side-set pins apart": (
        "coil_pico2", {"chips.adc.stream.cs": 10}, (),
        "chips.adc.stream.cs", "GPIO10 does not follow SCK on GPIO2", "CS on GPIO3, or SCK on GPIO9",
    ),
    "side-set pins in the wrong order": (
        "coil_pico", {"chips.stream_dac.stream.sck": 9, "chips.stream_dac.stream.cs": 8}, (),
        "chips.stream_dac.stream.cs", "GPIO8 does not follow SCK on GPIO9", "CS on GPIO10",
    ),
    "no DRDY": (
        "coil_pico2", {}, ("chips.adc.stream.drdy",),
        "chips.adc.stream.drdy", "DRDY starts each sample", "'drdy'",
    ),
    "no LDAC": (
        "coil_pico2", {}, ("chips.stream_dac.stream.ldac",),
        "chips.stream_dac.stream.ldac", "LDAC shows the words", "'ldac'",
    ),
    "DAC without converter": (
        "coil_pico2", {}, ("chips.adc",), "chips.stream_dac", "no streamed 'adc'", "chips.adc",
    ),
    "block of another size": (
        "coil_pico2", {"chips.adc.samples": 12}, (), "chips.adc.samples", "16 samples", "write 16",
    ),
    "stream that does not divide": (
        "coil_pico2", {"chips.stream_dac.stream_samples": 3}, (),
        "chips.stream_dac.stream_samples", "3 does not divide the 16", "1, 2, 4, 8, 16",
    ),
    "ring of the DMA": (
        "sensor_pico2", {"chips.stream_dac.stream_samples": 4}, (),
        "chips.stream_dac.stream_channels", "48 is no power of two", "stream_samples 16",
    ),
    "more channels than the chip": (
        "coil_pico2", {"chips.stream_dac.stream_channels": 32}, (),
        "chips.stream_dac.stream_channels", "32, but the chip has 16", "at most 16",
    ),
    "other block than the application's": (
        "sensor_pico2", {"chips.stream_dac.stream_channels": 8}, (),
        "chips.stream_dac.stream_channels", "computes with 12", "write 12",
    ),
    "more state machines than PIO0 has": (
        "coil_pico2", streams(3), (), "chips", "5 streams need 5 state machines", "SPI bus",
    ),
    "more DMA channels than the chip has": (
        "coil_pico", streams(5), (),
        "chips", "need 14 DMA channels; the RP2040 has 12", "SPI bus",
    ),
    "RP2350-E9": (
        "table_pico2", {"inputs.home.pull": "down"}, (),
        "inputs.home.pull", "GPIO13: the RP2350's own pull-down", "write None and fit 4.7 kΩ",
    ),
    "enable on while safe": (
        "sensor_pico2", {"outputs.laser_enable.safe": 1}, (),
        "outputs.laser_enable.safe", "GPIO22 would be on while the board is safe", "write 0",
    ),
    "new enable on while safe": (
        "coil_pico", {"outputs.degauss_enable": {"pin": 0, "safe": 1}}, (),
        "outputs.degauss_enable.safe", "GPIO0 would be on", "write 0",
    ),
    "enable without safe level": (
        "coil_pico2", {}, ("outputs.coil_enable.safe",),
        "outputs.coil_enable.safe", "missing: an output has a safe level", "write 0",
    ),
    "polarity of the motor's enable": (
        "table_pico2", {"outputs.motor_enable.active_low": False}, (),
        "outputs.motor_enable.active_low", "GPIO12 drives U1 ENN, which is low-active", "write True",
    ),
    "cut interlock reads closed": (
        "sensor_pico2", {"inputs.interlock.pull": "up"}, (),
        "inputs.interlock.pull", "GPIO27: with its wire cut 'interlock' reads 1", "write None",
    ),
    "cut emergency stop reads well": (
        "table_pico", {"inputs.estop.pull": "down"}, (),
        "inputs.estop.pull", "GPIO15: with its wire cut 'estop' reads 0", "write 'up'",
    ),
    "no interlock": (
        "sensor_pico", {}, ("inputs.interlock",),
        "inputs.interlock", "missing; the sensor application needs it", "add it",
    ),
    "no heater": (
        "sensor_pico2", {}, ("pwm.heater3",), "pwm.heater3", "missing", "add it",
    ),
    "no output that the role needs": (
        "coil_pico2", {}, ("outputs.coil_enable",), "outputs.coil_enable", "missing", "add it",
    ),
    "no chip that the role needs": (
        "sensor_pico2", {}, ("chips.laser_adc",), "chips.laser_adc", "missing", "add it",
    ),
    "no stepper": ("table_pico2", {}, ("stepper",), "stepper.step", "missing", "add it"),
    "stepper on a board without": (
        "coil_pico2",
        {"stepper": {"step": 0, "direction": 1, "start_stop_rate": 1, "maximum_rate": 2}}, (),
        "stepper", "the coil application drives none", "remove it",
    ),
    "no supply to bring up": ("bringup_pico2", {}, ("supply",), "supply", "missing", "'supply'"),
    "unknown chip": (
        "table_pico2", {"chips.driver.chip": "drv8825"}, (),
        "chips.driver.chip", "no driver for 'drv8825'", "tmc2209",
    ),
    "another chip than the application's": (
        "sensor_pico2", {"chips.slow_dac.chip": "ads1220", "chips.slow_dac.mode": 1}, (),
        "chips.slow_dac.chip", "drives a ltc2688 there", "write 'ltc2688'",
    ),
    "chip that no application knows": (
        "bringup_pico2", {"chips.adc": {**STREAM, "stream": {"mosi": 0, "sck": 2, "cs": 3, "miso": 1,
                                                              "drdy": 4}}}, (),
        "chips.adc", "the bringup application does not know it", "remove it",
    ),
    "interface that the driver lacks": (
        "sensor_pico2", {"chips.adc": {"chip": "ads131m08", "spi": "slow", "cs": 3, "mode": 1}}, (),
        "chips.adc", "the driver of the ADS131M08 knows no 'spi'", "use stream",
    ),
    "number of heads": ("sensor_pico2", {"heads": 8}, (), "heads", "a sensor board has 4", "write 4"),
    "coils on a table": ("table_pico2", {"coils": 8}, (), "coils", "has none", "remove it"),
    "limit above the absolute one": (
        "sensor_pico2", {"limits.cell_temperature_max_mc": 200000}, (),
        "limits.cell_temperature_max_mc", "200000 (200 °C) is outside of 20000 .. 170000",
        "20000 .. 170000",
    ),
    "current above the source's": (
        "coil_pico2", {"limits.coil_current_max_na": 12000000}, (),
        "limits.coil_current_max_na", "(12 mA) is outside of", "1000 .. 10000000",
    ),
    "limits against each other": (
        "sensor_pico2", {"limits.cell_temperature_max_mc": 155000}, (),
        "limits.cell_setpoint_max_mc", "160000 is above limits.cell_temperature_max_mc", "155000",
    ),
    "patient beyond the travel": (
        "table_pico2", {"limits.table_travel_um": 500000}, (),
        "limits.table_patient_um", "550000 is above limits.table_travel_um", "500000",
    ),
    "speed above the steps": (
        "table_pico2", {"stepper.maximum_rate": 20000}, (),
        "limits.table_speed_max_um_s", "needs 32000 microsteps/s", "at most 31250",
    ),
    "start-stop rate above the fastest": (
        "table_pico2", {"stepper.start_stop_rate": 100000}, (),
        "stepper.start_stop_rate", "not below maximum_rate", "less than 100000",
    ),
    "scale that the firmware does not read": (
        "coil_pico2", {"scales.fine_divisor": 128}, (),
        "scales.fine_divisor", "computes with 256 whatever stands here", "write 256",
    ),
    "unknown limit": (
        "coil_pico2", {"limits.coil_voltage_max_mv": 1}, (),
        "limits.coil_voltage_max_mv", "does not know it", "coil_current_max_na",
    ),
    "unknown key": ("coil_pico2", {"comment": "x"}, (), "comment", "unknown key", "docs/boards.md"),
    "unknown key below": (
        "coil_pico2", {"inputs.sync.debounce": 1}, (), "inputs.sync.debounce", "unknown key", "remove",
    ),
    "missing key": ("coil_pico2", {}, ("limits",), "limits", "missing key", "docs/boards.md"),
    "no such GPIO": ("coil_pico2", {"inputs.sync.pin": 30}, (), "inputs.sync.pin", "29", "correct"),
    "True for a number": (
        "coil_pico2", {"inputs.sync.pin": True}, (), "inputs.sync.pin", "integer", "correct it",
    ),
    "too big for MicroPython": (
        "coil_pico2", {"limits.coil_current_max_na": 1 << 30}, (),
        "limits.coil_current_max_na", "1073741823", "correct it",
    ),
    "unknown microcontroller": ("coil_pico2", {"mcu": "rp2350b"}, (), "mcu", "rp2040", "correct it"),
    "unknown role": ("coil_pico2", {"role": "coils"}, (), "role", "bringup", "correct it"),
    "two ways to one chip": (
        "sensor_pico2", {"chips.adc.spi": "slow", "chips.adc.cs": 0}, (),
        "chips.adc", "has spi and stream", "correct it",
    ),
    "no way to a chip": (
        "sensor_pico2", {}, ("chips.adc.stream",), "chips.adc", "has none of", "correct it",
    ),
    "SPI chip without CS": (
        "sensor_pico2", {}, ("chips.cell_adc.cs",), "chips.cell_adc", "'spi' and 'cs'", "correct it",
    ),
    "SPI chip without mode": (
        "sensor_pico2", {}, ("chips.cell_adc.mode",), "chips.cell_adc", "has a 'mode'", "correct it",
    ),
    "UART chip without address": (
        "table_pico2", {}, ("chips.driver.address",), "chips.driver", "has an 'address'", "correct it",
    ),
    "name of another folder": (
        "coil_pico2", {"name": "coil_mine"}, (), "name", "the folder is 'coil_pico2'", "coil_pico2",
    ),
    "name too long for the identity": (
        "coil_pico2", {"name": "c" * 25}, (), "name", "no name of a board", "at most 24",
    ),
}  # fmt: skip


@pytest.mark.parametrize("seed", SPOILT)
def test_check_finds_the_fault(spoilt, seed):
    name, changes, drop, key, text, fix = SPOILT[seed]
    _, problems = check_definition(spoilt(name, changes, drop))
    found = [p for p in problems if p.key == key and text in p.text]
    assert found, problems
    assert fix in found[0].fix


@pytest.mark.parametrize("seed", SPOILT)
def test_loader_refuses_it(spoilt, seed):
    name, changes, drop, *_ = SPOILT[seed]
    folder = spoilt(name, changes, drop)
    _, problems = check_definition(folder)
    for load in (load_board, load_definition):
        with pytest.raises(DefinitionError) as refused:
            load(folder)
        assert f"board.py: {problems[0].key}: {problems[0].text}" in refused.value.message
        assert refused.value.hint == problems[0].fix


@pytest.mark.parametrize("name", board_names())
def test_shipped_board_is_good(name):
    board, problems = check_definition(name)
    assert problems == ()
    assert board.name == name


def test_every_role_ships_for_both_chips():
    boards = [load_board(name) for name in board_names()]
    pairs = {(board.role, board.mcu) for board in boards}
    roles = ("sensor", "coil", "table", "bringup")
    assert pairs >= {(role, mcu) for role in roles for mcu in ("rp2040", "rp2350")}


def test_rigs_know_the_roles_of_definitions():
    assert get_args(rig.RoleName) == get_args(schema.RoleName)
    assert set(get_args(schema.RoleName)) == set(ROLES)


def test_pull_down_is_allowed_where_it_works(spoilt):
    _, problems = check_definition(spoilt("table_pico", {"inputs.home.pull": "down"}))
    assert problems == ()


def test_uart_on_the_pins_that_only_the_newer_chip_has(spoilt):
    changes = {"chips.driver.uart.tx": 6, "chips.driver.uart.rx": 7}
    assert check_definition(spoilt("table_pico2", changes))[1] == ()


def test_all_problems_are_told_at_once(spoilt):
    folder = spoilt("coil_pico2", {"inputs.sync.pin": 22, "chips.adc.samples": 8})
    with pytest.raises(DefinitionError, match=r"inputs\.sync\.pin.*\(and 2 more\)"):
        load_board(folder)
