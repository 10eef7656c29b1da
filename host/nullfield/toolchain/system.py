"""Running programs of the system, and naming the Debian package of one that is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from nullfield.errors import ToolchainError

PROVIDE_HINT = (
    "or build MicroPython >= 1.25 for 32 bit with single-precision floats yourself and set "
    "NULLFIELD_MICROPYTHON=/path/to/micropython and NULLFIELD_MPY_CROSS=/path/to/mpy-cross"
)

_PACKAGE_OF_TOOL = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "gcc": "gcc",
    "make": "make",
    "tar": "tar",
    "xz": "xz-utils",
}

# What a build may see of the caller's environment. CFLAGS or MAKEFLAGS of an outer `make` would
# change the binaries behind the recipe's back.
_KEPT_VARIABLES = (
    "HOME",
    "PATH",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)


def require_tools(*tools: str) -> None:
    """Raise `ToolchainError`, naming the Debian packages, unless all `tools` are there."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        packages = " ".join(sorted({_PACKAGE_OF_TOOL.get(tool, tool) for tool in missing}))
        raise ToolchainError(
            f"missing system tool: {', '.join(missing)} (Debian package: {packages})",
            f"sudo apt-get install {packages}; {PROVIDE_HINT}",
        )


def build_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment of a build step: little of the caller's, messages in English."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "LC_ALL": "C", **(extra or {})}


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    log: Path,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    hint: str = PROVIDE_HINT,
) -> None:
    """Run a build step with its output in `log`; raise `ToolchainError` if it fails.

    Parameters
    ----------
    command : sequence of str or Path
        Program and arguments.
    what : str
        The step in words, for the error.
    log : Path
        File that the output is appended to.
    cwd : Path, optional
        Working directory.
    environment : mapping, optional
        Variables besides those of `build_environment`.
    hint : str
        What else the user can do if the step fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        start = output.tell()
        result = subprocess.run(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env=build_environment(environment),
            check=False,
        )
    if result.returncode != 0:
        with log.open("rb") as written:
            written.seek(start)
            said = written.read().decode(errors="replace")
        raise ToolchainError(f"{what} failed: {_telling_line(said)}", f"see {log}; {hint}")


def _telling_line(output: str) -> str:
    """Pick the line of a tool's output that says what went wrong: first error, else the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for line in lines:
        if line.startswith("E:") or "error:" in line.lower():
            return line
    return lines[-1] if lines else "it printed nothing"
