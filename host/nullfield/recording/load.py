"""From a recording to arrays: field of all heads on one time axis, coil currents, table."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.devices.samples import UNUSABLE
from nullfield.errors import RecordingError
from nullfield.recording.calibrated import (
    about,
    calibration_in,
    corrected_array,
    corrected_field,
)
from nullfield.recording.reader import Recording
from nullfield.recording.samples import BoardSamples, place_rows, read_board_samples
from nullfield_protocol.catalogue import Role
from nullfield_protocol.messages import AXES_PER_HEAD

AXIS_NAMES = ("x", "y", "b")
_EARLY_END_S = 1.0
_ARRIVAL_SPREAD_S = 0.05

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LoadedRecording:
    """What a recording holds, on the time axis of the field.

    Attributes
    ----------
    field : FieldRecording
    coil_current_a : dict of str to numpy.ndarray, shape ``(8, n_samples)``
        By the coil board's uid; NaN where nothing came.
    table_position_m : dict of str to numpy.ndarray, shape ``(n_samples,)``
    lost_rows : dict of str to dict of str to int
        Missing rows by board uid and cause.
    truncated : bool
        As `Recording.truncated`.
    coil_command_a : dict of str to numpy.ndarray, shape ``(8, n_samples)``
        What the coils' sources were told, without the readback's noise; NaN where nothing came.
    """

    field: FieldRecording
    coil_current_a: dict[str, FloatArray]
    table_position_m: dict[str, FloatArray]
    lost_rows: dict[str, dict[str, int]]
    truncated: bool
    coil_command_a: dict[str, FloatArray] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class SampleAxis:
    """Common samples: each board's index is the axis' plus its shift."""

    period_us: int
    start: int
    count: int
    shift: dict[str, int]
    board_time_us: float
    host_time_s: float
    how: str


def load_field_recording(path: Path) -> FieldRecording:
    """Field of all heads of the rig; see `load_recording`."""
    return load_recording(path).field


def load_recording(path: Path) -> LoadedRecording:
    """Read a recording's samples, aligned across boards.

    Boards sample together by the SYNC line, so rows of equal index belong together, unless the
    times at which the blocks came say that rows of equal board time do.

    Missing samples are NaN and not valid. A board that ended early, or never sent, has NaN from
    there on and does not shorten the others.

    Raises
    ------
    RecordingError
        If there are no samples of a sensor board, or the boards were not synchronised.
    """
    recording = Recording(path)
    boards = read_board_samples(recording)
    sensors = {uid: one for uid, one in boards.items() if one.role == Role.SENSOR and one.blocks}
    if not sensors:
        raise RecordingError(
            f"{path}: holds no samples of a sensor board", "start the streams before recording"
        )
    axis = common_axis(path, sensors, boards)
    coils: dict[str, FloatArray] = {}
    commands: dict[str, FloatArray] = {}
    tables: dict[str, FloatArray] = {}
    for uid, one in boards.items():
        if one.role == Role.SENSOR or not one.blocks:
            continue
        rows, came = _on_axis(one, axis)
        if one.role == Role.COIL:
            coils[uid] = np.where(came, rows["current_na"].T * 1e-9, np.nan)
            commands[uid] = np.where(came, rows["command_na"].T * 1e-9, np.nan)
        else:
            tables[uid] = np.where(came, rows["position_um"] * 1e-6, np.nan)
    lost = {uid: one.lost_rows for uid, one in boards.items()}
    truncated = recording.truncated
    field = field_on_axis(recording, boards, axis, lost)
    return LoadedRecording(field, coils, tables, lost, truncated, commands)


def field_on_axis(
    recording: Recording,
    boards: dict[str, BoardSamples],
    axis: SampleAxis,
    lost_rows: dict[str, dict[str, int]],
) -> FieldRecording:
    """Field of all heads of the rig at the samples of an axis."""
    field_pt, valid, array = _field(recording, boards, axis)
    calibration = calibration_in(recording.header, str(recording.path))
    if calibration is not None:
        field_pt = corrected_field(calibration, array, field_pt)
        array = corrected_array(calibration, array)
    delays = {
        recording.board(uid)["identity"]["group_delay_us"]
        for uid, one in boards.items()
        if one.role == Role.SENSOR and uid in axis.shift
    }
    return FieldRecording(
        field_pt=field_pt,
        sampling_rate_hz=1e6 / axis.period_us,
        array=array,
        start_time_s=axis.board_time_us * 1e-6,
        valid=valid,
        metadata={
            "source": str(recording.path),
            "rig": recording.header.get("rig", {}),
            "software": recording.header.get("software", {}),
            "alignment": axis.how,
            "host_start_time_s": axis.host_time_s,
            "group_delay_us": max(delays),
            "lost_rows": lost_rows,
            "truncated": recording.truncated,
            **({} if calibration is None else about(calibration)),
        },
    )


def common_axis(
    path: Path, sensors: dict[str, BoardSamples], boards: dict[str, BoardSamples]
) -> SampleAxis:
    """Find the samples that the boards have in common.

    Raises
    ------
    RecordingError
        If the sensor boards have different periods, or were plainly not sampled together.
    """
    periods = {one.row_period_us for one in sensors.values()}
    if len(periods) != 1:
        raise RecordingError(f"{path}: the sensor boards have different row periods: {periods}")
    period_us = periods.pop()
    reference = next(iter(sensors.values()))
    together = {
        uid: one for uid, one in boards.items() if one.blocks and one.row_period_us == period_us
    }
    by_time = {
        uid: round((reference.time_origin_us - one.time_origin_us) / period_us)
        for uid, one in together.items()
    }
    by_index = dict.fromkeys(together, 0)
    time_spread_s = _spread_s(sensors, by_time, period_us)
    index_spread_s = _spread_s(sensors, by_index, period_us)
    if min(time_spread_s, index_spread_s) > _ARRIVAL_SPREAD_S:
        raise RecordingError(
            f"{path}: the sensor boards were not sampled together",
            "check the SYNC line, or that all boards were started by it",
        )
    # SYNC starts the index; the time is each board's own. Only where the index plainly contradicts
    # the arrival (boards that count from the start of their stream) the time is the better one.
    if time_spread_s < index_spread_s - period_us * 0.5e-6:
        shift, how = by_time, "board time"
    else:
        shift, how = by_index, "sample index"
    starts = [(one.start or 0) - shift[uid] for uid, one in sensors.items()]
    stops = [(one.stop or 0) - shift[uid] for uid, one in sensors.items()]
    margin = round(_EARLY_END_S * 1e6 / period_us)
    # Ragged ends of some blocks are cut; a board that lacks more than that is left with NaN.
    start = max(one for one in starts if one <= min(starts) + margin)
    stop = min(one for one in stops if one >= max(stops) - margin)
    return SampleAxis(
        period_us,
        start,
        max(0, stop - start),
        shift,
        reference.time_origin_us + (start + shift[reference.uid]) * period_us,
        reference.arrival_origin_s + (start + shift[reference.uid]) * period_us * 1e-6,
        how,
    )


def _on_axis(
    board: BoardSamples, axis: SampleAxis
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Rows of a coil or table board; at another row period, the row in force at each sample."""
    if board.uid in axis.shift:
        return place_rows(board, axis.start + axis.shift[board.uid], axis.count)
    # Without a common index the host's clock is the only thing that both share.
    time_s = axis.host_time_s + np.arange(axis.count) * axis.period_us * 1e-6
    index = np.floor((time_s - board.arrival_origin_s) / (board.row_period_us * 1e-6)).astype(int)
    if not len(index):
        return place_rows(board, 0, 0)
    rows, came = place_rows(board, int(index[0]), int(index[-1] - index[0]) + 1)
    return rows[index - index[0]], came[index - index[0]]


