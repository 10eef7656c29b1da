"""The C sources of the images: MicroPython with the SDK and the USB stack in their places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nullfield.errors import ToolchainError
from nullfield.toolchain import cache, recipe, rp2_recipe
from nullfield.toolchain.apt import PrivateApt
from nullfield.toolchain.build import unpack_source
from nullfield.toolchain.sources import machine_codename, machine_sources, main_archive
from nullfield.toolchain.system import require_tools


def ensure_source(tell: Callable[[str], None]) -> Path:
    """Return the source tree, fetched if need be. Builds must leave it as it is.

    Parameters
    ----------
    tell : callable
        Takes one line of progress.
    """
    directory = cache.cache_root() / f"rp2-source-{rp2_recipe.source_hash()}"
    cache.fill(directory, lambda scratch: _fetch(scratch, tell), tell, _is_complete)
    return directory


def _is_complete(directory: Path) -> bool:
    return (directory / "lib/tinyusb/src/tusb.c").exists() and (
        directory / "lib/pico-sdk/pico_sdk_init.cmake"
    ).exists()


def _fetch(scratch: Path, tell: Callable[[str], None]) -> Path:
    require_tools("apt-get", "dpkg-deb")
    log = scratch / "build.log"
    archive = main_archive(machine_sources(), machine_codename())
    tell("image sources: reading the package lists (private apt, the system is left alone)")
    apt = PrivateApt(scratch / "apt", archive, log, (recipe.SUITE,))
    apt.update()
    tell("image sources: fetching MicroPython, the Pico SDK and TinyUSB")
    source = scratch / "source"
    unpack_source(apt.fetch_source(scratch / "downloads"), source, log)
    packages = scratch / "packages"
    apt.unpack_pinned(rp2_recipe.SOURCE_PACKAGES, packages)
    for name in ("pico-sdk", "tinyusb"):
        place = source / "lib" / name
        place.rmdir()  # empty: a submodule of MicroPython
        (packages / "usr/src" / name).rename(place)
    # Its absence would be an error, though nothing is frozen from micropython-lib.
    (source / "lib/micropython-lib/README.md").touch()
    for name, changes in rp2_recipe.CHANGES.items():
        _change(source / name, changes)
    return source


def _change(path: Path, changes: tuple[tuple[str, str], ...]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        if text.count(old) != 1:
            raise ToolchainError(f"{path.name} holds {text.count(old)} times: {old.strip()}")
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
