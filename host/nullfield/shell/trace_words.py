"""What a trace is asked for with, as words of a command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nullfield.devices.board import Board
from nullfield.devices.trace import MOST_DECIMATION, Scope, TraceResult, TraceSignal, Trigger
from nullfield.errors import InputError
from nullfield.quantity import format_quantity, parse_quantity
from nullfield.shell.trace_plot import terminal_plot, write_csv, write_figure
from nullfield_protocol.catalogue import TraceKind, TraceTrigger

_TRIGGER_HINT = (
    "now, fault, rising:SIGNAL:LEVEL or falling:SIGNAL:LEVEL, such as rising:speed:1mm/s"
)
_EDGES = {"rising": TraceTrigger.RISING, "falling": TraceTrigger.FALLING}


def take_signals(scope: Scope, names: str, trigger: str) -> tuple[list[TraceSignal], Trigger]:
    """Signals and trigger by their words; the signal that triggers comes first.

    Parameters
    ----------
    scope : Scope
    names : str
        By commas.
    trigger : str
        ``now``, ``fault``, ``rising:SIGNAL:LEVEL``, ``falling:SIGNAL:LEVEL``.

    Raises
    ------
    InputError
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    word, _, rest = trigger.partition(":")
    kind = _EDGES.get(word.lower())
    if kind is None:
        simple = {"now": TraceTrigger.NOW, "fault": TraceTrigger.FAULT}.get(trigger.lower())
        if simple is None:
            raise InputError(f"trigger '{trigger}': no such trigger", _TRIGGER_HINT)
        return scope.find(wanted), Trigger(simple)
    name, _, level = rest.rpartition(":")
    if not name:
        raise InputError(f"trigger '{trigger}': the level is missing", _TRIGGER_HINT)
    ordered = [name, *(one for one in wanted if one != name)]
    signals = scope.find(ordered)
    return signals, Trigger(kind, parse_quantity(level, signals[0].unit, f"level of {name}"))


def decimation_for(scope: Scope, signals: Sequence[TraceSignal], rate_hz: float) -> int:
    """Decimation that comes nearest to a rate.

    Raises
    ------
    InputError
        If the board cannot be so fast or so slow.
    """
    fastest_hz = 1 / scope.period_s(signals)
    if not fastest_hz / MOST_DECIMATION <= rate_hz <= fastest_hz:
        raise InputError(
            f"a rate of {rate_hz:g} Hz",
            f"these signals can be traced at {fastest_hz / MOST_DECIMATION:g} to {fastest_hz:g} Hz",
        )
    return max(1, round(fastest_hz / rate_hz))


def list_lines(scope: Scope) -> list[str]:
    """All signals, their units and how often they have a value."""
    lines = [f"{'signal':<24} {'unit':<8} a value"]
    for one in scope.signals().values():
        often = "every conversion (16 kHz)" if one.kind is TraceKind.SAMPLE else "every block"
        lines.append(f"{one.name:<24} {one.unit or '-':<8} {often}")
    lines.append(f"room for {scope.buffer_words} values in all, at most 4 signals at a time")
    return lines


def show_result(
    board: Board[Any], result: TraceResult, csv: Path | None, plot: Path | None
) -> list[str]:
    """Write the files that were asked for; lines for people."""
    names = ", ".join(one.name for one in result.signals)
    lines = []
    if csv is not None:
        write_csv(result, csv)
        lines.append(f"values: {csv}")
    if plot is not None:
        write_figure(result, plot, f"{board}")
        lines.append(f"plot: {plot}")
    if not lines:
        lines += terminal_plot(result)
    lines.append(
        f"{len(result.time_s)} samples of {names}, one every {format_quantity(result.period_s, 's')}, "
        f"{result.before_count} before the trigger at {result.trigger_board_time_us / 1e6:.6f} s "
        "of the board's clock"
    )
    if result.missed_blocks:
        lines.append(f"the board missed {result.missed_blocks} blocks meanwhile: time is too short")
    return lines


def result_json(board: Board[Any], result: TraceResult) -> dict[str, Any]:
    """A trace as JSON."""
    return {
        "board": board.uid,
        "period_s": result.period_s,
        "before_count": result.before_count,
        "trigger_board_time_us": result.trigger_board_time_us,
        "missed_blocks": result.missed_blocks,
        "time_s": [float(t) for t in result.time_s],
        "signals": [
            {"name": one.name, "unit": one.unit, "values": result.values[one.name].tolist()}
            for one in result.signals
        ],
    }
