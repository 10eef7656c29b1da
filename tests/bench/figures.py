"""A measured figure with its goal, and how figures are shown."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes
    ----------
    group, name, unit : str
    value : float
    minimum, maximum : float or None
        The goal, where there is one.
    is_own_goal : bool
        Set by this bench to notice a change, not asked for by anyone.
    note : str
        Under which conditions.
    """

    group: str
    name: str
    value: float
    unit: str
    minimum: float | None = None
    maximum: float | None = None
    note: str = ""
    is_own_goal: bool = False

    @property
    def goal(self) -> str:
        """The goal as text."""
        own = " (own)" if self.is_own_goal else ""
        if self.minimum is not None:
            return f">= {self.minimum:g}{own}"
        return f"<= {self.maximum:g}{own}" if self.maximum is not None else ""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        # Values may be numpy's, whose truth is no bool of Python's (and no JSON).
        if self.minimum is not None:
            return bool(self.value >= self.minimum)
        return bool(self.value <= self.maximum) if self.maximum is not None else None


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def as_json(figures: list[Figure]) -> str:
    """All figures as one JSON document."""
    rows = [
        {**asdict(f), "value": float(f.value), "goal": f.goal, "is_met": f.is_met} for f in figures
    ]
    return json.dumps({"machine": machine(), "figures": rows}, indent=1, allow_nan=False)


def show(figures: list[Figure]) -> None:
    """All figures as a table."""
    table = Table(title=", ".join(f"{k} {v}" for k, v in machine().items()), title_justify="left")
    for column in ("", "figure", "value", "unit", "goal", "met", "note"):
        table.add_column(column, justify="right" if column == "value" else "left")
    group = ""
    for figure in figures:
        if group and figure.group != group:
            table.add_section()
        met = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[figure.is_met]
        table.add_row(
            figure.group if figure.group != group else "",
            figure.name,
            f"{figure.value:.4g}" if abs(figure.value) < 1e4 else f"{figure.value:,.0f}",
            figure.unit,
            figure.goal,
            met,
            figure.note,
        )
        group = figure.group
    console = Console(highlight=False)
    # A log file has no width of its own; the table's columns should not break there.
    Console(highlight=False, width=None if console.is_terminal else 150).print(table)
