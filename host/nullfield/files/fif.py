"""FIF, the file that MNE-Python and the MEG field exchange; units there are tesla and metres.

Channel names and positions are written in what FIF calls device coordinates, which here are the
head frame of the chest; the device-to-head transform is the identity. Reference heads are FIF
reference magnetometers. What is not usable is zero in the data (FIF has no gap for single samples)
and annotated BAD, by channel; a channel that is never usable is in the list of bad channels.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from nullfield.analysis.data import BoolArray, FieldRecording, FloatArray, SensorArray
from nullfield.dsp.gaps import shared_segments
from nullfield.errors import AnalysisError, InputError

COIL_TYPE = 8002
"""FIFFV_COIL_QUSPIN_ZFOPM_MAG2: a zero-field OPM of the second generation, for MNE's forward models."""
GAP = "BAD_gap"
_PT_PER_T = 1e12
_AXIS_SUFFIXES = ("-x", "-y", "-b")


def write_fif(recording: FieldRecording, path: Path) -> None:
    """Write a recording as FIF.

    Parameters
    ----------
    recording : FieldRecording
    path : Path
        Ends with ``.fif`` or ``.fif.gz``; replaced if it exists.

    Raises
    ------
    InputError
        If the name has another ending.
    AnalysisError
        If MNE is not installed.
    """
    if not path.name.endswith((".fif", ".fif.gz")):
        raise InputError(f"{path}: a FIF file's name ends with .fif", "rename the output")
    mne = _mne()
    array = recording.array
    good = recording.usable
    info = mne.create_info(list(array.names), recording.sampling_rate_hz, "mag")
    for channel, entry in enumerate(info["chs"]):
        reference = bool(array.is_reference[channel])
        constants = mne.io.constants.FIFF
        entry["kind"] = constants.FIFFV_REF_MEG_CH if reference else constants.FIFFV_MEG_CH
        entry["coil_type"] = COIL_TYPE
        entry["unit"] = constants.FIFF_UNIT_T
        entry["coord_frame"] = constants.FIFFV_COORD_DEVICE
        entry["loc"] = _loc(array.positions_m[channel], array.orientations[channel])
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", np.eye(4))
    info["bads"] = [array.names[i] for i in np.flatnonzero(~good.any(axis=1))]
    info["description"] = json.dumps(
        {
            "nullfield": 1,
            "start_time_s": recording.start_time_s,
            "head_names": list(array.head_names),
            "axis_index": [int(i) for i in array.axis_index],
        }
    )
    data = np.where(good, recording.field_pt, 0.0) / _PT_PER_T
    raw = mne.io.RawArray(data, info, verbose="error")
    raw.set_annotations(_annotations(mne, recording, good), verbose="error")
    with warnings.catch_warnings():
        # MNE prefers names like *_meg.fif; the name is the user's.
        warnings.simplefilter("ignore", RuntimeWarning)
        raw.save(path, fmt="double", overwrite=True, verbose="error")


def read_fif(path: Path) -> FieldRecording:
    """Read magnetometers from a FIF file, our own or of another MEG or OPM system.

    Positions are taken in device coordinates as they are; whether these are those of a chest is the
    user's to know. In files of others each channel is a head of its own.

    Raises
    ------
    InputError
        If the file cannot be read, or holds no magnetometers.
    AnalysisError
        If MNE is not installed.
    """
    mne = _mne()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            raw = mne.io.read_raw_fif(path, preload=True, on_split_missing="raise", verbose="error")
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{path}: cannot be read as FIF ({error})", "give a raw FIF file"
        ) from error
    picks = [
        index
        for index in mne.pick_types(raw.info, meg="mag", ref_meg=True, exclude=())
        if raw.info["chs"][index]["unit"] == mne.io.constants.FIFF.FIFF_UNIT_T
    ]
    if not picks:
        raise InputError(f"{path}: holds no magnetometers", "give a file with channels in tesla")
    entries = [raw.info["chs"][index] for index in picks]
    field_pt = np.asarray(raw.get_data(picks=picks)) * _PT_PER_T
    names = [str(entry["ch_name"]) for entry in entries]
    valid = _valid(raw, names)
    array, start_time_s = _array(mne, raw, picks, entries)
    return FieldRecording(
        field_pt=np.where(valid, field_pt, np.nan),
        sampling_rate_hz=float(raw.info["sfreq"]),
        array=array,
        start_time_s=start_time_s,
        valid=valid,
        metadata={"source": str(path), "coordinates": "device coordinates"},
    )


