"""A recording as EDF+ or BDF+: whole numbers of 16 or 24 bits between the limits of each channel.

The unit of the header is pT (or uV) and exact. What is not exact are the samples: they are rounded to
the step that the range of the channel and the number of bits leave, and `EdfScaling` tells it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from nullfield.analysis.data import FieldRecording
from nullfield.dsp.gaps import runs
from nullfield.errors import InputError
from nullfield.files.csv_out import write_positions
from nullfield.files.edf import PAD, import_edfio
from nullfield.files.to_mne import GAP

_LABEL_LENGTH = 16
_LONGEST_RECORD_S = 1000
_MOST_MARKS = 5000
"""Each annotation widens every record; a recording with more gaps than that is no EDF file."""


@dataclass(frozen=True)
class EdfScaling:
    """What the whole numbers of the file cost.

    Attributes
    ----------
    step : numpy.ndarray, shape ``(n_channels,)``
        Of one bit, in the recording's unit.
    largest_error : numpy.ndarray, shape ``(n_channels,)``
        Largest deviation of what was written from the recording, in the recording's unit.
    positions : Path
        The positions file, for EDF has none.
    """

    step: np.ndarray[Any, np.dtype[np.float64]]
    largest_error: np.ndarray[Any, np.dtype[np.float64]]
    positions: Path


def write_edf(recording: FieldRecording, path: Path) -> EdfScaling:
    """Write a recording as EDF+ (``.edf``, 16 bits) or BDF+ (``.bdf``, 24 bits).

    Samples that are missing or not valid are zero and annotated ``BAD_gap``, by channel as EDF+
    allows it (``BAD_gap@@H1-x``). The last record is filled up with zeros, annotated ``BAD_pad``.
    Positions go to ``<name>_positions.csv`` beside it. Labels longer than 16 characters are cut.

    Parameters
    ----------
    recording : FieldRecording
    path : Path
        Replaced if it exists.

    Returns
    -------
    EdfScaling

    Raises
    ------
    InputError
        If the name has another ending, or the sampling rate does not fit the format.
    AnalysisError
        If edfio is not installed.
    """
    if path.suffix not in (".edf", ".bdf"):
        raise InputError(f"{path}: an EDF file's name ends with .edf or .bdf", "rename the output")
    edfio = import_edfio()
    is_bdf = path.suffix == ".bdf"
    if not recording.n_samples:
        raise InputError("the recording holds no samples", "record for longer")
    record_s, per_record = _record(recording.sampling_rate_hz)
    filling = -recording.n_samples % per_record
    good = recording.usable
    labels = _labels(recording.array.names)
    signals, steps, errors = [], [], []
    make = edfio.BdfSignal if is_bdf else edfio.EdfSignal
    for channel, label in enumerate(labels):
        values = np.where(good[channel], recording.field_pt[channel], 0.0)
        signal = make(
            np.concatenate([values, np.zeros(filling)]),
            per_record / record_s,
            label=label,
            transducer_type="" if recording.unit == "uV" else "OPM magnetometer",
            physical_dimension=recording.unit,
        )
        signals.append(signal)
        bits = signal.digital_max - signal.digital_min
        steps.append((signal.physical_max - signal.physical_min) / bits)
        wrong = np.abs(signal.data[: recording.n_samples] - values)
        errors.append(float(wrong[good[channel]].max(initial=0.0)))
    marks = _marks(edfio, recording, labels)
    if filling:
        marks.append(
            edfio.EdfAnnotation(
                recording.n_samples / recording.sampling_rate_hz,
                filling / recording.sampling_rate_hz,
                PAD,
            )
        )
    day, clock = _when(recording.metadata.get("date"))
    who = "_".join(str(recording.metadata.get("subject", "X")).split())[:40] or "X"
    who = who.encode("ascii", "replace").decode("ascii")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        edf = (edfio.Bdf if is_bdf else edfio.Edf)(
            signals,
            patient=edfio.Patient(code=who),
            recording=edfio.Recording(startdate=day),
            starttime=clock,
            data_record_duration=record_s,
            annotations=marks,
        )
        edf.write(path)
    places = path.with_name(f"{path.stem}_positions.csv")
    write_positions(replace(recording.array, names=tuple(labels)), places)
    return EdfScaling(np.array(steps), np.array(errors), places)


def _record(rate_hz: float) -> tuple[int, int]:
    """Whole seconds that hold a whole number of samples, for the header has eight characters."""
    ratio = Fraction(rate_hz).limit_denominator(_LONGEST_RECORD_S)
    if ratio <= 0 or abs(float(ratio) - rate_hz) > 1e-9 * rate_hz:
        raise InputError(
            f"EDF cannot hold a sampling rate of {rate_hz!r} Hz", "export to FIF (--to fif)"
        )
    return ratio.denominator, ratio.numerator


def _labels(names: tuple[str, ...]) -> list[str]:
    labels: list[str] = []
    for name in names:
        plain = name.encode("ascii", "replace").decode("ascii")
        label, repeat = plain[:_LABEL_LENGTH], 2
        while label in labels:
            end = f".{repeat}"
            label, repeat = plain[: _LABEL_LENGTH - len(end)] + end, repeat + 1
        labels.append(label)
    return labels


def _marks(edfio: Any, recording: FieldRecording, labels: list[str]) -> list[Any]:
    bad = ~recording.usable
    rate_hz = recording.sampling_rate_hz
    everywhere = bad.all(axis=0)
    spans = [("", run) for run in runs(everywhere)]
    for channel, label in enumerate(labels):
        spans += [(f"@@{label}", run) for run in runs(bad[channel] & ~everywhere)]
    if len(spans) > _MOST_MARKS:
        raise InputError(
            f"EDF cannot hold {len(spans)} gaps", "export to FIF or CSV (--to fif, --to csv)"
        )
    return [
        edfio.EdfAnnotation(start / rate_hz, (stop - start) / rate_hz, GAP + mark)
        for mark, (start, stop) in spans
    ]


def _when(text: object) -> tuple[date | None, time]:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None, time(0, 0, 0)
    if not 1985 <= found.year <= 2084:
        return None, time(0, 0, 0)
    return found.date(), found.time().replace(tzinfo=None, microsecond=0)
