"""Between chips and plant: what a voltage or a code is on the boards, for all boards at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.virtual.chips import (
    Ads131m08,
    Ltc2688,
    Tmc2209,
    fill_frames,
    words_to_volts,
)
from nullfield.virtual.parts import (
    SAMPLES,
    AdcNoise,
    ConverterInputs,
    SlowConverter,
    Watched,
    ntc_ohm,
    pt1000_ohm,
)
from nullfield.virtual.plant import PlantInputs, PlantOutputs

FloatArray = npt.NDArray[np.float64]


class SensorWiring:
    """Chips of all sensor boards against the plant's heads.

    Parameters
    ----------
    definitions : list of dict
        Board definition of each sensor board.
    head_of_slot : int array, shape (boards, 4)
        The plant's head at each slot, -1 where none is connected.
    seed : int
    now_s : callable
        Virtual time.
    outputs : PlantOutputs
        Where the plant puts what can be measured.

    Attributes
    ----------
    light_v_per_ua, modulation_v_per_ua : ndarray of float64, shape (boards, 4)
        Photodiode amplifier of each head, and the cancelled channel behind it.
    coil_ma_per_v : ndarray of float64, shape (boards, 4, 3)
        On-head coils: 4 kOhm in series.
    laser_ma_per_v, tec_a_per_v, heater_gain : ndarray of float64, shape (boards, 4)
        Current sources and heater bridges.
    is_heater_stuck : ndarray of bool, shape (boards, 4)
        A bridge that heats whenever the enable line is on.
    is_thermistor_open : ndarray of bool, shape (boards, 4)
    cell_reference_ohm : list of float
        What the reference resistor of each board's Pt1000 converter truly is.
    """

    def __init__(
        self,
        definitions: list[dict[str, Any]],
        head_of_slot: npt.NDArray[np.int64],
        seed: int,
        now_s: Callable[[], float],
        outputs: PlantOutputs,
        noise_enabled: bool,
    ) -> None:
        n = len(definitions)
        self._outputs = outputs
        self._slots = head_of_slot
        self._filled = head_of_slot >= 0
        self._heads = head_of_slot[self._filled]
        self._scales = [definition["scales"] for definition in definitions]
        self.light_v_per_ua = np.full((n, 4), 0.02)  # 20 kOhm
        self.modulation_v_per_ua = np.full((n, 4), 0.32)  # the same, times 16
        self.coil_ma_per_v = np.full((n, 4, 3), 0.25)
        self.laser_ma_per_v = np.full((n, 4), 0.5)
        self.tec_a_per_v = np.full((n, 4), 0.2)
        self.heater_gain = np.ones((n, 4))
        self.is_heater_stuck: npt.NDArray[np.bool_] = np.zeros((n, 4), dtype=np.bool_)
        self.is_thermistor_open: npt.NDArray[np.bool_] = np.zeros((n, 4), dtype=np.bool_)
        self.cell_reference_ohm = [float(s["cell_reference_ohm"]) for s in self._scales]
        self.inputs = ConverterInputs(n)
        self._noise = AdcNoise(n, seed, 101)
        self._noise_on = 1.0 if noise_enabled else 0.0
        self._running: npt.NDArray[np.bool_] = np.zeros(n, dtype=np.bool_)
        self._gain = np.ones((n, 8))
        self._volts = np.zeros((n, 8, SAMPLES))
        self.frames: npt.NDArray[np.int32] = np.zeros((n, SAMPLES, 10), dtype=np.int32)
        self.words: npt.NDArray[np.uint32] = np.zeros((n, SAMPLES, 12), dtype=np.uint32)
        self._held: npt.NDArray[np.uint16] = np.zeros((n, 16), dtype=np.uint16)
        self._low = np.zeros((n, 16))
        self._step = np.zeros((n, 16))
        self._coil_volts = np.zeros((n, 12, SAMPLES))
        self._cancel_ua = np.zeros((n, 4))
        self._laser_ma = np.zeros((n, 4))
        self._tec_a = np.zeros((n, 4))
        self._heater_w = np.zeros((n, 4))
        self._lasers_on: npt.NDArray[np.bool_] = np.zeros((n, 1), dtype=np.bool_)
        self._slow_changed = True
        # Heads in the order of boards and slots, none missing: whole arrays can be used as they lie.
        self._in_order = bool(
            self._filled.all() and np.array_equal(self._heads, np.arange(len(self._heads)))
        )
        self._light_ua = np.zeros((n, 4, SAMPLES))
        self.devices: list[dict[str, Any]] = []
        for board in range(n):
            draw = np.random.Generator(
                np.random.Philox(key=np.array([seed & 0xFFFFFFFFFFFFFFFF, 200 + board], np.uint64))
            ).standard_normal
            normal: Callable[[], float] = draw if noise_enabled else float
            self.devices.append(
                {
                    "adc": Watched(Ads131m08()),
                    "stream_dac": Watched(Ltc2688()),
                    "slow_dac": Watched(Ltc2688()),
                    "cell_adc": SlowConverter("pt1000", self._cell_ratios(board), now_s, normal),
                    "laser_adc": SlowConverter("divider", self._laser_ratios(board), now_s, normal),
                }
            )

    def _cell_ratios(self, board: int) -> Callable[[FloatArray], None]:
        def refresh(ratio: FloatArray) -> None:
            for slot, head in enumerate(self._slots[board]):
                # An open input reads full scale.
                ratio[slot] = (
                    pt1000_ohm(float(self._outputs.cell_temperature_c[head]))
                    / self.cell_reference_ohm[board]
                    if head >= 0
                    else 1.0
                )

        return refresh

    def _laser_ratios(self, board: int) -> Callable[[FloatArray], None]:
        scales = self._scales[board]

        def refresh(ratio: FloatArray) -> None:
            for slot, head in enumerate(self._slots[board]):
                if head < 0 or self.is_thermistor_open[board, slot]:
                    ratio[slot] = 1.0
                    continue
                ohm = ntc_ohm(
                    float(self._outputs.laser_temperature_c[head]),
                    scales["laser_nominal_ohm"],
                    scales["laser_beta_k"],
                )
                ratio[slot] = ohm / (ohm + scales["laser_divider_ohm"])

        return refresh

    def enable(
        self,
        alive: npt.NDArray[np.bool_],
        heaters: npt.NDArray[np.bool_],
        lasers: npt.NDArray[np.bool_],
        duty: FloatArray,
    ) -> None:
        """Take over pins and PWM, when they change.

        Parameters
        ----------
        alive, heaters, lasers : bool array, shape (boards,)
        duty : float array, shape (boards, 4)
            Heater PWM, 0..1.
        """
        self._lasers_on = (lasers & alive)[:, None]
        full_w = np.array([s["heater_full_scale_uw"] * 1e-6 for s in self._scales])
        share = np.where(self.is_heater_stuck, 1.0, duty) * self.heater_gain
        self._heater_w = np.where((heaters & alive)[:, None], share * full_w[:, None], 0.0)
        self._slow_changed = True

    def drive(self, inputs: PlantInputs) -> None:
        """Turn what the boards put out into the plant's inputs."""
        for board, devices in enumerate(self.devices):
            if (
                devices["slow_dac"].touched
                or devices["stream_dac"].touched
                or devices["adc"].touched
            ):
                self._take_registers(board, devices)
                self._slow_changed = True
        words_to_volts(self.words, self._held, self._low, self._step, self._coil_volts)
        coil_volts = self._coil_volts.reshape(len(self.devices), 4, 3, SAMPLES)
        ma_per_v = self.coil_ma_per_v[..., None]
        if self._in_order:
            np.multiply(
                coil_volts.reshape(-1, 3, SAMPLES),
                ma_per_v.reshape(-1, 3, 1),
                out=inputs.head_coil_current_ma,
            )
        else:
            current_ma = ma_per_v * coil_volts
            inputs.head_coil_current_ma[self._heads] = current_ma[self._filled]
        if self._slow_changed:
            self._slow_changed = False
            inputs.heater_power_w[self._heads] = self._heater_w[self._filled]
            laser_ma = np.where(self._lasers_on, self._laser_ma, 0.0)
            inputs.laser_current_ma[self._heads] = laser_ma[self._filled]
            # A DAC keeps its code when its processor is gone; only enable pins fall.
            inputs.tec_current_a[self._heads] = self._tec_a[self._filled]

    def _take_registers(self, board: int, devices: dict[str, Any]) -> None:
        if devices["stream_dac"].touched:
            devices["stream_dac"].touched = False
            chip = devices["stream_dac"].chip
            self._low[board], self._step[board] = chip.low, chip.scale
            self._held[board] = chip.code
        if devices["slow_dac"].touched:
            devices["slow_dac"].touched = False
            volts = devices["slow_dac"].chip.volts()
            self._laser_ma[board] = np.maximum(volts[0:4], 0.0) * self.laser_ma_per_v[board]
            self._tec_a[board] = volts[4:8] * self.tec_a_per_v[board]
            self._cancel_ua[board] = volts[8:12] * 12.0  # 12 uA/V
        if devices["adc"].touched:
            devices["adc"].touched = False
            self._running[board] = devices["adc"].chip.running
            self._gain[board] = devices["adc"].chip.gain

    def convert(self, block: int) -> None:
        """Turn the plant's photocurrents into the frames that the boards read next."""
        if self._in_order:
            light = self._outputs.photocurrent_ua.reshape(self._light_ua.shape)
        else:
            light = self._light_ua
            light[self._filled] = self._outputs.photocurrent_ua[self._heads]
        np.multiply(light, self.light_v_per_ua[:, :, None], out=self._volts[:, :4])
        np.subtract(light, self._cancel_ua[:, :, None], out=self._volts[:, 4:])
        self._volts[:, 4:] *= self.modulation_v_per_ua[:, :, None]
        noise = self._noise.block(block) * self.inputs.noise_gain
        if not self._noise_on:
            noise = np.zeros_like(noise)
        volts = self.inputs.route(self._volts)
        fill_frames(volts, noise, self._gain, self._running, self.frames)