def _mne() -> Any:
    try:
        import mne
        import mne.io.constants
    except ImportError as error:
        raise AnalysisError(
            "FIF files need MNE-Python, which is not installed", "pip install 'nullfield[files]'"
        ) from error
    return mne


def _loc(position_m: FloatArray, normal: FloatArray) -> FloatArray:
    """Position and the coil's three axes, the last along the sensitive one, shape ``(12,)``."""
    normal = normal / np.linalg.norm(normal)
    # Any direction across will do; the one least along the normal is the best conditioned.
    other = np.eye(3)[int(np.argmin(np.abs(normal)))]
    first = other - normal * (other @ normal)
    first /= np.linalg.norm(first)
    return np.concatenate([position_m, first, np.cross(normal, first), normal])


def _annotations(mne: Any, recording: FieldRecording, good: BoolArray) -> Any:
    onset, duration, names = [], [], []
    never = np.asarray(~good.any(axis=1))
    for channels, start, stop in shared_segments(~good & ~never[:, None]):
        everywhere = len(channels) == len(good)
        onset.append(start / recording.sampling_rate_hz)
        duration.append((stop - start) / recording.sampling_rate_hz)
        # An annotation without channels means all of them.
        names.append(() if everywhere else tuple(recording.array.names[i] for i in channels))
    return mne.Annotations(onset, duration, [GAP] * len(onset), ch_names=names)


def _valid(raw: Any, names: list[str]) -> BoolArray:
    rate_hz = float(raw.info["sfreq"])
    valid = np.ones((len(names), raw.n_times), dtype=bool)
    for channel, name in enumerate(names):
        valid[channel] = name not in raw.info["bads"]
    # Onsets in a Raw count from the start of the acquisition, not from the first sample kept.
    origin_s = raw.first_samp / rate_hz
    row_of = {name: row for row, name in enumerate(names)}
    for one in raw.annotations:
        if not str(one["description"]).upper().startswith("BAD"):
            continue
        start = max(0, round((one["onset"] - origin_s) * rate_hz))
        stop = max(start, round((one["onset"] - origin_s + one["duration"]) * rate_hz))
        # Only annotations of single channels have the key.
        told = one.get("ch_names") or ()
        meant = [row_of[name] for name in told if name in row_of]
        if meant or not told:
            valid[meant or slice(None), start:stop] = False
    return valid


def _array(mne: Any, raw: Any, picks: list[int], entries: list[Any]) -> tuple[SensorArray, float]:
    names = tuple(str(entry["ch_name"]) for entry in entries)
    head_names = [_head_of(name) for name in names]
    axis_index = [_axis_of(name) for name in names]
    start_time_s = raw.first_samp / float(raw.info["sfreq"])
    try:
        ours = json.loads(raw.info["description"] or "")
        head_names = [str(ours["head_names"][index]) for index in picks]
        axis_index = [int(ours["axis_index"][index]) for index in picks]
        start_time_s = float(ours["start_time_s"])
    except (ValueError, KeyError, TypeError, IndexError):
        pass  # not written by Nullfield, or edited since: the names have to do
    loc = np.array([entry["loc"] for entry in entries], dtype=np.float64)
    kinds = np.array([entry["kind"] for entry in entries])
    array = SensorArray(
        names=names,
        positions_m=loc[:, :3],
        orientations=loc[:, 9:12] / np.linalg.norm(loc[:, 9:12], axis=1, keepdims=True),
        head_names=tuple(head_names),
        axis_index=np.array(axis_index, dtype=np.int64),
        is_reference=kinds == mne.io.constants.FIFF.FIFFV_REF_MEG_CH,
    )
    return array, start_time_s


def _head_of(name: str) -> str:
    return name[:-2] if name.endswith(_AXIS_SUFFIXES) else name


def _axis_of(name: str) -> int:
    return next((i for i, suffix in enumerate(_AXIS_SUFFIXES) if name.endswith(suffix)), 0)
