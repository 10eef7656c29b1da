"""Checks of the firmware that need tools: mpy-cross for every board, types against stubs."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from nullfield.errors import ToolchainError

ARCHITECTURES = {"x86": "virtual board", "armv6m": "RP2040", "armv7emsp": "RP2350"}
"""Architectures of mpy-cross, each with what it stands for."""

_BUFFER_AS_POINTER = re.compile(
    r'has incompatible type "(bytearray|bytes|memoryview|array|int)\b[^"]*"; '
    r'expected "ptr(8|16|32)"'
)
# What MicroPython's reference documents and the stubs of 1.25 lack.
_STUB_GAPS = re.compile(
    r'"DMA" has no attribute "(channel|count|ctrl|read|registers|write)"'
    r'|Argument "sideset_init" to "asm_pio" has incompatible type "tuple'
)
_STUB_DISTRIBUTIONS = ("micropython-rp2-stubs", "micropython-stdlib-stubs")


def firmware_files(firmware: Path) -> list[Path]:
    """All modules that go on a board: every Python file below `firmware` except tests and stubs."""
    if not firmware.is_dir():
        raise ToolchainError(
            f"{firmware} is no directory", "run this in the repository or give --firmware"
        )
    left_out = {"tests", "typings"}
    return sorted(
        path
        for path in firmware.rglob("*.py")
        if not left_out & set(path.relative_to(firmware).parts)
    )


def compile_firmware(mpy_cross: Path, firmware: Path) -> str:
    """Compile all modules for all architectures; return a line that says what was compiled.

    Parameters
    ----------
    mpy_cross : Path
        The compiler.
    firmware : Path
        Directory of the firmware.
    """
    files = firmware_files(firmware)
    with tempfile.TemporaryDirectory(prefix="nullfield-mpy-") as scratch:
        output = Path(scratch) / "out.mpy"
        failures = [
            f"{path} for {architecture}: {reason}"
            for architecture in ARCHITECTURES
            for path in files
            for reason in _compile(
                mpy_cross, path, path.relative_to(firmware), architecture, output
            )
        ]
    if failures:
        raise ToolchainError("mpy-cross refused\n  " + "\n  ".join(failures))
    return f"{len(files)} firmware modules compiled for {', '.join(ARCHITECTURES)}"


def _compile(
    mpy_cross: Path, path: Path, name: Path, architecture: str, output: Path
) -> Iterator[str]:
    """Compile one file; yield the reason if that fails."""
    result = subprocess.run(
        [mpy_cross, f"-march={architecture}", "-s", name, "-o", output, path],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no message"]
        yield " ".join(line.strip() for line in lines[-2:])


def typecheck_firmware(firmware: Path) -> int:
    """Run mypy on the firmware with MicroPython's own standard library.

    Parameters
    ----------
    firmware : Path
        Directory of the firmware, which holds `mypy.ini`.

    Returns
    -------
    int
        Exit code: 0 if nothing is wrong, 1 if something is.
    """
    stubs = _collect_stubs()
    command = [
        sys.executable, "-m", "mypy", "--config-file", str(firmware / "mypy.ini"),
        "--custom-typeshed-dir", str(stubs), "--no-error-summary", "--no-pretty",
        "--hide-error-context",
        *(str(path) for path in firmware_files(firmware)),
    ]  # fmt: skip
    environment = {
        **os.environ,
        "MYPYPATH": os.pathsep.join(str(p) for p in (firmware, firmware / "virtual", stubs)),
    }
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode not in (0, 1):
        raise ToolchainError(f"mypy did not run: {(result.stdout + result.stderr).strip()}")
    found = real_findings(result.stdout.splitlines(), stubs)
    print(*found, sep="\n", end="\n" if found else "")
    errors = sum(": error: " in line for line in found)
    print(f"{errors} errors in {len(firmware_files(firmware))} firmware modules")
    return 1 if errors else 0


def real_findings(lines: Iterable[str], stubs: Path) -> list[str]:
    """Drop what mypy says of the stubs themselves, and of buffers given to viper's pointers.

    The stubs know ``ptr8`` and ``ptr32`` as pointers only. In a call from outside viper the
    argument is the buffer, whose address viper takes, or an address as a number: the right ways to
    call such a function.

    Parameters
    ----------
    lines : iterable of str
        Mypy's output.
    stubs : Path
        Directory of the stubs, as mypy was given it.
    """
    kept = []
    dropped = False
    for line in lines:
        if ": note: " in line:
            # A note belongs to the error before it.
            if not dropped:
                kept.append(line)
            continue
        path = Path(line.split(":", 1)[0])
        dropped = (
            path.resolve().is_relative_to(stubs.resolve())
            or _BUFFER_AS_POINTER.search(line) is not None
            or _STUB_GAPS.search(line) is not None
        )
        if not dropped:
            kept.append(line)
    return kept


def _collect_stubs() -> Path:
    """Copy the installed stubs into a directory of their own and return it.

    They are installed among all other packages, and mypy takes neither a typeshed nor a search path
    that is the site-packages directory: it would read every package there as firmware.
    """
    try:
        distributions = [importlib.metadata.distribution(name) for name in _STUB_DISTRIBUTIONS]
    except importlib.metadata.PackageNotFoundError as error:
        raise ToolchainError(
            f"the Python package {error.name} is missing", "pip install -e '.[dev]'"
        ) from error
    label = "-".join(distribution.version for distribution in distributions)
    target = Path(sys.prefix) / f"micropython-stubs-{label}"
    if target.exists():
        return target
    scratch = Path(tempfile.mkdtemp(prefix=".stubs-", dir=sys.prefix))
    for distribution in distributions:
        for file in distribution.files or []:
            if file.suffix in (".pyi", ".typed") or file.name == "VERSIONS":
                copy = scratch / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), copy)
    scratch.rename(target)
    return target
