"""Streams: what PIO and DMA of ``hal/rp2_stream.py`` and ``hal/rp2_stepper.py`` need."""

from __future__ import annotations

from collections.abc import Iterator

from nullfield.definitions.mcus import MCUS
from nullfield.definitions.problem import Problem
from nullfield.definitions.schema import BoardDefinition, Chip

_BLOCK_SAMPLES = 16
"""A block is 1 ms at the converter's 16 kSPS."""

_DAC_CHANNELS_MAX = 16
_DMA_PER_STREAM = 2  # data and control
_DMA_PER_STEPPER = 1
_RING_BYTES_MAX = 1 << 15  # RING_SIZE up to 15: RP2040 data sheet 2.5.7, RP2350 12.6.10


def check_streams(board: BoardDefinition) -> Iterator[Problem]:
    """Side-set pins, handshake pins, block sizes, state machines and DMA channels."""
    streams = {name: chip for name, chip in board.chips.items() if chip.stream is not None}
    for name, chip in streams.items():
        yield from _pins(name, chip)
    yield from _converter(board)
    yield from _dac(board)
    yield from _resources(board, len(streams))


def _pins(name: str, chip: Chip) -> Iterator[Problem]:
    pins = chip.stream
    assert pins is not None
    if pins.cs != pins.sck + 1:
        yield Problem(
            f"chips.{name}.stream.cs",
            f"GPIO{pins.cs} does not follow SCK on GPIO{pins.sck}: the PIO sets both by side-set, "
            "which takes consecutive pins",
            f"put CS on GPIO{pins.sck + 1}, or SCK on GPIO{pins.cs - 1}",
        )
    wanted = {"adc": ("drdy", "starts each sample"), "stream_dac": ("ldac", "shows the words")}
    if name in wanted:
        signal, why = wanted[name]
        if getattr(pins, signal) is None:
            yield Problem(
                f"chips.{name}.stream.{signal}",
                f"missing; {signal.upper()} {why}",
                f"give its pin: '{signal}': N",
            )


def _converter(board: BoardDefinition) -> Iterator[Problem]:
    adc = board.chips.get("adc")
    if adc is None or adc.stream is None:
        if "stream_dac" in board.chips:
            yield Problem(
                "chips.stream_dac",
                "there is no streamed 'adc', whose DRDY gives the DAC its clock",
                "add chips.adc with its stream pins",
            )
    elif adc.samples != _BLOCK_SAMPLES:
        yield Problem(
            "chips.adc.samples",
            f"{adc.samples}; a block of 1 ms has {_BLOCK_SAMPLES} samples at 16 kSPS",
            f"write {_BLOCK_SAMPLES}",
        )


def _dac(board: BoardDefinition) -> Iterator[Problem]:
    dac = board.chips.get("stream_dac")
    if dac is None or dac.stream is None:
        return
    key = "chips.stream_dac"
    for name in ("stream_channels", "stream_samples"):
        if getattr(dac, name) is None:
            yield Problem(f"{key}.{name}", "missing", f"give it: '{name}': N")
    if dac.stream_channels is None or dac.stream_samples is None:
        return
    if dac.stream_channels > _DAC_CHANNELS_MAX:
        yield Problem(
            f"{key}.stream_channels",
            f"{dac.stream_channels}, but the chip has {_DAC_CHANNELS_MAX}",
            f"write at most {_DAC_CHANNELS_MAX}",
        )
    if _BLOCK_SAMPLES % dac.stream_samples:
        fitting = [n for n in range(1, _BLOCK_SAMPLES + 1) if _BLOCK_SAMPLES % n == 0]
        yield Problem(
            f"{key}.stream_samples",
            f"{dac.stream_samples} does not divide the {_BLOCK_SAMPLES} samples of a block",
            f"write one of {', '.join(map(str, fitting))}",
        )
        return
    # A buffer that is played more than once a block is a ring of the DMA.
    words = dac.stream_channels * dac.stream_samples
    if dac.stream_samples < _BLOCK_SAMPLES and (words & (words - 1) or 4 * words > _RING_BYTES_MAX):
        yield Problem(
            f"{key}.stream_channels",
            f"{dac.stream_channels} x {dac.stream_samples} words are played "
            f"{_BLOCK_SAMPLES // dac.stream_samples} times a block, and {words} is no power of two: "
            "the DMA cannot go round",
            f"write stream_samples {_BLOCK_SAMPLES}, or make the product a power of two",
        )


def _resources(board: BoardDefinition, streams: int) -> Iterator[Problem]:
    mcu = MCUS[board.mcu]
    steppers = 0 if board.stepper is None else 1
    if streams > mcu.state_machines:
        yield Problem(
            "chips",
            f"{streams} streams need {streams} state machines; PIO0 of the {mcu.title} has "
            f"{mcu.state_machines}",
            "put the slower chips on an SPI bus",
        )
    wanted = _DMA_PER_STREAM * streams + _DMA_PER_STEPPER * steppers
    if wanted > mcu.dma_channels:
        yield Problem(
            "chips",
            f"{streams} streams and {steppers} stepper need {wanted} DMA channels; the {mcu.title} "
            f"has {mcu.dma_channels}",
            "put the slower chips on an SPI bus",
        )
