"""Builds the images of RP2040 and RP2350 boards.

The C part is compiled once a recipe, in a tree that stays in the cache; when only Python changed,
the frozen modules are compiled again and the image is linked. Finished images are kept by the hash
of their contents.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nullfield.errors import ToolchainError
from nullfield.toolchain import cache, recipe, rp2_recipe
from nullfield.toolchain.build import ensure_mpy_cross
from nullfield.toolchain.rp2_compiler import HINT, ArmCompiler, ensure_arm_compiler
from nullfield.toolchain.rp2_content import Content
from nullfield.toolchain.rp2_recipe import Mcu
from nullfield.toolchain.rp2_source import ensure_source
from nullfield.toolchain.system import run
from nullfield.toolchain.uf2 import encode_uf2

Progress = Callable[[str], None]

_KEPT_IMAGES = 12
_SUFFIXES = (".uf2", ".bin", ".elf", ".json")


@dataclass(frozen=True)
class Tools:
    """Everything that a build reads."""

    compiler: ArmCompiler
    mpy_cross: Path
    source: Path


def ensure_tools(tell: Progress) -> Tools:
    """Return compiler and sources, fetched and built if need be.

    Parameters
    ----------
    tell : callable
        Takes one line of progress.
    """
    return Tools(ensure_arm_compiler(tell), ensure_mpy_cross(tell), ensure_source(tell))


def build_image(mcu: Mcu, content: Content, tell: Progress) -> Path:
    """Build the image, or find it in the cache; return the directory with its files.

    Parameters
    ----------
    mcu : Mcu
        The chip.
    content : Content
        The frozen modules.
    tell : callable
        Takes one line of progress.
    """
    recipe_hash = rp2_recipe.image_hash(mcu)
    root = cache.cache_root()
    images = root / "images"
    directory = images / f"{mcu.name}-{recipe_hash}-{content.digest()}"
    if _is_complete(directory, mcu):
        return directory
    tools = ensure_tools(tell)
    with cache.exclusive(root, tell):
        images.mkdir(exist_ok=True)
        tree = root / f"rp2-build-{recipe_hash}-{mcu.name}"
        compile_image(mcu, content, tools, tree, tell)
        shutil.rmtree(directory, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix=".image-", dir=images))
        _write_files(mcu, content, tools, tree, scratch)
        scratch.chmod(0o755)
        scratch.rename(directory)
        _forget_old(images, mcu)
    return directory


def image_files(mcu: Mcu) -> tuple[str, ...]:
    """Names of an image's files: for the boot loader, as bytes, with symbols, and its sizes.

    Parameters
    ----------
    mcu : Mcu
        The chip.
    """
    return tuple(f"nullfield-{mcu.name}{suffix}" for suffix in _SUFFIXES)


def compile_image(mcu: Mcu, content: Content, tools: Tools, tree: Path, tell: Progress) -> None:
    """Compile in `tree`, which may hold an earlier build of the same recipe.

    Parameters
    ----------
    mcu : Mcu
        The chip.
    content : Content
        The frozen modules.
    tools : Tools
        Compiler and sources.
    tree : Path
        Where the compiler works; ``firmware.bin`` and ``firmware.elf`` are in it afterwards.
    tell : callable
        Takes one line of progress.
    """
    tree.mkdir(parents=True, exist_ok=True)
    log = tree / "build.log"
    log.unlink(missing_ok=True)
    manifest = _stage(content, tree)
    environment = _environment(tools, tree)
    if not (tree / "build.ninja").exists():
        tell(f"image {mcu.name}: compiling MicroPython {recipe.MICROPYTHON_VERSION}")
        board = tools.source / "ports/rp2/boards" / mcu.board
        run(
            [
                _program("cmake"), "-G", "Ninja", "-S", tools.source / "ports/rp2", "-B", tree,
                f"-DCMAKE_MAKE_PROGRAM={_program('ninja')}",
                f"-DMICROPY_BOARD={mcu.board}",
                f"-DMICROPY_BOARD_DIR={board}",
                f"-DMICROPY_FROZEN_MANIFEST={manifest}",
                f"-DNULLFIELD_MPY_ARCHITECTURE={mcu.architecture}",
                f"-DPython3_EXECUTABLE={sys.executable}",
                "-DPICO_NO_PICOTOOL=1",
            ],
            what=f"configuring the image for {mcu.name}",
            log=log,
            environment=environment,
            hint=HINT,
        )  # fmt: skip
    else:
        tell(f"image {mcu.name}: freezing the changed firmware")
    # The default takes more jobs than cores, and others use this machine, too.
    jobs = str(os.cpu_count() or 1)
    run(
        [_program("ninja"), "-C", tree, "-j", jobs],
        what=f"building the image for {mcu.name}",
        log=log,
        environment=environment,
        hint=HINT,
    )
    size = (tree / "firmware.bin").stat().st_size
    if size > mcu.flash_bytes:
        raise ToolchainError(
            f"the image for {mcu.name} has {size} bytes, {mcu.flash_bytes} fit before the file "
            "system"
        )


def _environment(tools: Tools, tree: Path) -> dict[str, str]:
    """Variables of a build. Nothing in them or in what they lead to depends on where things lie."""
    flags = f"-ffile-prefix-map={tools.source}=/source -ffile-prefix-map={tree}=/build"
    return {
        **tools.compiler.environment(Path(sys.executable).parent),
        "SOURCE_DATE_EPOCH": recipe.SOURCE_DATE_EPOCH,
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MICROPY_MPYCROSS": str(tools.mpy_cross),
        # Else git is asked, which answers for whatever repository the cache may lie in.
        "MICROPY_GIT_TAG": f"v{recipe.MICROPYTHON_VERSION}",
        "MICROPY_GIT_HASH": "",
        "CFLAGS": f"{flags} {rp2_recipe.C_FLAGS}".strip(),
        "CXXFLAGS": f"{flags} {rp2_recipe.CXX_FLAGS}".strip(),
        "ASMFLAGS": flags,
    }


def _program(name: str) -> Path:
    """Path of cmake or ninja: from the virtual environment, else from the system."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise ToolchainError(f"{name} is missing", "pip install -e '.[dev]' brings it")
    return Path(found)


