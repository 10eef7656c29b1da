"""The recordings in a folder: which of its files and folders are one recording each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from nullfield.errors import InputError
from nullfield.recording.store import recording_files

ENDINGS = (".fif", ".fif.gz", ".edf", ".bdf", ".lvm", ".csv", ".tsv", ".mcap")
MARKER = ".nullfield-batch"
"""A folder with this file holds the results of a batch and no recordings."""

_TABLES = (".csv", ".tsv")
# What stands beside recordings: places of sensors, truth of a simulation, side files of BIDS.
_SIDE_ENDINGS = ("positions", "_channels", "_events", "_scans", "_electrodes", "_coordsystem")
_SIDE_NAMES = ("participants", "samples", "sessions")


def find_recordings(
    folder: Path, pattern: str = "*", *, leave_out: Path | None = None
) -> list[str]:
    """Recordings below a folder.

    An own recording is a folder and counts as one; so is a BIDS recording each of its files.
    Hidden files, parts of a split FIF file after the first, tables of sensor positions and side
    files of BIDS are no recordings.

    Parameters
    ----------
    folder : Path
    pattern : str
        Of shells, for the name or for the path from the folder: ``*_rest_*.fif``, ``sub-01/*``.
    leave_out : Path, optional
        A folder that is not entered: where the results go.

    Returns
    -------
    list of str
        Paths from the folder, ``/`` between the parts, sorted.

    Raises
    ------
    InputError
        If there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "there is no such folder"
        raise InputError(f"{folder}: {what}", "give the folder that holds the recordings")
    shut = None if leave_out is None else leave_out.resolve()
    found = sorted(path.relative_to(folder).as_posix() for path in _walk(folder, shut))
    matching = [one for one in found if fnmatch(one, pattern) or fnmatch(Path(one).name, pattern)]
    if not matching:
        if found:
            raise InputError(
                f"{folder}: none of its {len(found)} recordings matches '{pattern}'",
                f"give another --pattern; the first is {found[0]}",
            )
        raise InputError(
            f"{folder}: holds no recordings",
            f"looked for own recordings and {', '.join(ENDINGS)}",
        )
    return matching


def content_files(recording: Path) -> list[Path]:
    """Files that a recording's content is made of: what its result depends on."""
    if recording.is_dir():
        return recording_files(recording)
    files = [recording]
    stem = recording.name.split(".")[0]
    # Places beside a table are read with it; later parts of a split FIF file follow its first.
    beside = [f"{stem}_positions{ending}" for ending in _TABLES]
    parts = recording.parent.glob(f"{_escaped(stem)}-[0-9]*.fif*")
    files += [one for name in beside if (one := recording.parent / name).is_file()]
    files += sorted(one for one in parts if one != recording)
    files += _bids_side_files(recording)
    return files


def _walk(folder: Path, shut: Path | None) -> Iterator[Path]:
    if folder.resolve() == shut or (folder / MARKER).exists():
        return
    if recording_files(folder):
        yield folder
        return
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        path = folder / name
        if name.startswith("."):
            continue
        if path.is_dir():
            # A linked folder may lead around in a circle.
            if not path.is_symlink():
                yield from _walk(path, shut)
        elif _is_recording(path):
            yield path


def _is_recording(path: Path) -> bool:
    name = path.name.lower()
    ending = next((one for one in sorted(ENDINGS, key=len)[::-1] if name.endswith(one)), None)
    if ending is None or not path.is_file():
        return False
    stem = name.removesuffix(ending)
    if ending in _TABLES:
        return not (stem.endswith(_SIDE_ENDINGS) or stem in _SIDE_NAMES)
    return not (ending.startswith(".fif") and _is_later_part(path, stem, ending))


def _is_later_part(path: Path, stem: str, ending: str) -> bool:
    """MNE names parts ``x.fif, x-1.fif``; BIDS ``x_split-01_meg.fif, x_split-02_meg.fif``."""
    if "_split-" in stem:
        number = stem.split("_split-")[1].split("_")[0]
        return number.isdigit() and int(number) > 1
    before, _, number = path.name[: len(stem)].rpartition("-")
    return bool(before) and number.isdigit() and (path.parent / f"{before}{ending}").is_file()


def _bids_side_files(recording: Path) -> list[Path]:
    """Side files that a BIDS recording is read with: channels and the coordinate system."""
    stem = recording.name.split(".")[0]
    if not stem.endswith("_meg"):
        return []
    base = stem.removesuffix("_meg")
    names = [f"{base}_channels.tsv", f"{base}_meg.json"]
    files = [recording.parent / name for name in names]
    files += sorted(recording.parent.glob(f"{_escaped(base.split('_')[0])}*_coordsystem.json"))
    return [one for one in files if one.is_file()]


def _escaped(text: str) -> str:
    return "".join(f"[{one}]" if one in "*?[" else one for one in text)
