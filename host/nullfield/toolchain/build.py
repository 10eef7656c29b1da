"""Builds MicroPython's unix port and mpy-cross once a recipe, and finds them again."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

from nullfield.errors import ToolchainError
from nullfield.toolchain import cache, recipe
from nullfield.toolchain.apt import PrivateApt
from nullfield.toolchain.probe import probe_micropython, probe_mpy_cross
from nullfield.toolchain.sources import machine_codename, machine_sources, main_archive
from nullfield.toolchain.system import PROVIDE_HINT, build_environment, require_tools, run

Progress = Callable[[str], None]

_TOOLS = ("apt-get", "dpkg-deb", "gcc", "make")
_MULTIARCH_HEADERS = Path("/usr/include/x86_64-linux-gnu")


def ensure_micropython(progress: Progress | None = None) -> Path:
    """Path of a MicroPython that computes as the boards do, built if need be, and probed.

    Parameters
    ----------
    progress : callable, optional
        Takes one line for each step of a build.
    """
    given = os.environ.get("NULLFIELD_MICROPYTHON")
    path = Path(given) if given else _ensure_cached(progress) / "micropython"
    probe_micropython(path)
    return path


def ensure_mpy_cross(progress: Progress | None = None) -> Path:
    """Path of the cross compiler that belongs to `ensure_micropython`'s interpreter, probed."""
    given = os.environ.get("NULLFIELD_MPY_CROSS")
    path = Path(given) if given else _ensure_cached(progress) / "mpy-cross"
    probe_mpy_cross(path)
    return path


def _ensure_cached(progress: Progress | None) -> Path:
    tell = progress or (lambda line: None)
    directory = cache.cache_directory()
    cache.fill(directory, lambda scratch: _build(scratch, tell), tell)
    return directory


def _build(scratch: Path, tell: Progress) -> Path:
    """Build both programs in `scratch`; return the directory that holds them."""
    require_tools(*_TOOLS)
    if platform.machine() != "x86_64":
        raise ToolchainError(
            f"the virtual boards' MicroPython is built on x86-64, this is {platform.machine()}",
            PROVIDE_HINT,
        )
    if not (_MULTIARCH_HEADERS / "asm" / "errno.h").exists():
        raise ToolchainError(
            "the C library's headers are missing (Debian package: libc6-dev)",
            f"sudo apt-get install libc6-dev; {PROVIDE_HINT}",
        )
    log = scratch / "build.log"
    archive = main_archive(machine_sources(), machine_codename())
    tell("MicroPython: reading the package lists (private apt, the system is left alone)")
    apt = PrivateApt(scratch / "apt", archive, log)
    apt.update()
    tell(f"MicroPython: fetching the source package {recipe.PACKAGE} {recipe.DEBIAN_VERSION}")
    source = scratch / "source"
    unpack_source(apt.fetch_source(scratch / "downloads"), source, log)
    gcc_major = _gcc_major()
    runtime = scratch / "runtime"
    tell("MicroPython: fetching the 32-bit C runtime")
    apt.unpack_packages(recipe.runtime_packages(gcc_major), runtime)

    made = scratch / "made"
    made.mkdir()
    tell("MicroPython: building mpy-cross")
    _make(source / "mpy-cross", [], "building mpy-cross", log)
    shutil.copy2(source / "mpy-cross" / "build" / "mpy-cross", made / "mpy-cross")
    tell("MicroPython: building the unix port, 32-bit with single-precision floats")
    variables = unix_port_variables(runtime, gcc_major)
    _make(source / "ports" / "unix", variables, "building the unix port", log)
    built = source / "ports" / "unix" / "build-standard" / "micropython"
    shutil.copy2(built, made / "micropython")
    # Probed before it is put in place: a cache never holds an interpreter that would be refused.
    probe_micropython(made / "micropython")
    probe_mpy_cross(made / "mpy-cross")
    return made


def _gcc_major() -> str:
    said = subprocess.run(
        ["gcc", "-dumpversion"],
        capture_output=True,
        text=True,
        check=False,
        env=build_environment(),
    )
    return said.stdout.strip().split(".")[0]


def unpack_source(tarball: Path, directory: Path, log: Path) -> None:
    """Unpack `tarball` into `directory` without its top directory."""
    directory.mkdir()
    try:
        with tarfile.open(tarball, "r:xz") as archive:
            # Members outside the target directory are refused by the filter. The pinned hash was
            # checked before, so this is a second lock, not the only one.
            archive.extractall(directory, filter="data")
    except (tarfile.CompressionError, TypeError):
        # A Python built without lzma, or a 3.11 from before extraction filters.
        require_tools("tar", "xz")
        run(["tar", "-xJf", tarball, "-C", directory], what="unpacking the source", log=log)
    entries = list(directory.iterdir())
    if len(entries) == 1:
        top = entries[0].rename(directory.with_name(directory.name + "-top"))
        directory.rmdir()
        top.rename(directory)


def unix_port_variables(runtime: Path, gcc_major: str) -> list[str]:
    """Make variables of the unix port, with the unpacked 32-bit runtime below `runtime`.

    The link is static: the program then needs no 32-bit loader on the machine.
    """
    gcc_directory = runtime / "usr/lib/gcc/x86_64-linux-gnu" / gcc_major / "32"
    libraries = runtime / "usr/lib32"
    headers = runtime / "usr/include"
    compile_flags = (
        f"{recipe.TARGET_FLAGS} {recipe.DEFINES} -B{gcc_directory}/ -isystem {headers} "
        f"-isystem {headers}/x86_64-linux-gnu -isystem {_MULTIARCH_HEADERS}"
    )
    link_flags = f"-m32 -static -B{libraries}/ -B{gcc_directory}/ -L{libraries} -L{gcc_directory}"
    return [
        *recipe.MAKE_VARIABLES,
        f"COPT={recipe.OPTIMISATION}",
        f"CFLAGS_EXTRA={compile_flags}",
        f"LDFLAGS_EXTRA={link_flags}",
    ]


def _make(directory: Path, variables: list[str], what: str, log: Path) -> None:
    jobs = str(os.cpu_count() or 1)
    command = ["make", "-j", jobs, "-C", str(directory), f"PYTHON={sys.executable}", *variables]
    run(
        command,
        what=what,
        log=log,
        environment={"SOURCE_DATE_EPOCH": recipe.SOURCE_DATE_EPOCH},
    )
