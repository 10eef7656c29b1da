"""Step a setting of a sensor board, measure its heads at each value, put it back whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nullfield.devices.sensor import SensorBoard
from nullfield.devices.trace import Scope
from nullfield.dsp.sweep_choice import Choice, choose
from nullfield.errors import BoardLostError, NullfieldError, ProcedureError
from nullfield.instrument.measure_noise import slope_a_per_t, window_noise
from nullfield.instrument.progress import Progress, silent
from nullfield.instrument.read_head import HeadScales, read_weights
from nullfield.instrument.ready_board import head_label, make_ready, why_not_ready
from nullfield.instrument.settle_heads import settle_heads
from nullfield.instrument.sweep_parameter import SweepParameter
from nullfield.quantity import format_quantity

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SweepPoint:
    """One value of a sweep; arrays have a row a head, NaN where a head did not work.

    Attributes
    ----------
    value : float
        In force, in the parameter's unit.
    noise_ft_rthz : numpy.ndarray, shape ``(n_heads, 2)``
        Transverse axes, 10-100 Hz.
    slope_a_per_t : numpy.ndarray, shape ``(n_heads, 2)``
        Modulated photocurrent by field.
    photocurrent_a : numpy.ndarray, shape ``(n_heads,)``
    failed : dict of int to str
        Heads that were not ready at this value, and why.
    """

    value: float
    noise_ft_rthz: FloatArray
    slope_a_per_t: FloatArray
    photocurrent_a: FloatArray
    failed: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SweepResult:
    """A sweep.

    Attributes
    ----------
    heads : tuple of int
        Slots.
    present : float
        Value before and after.
    points : tuple of SweepPoint
    choice : Choice or None
        None if no head worked at any value.
    """

    parameter: SweepParameter
    heads: tuple[int, ...]
    present: float
    points: tuple[SweepPoint, ...]
    choice: Choice | None

    def values(self) -> FloatArray:
        """Values in force, shape ``(n_points,)``."""
        return np.array([point.value for point in self.points])


def sweep_setting(
    board: SensorBoard,
    scales: HeadScales,
    parameter: SweepParameter,
    values: FloatArray,
    slots: Iterable[int],
    duration_s: float = 10.0,
    progress: Progress = silent,
    on_point: Callable[[SweepPoint], None] = lambda point: None,
) -> SweepResult:
    """Sweep; on every way out the setting is what it was, and the outputs are off.

    Off, because heads are calibrated for the last value measured: they are to be started again.

    Parameters
    ----------
    board : SensorBoard
    scales : HeadScales
    parameter : SweepParameter
    values : numpy.ndarray
        From `sweep_values`.
    slots : iterable of int
    duration_s : float
        Data at each value, at least 2 s.
    progress : Progress
    on_point : callable
        Gets each point as soon as it is measured.

    Raises
    ------
    ProcedureError
        If no head is ready to begin with; or if the setting could not be put back: says where it
        stands.
    BoardFaultError, BoardLostError
        The message says what became of the setting.
    """
    wanted = tuple(slots)
    rate_hz = 1e6 / board.identity.block_period_us
    found = board.settings.refresh(parameter.setting)
    present = parameter.from_setting(found, rate_hz)
    points: list[SweepPoint] = []
    try:
        board.stream_start()
        ready = make_ready(board, wanted, progress)
        missing = [slot for slot in wanted if slot not in ready]
        if missing:
            telemetry = board.wait_telemetry(lambda _: True, 2.0)
            raise ProcedureError(
                f"{head_label(board, missing[0])} is not ready: "
                f"{why_not_ready(telemetry, missing[0])}",
                "leave it out with --head, or mend it first",
            )
        scope = Scope(board)
        for number, value in enumerate(values):
            shown = format_quantity(float(value), parameter.unit)
            progress("sweep", number / len(values), f"{parameter.name} {shown}")
            set_to = board.settings.set(
                parameter.setting, parameter.to_setting(float(value), rate_hz)
            )
            ready, failed = settle_heads(board, parameter.after, wanted)
            in_force = parameter.from_setting(set_to, rate_hz)
            point = _measure(board, scales, scope, in_force, wanted, ready, failed, duration_s)
            points.append(point)
            on_point(point)
    except BaseException as error:
        put_back(board, parameter, found, error)
        raise
    put_back(board, parameter, found, None)
    progress("sweep", 1.0, f"{len(points)} values; {parameter.name} is what it was")
    noise = np.array([point.noise_ft_rthz.reshape(-1) for point in points])
    choice = choose(np.array([point.value for point in points]), noise, present, parameter.prefer)
    return SweepResult(parameter, wanted, present, tuple(points), choice)


def _measure(
    board: SensorBoard,
    scales: HeadScales,
    scope: Scope,
    value: float,
    wanted: tuple[int, ...],
    ready: tuple[int, ...],
    failed: dict[int, str],
    duration_s: float,
) -> SweepPoint:
    noise = np.full((len(wanted), 2), np.nan)
    slope = np.full((len(wanted), 2), np.nan)
    light = np.full(len(wanted), np.nan)
    if ready:
        window = board.wait_samples(round(duration_s * board.sampling_rate_hz))
        telemetry = board.wait_telemetry(lambda _: True, 2.0)
        band = window_noise(board, window)[2]
        for row, slot in enumerate(wanted):
            if slot in ready:
                noise[row] = band[slot, :2]
                light[row] = telemetry.photocurrent_a[slot]
                slope[row] = slope_a_per_t(read_weights(board, scope, slot), scales)
    return SweepPoint(value, noise, slope, light, failed)


def put_back(
    board: SensorBoard, parameter: SweepParameter, found: float, error: BaseException | None
) -> None:
    """Outputs off, setting as it was; where that fails, say so on top of what went wrong.

    Parameters
    ----------
    found : float
        Value to put back, in the setting's unit.
    error : BaseException or None
        What ended the sweep; the caller raises it again.

    Raises
    ------
    ProcedureError, BoardLostError
        If the board does not take the value.
    """
    was = format_quantity(found, board.settings.describe(parameter.setting).unit)
    interrupt: BaseException | None = None
    for attempt in range(2):
        try:
            board.safe_off()
            board.settings.set(parameter.setting, found)
            break
        except KeyboardInterrupt as again:
            # A second Ctrl-C must not leave the setting where the sweep had it.
            interrupt = again
        except NullfieldError as trouble:
            if attempt == 0 and board.link.lost_reason is None:
                continue
            # Nothing was saved to flash, so power-on brings the old value back in any case.
            kind = type(error) if isinstance(error, NullfieldError) else type(trouble)
            first = error.message if isinstance(error, NullfieldError) else trouble.message
            if not issubclass(kind, ProcedureError | BoardLostError):
                kind = ProcedureError
            raise kind(
                f"{first}; {parameter.setting} could not be put back to {was}",
                f"its outputs go off by themselves; a reset or power-on brings {was} back",
            ) from trouble
    if interrupt is not None and error is None:
        raise interrupt
