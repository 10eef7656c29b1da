"""Judges an interpreter by what it does; a given one is held to the same rules as a built one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from nullfield.errors import ToolchainError
from nullfield.toolchain.system import build_environment

_TIMEOUT_S = 20.0
_MPY_VERSION = 6
_MPY_SUBVERSION = 3
_MPY_ARCHITECTURES = {1: "x86", 2: "x64"}

# Runs on the interpreter that is judged. Viper is compiled at run time from a string: an
# interpreter without the native emitter then fails in that line alone and not as a whole.
_SCRIPT = """
import sys
def say(name, value):
    print(name + "=" + str(value))
say("implementation", sys.implementation.name)
say("version", ".".join(str(n) for n in sys.implementation.version[:3]))
say("maxsize", sys.maxsize)
say("float", "single" if 1.0 + 2.0 ** -30 == 1.0 and 1.0 + 2.0 ** -22 != 1.0 else "other")
say("mpy", getattr(sys.implementation, "_mpy", 0))
try:
    import vfs
    say("littlefs", "yes" if hasattr(vfs, "VfsLfs2") else "no")
except ImportError:
    say("littlefs", "no")
missing = []
for name in ("array", "binascii", "gc", "hashlib", "io", "json", "math", "micropython", "os",
             "select", "struct", "time", "uctypes"):
    try:
        __import__(name)
    except ImportError:
        missing.append(name)
say("missing_modules", ",".join(missing))
try:
    scope = {}
    exec('''import micropython
@micropython.viper
def load(source: ptr32) -> int:
    return int(int(source[0]) < 0)
@micropython.viper
def wrap(a: int) -> int:
    return int(a * 65536 == 0)
''', scope)
    import struct
    # Minus one as an unsigned word: 64-bit viper sees 4294967295.
    say("ptr32", "signed" if scope["load"](bytearray(b"\\xff\\xff\\xff\\xff")) else "unsigned")
    say("viper_int", "32" if scope["wrap"](65536) else "wider")
except Exception as error:
    say("ptr32", "viper failed: " + repr(error))
    say("viper_int", "none")
"""


def probe_micropython(path: Path) -> dict[str, str]:
    """Run the probe script on `path`; raise `ToolchainError` with all reasons against it.

    Parameters
    ----------
    path : Path
        The interpreter.

    Returns
    -------
    dict
        What it said about itself, by name.
    """
    said = _run(path, "-c", _SCRIPT)
    facts = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    reasons = _reasons(facts)
    if reasons:
        raise ToolchainError(
            f"MicroPython {path} is refused: {'; '.join(reasons)}",
            "unset NULLFIELD_MICROPYTHON to have one built, or point it at a 32-bit build of "
            "MicroPython >= 1.25 with single-precision floats, the x86 emitter and VfsLfs2",
        )
    return facts


def probe_mpy_cross(path: Path) -> str:
    """Check that `path` emits the .mpy version that the interpreter loads; return what it said."""
    said = _run(path, "--version")
    match = re.search(r"mpy v(\d+)\.(\d+)", said)
    wanted = f"{_MPY_VERSION}.{_MPY_SUBVERSION}"
    if match is None or match.groups() != (str(_MPY_VERSION), str(_MPY_SUBVERSION)):
        found = f"{match.group(1)}.{match.group(2)}" if match else "none that it names"
        raise ToolchainError(
            f"mpy-cross {path} is refused: it emits .mpy version {found}, wanted {wanted}",
            "unset NULLFIELD_MPY_CROSS, or point it at the mpy-cross of MicroPython 1.25",
        )
    return said.strip()


def _reasons(facts: dict[str, str]) -> list[str]:
    """Everything that speaks against the interpreter, in words."""
    if facts.get("implementation") != "micropython":
        return [f"it is {facts.get('implementation', 'something else')}, not MicroPython"]
    reasons = []
    version = facts.get("version", "")
    if not version or tuple(int(n) for n in re.findall(r"\d+", version)[:2]) < (1, 25):
        reasons.append(f"version {version or 'unknown'} is older than 1.25")
    if facts.get("maxsize") != str(2**31 - 1):
        reasons.append(f"it is not 32-bit (sys.maxsize is {facts.get('maxsize')})")
    if facts.get("float") != "single":
        reasons.append("its floats are not single precision")
    if facts.get("ptr32") != "signed":
        reasons.append(f"viper ptr32 loads are not signed ({facts.get('ptr32')})")
    if facts.get("viper_int") != "32":
        reasons.append("viper integers do not wrap at 32 bit")
    if facts.get("littlefs") != "yes":
        reasons.append("it has no VfsLfs2")
    if facts.get("missing_modules"):
        reasons.append(f"it lacks the modules {facts['missing_modules']}")
    reasons.extend(_mpy_reasons(facts.get("mpy", "0")))
    return reasons


def _mpy_reasons(text: str) -> list[str]:
    word = int(text) if text.isdecimal() else 0
    version, sub, architecture = word & 0xFF, word >> 8 & 3, word >> 10 & 15
    reasons = []
    if (version, sub) != (_MPY_VERSION, _MPY_SUBVERSION):
        reasons.append(f"it loads .mpy {version}.{sub}, wanted {_MPY_VERSION}.{_MPY_SUBVERSION}")
    if _MPY_ARCHITECTURES.get(architecture) != "x86":
        name = _MPY_ARCHITECTURES.get(architecture, f"number {architecture}")
        reasons.append(f"its native architecture is {name}, not x86")
    return reasons


def _run(path: Path, *arguments: str) -> str:
    """Standard output of ``path arguments``; raise `ToolchainError` if it does not run."""
    try:
        result = subprocess.run(
            [str(path), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            env=build_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(f"{path} did not answer the probe in {_TIMEOUT_S:.0f} s") from error
    except OSError as error:
        raise ToolchainError(
            f"{path} cannot be run: {error.strerror}",
            "check NULLFIELD_MICROPYTHON and NULLFIELD_MPY_CROSS, or unset them",
        ) from error
    if result.returncode != 0:
        output = (result.stderr or result.stdout).decode(errors="replace").strip()
        last = output.splitlines()[-1] if output else "no message"
        raise ToolchainError(f"{path} failed the probe with exit code {result.returncode}: {last}")
    return result.stdout.decode(errors="replace")
