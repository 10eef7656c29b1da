"""``python -m nullfield.toolchain``: build, path, probe, compile, typecheck, firmware, describe."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nullfield.errors import NullfieldError
from nullfield.toolchain import cache, rp2_command
from nullfield.toolchain.build import ensure_micropython, ensure_mpy_cross
from nullfield.toolchain.firmware import compile_firmware, typecheck_firmware
from nullfield.toolchain.probe import probe_micropython, probe_mpy_cross


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nullfield.toolchain",
        description="MicroPython for the virtual boards, and images for the real ones.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("build", help="build both programs unless the cache has them")
    verbs.add_parser("path", help="print the two programs' paths, building them if need be")
    verbs.add_parser("probe", help="print what the interpreter says about itself")
    for verb, words in (
        ("compile", "compile all firmware with mpy-cross for all three architectures"),
        ("typecheck", "check the firmware's types against MicroPython's stubs"),
    ):
        with_firmware = verbs.add_parser(verb, help=words)
        with_firmware.add_argument("--firmware", type=Path, default=Path("firmware"))
    rp2_command.add_verbs(verbs)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.verb == "typecheck":
            return typecheck_firmware(options.firmware)
        if options.verb == "firmware":
            return rp2_command.firmware(options, _tell)
        if options.verb == "describe":
            return rp2_command.print_description(options)
        if options.verb == "compile":
            print(compile_firmware(ensure_mpy_cross(_tell), options.firmware))
            return 0
        interpreter, compiler = ensure_micropython(_tell), ensure_mpy_cross(_tell)
        if options.verb == "path":
            print(interpreter, compiler, sep="\n")
        elif options.verb == "probe":
            for name, value in probe_micropython(interpreter).items():
                print(f"{name}: {value}")
            print(probe_mpy_cross(compiler))
        else:
            _tell(f"MicroPython is ready: {interpreter} (cache: {cache.cache_directory()})")
    except NullfieldError as error:
        _tell(f"error: {error}" + (f"\nhint: {error.hint}" if error.hint else ""))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
