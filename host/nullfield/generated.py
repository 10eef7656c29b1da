"""Files that are generated from the code: written, or checked to be fresh."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_or_check(files: Mapping[Path, str], arguments: list[str], module: str) -> int:
    """Write generated files, or only say which are stale.

    Parameters
    ----------
    files : mapping of Path to str
        What each file has to hold; folders are made.
    arguments : list of str
        Of the command line: ``--check`` writes nothing.
    module : str
        Whose command makes them fresh.

    Returns
    -------
    int
        Exit code: 1 if a file is stale.
    """
    if "--check" in arguments:
        stale = [
            path
            for path, text in files.items()
            if not path.is_file() or path.read_text(encoding="utf-8") != text
        ]
        for path in stale:
            print(f"{path} is stale: run python -m {module}")
        return 1 if stale else 0
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0
