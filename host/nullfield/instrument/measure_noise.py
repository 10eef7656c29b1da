"""Noise of a sensor board's heads, and what of it light, electronics and converters make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.devices.samples import UNUSABLE, SampleWindow
from nullfield.devices.sensor import ALL_HEADS, SensorBoard
from nullfield.devices.trace import Scope
from nullfield.dsp.noise_shares import (
    Weights,
    shaped_quantisation_t_rthz,
    shot_noise_a_rthz,
    white_as_field_t_rthz,
)
from nullfield.dsp.spectrum import amplitude_density, noise_density_ft_rthz
from nullfield.instrument.progress import Progress, silent
from nullfield.instrument.read_head import (
    ADC_RATE_HZ,
    SAMPLES_A_BLOCK,
    HeadScales,
    dark_field_t_rthz,
    read_beside_carrier,
    read_dark_sums,
    read_weights,
)
from nullfield.instrument.ready_board import make_ready
from nullfield_protocol.catalogue import HeadState

FloatArray = npt.NDArray[np.float64]

BAND_HZ = (10.0, 100.0)
_SPECTRUM_WINDOW_S = 1.0
_CHUNK_S = 1.0


@dataclass(frozen=True)
class HeadNoise:
    """Noise of one head. Axes: two transverse ones, then the beam; shares are of the transverse.

    Attributes
    ----------
    is_loop_closed : bool
        While it was measured.
    photocurrent_a : float
        Light on the photodiode.
    slope_a_per_t : numpy.ndarray, shape ``(2,)``
        Amplitude of the photocurrent at the modulation by a small field.
    spectrum_ft_rthz : numpy.ndarray, shape ``(3, n_frequencies)``
        Measured; NaN for an axis that does not move, as the beam axis between zeroings.
    band_ft_rthz : numpy.ndarray, shape ``(3,)``
        Median over `BAND_HZ` without mains lines.
    shot_ft_rthz, readout_ft_rthz : numpy.ndarray, shape ``(2,)``
        Photon shot noise of the photocurrent; and what the modulated channel truly holds beside
        the modulation: shot, intensity and electronic noise together, measured.
    electronics_ft_rthz : numpy.ndarray or None, shape ``(2,)``
        Converter and amplifier with the laser off; None if the head was on when this began.
    quantisation_ft_rthz : numpy.ndarray, shape ``(n_frequencies,)``
        Of the coil's converter, by its step and its noise shaping.
    """

    slot: int
    is_loop_closed: bool
    photocurrent_a: float
    slope_a_per_t: FloatArray
    frequency_hz: FloatArray
    spectrum_ft_rthz: FloatArray
    band_ft_rthz: FloatArray
    shot_ft_rthz: FloatArray
    readout_ft_rthz: FloatArray
    electronics_ft_rthz: FloatArray | None
    quantisation_ft_rthz: FloatArray

    def sum_ft_rthz(self) -> FloatArray:
        """Shot, electronics and quantisation together, shape ``(2, n_frequencies)``."""
        white = self.shot_ft_rthz**2
        if self.electronics_ft_rthz is not None:
            white = white + self.electronics_ft_rthz**2
        return np.asarray(np.sqrt(white[:, None] + self.quantisation_ft_rthz[None, :] ** 2))

    def in_band(self, density: FloatArray) -> FloatArray:
        """Root mean square of densities over `BAND_HZ`, along the last axis."""
        chosen = (self.frequency_hz >= BAND_HZ[0]) & (self.frequency_hz <= BAND_HZ[1])
        return np.asarray(np.sqrt((density[..., chosen] ** 2).mean(axis=-1)))

    def rest_ft_rthz(self) -> FloatArray:
        """What the shares leave of the measured figure: cell, laser, room; shape ``(2,)``."""
        left = self.band_ft_rthz[:2] ** 2 - self.in_band(self.sum_ft_rthz()) ** 2
        return np.asarray(np.sqrt(np.maximum(left, 0.0)))


@dataclass(frozen=True)
class NoiseResult:
    """Noise of a board.

    Attributes
    ----------
    heads : tuple of HeadNoise
    left_out : tuple of int
        Heads asked for that did not become ready.
    duration_s : float
        Data used.
    lost_rows : int
        Rows missing in them.
    """

    heads: tuple[HeadNoise, ...]
    left_out: tuple[int, ...]
    duration_s: float
    lost_rows: int


def measure_noise(
    board: SensorBoard,
    scales: HeadScales,
    slots: Iterable[int],
    duration_s: float = 30.0,
    progress: Progress = silent,
    is_closed: bool | None = None,
) -> NoiseResult:
    """Measure the noise of some heads; starts those that are off.

    Nobody may lie in the device: a heart's field would count as noise.

    Parameters
    ----------
    board : SensorBoard
    scales : HeadScales
    slots : iterable of int
    duration_s : float
        At least 3 s.
    progress : Progress
    is_closed : bool, optional
        Measure with the field loops closed or open, and set them back afterwards; by default as
        they are.

    Raises
    ------
    ProcedureError
        If no head becomes ready.
    BoardFaultError, BoardLostError
    """
    wanted = tuple(slots)
    scope = Scope(board)
    board.stream_start()
    dark = read_dark(board, scope, wanted)
    ready = make_ready(board, wanted, progress)
    telemetry = board.wait_telemetry(lambda _: True, 2.0)
    turned = [
        slot
        for slot in ready
        if is_closed is not None and telemetry.is_loop_closed[slot] != is_closed
    ]
    if turned:
        board.loop(bool(is_closed), turned)
    try:
        window, lost = _collect(board, duration_s, progress)
        telemetry = board.wait_telemetry(lambda _: True, 2.0)
        weights = {slot: read_weights(board, scope, slot) for slot in ready}
        beside = {slot: read_beside_carrier(scope, slot) for slot in ready}
    finally:
        if turned and board.link.lost_reason is None:
            board.loop(not is_closed, turned)
    frequency_hz, spectrum, band = window_noise(board, window)
    a_per_step = scales.photocurrent_a_per_step
    heads = []
    for slot in ready:
        one = weights[slot]
        light_a = float(telemetry.photocurrent_a[slot])
        electronics = dark.get(slot)
        heads.append(
            HeadNoise(
                slot=slot,
                is_loop_closed=telemetry.is_loop_closed[slot],
                photocurrent_a=light_a,
                slope_a_per_t=slope_a_per_t(one, scales),
                frequency_hz=frequency_hz,
                spectrum_ft_rthz=spectrum[slot],
                band_ft_rthz=band[slot],
                shot_ft_rthz=_light_ft(shot_noise_a_rthz(light_a) / a_per_step, one),
                readout_ft_rthz=_light_ft(beside[slot], one),
                electronics_ft_rthz=(
                    None if electronics is None else dark_field_t_rthz(electronics, one) * 1e15
                ),
                quantisation_ft_rthz=1e15
                * shaped_quantisation_t_rthz(frequency_hz, scales.coil_step_t, ADC_RATE_HZ),
            )
        )
    left_out = tuple(slot for slot in wanted if slot not in ready)
    return NoiseResult(tuple(heads), left_out, len(window) / board.sampling_rate_hz, lost)


def read_dark(board: SensorBoard, scope: Scope, slots: Iterable[int]) -> dict[int, FloatArray]:
    """Sums of the heads whose laser is off, by slot; nothing of the others."""
    now = board.wait_telemetry(lambda _: True, 2.0)
    found = {}
    for slot in slots:
        if now.head_state[slot] is HeadState.OFF and now.laser_current_a[slot] == 0.0:
            sums = read_dark_sums(scope, slot)
            if sums is not None:
                found[slot] = sums
    return found


def slope_a_per_t(weights: Weights, scales: HeadScales) -> FloatArray:
    """Amplitude of the modulated photocurrent by a small field, A/T, shape ``(2,)``.

    A sine of amplitude `a` gives a sum of ``a N / 2``.
    """
    step_per_t = weights.slope_step_per_t() / (SAMPLES_A_BLOCK / 2.0)
    return np.asarray(step_per_t * scales.photocurrent_a_per_step)


def window_noise(
    board: SensorBoard, window: SampleWindow
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Spectra and band figures of all heads from sample rows.

    Returns
    -------
    frequency_hz : numpy.ndarray, shape ``(n,)``
    spectrum_ft_rthz : numpy.ndarray, shape ``(4, 3, n)``
    band_ft_rthz : numpy.ndarray, shape ``(4, 3)``
        NaN where there is too little valid data, or the axis does not move at all.
    """
    rate_hz = board.sampling_rate_hz
    start = int(window.index[0]) if len(window) else 0
    length = int(window.index[-1]) - start + 1 if len(window) else 0
    n_heads = ALL_HEADS.bit_length()
    field_pt = np.full((3 * n_heads, length), np.nan)
    valid = np.zeros(field_pt.shape, dtype=np.bool_)
    where = window.index - start
    field_pt[:, where] = board.field_t(window) * 1e12
    good = (board.flags(window) & UNUSABLE) == 0
    valid[:, where] = np.repeat(good, 3, axis=0)
    # By the board's own integers: scaled to tesla a constant may have a rounding noise.
    counts = window.rows["field_count"].reshape(len(window), 3 * n_heads)
    valid[np.ptp(counts, axis=0) == 0 if len(window) else slice(None)] = False
    spectrum_window_s = min(_SPECTRUM_WINDOW_S, max(length / rate_hz / 4.0, 0.1))
    frequency_hz, density = amplitude_density(
        field_pt, rate_hz, window_s=spectrum_window_s, valid=valid
    )
    band = noise_density_ft_rthz(field_pt, rate_hz, band_hz=BAND_HZ, valid=valid)
    return frequency_hz, density.reshape(n_heads, 3, -1) * 1e3, band.reshape(n_heads, 3)


def _light_ft(step_rthz: float, weights: Weights) -> FloatArray:
    return white_as_field_t_rthz(step_rthz, weights, SAMPLES_A_BLOCK, ADC_RATE_HZ) * 1e15


def _collect(board: SensorBoard, duration_s: float, progress: Progress) -> tuple[SampleWindow, int]:
    """Rows of the next `duration_s`, and how many are missing among them."""
    rate_hz = board.sampling_rate_hz
    # The first rows still hold what a loop just opened or closed did.
    board.wait_samples(round(rate_hz))
    start = board.samples.next_index or 0
    count = round(duration_s * rate_hz)
    done = 0
    while done < count:
        board.wait_samples(min(round(_CHUNK_S * rate_hz), count - done))
        done = (board.samples.next_index or 0) - start
        progress("noise", min(done / count, 1.0), f"{done / rate_hz:.0f} of {duration_s:g} s")
    window = board.samples.since(start)
    keep = int((window.index < start + count).sum())
    window = SampleWindow(window.index[:keep], window.board_time_us[:keep], window.rows[:keep])
    return window, count - keep
