"""EDF, EDF+ and BDF: signals with a unit each, sampled together or not, in records that may have gaps.

The format knows no positions and no word for a magnetometer, so that the magnetic channels are found
by their unit, else by their transducer or label. Samples are whole numbers between two limits: what
reaches a limit passes through as it is. Kemp et al., Electroencephalography and Clinical
Neurophysiology 82, 1992 (EDF); Kemp and Olivan, Clinical Neurophysiology 114, 2003 (EDF+).
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.analysis.data import FieldRecording
from nullfield.errors import InputError
from nullfield.extras import library
from nullfield.files.edf_records import RecordTimes, record_times
from nullfield.files.placing import place_channels
from nullfield.files.units import (
    ELECTRIC,
    GRADIENT,
    MAGNETIC,
    Unit,
    check_plausible,
    parse_unit,
    wanted_unit,
)

FloatArray = npt.NDArray[np.float64]

PAD = "BAD_pad"
"""Annotation of what fills the last record; it is taken off in reading."""
_CHECKED_S = 10.0
_MAGNETOMETER = re.compile(
    r"\b(?:meg|mcg|opm|squid|magnet\w*|serf)\b|^meg|^b[xyz]\d*\b", re.IGNORECASE
)
_CHANNEL_MARK = "@@"


def import_edfio() -> Any:
    """The library for EDF and BDF.

    Raises
    ------
    AnalysisError
        If it is not installed.
    """
    return library("edfio", "EDF files need edfio", "files")


class EdfSource:
    """An EDF or BDF file; see `nullfield.analysis.sections.Source`.

    EDF is read in sections; a BDF file is in memory as whole numbers.

    Parameters
    ----------
    path : pathlib.Path
    positions : pathlib.Path, optional
    unit : str, optional
        Unit of the magnetic channels, if the file does not tell it, or tells it wrong.

    Raises
    ------
    InputError
        If it cannot be read, or holds no magnetic and no electric channel.
    AnalysisError
        If edfio is not installed.
    """

    def __init__(
        self, path: Path, *, positions: Path | None = None, unit: str | None = None
    ) -> None:
        self.path = path
        notes: list[str] = []
        edf = _open(path, notes)
        picked, units = _pick(path, list(edf.signals), unit, notes)
        self._signals, self._units = _of_one_rate(picked, units, notes)
        self.unit = self._units[0].standard
        self._rate_hz = float(self._signals[0].sampling_frequency)
        if not 0 < self._rate_hz < float("inf"):
            raise InputError(
                f"{path}: a sampling rate of {self._rate_hz} Hz", "the file is damaged"
            )
        self._times: RecordTimes = record_times(
            path, edf, round(self._rate_hz * edf.data_record_duration), self._rate_hz, notes
        )
        names = tuple(
            _unique(
                [signal.label.strip() or f"ch{i + 1}" for i, signal in enumerate(self._signals)]
            )
        )
        self._spans, self._n_samples = self._marks(edf, names)
        self.array = place_channels(path, names, positions, notes, electric=self.unit == "uV")
        self.metadata: Mapping[str, Any] = {
            "source": str(path),
            "format": "BDF" if path.suffix.lower() == ".bdf" else "EDF",
            "coordinates": "device coordinates",
            **_who_and_when(edf),
            "notes": notes,
        }
        if not self._n_samples:
            raise InputError(f"{path}: holds no whole record", "the file is cut; export it again")
        if unit is None:
            start = self.read(0, min(self.n_samples, round(_CHECKED_S * self._rate_hz)))
            check_plausible(str(path), start.field_pt, self._units[0])

    @property
    def sampling_rate_hz(self) -> float:
        """Samples a second."""
        return self._rate_hz

    @property
    def n_samples(self) -> int:
        """Samples in all, missing ones counted."""
        return self._n_samples

    def read(self, start: int, stop: int) -> FieldRecording:
        """Samples from `start` to `stop`, exclusive; NaN between records that do not adjoin."""
        start, stop = max(0, start), max(0, min(stop, self._n_samples))
        field_pt = np.full((len(self._signals), max(0, stop - start)), np.nan)
        for first, last, at in self._times.pieces(start, stop):
            for channel, (signal, unit) in enumerate(zip(self._signals, self._units, strict=True)):
                with warnings.catch_warnings():
                    # Equal limits: the values are the whole numbers; noted when it was opened.
                    warnings.simplefilter("ignore")
                    values = signal.get_data_slice(first / self._rate_hz, last / self._rate_hz)
                field_pt[channel, at - start : at - start + last - first] = values * unit.factor
        valid = np.ones(field_pt.shape, dtype=bool)
        for channels, begin, end in self._spans:
            valid[channels, max(0, begin - start) : max(0, end - start)] = False
        return FieldRecording(
            field_pt=np.where(valid, field_pt, np.nan),
            sampling_rate_hz=self._rate_hz,
            array=self.array,
            start_time_s=start / self._rate_hz,
            valid=valid,
            metadata=self.metadata,
            unit=self.unit,
        )

    def _marks(self, edf: Any, names: tuple[str, ...]) -> tuple[list[tuple[Any, int, int]], int]:
        """Spans that are marked as bad, and the samples that are left without the filling."""
        row_of = {name: row for row, name in enumerate(names)}
        spans: list[tuple[Any, int, int]] = []
        n_samples = self._times.n_samples
        for onset, duration, text in _annotations(edf):
            if not text.upper().startswith("BAD"):
                continue
            begin = round(onset * self._rate_hz)
            end = begin + max(1, round((duration or 0.0) * self._rate_hz))
            if text == PAD:
                n_samples = min(n_samples, max(0, begin))
                continue
            meant = text.partition(_CHANNEL_MARK)[2]
            if not meant:
                spans.append((slice(None), max(0, begin), end))
            elif meant in row_of:
                spans.append(([row_of[meant]], max(0, begin), end))
        return spans, n_samples


def _open(path: Path, notes: list[str]) -> Any:
    edfio = import_edfio()
    with path.open("rb") as stream:
        is_bdf = stream.read(1) == b"\xff"
    reader = edfio.read_bdf if is_bdf else edfio.read_edf
    what = "BDF" if is_bdf else "EDF"
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            edf = reader(path, header_encoding="latin-1")
            for signal in edf.signals:
                _check_limits(signal)
    except Exception as error:
        # A damaged header stumbles anywhere in the library.
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{path}: cannot be read as {what} ({first[:120]})", "the file is cut or damaged"
        ) from error
    notes.extend(" ".join(str(one.message).split())[:200] for one in caught)
    if not edf.signals:
        raise InputError(f"{path}: holds annotations only", f"give an {what} file with signals")
    return edf


def _check_limits(signal: Any) -> None:
    """Each number of a signal's header, for edfio reads them only when they are needed."""
    numbers = (signal.physical_min, signal.physical_max, signal.sampling_frequency)
    if not np.isfinite(numbers).all() or not 0 < signal.sampling_frequency < 1e7:
        raise ValueError(f"{signal.label.strip()}: limits or rate are no numbers")
    if signal.digital_min >= signal.digital_max:
        raise ValueError(f"{signal.label.strip()}: digital limits are not in order")


