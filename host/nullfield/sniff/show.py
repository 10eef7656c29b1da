"""Readings as lines of text and of JSON, and the statistics at the end."""

from __future__ import annotations

from collections import Counter
from typing import Any

from nullfield.sniff.interpret import Reading
from nullfield.sniff.wire import Direction

_ARROWS = {Direction.TO_BOARD: "->", Direction.TO_HOST: "<-", Direction.UNKNOWN: "--"}
_BAD_BYTES = 24


def line_of(reading: Reading, origin_s: float = 0.0) -> str:
    """One line: time, direction, board, message, sequence, fields.

    Parameters
    ----------
    reading : Reading
    origin_s : float
        Time that is shown as zero.
    """
    time_s = reading.frame.time_s
    time = f"{time_s - origin_s:12.6f}" if time_s is not None else f"{'':>12}"
    start = f"{time} {_ARROWS[reading.direction]} {reading.board}"
    if reading.sequence is None:
        wire = reading.frame.wire
        more = "..." if len(wire) > _BAD_BYTES else ""
        return f"{start} BAD {reading.problem} ({len(wire)} bytes: {wire[:_BAD_BYTES].hex()}{more})"
    parts = [start, (reading.message or "UNKNOWN").upper(), f"#{reading.sequence}"]
    if reading.missing:
        parts.append(f"[{reading.missing} missing]")
    if reading.is_restart:
        parts.append("[counts anew]")
    if reading.problem:
        parts.append(f"BAD {reading.problem}")
    parts += [f"{name}={value}" for name, value in reading.texts.items()]
    return " ".join(parts)


def json_of(reading: Reading) -> dict[str, Any]:
    """The same as JSON; times are those of the source."""
    return {
        "time_s": reading.frame.time_s,
        "direction": reading.direction.value,
        "board": reading.board,
        "message": reading.message or None,
        "sequence": reading.sequence,
        "bytes": len(reading.frame.wire) + 1,
        "missing": reading.missing,
        "is_restart": reading.is_restart,
        "problem": reading.problem or None,
        "fields": reading.values,
    }


class TrafficCount:
    """Frames, bytes and losses by direction and message."""

    def __init__(self) -> None:
        self.frames: Counter[tuple[str, str]] = Counter()
        self.bytes: Counter[tuple[str, str]] = Counter()
        self.missing: Counter[tuple[str, str]] = Counter()
        self.bad: Counter[str] = Counter()
        self.restarts = 0
        self._first_s: float | None = None
        self._last_s = 0.0

    def add(self, reading: Reading) -> None:
        """Count one frame."""
        key = (reading.direction.value, reading.message or "(bad)")
        self.frames[key] += 1
        self.bytes[key] += len(reading.frame.wire) + 1
        self.missing[key] += reading.missing
        self.restarts += reading.is_restart
        if reading.cause:
            self.bad[reading.cause] += 1
        time_s = reading.frame.time_s
        if time_s is not None:
            self._first_s = time_s if self._first_s is None else min(self._first_s, time_s)
            self._last_s = max(self._last_s, time_s)

    @property
    def duration_s(self) -> float:
        """Time from the first frame to the last."""
        return 0.0 if self._first_s is None else self._last_s - self._first_s

    def to_json(self) -> dict[str, Any]:
        """Everything counted."""
        duration_s = self.duration_s
        return {
            "duration_s": duration_s,
            "frames": sum(self.frames.values()),
            "bytes": sum(self.bytes.values()),
            "missing": sum(self.missing.values()),
            "restarts": self.restarts,
            "bad": dict(self.bad),
            "messages": [
                {
                    "direction": direction,
                    "message": message,
                    "frames": frames,
                    "bytes": self.bytes[direction, message],
                    "bytes_per_s": (
                        self.bytes[direction, message] / duration_s if duration_s else None
                    ),
                    "missing": self.missing[direction, message],
                }
                for (direction, message), frames in sorted(self.frames.items())
            ],
        }

    def lines(self) -> list[str]:
        """A table for people."""
        summary = self.to_json()
        out = [
            f"{'message':<24} {'way':<9} {'frames':>8} {'bytes':>10} {'bytes/s':>10} {'lost':>6}"
        ]
        for one in summary["messages"]:
            rate = "-" if one["bytes_per_s"] is None else f"{one['bytes_per_s']:.0f}"
            out.append(
                f"{one['message']:<24} {one['direction']:<9} {one['frames']:>8} "
                f"{one['bytes']:>10} {rate:>10} {one['missing']:>6}"
            )
        bad = ", ".join(f"{count} {cause}" for cause, count in sorted(self.bad.items())) or "none"
        out.append(
            f"{summary['frames']} frames, {summary['bytes']} bytes in {self.duration_s:.3f} s; "
            f"{summary['missing']} lost; bad: {bad}"
            + (f"; {self.restarts} restarts" if self.restarts else "")
        )
        return out
