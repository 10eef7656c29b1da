"""Recordings that MNE opened: magnetometers in picotesla, read in sections."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.errors import InputError, NullfieldError
from nullfield.extras import library
from nullfield.files.channel_names import array_of
from nullfield.files.placing import place_channels
from nullfield.files.units import check_plausible, parse_unit, wanted_unit

PT_PER_T = 1e12
UV_PER_V = 1e6
DEVICE = "device coordinates"
"""What ``metadata["coordinates"]`` says of positions whose frame the file does not tell."""
_CHECKED_S = 10.0
_MOST_VALUES_A_BYTE = 50
"""A sample takes two bytes at least; more of them are skips that FIF files of long pauses have."""


def import_mne() -> Any:
    """MNE-Python, which from here on tells warnings only.

    It logs to standard output, where a command's JSON goes, and ``verbose=`` of its readers changes
    the level of the whole process: two threads that read at once would open it for each other. So
    the level is set for good, unless its user chose one (``MNE_LOGGING_LEVEL``).

    Raises
    ------
    AnalysisError
        If it is not installed.
    """
    need = "FIF files need MNE-Python"
    library("mne.io.constants", need, "files")
    mne = library("mne", need, "files")
    if mne.get_config("MNE_LOGGING_LEVEL") is None:
        mne.set_log_level("WARNING")
    return mne


def open_with_mne(path: Path, what: str, opener: Callable[[], Any], notes: list[str]) -> Any:
    """Call a reader of MNE; what it warns of becomes a note.

    Raises
    ------
    InputError
        If it cannot read the file.
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            raw = opener()
    except NullfieldError:
        raise
    except Exception as error:
        # MNE reads damaged files in good faith: what it then stumbles over can be of any type.
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{path}: cannot be read as {what} ({first[:160]})", f"give a whole raw {what} file"
        ) from error
    for one in caught:
        text = " ".join(str(one.message).split())
        if issubclass(one.category, RuntimeWarning) and "does not conform" not in text:
            notes.append(text[:200])
    return raw


class MneSource:
    """A `Raw` of MNE as a source of sections; see `nullfield.analysis.sections.Source`.

    Parameters
    ----------
    raw : mne.io.Raw
        Need not be in memory.
    path : pathlib.Path
        For errors and metadata.
    format_name : str
    positions : pathlib.Path, optional
        Used in place of the positions in `raw`.
    unit : str, optional
        The unit that the numbers are in, if the file says tesla wrongly.
    notes : list of str, optional
        What was noted while opening.

    Raises
    ------
    InputError
        If there are no magnetometers (and no electrocardiogram).
    """

    def __init__(
        self,
        raw: Any,
        path: Path,
        format_name: str,
        *,
        positions: Path | None = None,
        unit: str | None = None,
        notes: list[str] | None = None,
    ) -> None:
        self._mne = import_mne()
        self._raw = raw
        self.path = path
        told = [] if notes is None else notes
        _check_length(raw, path)
        self._picks, self.unit = _pick(self._mne, raw, path, told)
        self._factor = UV_PER_V if self.unit == "uV" else PT_PER_T
        if unit is not None:
            forced = wanted_unit(unit)
            self._factor, self.unit = forced.factor, forced.standard
            told.append(f"numbers taken as {forced.text} as given, not as the file says")
        entries = [raw.info["chs"][index] for index in self._picks]
        self._names = [str(entry["ch_name"]) for entry in entries]
        self._start_time_s, self.array = _array(self._mne, raw, self._picks, entries)
        if positions is not None:
            self.array = place_channels(path, tuple(self._names), positions, told)
        lost = int((~self.array.has_place).sum())
        if lost and positions is None and self.unit == "pT":
            told.append(f"positions are not known of {lost} of {len(entries)} channels")
        self._spans = _bad_spans(raw, self._names)
        self.metadata: Mapping[str, Any] = {
            "source": str(path),
            "format": format_name,
            "coordinates": DEVICE if positions is not None else _coordinates(raw),
            **_who_and_when(raw),
            "notes": told,
        }
        if unit is None:
            start = self.read(0, min(self.n_samples, round(_CHECKED_S * self.sampling_rate_hz)))
            base = parse_unit("V" if self.unit == "uV" else "T")
            if base is not None:
                check_plausible(str(path), start.field_pt, base)

    @property
    def sampling_rate_hz(self) -> float:
        """Samples a second."""
        return float(self._raw.info["sfreq"])

    @property
    def n_samples(self) -> int:
        """Samples in all."""
        return int(self._raw.n_times)

    def read(self, start: int, stop: int) -> FieldRecording:
        """Samples from `start` to `stop`, exclusive."""
        start, stop = max(0, start), max(0, min(stop, self.n_samples))
        values = np.zeros((len(self._picks), 0))
        if stop > start:
            values = open_with_mne(
                self.path,
                str(self.metadata.get("format", "FIF")),
                lambda: self._raw.get_data(picks=self._picks, start=start, stop=stop),
                [],
            )
        valid = np.ones(values.shape, dtype=bool)
        for channels, first, last in self._spans:
            valid[channels, max(0, first - start) : max(0, last - start)] = False
        return FieldRecording(
            field_pt=np.where(valid, np.asarray(values, dtype=np.float64) * self._factor, np.nan),
            sampling_rate_hz=self.sampling_rate_hz,
            array=self.array,
            start_time_s=self._start_time_s + start / self.sampling_rate_hz,
            valid=valid,
            metadata=self.metadata,
            unit=self.unit,
        )


