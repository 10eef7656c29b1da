"""A snapshot of boards as tables that fit the terminal, and as one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nullfield.instrument.watch_boards import BoardRow, HeadRow, Snapshot

_STATE_STYLES = {"ready": "green", "fault": "bold red", "off": "dim", "active": "green"}


@dataclass(frozen=True)
class _Column:
    """A column of the heads' table; the lower its rank, the longer it stays in a narrow terminal."""

    title: str
    width: int
    rank: int
    cell: Callable[[HeadRow], Text | str]


def _three(values: tuple[float, ...] | None, spec: str, width: int) -> str:
    if values is None:
        return "-"
    return " ".join(f"{_unsigned_zero(value, 2):{width}{spec}}" for value in values)


def _unsigned_zero(value: float, digits: int) -> float:
    """Rounded, and never ``-0``."""
    return round(value, digits) + 0.0


def _noise(head: HeadRow) -> str:
    return _three(head.noise_ft_rthz, ".0f", 4)


def _fault(head: HeadRow) -> Text:
    if head.fault:
        return Text(head.fault.replace("_", " "), style="bold red")
    return Text(head.flags, style="yellow")


_HEAD_COLUMNS = (
    _Column("head", 8, 0, lambda h: h.name),
    _Column("state", 10, 0, lambda h: _state(h.state)),
    _Column("cell °C", 7, 3, lambda h: f"{h.cell_c:.1f}"),
    _Column("laser °C", 8, 7, lambda h: f"{h.laser_c:.2f}"),
    _Column("lock", 4, 4, lambda h: _yes(h.is_locked)),
    _Column("loop", 4, 6, lambda h: _yes(h.is_loop_closed)),
    _Column("light µA", 8, 5, lambda h: f"{_unsigned_zero(h.light_ua, 2):.2f}"),
    _Column("heat mW", 7, 8, lambda h: f"{h.heater_mw:.0f}"),
    _Column("field x y b nT", 20, 1, lambda h: _three(h.field_nt, ".2f", 6)),
    _Column("fT/√Hz", 9, 1, _noise),
    _Column("coils x y b nT", 20, 9, lambda h: _three(h.coil_offset_nt, ".2f", 6)),
    _Column("fault, flags", 12, 2, _fault),
)
_GAP = 2


def _state(word: str) -> Text:
    return Text(word.replace("_", " "), style=_STATE_STYLES.get(word, "yellow"))


def _yes(is_so: bool) -> Text:
    return Text("yes", style="green") if is_so else Text("no", style="dim")


def fitting_columns(width: int) -> list[str]:
    """Titles of the heads' columns that a terminal of this width has room for, in their order."""
    return [column.title for column in _fitting(width)]


def _fitting(width: int) -> list[_Column]:
    kept = list(_HEAD_COLUMNS)
    while len(kept) > 2 and sum(c.width + _GAP for c in kept) > width:
        kept.remove(max(kept, key=lambda c: (c.rank, c.width)))
    return kept


def view(snapshot: Snapshot, width: int, height: int | None = None) -> RenderableType:
    """Tables of heads, coils and boards.

    Parameters
    ----------
    snapshot : Snapshot
    width : int
        Of the terminal, in characters; columns that do not fit are left out, least important first.
    height : int, optional
        Of the terminal; heads beyond it are counted instead of shown, those with faults first.
    """
    boards = _boards(snapshot.boards, width)
    coils = _coils(snapshot, width)
    parts: list[RenderableType] = [Text(f"{snapshot.time_s:9.1f} s", style="dim")]
    if snapshot.heads:
        room = None
        if height is not None:
            room = max(3, height - len(snapshot.boards) - coils.count("\n") - 6)
        parts.append(_heads(snapshot.heads, width, room))
    if coils:
        parts.append(Text(f"coils mA  {coils}"))
    parts.append(boards)
    return Group(*parts)


def _heads(heads: tuple[HeadRow, ...], width: int, room: int | None) -> RenderableType:
    columns = _fitting(width)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for column in columns:
        is_text = column.title in ("head", "state", "fault, flags")
        table.add_column(
            column.title, no_wrap=True, justify="left" if is_text else "right", overflow="ellipsis"
        )
    shown = heads
    if room is not None and len(heads) > room:
        shown = tuple(sorted(heads, key=lambda h: (not h.fault, h.state == "ready")))[: room - 1]
    for head in shown:
        table.add_row(*[column.cell(head) for column in columns])
    if len(shown) == len(heads):
        return table
    left = heads if not shown else tuple(h for h in heads if h not in shown)
    ready = sum(h.state == "ready" for h in left)
    return Group(table, Text(f"... and {len(left)} more, {ready} of them ready", style="dim"))


def _coils(snapshot: Snapshot, width: int) -> str:
    lines = [""]
    for coil in snapshot.coils:
        word = f"{coil.name} {_unsigned_zero(coil.current_ma, 4):.4f}  "
        if len(lines[-1]) + len(word) > max(width - 10, len(word)):
            lines.append("")
        lines[-1] += word
    return "\n          ".join(line.rstrip() for line in lines) if snapshot.coils else ""


def _boards(boards: tuple[BoardRow, ...], width: int) -> Table:
    is_wide = width >= 76
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for title in ("board", "role", "state"):
        table.add_column(title, no_wrap=True)
    if is_wide:
        for title in ("load", "heap free", "rows"):
            table.add_column(title, justify="right", no_wrap=True)
    table.add_column("lost", justify="right", no_wrap=True)
    table.add_column("trouble", overflow="ellipsis", no_wrap=True)
    for board in boards:
        lost = sum(board.lost.values())
        wide = []
        if is_wide:
            wide = [
                "-" if board.load is None else f"{board.load * 100:.0f} %",
                "-" if board.heap_free_bytes is None else f"{board.heap_free_bytes / 1024:.0f} KiB",
                str(board.rows),
            ]
        causes = ", ".join(f"{c.replace('_', ' ')} {n}" for c, n in board.lost.items())
        table.add_row(
            board.name,
            board.role,
            _state(board.state),
            *wide,
            Text(str(lost), style="red" if lost else ""),
            Text(board.trouble or causes, style="bold red" if board.trouble else "yellow"),
        )
    return table


def json_line(snapshot: Snapshot) -> str:
    """One snapshot as one line of JSON; numbers that are not there are null."""
    return json.dumps(_rounded(asdict(snapshot)), allow_nan=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.7g}") if value == value and abs(value) != float("inf") else None
    return value
