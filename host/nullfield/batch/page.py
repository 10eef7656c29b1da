"""The index page: all recordings in one HTML file that can be sorted, with links to the reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from nullfield import __version__
from nullfield.analysis import RESEARCH_USE
from nullfield.batch.row import DONE
from nullfield.batch.store import RECORDINGS, write_synced

PAGE = "index.html"

# Column of the table, head of the page's column, digits.
_SHOWN = (
    ("duration_s", "Length (s)", "{:.0f}"),
    ("n_channels", "Channels", "{:d}"),
    ("n_bad_channels", "Bad", "{:d}"),
    ("noise_median_ft_rthz", "Noise (fT/√Hz)", "{:.1f}"),
    ("beats_accepted", "Beats", "{:d}"),
    ("rate_bpm", "Rate (/min)", "{:.0f}"),
    ("snr_db", "SNR (dB)", "{:.0f}"),
    ("R_angle_deg", "R angle (°)", "{:.0f}"),
    ("T_angle_deg", "T angle (°)", "{:.0f}"),
    ("R_dipole_confidence_mm", "R dipole ± (mm)", "{:.1f}"),
)


@dataclass(frozen=True)
class _Cell:
    text: str
    value: str


@dataclass(frozen=True)
class _Line:
    recording: str
    is_done: bool
    link: str
    cells: list[_Cell]
    pictures: list[tuple[str, str]]
    error: str
    hint: str


def write_page(rows: Sequence[Mapping[str, Any]], folder: Path, path: Path) -> None:
    """Write the page.

    Parameters
    ----------
    rows : sequence of mapping
        From `nullfield.batch.row`; ``thumbnails`` holds small maps.
    folder : Path
        That was analysed; for the page's head.
    path : Path
        In the output folder: links to the reports start there.
    """
    environment = Environment(
        loader=PackageLoader("nullfield.batch", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    lines = [_line(row) for row in rows]
    text = environment.get_template("index.html").render(
        folder=folder.name,
        heads=[head for _, head, _ in _SHOWN],
        lines=lines,
        n_done=sum(line.is_done for line in lines),
        n_failed=sum(not line.is_done for line in lines),
        version=__version__,
        disclaimer=RESEARCH_USE,
    )
    write_synced(path, text.encode("utf-8"))


def _line(row: Mapping[str, Any]) -> _Line:
    cells = []
    for name, _, form in _SHOWN:
        value = row.get(name)
        cells.append(_Cell("–", "") if value is None else _Cell(form.format(value), repr(value)))
    recording = str(row["recording"])
    return _Line(
        recording=recording,
        is_done=row["status"] == DONE,
        link=quote(f"{RECORDINGS}/{recording}/report.html"),
        cells=cells,
        pictures=[
            (name.removeprefix("map_"), data)
            for name, data in sorted((row.get("thumbnails") or {}).items())
        ],
        error=str(row.get("error") or ""),
        hint=str(row.get("hint") or ""),
    )
