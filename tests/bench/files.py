"""Files: what a round trip costs in accuracy, time and memory; damaged files, tried by the thousand."""

from __future__ import annotations

import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tests.bench.figures import Figure

from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.errors import AnalysisError, InputError, RecordingError
from nullfield.files import open_source, read, write_bids, write_csv, write_edf, write_fif

_GROUP = "files"
_RATE_HZ = 1000.0
_SECTION_S = 60
_DAMAGED = 2000


def figures() -> list[Figure]:
    """Round trips of one minute, sections of ten, and damaged files; deterministic by seed."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            *_round_trips(Path(folder)),
            *_sections(Path(folder)),
            _damaged_files(Path(folder)),
        ]


def _recording(n_channels: int, duration_s: float, seed: int = 1) -> FieldRecording:
    """Noise of 20 pT on an offset of a few hundred, with a gap."""
    random = np.random.default_rng(seed)
    n_samples = round(duration_s * _RATE_HZ)
    field_pt = random.normal(size=(n_channels, n_samples)) * 20.0
    field_pt += random.normal(size=(n_channels, 1)) * 300.0
    field_pt[:, n_samples // 3 : n_samples // 3 + 50] = np.nan
    names = tuple(f"H{i}-b" for i in range(n_channels))
    side = int(np.ceil(np.sqrt(n_channels)))
    grid = np.stack(np.divmod(np.arange(n_channels), side), axis=1) * 0.04
    array = SensorArray(
        names=names,
        positions_m=np.column_stack([grid, np.full(n_channels, 0.03)]),
        orientations=np.tile([0.0, 0.0, 1.0], (n_channels, 1)),
        head_names=tuple(name[:-2] for name in names),
        axis_index=np.full(n_channels, 2),
        is_reference=np.zeros(n_channels, dtype=bool),
    )
    return FieldRecording(field_pt, _RATE_HZ, array)


def _round_trips(folder: Path) -> list[Figure]:
    recording = _recording(36, 60.0)

    def fif(path: Path) -> Path:
        write_fif(recording, path)
        return path

    def edf(path: Path) -> Path:
        write_edf(recording, path)
        return path

    writers: dict[str, tuple[Callable[[], Path], float]] = {
        "CSV": (lambda: write_csv(recording, folder / "a.csv")[0], 0.0),
        "FIF": (lambda: fif(folder / "a_raw.fif"), 1e-9),
        "BIDS": (lambda: write_bids(recording, folder / "study"), 1e-9),
        # A step of 16 bits over the range of one channel; half of it is the largest error.
        "EDF": (lambda: edf(folder / "a.edf"), 25.0),
        "BDF": (lambda: edf(folder / "a.bdf"), 0.1),
    }
    found = []
    good = recording.usable
    for name, (writer, goal_ft) in writers.items():
        start = time.perf_counter()
        path = writer()
        written_s = time.perf_counter() - start
        start = time.perf_counter()
        back = read(path)
        read_s = time.perf_counter() - start
        error_ft = np.abs(back.field_pt[good] - recording.field_pt[good]).max() * 1e3
        same = np.array_equal(back.usable, good) and back.array.names == recording.array.names
        found.append(
            Figure(
                _GROUP,
                f"{name}: largest error of a round trip",
                float(error_ft) if same else float("inf"),
                "fT",
                maximum=goal_ft,
                note=f"36 channels, 60 s; written in {written_s:.2f} s, read in {read_s:.2f} s",
                is_own_goal=True,
            )
        )
    return found


def _sections(folder: Path) -> list[Figure]:
    """Memory of walking through a file by sections, beside that of the whole."""
    recording = _recording(64, 600.0)
    whole_mb = recording.field_pt.nbytes / 1e6
    write_fif(recording, folder / "long_raw.fif")
    write_edf(recording, folder / "long.edf")
    del recording
    found = []
    for name in ("long_raw.fif", "long.edf"):
        tracemalloc.start()
        source = open_source(folder / name)
        length = _SECTION_S * round(_RATE_HZ)
        for start in range(0, source.n_samples, length):
            source.read(start, start + length)
        peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        found.append(
            Figure(
                _GROUP,
                f"{Path(name).suffix[1:].upper()}: most memory, in sections of {_SECTION_S} s",
                peak_mb,
                "MB",
                maximum=0.5 * whole_mb,
                note=f"64 channels, 10 min: {whole_mb:.0f} MB as a whole",
                is_own_goal=True,
            )
        )
    return found


def _damaged_files(folder: Path) -> Figure:
    """Files cut and overwritten at random that gave anything but a recording or an error."""
    recording = _recording(4, 0.3)
    contents = {}
    write_csv(recording, folder / "d.csv")
    write_edf(recording, folder / "d.edf")
    write_edf(recording, folder / "d.bdf")
    write_fif(recording, folder / "d_raw.fif")
    for name in ("d.csv", "d.edf", "d.bdf", "d_raw.fif", "d_positions.csv"):
        contents[name] = (folder / name).read_bytes()
    random = np.random.default_rng(7)
    surprises = 0
    names = list(contents)
    for _ in range(_DAMAGED):
        name = names[random.integers(len(names))]
        data = bytearray(contents[name])
        reach = min(len(data), 2048) if random.random() < 0.5 else len(data)
        for _ in range(random.integers(4)):
            at = int(random.integers(reach))
            data[at : at + 8] = random.bytes(int(random.integers(1, 9)))
        if random.random() < 0.5:
            data = data[: int(random.integers(len(data) + 1))]
        (folder / name).write_bytes(bytes(data))
        try:
            read(folder / ("d.csv" if name == "d_positions.csv" else name))
        except (InputError, RecordingError, AnalysisError):
            pass
        except Exception:
            surprises += 1
        (folder / name).write_bytes(contents[name])
    return Figure(
        _GROUP,
        "damaged files that gave neither a recording nor a named error",
        float(surprises),
        "",
        maximum=0.0,
        note=f"{_DAMAGED} files: CSV, positions, EDF, BDF, FIF",
        is_own_goal=True,
    )
