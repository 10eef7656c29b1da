"""Writes or checks the pages of boards: ``python -m nullfield.definitions --write|--check``."""

from __future__ import annotations

import argparse
import sys

from nullfield.definitions.load import board_names
from nullfield.definitions.pages.page import stale_pages
from nullfield.errors import NullfieldError


def main() -> int:
    """Exit code 1 if a page is stale."""
    parser = argparse.ArgumentParser(prog="python -m nullfield.definitions", description=__doc__)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", action="store_true", help="write the pages")
    group.add_argument("--check", action="store_true", help="fail if a page is stale")
    parser.add_argument("boards", nargs="*", help="names or folders; all that ship by default")
    arguments = parser.parse_args()
    try:
        stale = stale_pages(arguments.boards or board_names())
    except NullfieldError as error:
        print(f"error: {error.message}\nfix:   {error.hint}", file=sys.stderr)
        return error.exit_code
    for path, text in stale:
        if arguments.write:
            path.write_text(text, encoding="utf-8")
        print(f"{path}: {'written' if arguments.write else 'stale'}", file=sys.stderr)
    if stale and arguments.check:
        print("fix:   python -m nullfield.definitions --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
