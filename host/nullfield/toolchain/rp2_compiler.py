"""The ARM compiler: unpacked from Debian's packages into the cache, without root."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path

from nullfield.errors import ToolchainError
from nullfield.toolchain import cache, rp2_recipe
from nullfield.toolchain.apt import PrivateApt
from nullfield.toolchain.sources import machine_codename, machine_sources, main_archive
from nullfield.toolchain.system import require_tools, run

_TRIPLET = "arm-none-eabi"
_LIBRARIES = Path("usr/lib/x86_64-linux-gnu")
_NOT_NEEDED = (
    "usr/share",
    f"usr/lib/{_TRIPLET}/newlib/arm",
    f"usr/bin/{_TRIPLET}-lto-dump",
)
HINT = "see docs/firmware-images.md"


class ArmCompiler:
    """A directory with the compiler.

    Parameters
    ----------
    root : Path
        Directory that the packages were unpacked into.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def tool(self, name: str) -> Path:
        """Path of a tool, for instance ``gcc`` or ``objcopy``."""
        return self.root / "usr/bin" / f"{_TRIPLET}-{name}"

    def environment(self, *first_on_path: Path) -> dict[str, str]:
        """Variables with which a build finds the compiler and the compiler its libraries.

        Parameters
        ----------
        *first_on_path : Path
            Directories that come before the compiler's.
        """
        places = [*first_on_path, self.root / "usr/bin", os.environ.get("PATH", os.defpath)]
        return {
            "PATH": os.pathsep.join(str(place) for place in places),
            "LD_LIBRARY_PATH": str(self.root / _LIBRARIES),
        }


def ensure_arm_compiler(tell: Callable[[str], None]) -> ArmCompiler:
    """Return the ARM compiler, fetched if need be.

    Parameters
    ----------
    tell : callable
        Takes one line of progress.
    """
    directory = cache.cache_root() / f"arm-compiler-{rp2_recipe.compiler_hash()}"
    cache.fill(directory, lambda scratch: _fetch(scratch, tell), tell, _is_complete)
    return ArmCompiler(directory)


def _is_complete(directory: Path) -> bool:
    compiler = ArmCompiler(directory)
    return all(os.access(compiler.tool(name), os.X_OK) for name in ("gcc", "g++", "ld", "objcopy"))


def _fetch(scratch: Path, tell: Callable[[str], None]) -> Path:
    require_tools("apt-get", "dpkg-deb")
    if platform.machine() != "x86_64":
        raise ToolchainError(f"the images are built on x86-64, this is {platform.machine()}", HINT)
    log = scratch / "build.log"
    archive = main_archive(machine_sources(), machine_codename())
    tell("ARM compiler: reading the package lists (private apt, the system is left alone)")
    apt = PrivateApt(scratch / "apt", archive, log, (rp2_recipe.COMPILER_SUITE,))
    apt.update()
    tell("ARM compiler: fetching 100 MB of packages")
    root = scratch / "root"
    apt.unpack_pinned(rp2_recipe.COMPILER_PACKAGES, root)
    _prune(root)
    _join(root)
    compiler = ArmCompiler(root)
    # The SDK's one C++ file makes cmake link with the C++ compiler, which wants this library.
    run(
        [compiler.tool("ar"), "crs", root / f"usr/lib/{_TRIPLET}/newlib/libstdc++.a"],
        what="making an empty C++ library",
        log=log,
        environment=compiler.environment(),
        hint=HINT,
    )
    return root


def _prune(root: Path) -> None:
    """Remove what no build of ours reads: manuals, and libraries of other cores."""
    for name in _NOT_NEEDED:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    gcc = next((root / f"usr/lib/gcc/{_TRIPLET}").iterdir())
    for path in (gcc / "lto1", gcc / "g++-mapper-server"):
        path.unlink(missing_ok=True)
    for path in (gcc / "arm", gcc / "plugin"):
        shutil.rmtree(path, ignore_errors=True)
    for libraries in (root / f"usr/lib/{_TRIPLET}/newlib", gcc):
        for multilib in (libraries / "thumb").iterdir():
            if f"thumb/{multilib.name}" not in rp2_recipe.KEPT_MULTILIBS:
                shutil.rmtree(multilib)


def _join(root: Path) -> None:
    """Put the C library where the compiler looks beside itself.

    Debian patches its compiler to look in fixed places of the system; these two links make the
    unpacked one independent of where it lies.
    """
    tools = root / "usr/lib" / _TRIPLET
    (tools / "lib").symlink_to("newlib")
    (tools / "include").symlink_to("../../include/newlib")
