"""The averaged beat as DICOM waveforms.

DICOM has no object for magnetocardiograms. The nearest is General 32-bit ECG Waveform Storage; what
the choice costs is in ``docs/adr/0017-dicom-objects.md``. The numbers are in pT by their own unit
code, and each channel says that it is of a magnetic field. An object takes 96 channels (4 multiplex
groups of 24, the bounds of the older General ECG); a larger array gives several objects of one
series. Channels without beats are left out.

Places, axes, full names and the time of the first sample have no standard element; they are private
elements of group 5401, creator ``NULLFIELD AVERAGE``.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nullfield.analysis import RESEARCH_USE
from nullfield.analysis.data import FloatArray
from nullfield.analysis.result import Analysis
from nullfield.errors import AnalysisError, InputError
from nullfield.files.dicom_fields import (
    CheckedFields,
    ExamFields,
    checked,
    load,
    new_dataset,
    pydicom_module,
    save,
)

GENERAL_32_BIT_ECG = "1.2.840.10008.5.1.4.1.1.9.1.4"
KIND = "Averaged magnetocardiogram"
ELECTRIC_KIND = "Averaged electrocardiogram"
NOTE = f"Mean over heartbeats. {RESEARCH_USE}"
NO_ECG = "Magnetic field in pT over the chest, no electrocardiogram."

_SERIES_NUMBER = 901
_GROUP_CHANNELS = 24
_GROUPS = 4
_LARGEST = 2**31 - 1
_FINEST_EXPONENT = -9
_PRIVATE_GROUP, _CREATOR = 0x5401, "NULLFIELD AVERAGE"
_SCHEMA = "nullfield-average/1"
_UNITS = {"pT": ("pT", "picotesla"), "uV": ("uV", "microvolt")}
_SCHEME = "99NULLFIELD"


@dataclass(frozen=True)
class DicomAverage:
    """The averaged beat of one object.

    Attributes
    ----------
    names : tuple of str
    time_s : numpy.ndarray, shape ``(n_times,)``
        Relative to the R mark of the beats.
    field : numpy.ndarray, shape ``(n_channels, n_times)``
        In `unit`.
    step : numpy.ndarray, shape ``(n_channels,)``
        What one count is, in `unit`: the values are right to half of it.
    unit : str
        ``"pT"`` or ``"uV"``.
    positions_m, orientations : numpy.ndarray, shape ``(n_channels, 3)``
        In the recording's device coordinates; NaN where not known.
    beats_used : numpy.ndarray of int, shape ``(n_channels,)``
    landmarks_s : mapping of str to float
        Times of the marked moments, to the nearest sample.
    """

    names: tuple[str, ...]
    time_s: FloatArray
    field: FloatArray
    step: FloatArray
    unit: str
    positions_m: FloatArray
    orientations: FloatArray
    beats_used: np.ndarray[Any, np.dtype[np.int64]]
    landmarks_s: dict[str, float]


def write_average_dicom(analysis: Analysis, directory: Path, exam: ExamFields) -> list[Path]:
    """Write the averaged beat.

    Values are rounded to a decimal step of less than 5e-9 of each channel's largest value.

    Parameters
    ----------
    analysis : Analysis
    directory : Path
        Is made if absent; gets ``average.dcm``, and ``average-2.dcm`` ... for the channels beyond
        the first 96.
    exam : ExamFields

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        If a field cannot be used.
    AnalysisError
        If there is no averaged beat, or pydicom is missing.
    """
    fields = checked(exam)
    average = analysis.average
    if average is None or not average.has_beats.any():
        reason = analysis.reasons.get("average") or analysis.reasons.get("beats", "no beats")
        raise AnalysisError(
            f"there is no averaged beat to write ({reason})", "export the report alone"
        )
    channels = np.flatnonzero(average.has_beats)
    most = _GROUP_CHANNELS * _GROUPS
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, first in enumerate(range(0, len(channels), most), start=1):
        name = "average.dcm" if number == 1 else f"average-{number}.dcm"
        dataset = _dataset(analysis, channels[first : first + most], fields, number)
        save(dataset, directory / name)
        paths.append(directory / name)
    return paths


def read_average_dicom(path: Path) -> DicomAverage:
    """Read an object that `write_average_dicom` wrote.

    Raises
    ------
    InputError
        If the file is of another kind or another maker.
    """
    dataset = load(path, GENERAL_32_BIT_ECG, "General 32-bit ECG Waveform")
    try:
        if dataset.private_block(_PRIVATE_GROUP, _CREATOR)[0x01].value != _SCHEMA:
            raise KeyError("schema")
        start_s = float(dataset.private_block(_PRIVATE_GROUP, _CREATOR)[0x02].value)
        rate_hz = float(dataset.private_block(_PRIVATE_GROUP, _CREATOR)[0x03].value)
        items = [
            item for group in dataset.WaveformSequence for item in group.ChannelDefinitionSequence
        ]
        blocks = [item.private_block(_PRIVATE_GROUP, _CREATOR) for item in items]
        values = [dataset.waveform_array(index).T for index in range(len(dataset.WaveformSequence))]
    except (KeyError, AttributeError, ValueError) as error:
        raise InputError(
            f"{path}: is not an averaged beat of Nullfield ({error})",
            "read other waveforms with pydicom",
        ) from error
    n_times = values[0].shape[1]
    marks = {
        str(one.UnformattedTextValue): start_s + (int(one.ReferencedSamplePositions) - 1) / rate_hz
        for one in dataset.WaveformAnnotationSequence
        if "ReferencedSamplePositions" in one
    }
    return DicomAverage(
        names=tuple(str(block[0x03].value) for block in blocks),
        time_s=start_s + np.arange(n_times) / rate_hz,
        field=np.concatenate(values).astype(np.float64),
        step=np.array([float(item.ChannelSensitivity) for item in items]),
        unit=str(items[0].ChannelSensitivityUnitsSequence[0].CodeValue),
        positions_m=np.array([block[0x01].value for block in blocks], dtype=np.float64),
        orientations=np.array([block[0x02].value for block in blocks], dtype=np.float64),
        beats_used=np.array([block[0x04].value for block in blocks], dtype=np.int64),
        landmarks_s=marks,
    )


def _dataset(analysis: Analysis, channels: Any, exam: CheckedFields, number: int) -> Any:
    average = analysis.average
    assert average is not None
    is_field = analysis.unit == "pT"
    counts, exponents = _counts(average.field_pt[channels])
    # Not one over the mean step: a grid of milliseconds shall give 1000, not 999.9999999.
    steps = len(average.time_s) - 1
    span_s = float(average.time_s[-1] - average.time_s[0])
    rate_hz = float(f"{steps / span_s:.12g}") if steps else analysis.sampling_rate_hz
    start_s = float(average.time_s[0])
    marks = {n: None if one is None else one.time_s for n, one in analysis.landmarks.items()}
    digest = hashlib.sha256(repr((start_s, rate_hz, analysis.unit, exponents, marks)).encode())
    for values in (analysis.array.positions_m, analysis.array.orientations, average.beats_used):
        digest.update(np.ascontiguousarray(values[channels]).tobytes())
    digest.update("\0".join(analysis.array.names[i] for i in channels).encode())
    digest.update(counts.tobytes())
    dataset = new_dataset(
        GENERAL_32_BIT_ECG,
        exam,
        KIND if is_field else ELECTRIC_KIND,
        _SERIES_NUMBER,
        digest.digest(),
    )
    # The class allows no other modality.
    dataset.Modality = "ECG"
    dataset.InstanceNumber = number
    dataset.AcquisitionContextSequence = []
    block = dataset.private_block(_PRIVATE_GROUP, _CREATOR, create=True)
    block.add_new(0x01, "LO", _SCHEMA)
    block.add_new(0x02, "FD", start_s)
    block.add_new(0x03, "FD", rate_hz)
    block.add_new(0x04, "LT", "places and axes of the channels: device coordinates, metres")
    groups = []
    for first in range(0, len(channels), _GROUP_CHANNELS):
        part = slice(first, first + _GROUP_CHANNELS)
        groups.append(_group(analysis, channels[part], counts[part], exponents[part], rate_hz))
    dataset.WaveformSequence = groups
    dataset.WaveformAnnotationSequence = _annotations(
        analysis, len(groups), start_s, rate_hz, [NO_ECG, NOTE] if is_field else [NOTE]
    )
    return dataset


def _counts(field: FloatArray) -> tuple[np.ndarray[Any, np.dtype[np.int32]], list[int]]:
    """Whole numbers of 32 bits, and the power of ten that one count is, by channel."""
    counts = np.empty(field.shape, dtype="<i4")
    exponents = []
    for row, values in enumerate(field):
        largest = float(np.abs(values).max())
        exponent = math.ceil(math.log10(largest / _LARGEST)) if largest > 0.0 else 0
        exponent = max(exponent, _FINEST_EXPONENT)
        # Dividing by a power of ten that is exact rounds once; multiplying by its inverse twice.
        scaled = values * 10.0**-exponent if exponent < 0 else values / 10.0**exponent
        counts[row] = np.rint(scaled)
        exponents.append(exponent)
    return counts, exponents


def _group(
    analysis: Analysis, channels: Any, counts: Any, exponents: list[int], rate_hz: float
) -> Any:
    """One multiplex group."""
    pydicom = pydicom_module()
    group = pydicom.Dataset()
    group.WaveformOriginality = "DERIVED"
    group.NumberOfWaveformChannels = len(channels)
    group.NumberOfWaveformSamples = counts.shape[1]
    group.SamplingFrequency = pydicom.valuerep.format_number_as_ds(rate_hz)
    group.MultiplexGroupLabel = "averaged beat"
    group.ChannelDefinitionSequence = [
        _channel(analysis, int(channel), exponent)
        for channel, exponent in zip(channels, exponents, strict=True)
    ]
    group.WaveformBitsAllocated = 32
    group.WaveformSampleInterpretation = "SL"
    # Sample by sample, the channels within.
    group.WaveformData = np.ascontiguousarray(counts.T).astype("<i4").tobytes()
    return group


def _channel(analysis: Analysis, channel: int, exponent: int) -> Any:
    pydicom = pydicom_module()
    array, average = analysis.array, analysis.average
    assert average is not None
    name = array.names[channel]
    item = pydicom.Dataset()
    # A short label has 16 characters; the whole name is among the private elements.
    item.ChannelLabel = name[:16].replace("\\", "/")
    item.ChannelSourceSequence = [_source(analysis, channel)]
    item.ChannelSensitivity = f"1e{exponent}"
    item.ChannelSensitivityUnitsSequence = [_code(*_UNITS[analysis.unit], "UCUM")]
    item.ChannelSensitivityCorrectionFactor = "1"
    item.ChannelBaseline = "0"
    item.ChannelSampleSkew = "0"
    item.WaveformBitsStored = 32
    low_pass_hz = analysis.settings.get("low_pass_hz")
    if low_pass_hz is not None:
        item.FilterHighFrequency = pydicom.valuerep.format_number_as_ds(float(low_pass_hz))
    block = item.private_block(_PRIVATE_GROUP, _CREATOR, create=True)
    place = np.ravel(analysis.frame.points_to_device_m(array.positions_m[channel]))
    axis = np.ravel(analysis.frame.directions_to_device(array.orientations[channel]))
    block.add_new(0x01, "FD", [float(value) for value in place])
    block.add_new(0x02, "FD", [float(value) for value in axis])
    block.add_new(0x03, "LT", name)
    block.add_new(0x04, "UL", int(average.beats_used[channel]))
    return item


def _source(analysis: Analysis, channel: int) -> Any:
    """What a channel is of: no terminology has a code for it, so that it is one of our own."""
    if analysis.unit != "pT":
        return _code("ECG-LEAD", "Electrocardiogram lead", _SCHEME)
    if analysis.array.is_reference[channel]:
        return _code("MCG-REFERENCE", "Magnetic field far from the heart", _SCHEME)
    return _code("MCG", "Magnetic field over the chest", _SCHEME)


def _code(value: str, meaning: str, scheme: str) -> Any:
    item = pydicom_module().Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def _annotations(
    analysis: Analysis, n_groups: int, start_s: float, rate_hz: float, notes: list[str]
) -> list[Any]:
    """Notes, and the landmarks as points in time."""
    average = analysis.average
    assert average is not None
    # Group number and 0: all channels of the group.
    everywhere = [value for group in range(1, n_groups + 1) for value in (group, 0)]
    items = []
    for note in notes:
        item = pydicom_module().Dataset()
        item.UnformattedTextValue = note
        item.ReferencedWaveformChannels = everywhere
        items.append(item)
    for name, landmark in analysis.landmarks.items():
        if landmark is None:
            continue
        position = round((landmark.time_s - start_s) * rate_hz) + 1
        if not 1 <= position <= len(average.time_s):
            continue
        item = pydicom_module().Dataset()
        item.UnformattedTextValue = name
        item.ReferencedWaveformChannels = everywhere
        item.TemporalRangeType = "POINT"
        item.ReferencedSamplePositions = position
        items.append(item)
    return items
