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

from nullfield.analysis.data import BoolArray, FieldRecording, FloatArray
from nullfield.dsp.gaps import shared_segments
from nullfield.errors import InputError
from nullfield.files.mne_source import PT_PER_T, MneSource, import_mne, open_with_mne

COIL_TYPE = 8002
"""FIFFV_COIL_QUSPIN_ZFOPM_MAG2: a zero-field OPM of the second generation, for MNE's forward models."""
GAP = "BAD_gap"


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
    mne = import_mne()
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
    data = np.where(good, recording.field_pt, 0.0) / PT_PER_T
    raw = mne.io.RawArray(data, info, verbose="error")
    raw.set_annotations(_annotations(mne, recording, good), verbose="error")
    with warnings.catch_warnings():
        # MNE prefers names like *_meg.fif; the name is the user's.
        warnings.simplefilter("ignore", RuntimeWarning)
        raw.save(path, fmt="double", overwrite=True, verbose="error")


def open_fif(path: Path, *, positions: Path | None = None, unit: str | None = None) -> MneSource:
    """Open magnetometers of a FIF file, our own or of another MEG or OPM system.

    Positions are taken in device coordinates as they are; whether these are those of a chest is the
    user's to know. In files of others a channel's name may tell its head.

    Raises
    ------
    InputError
        If the file cannot be read, or holds no magnetometers.
    AnalysisError
        If MNE is not installed.
    """
    mne = import_mne()
    notes: list[str] = []
    raw = open_with_mne(
        path,
        "FIF",
        lambda: mne.io.read_raw_fif(
            path, preload=False, on_split_missing="raise", verbose="warning"
        ),
        notes,
    )
    return MneSource(raw, path, "FIF", positions=positions, unit=unit, notes=notes)


def read_fif(path: Path) -> FieldRecording:
    """Read all of a FIF file; see `open_fif`."""
    source = open_fif(path)
    return source.read(0, source.n_samples)


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
