"""One call for every file: what it is follows from its content, not from its name."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

from nullfield.analysis.data import FieldRecording
from nullfield.analysis.sections import InMemory, Source
from nullfield.errors import InputError, RecordingError
from nullfield.files.table import TableSource
from nullfield.files.text import READ_ERRORS

MCAP, FIF, EDF, LVM, TABLE, BIDS, OWN_FOLDER = (
    "MCAP", "FIF", "EDF", "LVM", "table", "BIDS", "own folder",
)  # fmt: skip
KEPT_BYTES = 100_000_000
"""An own recording that is no larger is in memory as a whole; a longer one is read in sections."""
_MCAP_MAGIC = b"\x89MCAP0\r\n"
# Tag FIFF_FILE_ID (100) of type ID_STRUCT (31), 20 bytes long: how every FIF file begins.
_FIF_START = b"\x00\x00\x00\x64\x00\x00\x00\x1f\x00\x00\x00\x14"
_GZIP = b"\x1f\x8b"
_NOT_READ = (
    (b"\x89HDF", "HDF5", "give the recording, not results computed from it"),
    (b"PK\x03\x04", "a ZIP or spreadsheet file", "save the sheet as CSV"),
    (b"MATLAB 5.0", "a MATLAB file", "save the matrix as CSV, with a header like B1_pT,B2_pT"),
    (b"%PDF", "a PDF", "give the recording"),
)
_OTHER_SYSTEMS = {".ds": "ctf", ".sqd": "kit", ".con": "kit", ".meg4": "ctf", ".fil": "fil"}


def read(
    path: Path | str,
    *,
    positions: Path | str | None = None,
    rate_hz: float | None = None,
    unit: str | None = None,
) -> FieldRecording:
    """Read a recording into memory.

    Parameters
    ----------
    path : path
        Own recording (folder or ``.mcap``), FIF, EDF/BDF, LabVIEW ``.lvm``, CSV/TSV, or a BIDS
        folder or file.
    positions : path, optional
        CSV or TSV with name, x, y, z, nx, ny, nz, for files that hold no positions; see
        `nullfield.files.placing.read_positions`.
    rate_hz : float, optional
        Sampling rate, for tables without a time column.
    unit : str, optional
        Unit of the numbers, for files that do not tell it or tell it wrong.

    Returns
    -------
    FieldRecording
        In pT, or µV where the file holds nothing magnetic. ``metadata["notes"]`` says what was
        assumed and what was left out.

    Raises
    ------
    InputError
        If the file cannot be used; the hint names the fix.
    RecordingError
        If it is no recording of any kind, or an own one that cannot be read.
    AnalysisError
        If a library is missing that the format needs.
    """
    source = open_source(path, positions=positions, rate_hz=rate_hz, unit=unit)
    return source.read(0, source.n_samples)


def open_source(
    path: Path | str,
    *,
    positions: Path | str | None = None,
    rate_hz: float | None = None,
    unit: str | None = None,
) -> Source:
    """Open a recording for reading in sections, without loading all of it where the format allows.

    Parameters and errors are those of `read`.

    Returns
    -------
    Source
        With ``sampling_rate_hz, n_samples, array, metadata, unit`` and ``read(start, stop)``.
    """
    file = Path(path)
    places = None if positions is None else Path(positions)
    if rate_hz is not None and not rate_hz > 0:
        raise InputError(
            f"sampling rate {rate_hz} Hz: has to be above zero", "give --rate in hertz"
        )
    kind = detect(file)
    if kind in (MCAP, OWN_FOLDER):
        return _own(file)
    if kind == BIDS:
        from nullfield.files.bids import open_bids

        return open_bids(file, positions=places, unit=unit)
    if kind == FIF:
        from nullfield.files.fif import open_fif

        return open_fif(file, positions=places, unit=unit)
    if kind == EDF:
        from nullfield.files.edf import EdfSource

        return EdfSource(file, positions=places, unit=unit)
    if kind == LVM:
        from nullfield.files.lvm import open_lvm

        return open_lvm(file, positions=places, rate_hz=rate_hz, unit=unit)
    return TableSource(file, positions=places, rate_hz=rate_hz, unit=unit)


def section(
    path: Path | str,
    start_s: float,
    stop_s: float,
    *,
    positions: Path | str | None = None,
    rate_hz: float | None = None,
    unit: str | None = None,
) -> FieldRecording:
    """Read part of a recording, by seconds from its first sample; else as `read`."""
    source = open_source(path, positions=positions, rate_hz=rate_hz, unit=unit)
    if not 0 <= start_s < stop_s:
        raise InputError(
            f"{path}: no section from {start_s:g} to {stop_s:g} s",
            f"it is {source.n_samples / source.sampling_rate_hz:g} s long",
        )
    rate = source.sampling_rate_hz
    return source.read(round(start_s * rate), min(round(stop_s * rate), source.n_samples))


def detect(path: Path) -> str:
    """What a file or folder is.

    Raises
    ------
    InputError
        If it is nothing that can be read, but is known.
    RecordingError
        If there is nothing, or nothing that is known.
    """
    if path.is_dir():
        return _detect_folder(path)
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
        if start.startswith(_GZIP):
            with gzip.open(path, "rb") as packed:
                start = packed.read(512)
    except READ_ERRORS as error:
        if not path.exists():
            kind = RecordingError if path.suffix in ("", ".mcap") else InputError
            raise kind(f"{path}: there is no such recording", "check the path") from error
        raise InputError(f"{path}: cannot be read ({error})", "check the file") from error
    if path.name.startswith("sub-") and _has_channel_list(path):
        return BIDS
    return _detect_content(path, start)


def _has_channel_list(path: Path) -> bool:
    """Whether a BIDS list of channels lies beside a recording: ``sub-1_channels.tsv``."""
    stem = path.name.partition("_split-")[0].rpartition("_meg")[0]
    return bool(stem) and path.with_name(f"{stem}_channels.tsv").is_file()


def _detect_content(path: Path, start: bytes) -> str:
    if start.startswith(_MCAP_MAGIC) or path.suffix == ".mcap":
        return MCAP
    if not start.strip():
        raise InputError(f"{path}: is empty", "give a file with samples in it")
    if start.startswith(_FIF_START) or path.name.endswith((".fif", ".fif.gz")):
        return FIF
    if start.startswith((b"0       ", b"\xffBIOSEMI")) or path.suffix.lower() in (".edf", ".bdf"):
        return EDF
    if start.lstrip(b"\xef\xbb\xbf").startswith(b"LabVIEW Measurement"):
        return LVM
    for magic, name, fix in _NOT_READ:
        if start.startswith(magic):
            raise InputError(f"{path}: is {name}, which is not read", fix)
    if path.suffix in _OTHER_SYSTEMS:
        raise InputError(f"{path}: is a file of another system", _convert(path))
    return TABLE


def _detect_folder(path: Path) -> str:
    from nullfield.recording.store import recording_files

    if recording_files(path):
        return OWN_FOLDER
    if path.suffix in _OTHER_SYSTEMS:
        raise InputError(f"{path}: is a folder of another system", _convert(path))
    if (path / "dataset_description.json").is_file() or any(path.rglob("*_meg.fif")):
        return BIDS
    return OWN_FOLDER


def _convert(path: Path) -> str:
    reader = _OTHER_SYSTEMS[path.suffix]
    return f"convert it: mne.io.read_raw_{reader}('{path.name}').save('subject_raw.fif')"


def _own(path: Path) -> Source:
    from nullfield.recording.sections import SectionedRecording, open_own

    found = open_own(path, KEPT_BYTES)
    notes = []
    if found.metadata.get("truncated"):
        notes.append("the recording is cut: what is whole was read")
    metadata = {
        **found.metadata,
        "format": "Nullfield",
        "coordinates": "head frame: x right to left, y toward the head, z out of the chest",
        "notes": notes,
    }
    if isinstance(found, SectionedRecording):
        found.metadata = metadata
        return found
    return InMemory(replace(found, metadata=metadata))
