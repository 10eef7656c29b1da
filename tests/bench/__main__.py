"""Measure everything, or the parts that are named."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from tests.bench import (
    batch,
    beats,
    blocks,
    calibration,
    cleaning,
    compare_intervals,
    console_load,
    decoding,
    dipole,
    exam_time,
    features,
    files,
    imaging_speed,
    latency,
    maps,
    nulling,
    position,
    setting_up,
    speed,
)
from tests.bench.figures import Figure, as_json, show

DEMO36_GOAL = 1.0
BENCH4_GOAL = 2.0


def _speed_and_decoding(seconds: float, wanted: set[str]) -> list[Figure]:
    """The decoding is measured on what the large rig sent, so both share its run."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="nullfield-bench-") as place:
        directory = Path(place)
        large, tape = speed.run("demo36", seconds, DEMO36_GOAL, directory)
        if "speed" in wanted:
            figures += large
            figures += speed.run("bench4", seconds, BENCH4_GOAL, directory)[0]
        if "decode" in wanted:
            ready = decoding.with_field_values(tape)
            figures += decoding.throughput(ready)
            figures += decoding.host_share(ready, directory, "heads ready")
            figures += decoding.host_share(tape, directory, "heads warming up (all zeros)")
    return figures


IMAGING: dict[str, Callable[[], list[Figure]]] = {
    "beats": beats.figures,
    "cleaning": cleaning.figures,
    "maps": maps.figures,
    "dipole": dipole.figures,
    "features": features.figures,
    "compare": compare_intervals.figures,
    "files": files.figures,
    "calibration": calibration.figures,
    "imaging": imaging_speed.figures,
    "batch": batch.figures,
}
"""Parts that need no instrument; `all` of them take some twenty minutes."""
EXAMINING: dict[str, Callable[[str], list[Figure]]] = {
    "position": position.figures,
    "exam-time": exam_time.figures,
}
"""Parts that examine on a virtual instrument; minutes each, so only where they are named."""


def main() -> int:
    """Run the parts in turn and print the figures."""
    usual = ("blocks", "speed", "decode", "latency", "setup", *IMAGING)
    parts = (*usual, *EXAMINING, "console", "nulling")
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", help=f"{', '.join(parts)}; default: all but the last four"
    )
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.add_argument(
        "--rig",
        default="demo36",
        help="of position, exam-time, nulling and console; array16 and bench4 are quicker ones",
    )
    parser.add_argument("--seeds", type=int, default=10, help="of nulling")
    parser.add_argument(
        "--lines", type=Path, help="of nulling: JSON lines, one a seed; seeds found there are done"
    )
    parser.add_argument("--viewers", type=int, help="of the console; 5 by default")
    parser.add_argument("--minutes", type=float, help="of the console's recording; 1 by default")
    parser.add_argument("--seconds", type=float, default=5.0, help="simulated, for each rig")
    parser.add_argument(
        "--setup", action="store_true", help="also from a bare clone (downloads, some minutes)"
    )
    parser.add_argument(
        "--long",
        action="store_true",
        help="also the memory of a two-hour recording (half an hour), if the part is wanted, and"
        " twenty viewers of the console for ten minutes",
    )
    given = parser.parse_args()
    wanted = set(given.parts or usual)
    if not wanted <= set(parts):
        parser.error(f"no such part: {min(wanted - set(parts))}; parts: {', '.join(parts)}")
    errors = Console(stderr=True, highlight=False)
    figures: list[Figure] = []

    def measure(what: str, call: Callable[[], list[Figure]]) -> None:
        errors.print(f"[dim]{what}[/]")
        figures.extend(call())

    if "blocks" in wanted:
        measure("plant and fast path", lambda: blocks.plant() + blocks.fast_path())
    if wanted & {"speed", "decode"}:
        measure("virtual instrument", lambda: _speed_and_decoding(given.seconds, wanted))
    if "latency" in wanted:
        measure("round trips", lambda: latency.virtual() + latency.pty())
    if "setup" in wanted:
        measure("set-up", setting_up.warm)
    for name, figures_of in IMAGING.items():
        if name in wanted:
            measure(name, figures_of)
    for name, examine in EXAMINING.items():
        if name in wanted:
            measure(name, lambda examine=examine: examine(given.rig))  # type: ignore[misc]
    if "nulling" in wanted:
        measure("nulling", lambda: nulling.figures(given.rig, given.seeds, given.lines))
    if "console" in wanted:
        viewers = given.viewers or (20 if given.long else 5)
        minutes = given.minutes or (10.0 if given.long else 1.0)
        measure("console under load", lambda: console_load.figures(given.rig, viewers, minutes))
    if given.long and "imaging" in wanted:
        measure("imaging of two hours", lambda: imaging_speed.figures(long=True))
    if given.setup:
        measure("set-up from a bare clone", setting_up.cold)
    if given.json:
        print(as_json(figures))
    else:
        show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
