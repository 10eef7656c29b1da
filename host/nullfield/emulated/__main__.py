"""``python -m nullfield.emulated``: run, cycles."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from nullfield.emulated.board import DEFAULT_UID, EmulatedBoard
from nullfield.emulated.cycles import LABEL, measure_cycles, report
from nullfield.errors import NullfieldError

_IMAGE = Path("build/firmware/nullfield-rp2040.uf2")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nullfield.emulated", description="A Pico emulated by rp2040js."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    run = verbs.add_parser("run", help="run a board until interrupted; prints its port")
    cycles = verbs.add_parser("cycles", help=f"measure the fast path: {LABEL}")
    for verb in (run, cycles):
        verb.add_argument("--image", type=Path, default=_IMAGE, metavar="FILE.uf2")
    run.add_argument("--flash", type=Path, help="file that keeps the flash across runs")
    run.add_argument("--uid", default=DEFAULT_UID, help="16 hex digits")
    run.add_argument("--port", type=int, default=0, help="TCP port; by default a free one")
    run.add_argument("--verbose", action="store_true", help="what the emulator finds odd")
    cycles.add_argument("--json", action="store_true")
    return parser


def _run(options: argparse.Namespace) -> None:
    with EmulatedBoard(
        options.image, options.flash, options.uid, options.port, _tell, options.verbose
    ) as board:
        print(json.dumps({"port": board.port, "uid": board.uid}), flush=True)
        _tell("Ctrl-C ends it")
        threading.Event().wait()


def _cycles(options: argparse.Namespace) -> None:
    with EmulatedBoard(options.image, tell=_tell) as board:
        cycles = measure_cycles(board)
        clock_hz = board.stats().clock_hz
    if options.json:
        print(json.dumps({"label": LABEL, "clock_hz": clock_hz, "cycles_per_block": cycles}))
    else:
        print(*report(cycles, clock_hz), sep="\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.verb == "run":
            _run(options)
        else:
            _cycles(options)
    except NullfieldError as error:
        _tell(f"error: {error}" + (f"\nhint: {error.hint}" if error.hint else ""))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
