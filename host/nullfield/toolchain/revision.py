"""Which revision of the source a build is made of."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

UNKNOWN = "source"
"""Revision of a tree that is not under version control."""

_DIGITS = 12


def source_revision(*directories: Path) -> str:
    """Git revision of some folders of one checkout.

    Parameters
    ----------
    *directories : Path
        What goes into the build.

    Returns
    -------
    str
        Twelve hexadecimal digits, with ``+`` behind them if a file of the folders differs from that
        revision; ``source`` outside a checkout.
    """
    first = directories[0]
    # An installed package may lie inside somebody else's checkout, which tells nothing of it.
    if not _git(first, "ls-files", "--", "."):
        return UNKNOWN
    revision = _git(first, "rev-parse", f"--short={_DIGITS}", "HEAD").strip()[:_DIGITS]
    if not revision:
        return UNKNOWN
    paths = [str(directory.resolve()) for directory in directories]
    return revision + ("+" if _git(first, "status", "--porcelain", "--", *paths) else "")


def _git(directory: Path, *arguments: str) -> str:
    """What git prints; nothing if there is no git, no checkout or no commit."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        result = subprocess.run(
            ["git", "-C", str(directory), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env={**environment, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        )
    except OSError:
        return ""
    return result.stdout if result.returncode == 0 else ""
