"""FIF, the file that MNE-Python and the MEG field exchange; units there are tesla and metres.

How a recording looks there is told in `nullfield.files.to_mne`.
"""

from __future__ import annotations

import gzip
import struct
import warnings
from pathlib import Path

from nullfield.analysis.data import FieldRecording
from nullfield.errors import InputError
from nullfield.files.mne_source import MneSource, import_mne, open_with_mne
from nullfield.files.to_mne import to_mne_raw


def write_fif(recording: FieldRecording, path: Path) -> None:
    """Write a recording as FIF, in double precision.

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
    raw = to_mne_raw(recording)
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

    def opener() -> MneSource:
        check_tags(path)
        raw = mne.io.read_raw_fif(path, preload=False, on_split_missing="raise", verbose="warning")
        return MneSource(raw, path, "FIF", positions=positions, unit=unit, notes=notes)

    source: MneSource = open_with_mne(path, "FIF", opener, notes)
    return source


def check_tags(path: Path) -> None:
    """Refuse a file whose tags run in a circle, on which MNE would go round without an end.

    A tag is kind, type, size and the place of the next one: 0 right behind it, -1 for none.

    Raises
    ------
    ValueError
    """
    tag = struct.Struct(">iIii")  # FIF is big-endian
    with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as stream:
        at, steps, farthest = 0, 0, 0
        while len(data := stream.read(tag.size)) == tag.size:
            _, _, size, following = tag.unpack(data)
            at = following if following > 0 else at + tag.size + size
            steps += 1
            farthest = max(farthest, at)
            if size < 0 or steps * tag.size > farthest + tag.size:
                raise ValueError("its tags run in a circle")
            if following < 0:
                return
            stream.seek(at)


def read_fif(path: Path) -> FieldRecording:
    """Read all of a FIF file; see `open_fif`."""
    source = open_fif(path)
    return source.read(0, source.n_samples)