class TableWiring:
    """The table board's stepper driver, motor and switches.

    Attributes
    ----------
    lost_share_inwards : float
        Share of the steps that the motor does not follow when it moves the patient in.
    stuck_level : dict of str to int
        Inputs that stay at a level whatever the switch does.
    """

    def __init__(self) -> None:
        self.devices = {"driver": Watched(Tmc2209())}
        self.lost_share_inwards = 0.0
        self.stuck_level: dict[str, int] = {}
        self._fraction = 0.0
        self.steps = 0

    def motor_rate_hz(self, rate_hz: float) -> float:
        """Steps a second that the motor follows; none without a driver."""
        if not self.devices["driver"].is_present:
            return 0.0
        return rate_hz * (1.0 - self.lost_share_inwards) if rate_hz > 0.0 else rate_hz

    def level(self, name: str, is_pressed: bool) -> int:
        """Level of a switch's input."""
        return self.stuck_level.get(name, int(is_pressed))

    @property
    def current_share(self) -> float:
        """Current of the motor as a share of the driver's full scale."""
        return float(self.devices["driver"].chip.current_share)

    @property
    def diag(self) -> int:
        """Level of the driver's DIAG output."""
        driver = self.devices["driver"]
        return int(driver.is_present and driver.chip.diag)

    def step(self, rate_hz: float, load_share: float) -> None:
        """Count the steps of one block, in which the motor had to push."""
        self._fraction += rate_hz * 1e-3
        whole = int(np.floor(self._fraction))
        self._fraction -= whole
        self.steps += whole
        self.devices["driver"].chip.advance(1e-3, rate_hz * 1e-3, load_share)
