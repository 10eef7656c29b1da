"""The verbs for images: build them, prove that they are reproducible, say what a file holds."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from nullfield import places
from nullfield.errors import InputError, ToolchainError
from nullfield.toolchain import cache
from nullfield.toolchain.revision import source_revision
from nullfield.toolchain.rp2_content import Content, collect, read_label
from nullfield.toolchain.rp2_image import (
    Progress,
    Tools,
    build_image,
    compile_image,
    ensure_tools,
    image_files,
)
from nullfield.toolchain.rp2_recipe import MCUS, Mcu
from nullfield.toolchain.uf2 import FLASH_START, decode_uf2


def add_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``firmware`` and ``describe`` to the command line.

    Parameters
    ----------
    verbs : argparse action
        Where verbs are added.
    """
    firmware = verbs.add_parser("firmware", help="build the images for RP2040 and RP2350 boards")
    firmware.add_argument("--mcu", choices=sorted(MCUS), help="only this chip")
    firmware.add_argument("--out", type=Path, default=Path("build/firmware"), metavar="DIR")
    firmware.add_argument(
        "--check-reproducible",
        action="store_true",
        help="build twice from nothing in two directories and compare the bytes",
    )
    describe = verbs.add_parser("describe", help="print what an image file holds")
    describe.add_argument("file", type=Path, metavar="FILE.uf2")
    describe.add_argument("--json", action="store_true", help="as JSON")


def content_of(mcu: Mcu) -> Content:
    """Return the frozen modules of this checkout, or of the installed package.

    Parameters
    ----------
    mcu : Mcu
        The chip.
    """
    firmware = places.firmware_directory()
    boards = places.boards_directory()
    return collect(mcu, firmware, boards, source_revision(firmware, boards))


def firmware(options: argparse.Namespace, tell: Progress) -> int:
    """Build the images; with ``--check-reproducible`` twice more.

    Parameters
    ----------
    options : argparse.Namespace
        What `add_verbs` defined.
    tell : callable
        Takes one line of progress.

    Returns
    -------
    int
        Exit code.
    """
    for name in [options.mcu] if options.mcu else list(MCUS):
        mcu = MCUS[name]
        began_s = time.monotonic()
        content = content_of(mcu)
        directory = build_image(mcu, content, tell)
        options.out.mkdir(parents=True, exist_ok=True)
        for file in image_files(mcu):
            shutil.copyfile(directory / file, options.out / file)
        uf2, _, _, sizes = (options.out / file for file in image_files(mcu))
        facts = json.loads(sizes.read_text())
        print(
            f"{uf2}: {content.label['version']} {content.label['revision']}, "
            f"{facts['image_bytes']} bytes, {facts['room_bytes']} free, "
            f"{time.monotonic() - began_s:.1f} s"
        )
        if options.check_reproducible:
            _check_reproducible(mcu, content, directory, tell)
    return 0


def _check_reproducible(mcu: Mcu, content: Content, built: Path, tell: Progress) -> None:
    """Raise `ToolchainError` unless two builds from nothing give the bytes of the built one."""
    tools = ensure_tools(tell)
    wanted = (built / image_files(mcu)[1]).read_bytes()
    began_s = time.monotonic()
    for name in ("a", "another-place-with-a-longer-name"):
        with tempfile.TemporaryDirectory(prefix=".check-", dir=cache.cache_root()) as scratch:
            place = Path(scratch) / name
            source = place / "source"
            shutil.copytree(tools.source, source, symlinks=True)
            moved = Tools(tools.compiler, tools.mpy_cross, source)
            compile_image(mcu, content, moved, place / "build", tell)
            image = (place / "build" / "firmware.bin").read_bytes()
        if image != wanted:
            at = next(
                (i for i, (a, b) in enumerate(zip(image, wanted, strict=False)) if a != b),
                min(len(image), len(wanted)),
            )
            raise ToolchainError(
                f"the image for {mcu.name} is not reproducible: {len(image)} and {len(wanted)} "
                f"bytes, first difference at 0x{at:x}"
            )
    print(
        f"{mcu.name}: two builds from nothing in two directories, the same bytes "
        f"(SHA-256 {hashlib.sha256(wanted).hexdigest()}), {time.monotonic() - began_s:.0f} s"
    )


def describe(path: Path) -> dict[str, str]:
    """What an image file holds; raises `InputError` if it is not one of ours.

    Parameters
    ----------
    path : Path
        A UF2 file, or the bytes of an image.
    """
    try:
        file = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    facts = {"file": str(path)}
    if path.suffix == ".uf2":
        image = decode_uf2(file)
        data, address = image.data, image.address
        family = next((m.name for m in MCUS.values() if m.family == image.family), "unknown")
        facts["family"] = f"0x{image.family:08x} ({family})"
    else:
        data, address = file, FLASH_START
    facts["flash"] = f"0x{address:08x} to 0x{address + len(data):08x}, {len(data)} bytes"
    facts["sha256"] = hashlib.sha256(file).hexdigest()
    return {**facts, **read_label(data)}


def print_description(options: argparse.Namespace) -> int:
    """Print `describe` of a file.

    Parameters
    ----------
    options : argparse.Namespace
        What `add_verbs` defined.

    Returns
    -------
    int
        Exit code.
    """
    facts = describe(options.file)
    if options.json:
        json.dump(facts, sys.stdout, indent=2)
        print()
    else:
        for name, value in facts.items():
            print(f"{name}: {value}")
    return 0
