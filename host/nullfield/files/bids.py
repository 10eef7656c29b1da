"""BIDS-MEG: a folder of recordings of many subjects, laid out as the community agreed.

Read and written by mne-bids; Niso et al., Scientific Data 5, 180110, 2018. Channels that the file
``*_channels.tsv`` calls bad are not valid.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from nullfield.analysis.data import FieldRecording
from nullfield.errors import InputError
from nullfield.extras import library
from nullfield.files.fif import check_tags
from nullfield.files.mne_source import MneSource, import_mne, open_with_mne
from nullfield.files.to_mne import to_mne_raw

_MOST_LISTED = 8


def import_mne_bids() -> Any:
    """The library for BIDS.

    Raises
    ------
    AnalysisError
        If it is not installed.
    """
    return library("mne_bids", "BIDS folders need mne-bids", "files")


def open_bids(path: Path, *, positions: Path | None = None, unit: str | None = None) -> MneSource:
    """Open one recording of a BIDS folder.

    Parameters
    ----------
    path : pathlib.Path
        A ``*_meg`` file, or a folder (the data set, a subject, a session) with one such file in it.
    positions, unit
        As of `nullfield.files.read.read`.

    Raises
    ------
    InputError
        If there is none, or more than one: the error lists them.
    AnalysisError
        If mne-bids is not installed.
    """
    mne_bids = import_mne_bids()
    file = path if path.is_file() or path.suffix == ".ds" else _only_one(path)
    notes: list[str] = []

    def opener() -> MneSource:
        if file.suffix == ".fif":
            check_tags(file)
        place = mne_bids.get_bids_path_from_fname(file, verbose="error")
        raw = mne_bids.read_raw_bids(place, verbose="error")
        raw = _as_written(raw, file)
        source = MneSource(raw, file, "BIDS", positions=positions, unit=unit, notes=notes)
        bad = [name for name in raw.info["bads"] if name in source.array.names]
        if bad:
            notes.append(f"{len(bad)} channels are marked as bad: {', '.join(bad[:_MOST_LISTED])}")
        return source

    source: MneSource = open_with_mne(file, "BIDS", opener, notes)
    subject = re.search(r"sub-([^_/\\]+)", file.name)
    if subject is not None:
        source.metadata = {**source.metadata, "subject": subject[1]}
    return source


def _as_written(raw: Any, file: Path) -> Any:
    """Give back what mne-bids takes from a FIF file: its description, and the channels of marks.

    The events file of BIDS knows only times; the description is lost when a date is set.
    """
    if file.suffix != ".fif":
        return raw
    mne = import_mne()
    plain = mne.io.read_raw_fif(file, preload=False, verbose="error")
    raw.info["description"] = plain.info["description"]
    own = plain.annotations
    period_s = 1.0 / float(raw.info["sfreq"])
    onsets = {text: own.onset[own.description == text] for text in set(own.description)}
    others = [
        i
        for i, one in enumerate(raw.annotations)
        if not (np.abs(onsets.get(one["description"], np.inf) - one["onset"]) < period_s).any()
    ]
    marks = mne.Annotations(
        own.onset,
        own.duration,
        own.description,
        orig_time=raw.annotations.orig_time,
        ch_names=own.ch_names,
    )
    raw.set_annotations(marks + raw.annotations[others], verbose="error")
    return raw


def recordings_of(folder: Path) -> list[Path]:
    """MEG recordings in a BIDS folder; of a recording in several parts the first."""
    found = [
        one
        for one in sorted(folder.rglob("sub-*_meg.*"))
        if one.suffix in (".fif", ".ds", ".sqd", ".con", ".meg4", ".pdf", ".kdf", ".edf")
        and "derivatives" not in one.relative_to(folder).parts
    ]
    return [one for one in found if not re.search(r"_split-0*[2-9]\d*_", one.name)]


def write_bids(
    recording: FieldRecording,
    root: Path,
    *,
    subject: str | None = None,
    task: str = "rest",
    session: str | None = None,
    run: str | None = None,
) -> Path:
    """Write a recording into a BIDS folder, which may hold others.

    Parameters
    ----------
    recording : FieldRecording
    root : pathlib.Path
        The data set's folder; made if it is not there.
    subject : str, optional
        Letters and digits. Default: the recording's subject, else ``"01"``.
    task, session, run : str
        Letters and digits.

    Returns
    -------
    Path
        The FIF file in it.

    Raises
    ------
    InputError
        If a name has other characters, or there is such a recording already.
    AnalysisError
        If mne-bids is not installed.
    """
    mne_bids = import_mne_bids()
    if recording.unit == "uV":
        raise InputError(
            "BIDS-MEG holds magnetic fields, this recording is electric",
            "export to CSV or EDF (--to csv, --to edf)",
        )
    told = str(recording.metadata.get("subject", ""))
    chosen = subject or (told if re.fullmatch(r"[A-Za-z0-9]+", told) else "01")
    for what, name in (("subject", chosen), ("task", task), ("session", session), ("run", run)):
        if name is not None and not re.fullmatch(r"[A-Za-z0-9]+", name):
            raise InputError(
                f"{what} {name!r}: BIDS allows letters and digits", "choose another name"
            )
    place = mne_bids.BIDSPath(
        subject=chosen,
        task=task,
        session=session,
        run=run,
        datatype="meg",
        suffix="meg",
        extension=".fif",
        root=root,
    )
    if place.fpath.exists():
        raise InputError(
            f"{place.fpath}: is there already", "choose another subject, session or run"
        )
    raw = to_mne_raw(recording)
    open_with_mne(
        root,
        "BIDS",
        lambda: mne_bids.write_raw_bids(
            raw, place, allow_preload=True, format="FIF", overwrite=False, verbose="error"
        ),
        [],
    )
    return Path(place.fpath)


def _only_one(folder: Path) -> Path:
    found = recordings_of(folder)
    if not found:
        raise InputError(
            f"{folder}: a BIDS folder without MEG recordings", "files end with _meg.fif"
        )
    if len(found) > 1:
        names = [str(one.relative_to(folder)) for one in found]
        more = "" if len(names) <= _MOST_LISTED else f", and {len(names) - _MOST_LISTED} more"
        raise InputError(
            f"{folder}: holds {len(found)} recordings: {', '.join(names[:_MOST_LISTED])}{more}",
            "give one of these files",
        )
    return found[0]