def _stage(content: Content, tree: Path) -> Path:
    """Write the modules and the manifest into `tree`; return the manifest's path."""
    staged = tree / "content"
    manifest = staged / "manifest.py"
    names = sorted(content.files)
    text = (
        'freeze("$(PORT_DIR)/modules", ("rp2.py",))\n'
        # Named one by one: a directory would be read in the order of the file system.
        f'freeze("files", {tuple(names)!r})\n'
    )
    digest = staged / "digest"
    if digest.exists() and digest.read_text() == content.digest():
        return manifest
    # MicroPython's own rules compare times and would not notice a module that is gone.
    for stale in (staged, tree / "frozen_mpy"):
        shutil.rmtree(stale, ignore_errors=True)
    (tree / "frozen_content.c").unlink(missing_ok=True)
    for name in names:
        path = staged / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.files[name])
    manifest.write_text(text)
    digest.write_text(content.digest())
    return manifest


def _write_files(mcu: Mcu, content: Content, tools: Tools, tree: Path, directory: Path) -> None:
    """Put the four files of the image into `directory`."""
    uf2, raw, symbols, sizes = (directory / name for name in image_files(mcu))
    image = (tree / "firmware.bin").read_bytes()
    raw.write_bytes(image)
    uf2.write_bytes(encode_uf2(image, mcu.family))
    shutil.copy2(tree / "firmware.elf", symbols)
    facts = {
        **content.label,
        "sha256": {path.suffix[1:]: hashlib.sha256(path.read_bytes()).hexdigest()
                   for path in (uf2, raw)},
        "image_bytes": len(image),
        "room_bytes": mcu.flash_bytes - len(image),
        **_section_sizes(tools.compiler, symbols),
        "frozen_bytes": {
            path.relative_to(tree / "frozen_mpy").as_posix(): path.stat().st_size
            for path in sorted((tree / "frozen_mpy").rglob("*.mpy"))
        },
    }  # fmt: skip
    sizes.write_text(json.dumps(facts, indent=2) + "\n")


def _section_sizes(compiler: ArmCompiler, elf: Path) -> dict[str, int]:
    said = subprocess.run(
        [compiler.tool("size"), "--format=berkeley", elf],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **compiler.environment()},
    )
    numbers = said.stdout.splitlines()[1].split()
    return {"text_bytes": int(numbers[0]), "static_ram_bytes": int(numbers[1]) + int(numbers[2])}


def _is_complete(directory: Path, mcu: Mcu) -> bool:
    return all((directory / name).exists() for name in image_files(mcu))


def _forget_old(images: Path, mcu: Mcu) -> None:
    """Keep the newest images of a chip only: each commit makes one."""
    kept = sorted(images.glob(f"{mcu.name}-*"), key=lambda path: path.stat().st_mtime)
    for old in kept[:-_KEPT_IMAGES]:
        shutil.rmtree(old, ignore_errors=True)