def _spread_s(sensors: dict[str, BoardSamples], shift: dict[str, int], period_us: int) -> float:
    """Disagreement of the arrival times, were the boards shifted so."""
    origins = [one.arrival_origin_s + shift[uid] * period_us * 1e-6 for uid, one in sensors.items()]
    return max(origins) - min(origins)


def _field(
    recording: Recording, boards: dict[str, BoardSamples], axis: SampleAxis
) -> tuple[FloatArray, npt.NDArray[np.bool_], SensorArray]:
    heads: list[dict[str, Any]] = list(recording.header.get("rig", {}).get("heads", []))
    if not heads:
        raise RecordingError(
            f"{recording.path}: its header tells no head positions",
            "record with a rig file that lists the heads",
        )
    field_pt = np.full((AXES_PER_HEAD * len(heads), axis.count), np.nan)
    valid = np.zeros(field_pt.shape, dtype=bool)
    placed: dict[str, tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]] = {}
    for number, head in enumerate(heads):
        uid, slot = str(head["board"]), int(head["slot"])
        if uid not in axis.shift or boards[uid].role != Role.SENSOR or not boards[uid].blocks:
            continue
        if uid not in placed:
            placed[uid] = place_rows(boards[uid], axis.start + axis.shift[uid], axis.count)
        rows, came = placed[uid]
        usable = came & ((rows["flags"][:, slot] & int(UNUSABLE)) == 0)
        first_index = axis.start + axis.shift[uid]
        for a in range(AXES_PER_HEAD):
            channel = AXES_PER_HEAD * number + a
            name = f"head{slot}_coil_scale_{AXIS_NAMES[a]}"
            scale_pt = _scale_pt(recording, boards[uid], name, first_index, axis.count)
            count = rows["field_count"][:, AXES_PER_HEAD * slot + a]
            field_pt[channel] = np.where(came, count * scale_pt, np.nan)
            valid[channel] = usable
    array = SensorArray(
        names=tuple(f"{head['name']}-{axis_name}" for head in heads for axis_name in AXIS_NAMES),
        positions_m=np.repeat(np.array([h["position_m"] for h in heads], float), 3, axis=0),
        orientations=np.array([h["axes"] for h in heads], float).reshape(-1, 3),
        head_names=tuple(str(head["name"]) for head in heads for _ in AXIS_NAMES),
        axis_index=np.tile(np.arange(AXES_PER_HEAD), len(heads)),
        is_reference=np.repeat(np.array([h["kind"] == "reference" for h in heads]), 3),
    )
    return field_pt, valid, array


def _scale_pt(
    recording: Recording, board: BoardSamples, name: str, first_index: int, count: int
) -> FloatArray:
    """Picotesla of one count at each sample, as the setting stood then."""
    changes = board.values_of(name)
    if not changes:
        raise RecordingError(f"{recording.path}: board {board.name} has no setting {name}")
    exponent = board.exponents[name] + 12
    scale_pt = np.empty(count)
    for change in changes:
        begin = 0 if change.from_index is None else change.from_index - first_index
        value = change.raw / 10.0**-exponent if exponent < 0 else change.raw * 10.0**exponent
        scale_pt[min(count, max(0, begin)) :] = value
    return scale_pt
