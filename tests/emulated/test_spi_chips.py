"""Drivers in the image against the register models of the virtual boards, over the chip's own SPI."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nullfield.emulated import EmulatedBoard, Prompt
from nullfield.errors import BoardLostError
from nullfield.virtual.chips.ads1220 import Ads1220
from nullfield.virtual.chips.ltc2688 import SPANS_V, Ltc2688

ADC_SELECT, DAC_SELECT, EMPTY_SELECT = 16, 15, 17

SET_UP = f"""
import machine
from nullfield_fw.hal.rp2_bus import SpiBus
from nullfield_fw.drivers.ads1220 import Ads1220
from nullfield_fw.drivers.ltc2688 import Ltc2688
spi = machine.SPI(1, baudrate=4000000, sck=machine.Pin(10), mosi=machine.Pin(11), miso=machine.Pin(12))
adc = Ads1220(SpiBus(spi, 4000000, {ADC_SELECT}, 1))
dac = Ltc2688(SpiBus(spi, 4000000, {DAC_SELECT}, 0))
empty = Ads1220(SpiBus(spi, 4000000, {EMPTY_SELECT}, 1))
"""


@pytest.fixture(scope="module")
def chips(shared: EmulatedBoard) -> Iterator[tuple[Ads1220, Ltc2688, Prompt]]:
    adc, dac = Ads1220("pt1000"), Ltc2688()
    shared.attach_spi(1, ADC_SELECT, adc)
    shared.attach_spi(1, DAC_SELECT, dac)
    with Prompt(shared) as prompt:
        prompt.run(SET_UP)
        yield adc, dac, prompt


def test_converter_is_found_and_read(chips: tuple[Ads1220, Ltc2688, Prompt]) -> None:
    adc, _, prompt = chips
    adc.ratio_of_input[:] = [0.25, 0.4, 0.5, 0.75]
    assert prompt.run("print(adc.configure('pt1000'))").strip() == "True"
    for number, ratio in enumerate(adc.ratio_of_input):
        prompt.run(f"adc.select({number})")
        adc.advance(0.010)
        assert int(prompt.run("print(adc.read())")) == round(ratio * 2**23)


def test_empty_socket_is_not_found(chips: tuple[Ads1220, Ltc2688, Prompt]) -> None:
    assert chips[2].run("print(empty.configure('pt1000'), empty.probe())").split() == ["False"] * 2


def test_codes_reach_the_outputs(chips: tuple[Ads1220, Ltc2688, Prompt]) -> None:
    _, dac, prompt = chips
    assert prompt.run("print(dac.probe())").strip() == "True"
    for channel, span, code in ((0, 3, 0x8000), (9, 2, 0xFFFF), (15, 4, 1)):
        told = prompt.run(f"print(dac.configure({channel}, {span}, {code}))")
        assert told.strip() == "True"
        low, high = SPANS_V[span]
        assert dac.volts()[channel] == low + code * (high - low) / 65536
    prompt.run("dac.load_code(9, 0x1234)")
    assert dac.code[9] == 0xFFFF
    prompt.run("dac.update_all()")
    assert dac.code[9] == 0x1234


def test_a_reset_of_the_board_leaves_the_chips_alone(
    shared: EmulatedBoard, chips: tuple[Ads1220, Ltc2688, Prompt]
) -> None:
    _, dac, prompt = chips
    prompt.run("dac.write_code(0, 0x4321)")
    with pytest.raises(BoardLostError):
        prompt.run("machine.reset()", timeout_s=5)
    assert shared.wait_event("reset", 60)["cause"] == "software"
    assert dac.code[0] == 0x4321
