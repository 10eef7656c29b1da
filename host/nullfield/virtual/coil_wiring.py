"""Between a coil board's chips and the plant: sources, senses, the slow converter's multiplexer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from nullfield.virtual.chips import Ads131m08, Ltc2688, fill_frames, words_to_volts
from nullfield.virtual.parts import (
    SAMPLES,
    AdcNoise,
    ConverterInputs,
    SlowConverter,
    Watched,
    ntc_ohm,
)

FloatArray = npt.NDArray[np.float64]

CHANNELS = 8
_VOLTAGE_RANGE_V = 36.0
_NTC_OHM, _NTC_BETA_K, _NTC_DIVIDER_OHM = 10_000.0, 3435.0, 10_000.0
_SHORT_OHM = 1.0
AMPLIFIER_OHM = 500.0
"""Input of the degaussing amplifier."""
_SUPPLY_V = 12.0
_SINK_K_PER_W = 20.0
_SINK_TIME_S = 60.0
_BLOCK_S = 1e-3


class CoilWiring:
    """Chips of one coil board.

    Parameters
    ----------
    seed, number : int
        Of the instrument, and of the board in it.
    noise_enabled : bool
    now_s : callable
        Virtual time.

    Attributes
    ----------
    coil_of : ndarray of int64, shape (8,)
        Coil of the plant at each output, -1 where none hangs.
    polarity : ndarray of float64, shape (8,)
        -1 for a coil whose leads are exchanged.
    sense_v_per_ma : ndarray of float64, shape (8, 1)
        Sense resistors with their amplifiers.
    source_offset_ma : ndarray of float64, shape (8,)
        Current of an output stage at mid-scale code.
    is_open, is_shorted : ndarray of bool, shape (8,)
        Outputs that lead nowhere, or past the coil.
    degauss_channel : int
        Output that drives the degaussing amplifier, -1 without one.
    stuck_code : dict of int to int
        Codes that channels of the DAC hold whatever is written.
    sink_k_per_w : float
        Heat sink of the output stages.
    pin : callable
        Level of one of the board's outputs.
    """

    def __init__(
        self, seed: int, number: int, noise_enabled: bool, now_s: Callable[[], float]
    ) -> None:
        draw = np.random.Generator(
            np.random.Philox(key=np.array([seed & 0xFFFFFFFFFFFFFFFF, 401 + number], np.uint64))
        ).standard_normal
        normal: Callable[[], float] = draw if noise_enabled else float
        self.coil_adc = SlowConverter("divider", self._slow_ratios, now_s, normal)
        self.devices = {"adc": Watched(Ads131m08()), "stream_dac": Watched(Ltc2688())}
        self.coil_of: npt.NDArray[np.int64] = np.full(CHANNELS, -1, dtype=np.int64)
        self.polarity = np.ones(CHANNELS)
        self.sense_v_per_ma = np.full((CHANNELS, 1), 0.1)
        self.source_offset_ma = np.zeros(CHANNELS)
        self.is_open: npt.NDArray[np.bool_] = np.zeros(CHANNELS, dtype=np.bool_)
        self.is_shorted: npt.NDArray[np.bool_] = np.zeros(CHANNELS, dtype=np.bool_)
        self.degauss_channel = -1
        self.stuck_code: dict[int, int] = {}
        self.sink_k_per_w = _SINK_K_PER_W
        self.pin: Callable[[str], int] = lambda name: 0
        self.inputs = ConverterInputs(1)
        self.ambient_c = 25.0
        self._sink_k = 0.0
        self._source_ma = np.zeros(CHANNELS)
        self._voltage_v = np.zeros(CHANNELS)
        self._enabled = False
        self._noise = AdcNoise(1, seed, 301 + number)
        self._noise_on = noise_enabled
        self._held: npt.NDArray[np.uint16] = np.zeros((1, 16), dtype=np.uint16)
        self._low = np.zeros((1, 16))
        self._step = np.zeros((1, 16))
        self._volts_out = np.zeros((1, 16, 1))
        self._volts = np.zeros((1, 8, SAMPLES))
        self._gain = np.ones((1, 8))
        self._running: npt.NDArray[np.bool_] = np.zeros(1, dtype=np.bool_)
        self.words: npt.NDArray[np.uint32] = np.zeros((1, 1, 16), dtype=np.uint32)
        self.frames: npt.NDArray[np.int32] = np.zeros((1, SAMPLES, 10), dtype=np.int32)

    def _slow_ratios(self, ratio: FloatArray) -> None:
        """What the slow converter's inputs see: the chosen coil's voltage, the thermistor."""
        channel = self.pin("mux0") + 2 * self.pin("mux1") + 4 * self.pin("mux2")
        ratio[0] = 0.5 + self._voltage_v[channel] / _VOLTAGE_RANGE_V
        ohm = ntc_ohm(self.ambient_c + self._sink_k, _NTC_OHM, _NTC_BETA_K)
        ratio[1] = ohm / (ohm + _NTC_DIVIDER_OHM)

    def drive(self, enabled: bool, told_ma: FloatArray) -> None:
        """Commands of the sources, into the plant's array: 1 mA/V, the fine DAC through 1/256."""
        stream = self.devices["stream_dac"]
        if stream.touched:
            stream.touched = False
            self._low[0], self._step[0] = stream.chip.low, stream.chip.scale
            self._held[0] = stream.chip.code
        words_to_volts(self.words, self._held, self._low, self._step, self._volts_out)
        volts = self._volts_out[0, :, 0]
        for channel, code in self.stuck_code.items():
            volts[channel] = self._low[0, channel] + code * self._step[0, channel]
        self._enabled = enabled
        if enabled:
            self._source_ma = volts[:8] + volts[8:] / 256.0 + self.source_offset_ma
        else:
            self._source_ma = np.zeros(CHANNELS)
        reaching = np.where(self.is_open | self.is_shorted, 0.0, self.polarity * self._source_ma)
        there = self.coil_of >= 0
        told_ma[self.coil_of[there]] = reaching[there]

    def degauss_ma(self) -> float:
        """What goes into the degaussing amplifier."""
        channel = self.degauss_channel
        if channel < 0 or self.is_open[channel] or self.is_shorted[channel]:
            return 0.0
        return float(self.polarity[channel] * self._source_ma[channel])

    def convert(self, block: int, current_ma: FloatArray, voltage_v: FloatArray) -> None:
        """Sense amplifiers (0.1 V/mA), converter, voltages and heat, after the plant's block.

        Parameters
        ----------
        current_ma, voltage_v : ndarray of float64, shape (n_coils,)
            Of the plant's coils.
        """
        adc = self.devices["adc"]
        if adc.touched:
            adc.touched = False
            self._running[0] = adc.chip.running
            self._gain[0] = adc.chip.gain
        there = (self.coil_of >= 0) & ~self.is_open
        at = np.maximum(self.coil_of, 0)
        sensed_ma = np.zeros(CHANNELS)
        if len(current_ma):
            sensed_ma = np.where(there, self.polarity * current_ma[at], 0.0)
            self._voltage_v = np.where(
                there, self.polarity * voltage_v[at], np.sign(self._source_ma) * _SUPPLY_V
            )
        # A source without a way for its current is at the end of its voltage, but for its own noise.
        quiet = ~there & (np.abs(self._source_ma) < 1e-5)
        self._voltage_v = np.where(quiet, 0.0, self._voltage_v)
        # A short has no inductance: the source's current is there at once.
        sensed_ma = np.where(self.is_shorted, self._source_ma, sensed_ma)
        self._voltage_v = np.where(
            self.is_shorted, self._source_ma * _SHORT_OHM * 1e-3, self._voltage_v
        )
        if self.degauss_channel >= 0 and not self.is_open[self.degauss_channel]:
            channel = self.degauss_channel
            sensed_ma[channel] = self._source_ma[channel]
            if not self.is_shorted[channel]:
                self._voltage_v[channel] = self._source_ma[channel] * AMPLIFIER_OHM * 1e-3
        power_w = float(np.abs(sensed_ma).sum()) * 1e-3 * _SUPPLY_V
        self._sink_k += (power_w * self.sink_k_per_w - self._sink_k) * _BLOCK_S / _SINK_TIME_S
        self._volts[0] = self.sense_v_per_ma * sensed_ma[:, None]
        noise = self._noise.block(block) * self.inputs.noise_gain
        if not self._noise_on:
            noise = np.zeros_like(noise)
        volts = self.inputs.route(self._volts)
        fill_frames(volts, noise, self._gain, self._running, self.frames)