def _check_length(raw: Any, path: Path) -> None:
    """A damaged header may promise any number of samples; filling them in would take all memory."""
    if path.name.endswith(".gz") or not path.is_file():
        return
    size = sum(Path(one).stat().st_size for one in raw.filenames if one and Path(one).is_file())
    if raw.n_times * len(raw.ch_names) > _MOST_VALUES_A_BYTE * size:
        raise InputError(
            f"{path}: promises {raw.n_times} samples, for which the file is too small",
            "the file is damaged; export it again",
        )


def _pick(mne: Any, raw: Any, path: Path, notes: list[str]) -> tuple[list[int], str]:
    tesla = mne.io.constants.FIFF.FIFF_UNIT_T
    magnetic = mne.pick_types(raw.info, meg=True, ref_meg=True, exclude=())
    picks = [int(i) for i in magnetic if raw.info["chs"][i]["unit"] == tesla]
    gradient = [raw.ch_names[i] for i in magnetic if raw.info["chs"][i]["unit"] != tesla]
    if gradient:
        more = ", ..." if len(gradient) > 3 else ""
        notes.append(
            f"{len(gradient)} gradiometers were left out ({', '.join(gradient[:3])}{more})"
        )
    if picks:
        return picks, "pT"
    leads = [int(i) for i in mne.pick_types(raw.info, meg=False, ecg=True, exclude=())]
    if leads:
        notes.append("no magnetometers: read as electrocardiogram, beats and averages only")
        return leads, "uV"
    raise InputError(
        f"{path}: holds no magnetometers"
        + (f", only {len(gradient)} gradiometers" if gradient else ""),
        "give a file with channels in tesla",
    )


def _bad_spans(raw: Any, names: list[str]) -> list[tuple[Any, int, int]]:
    """Channels, first and last (exclusive) sample of what is marked as bad."""
    rate_hz = float(raw.info["sfreq"])
    row_of = {name: row for row, name in enumerate(names)}
    spans: list[tuple[Any, int, int]] = [
        ([row_of[name]], 0, int(raw.n_times)) for name in raw.info["bads"] if name in row_of
    ]
    # Onsets in a Raw count from the start of the acquisition, not from the first sample kept.
    origin_s = raw.first_samp / rate_hz
    for one in raw.annotations:
        if not str(one["description"]).upper().startswith("BAD"):
            continue
        start = max(0, round((one["onset"] - origin_s) * rate_hz))
        stop = max(start, round((one["onset"] - origin_s + one["duration"]) * rate_hz))
        # Only annotations of single channels have the key.
        told = one.get("ch_names") or ()
        meant = [row_of[name] for name in told if name in row_of]
        if meant or not told:
            spans.append((meant or slice(None), start, stop))
    return spans


def _array(mne: Any, raw: Any, picks: list[int], entries: list[Any]) -> tuple[float, SensorArray]:
    names = tuple(str(entry["ch_name"]) for entry in entries)
    heads: tuple[str, ...] | None = None
    axes: tuple[int, ...] | None = None
    start_time_s = raw.first_samp / float(raw.info["sfreq"])
    try:
        ours = json.loads(raw.info["description"] or "")
        told = [_told(ours, name, index) for name, index in zip(names, picks, strict=True)]
        heads, axes = tuple(head for head, _ in told), tuple(axis for _, axis in told)
        # Cutting in MNE moves the first sample, which MNE counts.
        start_time_s += float(ours["start_time_s"])
    except (ValueError, KeyError, TypeError, IndexError):
        pass  # not written by Nullfield, or edited since: the names have to do
    loc = np.array([entry["loc"] for entry in entries], dtype=np.float64)
    if len(loc) > 1 and not loc[:, :3].any():
        loc[:] = np.nan  # all in one point: nothing was told
    reference = mne.io.constants.FIFF.FIFFV_REF_MEG_CH
    array = array_of(
        names,
        loc[:, :3],
        loc[:, 9:12],
        heads=heads,
        axes=axes,
        is_reference=tuple(entry["kind"] == reference for entry in entries),
    )
    return start_time_s, array


def _told(ours: dict[str, Any], name: str, index: int) -> tuple[str, int]:
    """Head and axis of a channel in a description that Nullfield wrote."""
    if ours["nullfield"] == 1:
        return str(ours["head_names"][index]), int(ours["axis_index"][index])
    head, axis = ours["heads"][name]
    return str(head), int(axis)


def _coordinates(raw: Any) -> str:
    try:
        return str(json.loads(raw.info["description"] or "")["coordinates"])
    except (ValueError, KeyError, TypeError):
        return DEVICE


def _who_and_when(raw: Any) -> dict[str, str]:
    known = {}
    subject = raw.info.get("subject_info") or {}
    name = subject.get("his_id") or subject.get("last_name")
    if name:
        known["subject"] = str(name)
    if raw.info.get("meas_date") is not None:
        known["date"] = raw.info["meas_date"].isoformat()
    return known
