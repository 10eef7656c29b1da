"""One figure into the file that the user named."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from nullfield.analysis.plots.style import DPI
from nullfield.errors import InputError

_KINDS = (".png", ".svg", ".pdf")


def check_picture(path: Path | None) -> None:
    """Find out before the work whether a figure can be written there.

    Raises
    ------
    InputError
        If the folder is not there, or the ending means no kind of figure.
    """
    if path is None:
        return
    if path.suffix.lower() not in _KINDS:
        raise InputError(f"{path}: no kind of figure", f"end it with {', '.join(_KINDS)}")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: its folder is not there", "make it first")


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure, its kind by the ending; no program's name and no time in the file."""
    kind = path.suffix.lower()
    nothing = {".png": {"Software": None}, ".svg": {"Date": None, "Creator": None}}.get(
        kind, {"CreationDate": None, "Producer": None, "Creator": None}
    )
    try:
        figure.savefig(path, dpi=DPI, metadata=nothing)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "choose another place") from error