def _pick(
    path: Path, signals: list[Any], unit: str | None, notes: list[str]
) -> tuple[list[Any], list[Unit]]:
    forced = None if unit is None else wanted_unit(unit)
    by_kind: dict[str, list[tuple[Any, Unit]]] = {MAGNETIC: [], ELECTRIC: [], GRADIENT: []}
    named, left_out = [], []
    for signal in signals:
        found = parse_unit(signal.physical_dimension)
        text = f"{signal.label} {signal.transducer_type}"
        is_named = _MAGNETOMETER.search(text) is not None
        if found is not None and found.kind in by_kind:
            by_kind[found.kind].append((signal, found))
        elif is_named and found is None:
            named.append(signal)
        else:
            left_out.append(signal.label.strip())
    if by_kind[GRADIENT]:
        labels = [signal.label.strip() for signal, _ in by_kind[GRADIENT]]
        notes.append(f"{len(labels)} gradiometers were left out ({', '.join(labels[:5])})")
    if named and forced is None:
        raise InputError(
            f"{path}: channel {named[0].label.strip()} is magnetic by its name, but its unit is"
            f" {named[0].physical_dimension.strip() or 'missing'}",
            "give --unit (unit= in Python)",
        )
    chosen = by_kind[MAGNETIC] + [(signal, forced) for signal in named if forced is not None]
    if not chosen:
        chosen = by_kind[ELECTRIC]
        if chosen:
            notes.append(
                "nothing magnetic is in the file: electric channels, beats and averages only"
            )
    else:
        left_out += [signal.label.strip() for signal, _ in by_kind[ELECTRIC]]
    if not chosen:
        raise InputError(
            f"{path}: no channel is a magnetic field or a voltage"
            f" ({', '.join(left_out[:5]) or 'gradiometers only'})",
            "the unit in the header (physical dimension) has to be fT, pT, nT, uT, T, uV, mV or V",
        )
    if left_out:
        notes.append(f"channels that are no field were left out: {', '.join(left_out[:8])}")
    if forced is not None:
        notes.append(f"read in {forced.text} as given")
    return [one for one, _ in chosen], [forced or found for _, found in chosen]


def _of_one_rate(
    signals: list[Any], units: list[Unit], notes: list[str]
) -> tuple[list[Any], list[Unit]]:
    rates = Counter(signal.sampling_frequency for signal in signals)
    usual, _ = max(rates.items(), key=lambda item: (item[1], item[0]))
    kept = [i for i, signal in enumerate(signals) if signal.sampling_frequency == usual]
    others = [signal.label.strip() for signal in signals if signal.sampling_frequency != usual]
    if others:
        notes.append(f"channels with another rate than {usual:g} Hz left out: {', '.join(others)}")
    for i in kept:
        if signals[i].physical_min == signals[i].physical_max:
            notes.append(f"{signals[i].label.strip()}: no scale in the header, whole numbers kept")
    return [signals[i] for i in kept], [units[i] for i in kept]


def _annotations(edf: Any) -> list[tuple[float, float | None, str]]:
    try:
        return [(float(a.onset), a.duration, str(a.text)) for a in edf.annotations]
    except Exception:
        # Damaged annotations cost the marks, not the samples.
        return []


def _unique(names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        base, repeat = name, 2
        while name in found:
            name, repeat = f"{base}.{repeat}", repeat + 1
        found.append(name)
    return found


def _who_and_when(edf: Any) -> dict[str, str]:
    known = {}
    with contextlib.suppress(Exception):  # anonymous or damaged
        known["date"] = edf.startdatetime.isoformat()
    try:
        code = str(edf.patient.code)
    except Exception:
        code = str(getattr(edf, "local_patient_identification", "")).split(" ")[0]
    if code.strip() not in ("", "X"):
        known["subject"] = code.strip()
    return known
