"""Recordings and averages as objects of MNE-Python: tesla, metres, device coordinates.

Channel names, positions and orientations go into what MNE calls device coordinates, which in our own
recordings are the head frame of the chest; the device-to-head transform is the identity. Reference
heads are reference magnetometers. MNE has no gap for single samples: what is not usable is zero and
annotated BAD, by channel; a channel that is never usable is in the list of bad channels.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np

from nullfield.analysis.average import AveragedBeat
from nullfield.analysis.data import BoolArray, FieldRecording, FloatArray, SensorArray
from nullfield.dsp.gaps import shared_segments
from nullfield.errors import InputError
from nullfield.files.mne_source import DEVICE, PT_PER_T, UV_PER_V, import_mne

COIL_TYPE = 8002
"""FIFFV_COIL_QUSPIN_ZFOPM_MAG2: a zero-field OPM of the second generation, for MNE's forward models."""
GAP = "BAD_gap"


def to_mne_raw(recording: FieldRecording) -> Any:
    """A recording as `mne.io.RawArray`.

    Parameters
    ----------
    recording : FieldRecording

    Returns
    -------
    mne.io.RawArray
        Magnetometers in tesla, or ECG channels in volts if the recording's unit is µV.

    Raises
    ------
    InputError
        If there are no samples.
    AnalysisError
        If MNE is not installed.
    """
    mne = import_mne()
    if not recording.n_samples:
        raise InputError("the recording holds no samples", "record for longer")
    good = recording.usable
    info = to_mne_info(recording.array, recording.sampling_rate_hz, recording.unit)
    names = recording.array.names
    info["bads"] = [names[i] for i in np.flatnonzero(~good.any(axis=1))]
    about = json.loads(info["description"])
    about["start_time_s"] = recording.start_time_s
    about["coordinates"] = str(recording.metadata.get("coordinates", DEVICE))
    info["description"] = json.dumps(about)
    per_unit = UV_PER_V if recording.unit == "uV" else PT_PER_T
    data = np.where(good, recording.field_pt, 0.0) / per_unit
    raw = mne.io.RawArray(data, info, verbose="error")
    date = _date(recording.metadata.get("date"))
    if date is not None:
        raw.set_meas_date(date)
    raw.set_annotations(_annotations(mne, recording, good, raw), verbose="error")
    return raw


def to_mne_evoked(average: AveragedBeat, array: SensorArray, comment: str = "heartbeat") -> Any:
    """An averaged beat as `mne.EvokedArray`, time zero at the R peak.

    Parameters
    ----------
    average : AveragedBeat
    array : SensorArray
        Of the recording that was averaged.
    comment : str
        MNE's name of the condition.

    Returns
    -------
    mne.EvokedArray
        In tesla; ``nave`` is the median number of beats over the channels. Channels without beats
        are zero and in the list of bad channels.

    Raises
    ------
    InputError
        If the array has other channels than the average.
    AnalysisError
        If MNE is not installed.
    """
    mne = import_mne()
    if array.n_channels != len(average.field_pt):
        raise InputError(
            f"the average has {len(average.field_pt)} channels, the array {array.n_channels}",
            "give the array of the same recording",
        )
    rate_hz = float(1.0 / np.mean(np.diff(average.time_s)))
    whole = round(rate_hz)
    info = to_mne_info(
        array, float(whole) if abs(rate_hz - whole) < 1e-6 * rate_hz else rate_hz, "pT"
    )
    has_beats = average.has_beats
    info["bads"] = [array.names[i] for i in np.flatnonzero(~has_beats)]
    used = average.beats_used[has_beats]
    return mne.EvokedArray(
        np.where(has_beats[:, None], average.field_pt, 0.0) / PT_PER_T,
        info,
        tmin=float(average.time_s[0]),
        comment=comment,
        nave=max(1, int(np.median(used))) if len(used) else 1,
        verbose="error",
    )


def to_mne_info(array: SensorArray, sampling_rate_hz: float, unit: str = "pT") -> Any:
    """Channels of an array as `mne.Info`."""
    mne = import_mne()
    constants = mne.io.constants.FIFF
    kind = "ecg" if unit == "uV" else "mag"
    info = mne.create_info(list(array.names), sampling_rate_hz, kind)
    for channel, entry in enumerate(info["chs"]):
        if kind == "ecg":
            continue
        reference = bool(array.is_reference[channel])
        entry["kind"] = constants.FIFFV_REF_MEG_CH if reference else constants.FIFFV_MEG_CH
        entry["coil_type"] = COIL_TYPE
        entry["unit"] = constants.FIFF_UNIT_T
        entry["coord_frame"] = constants.FIFFV_COORD_DEVICE
        if array.has_place[channel]:
            entry["loc"] = _loc(array.positions_m[channel], array.orientations[channel])
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", np.eye(4))
    info["description"] = json.dumps(
        {
            "nullfield": 2,
            "heads": {
                name: [head, int(axis)]
                for name, head, axis in zip(
                    array.names, array.head_names, array.axis_index, strict=True
                )
            },
        }
    )
    return info


def _loc(position_m: FloatArray, normal: FloatArray) -> FloatArray:
    """Position and the coil's three axes, the last along the sensitive one, shape ``(12,)``."""
    normal = normal / np.linalg.norm(normal)
    # Any direction across will do; the one least along the normal is the best conditioned.
    other = np.eye(3)[int(np.argmin(np.abs(normal)))]
    first = other - normal * (other @ normal)
    first /= np.linalg.norm(first)
    return np.concatenate([position_m, first, np.cross(normal, first), normal])


def _annotations(mne: Any, recording: FieldRecording, good: BoolArray, raw: Any) -> Any:
    onset, duration, names = [], [], []
    never = np.asarray(~good.any(axis=1))
    for channels, start, stop in shared_segments(~good & ~never[:, None]):
        everywhere = len(channels) == len(good)
        onset.append(start / recording.sampling_rate_hz)
        duration.append((stop - start) / recording.sampling_rate_hz)
        # An annotation without channels means all of them.
        names.append(() if everywhere else tuple(recording.array.names[i] for i in channels))
    return mne.Annotations(
        onset, duration, [GAP] * len(onset), orig_time=raw.info["meas_date"], ch_names=names
    )


def _date(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
