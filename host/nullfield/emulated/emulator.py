"""The emulator: node, the npm package rp2040js in the user cache, and the boot ROM stand-in."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nullfield.errors import ToolchainError
from nullfield.toolchain import cache
from nullfield.toolchain.rp2_compiler import ensure_arm_compiler
from nullfield.toolchain.system import run

_HERE = Path(__file__).parent
RUNNER = _HERE / "runner" / "run.mjs"
_ROM_SOURCES = tuple(_HERE / "boot_rom" / name for name in ("functions.c", "tables.S", "rom.ld"))
_PACKAGE_FILES = tuple(_HERE / "runner" / name for name in ("package.json", "package-lock.json"))
_OLDEST_NODE = 18
_HINT = "see docs/emulated.md"
_ROM_FLAGS = (
    "-mcpu=cortex-m0plus", "-mthumb", "-Os", "-ffreestanding", "-fno-builtin", "-nostdlib",
    "-Wall", "-Wextra", "-Werror",
)  # fmt: skip


@dataclass(frozen=True)
class Emulator:
    """What is needed to start an emulated board."""

    node: Path
    library: Path
    rom: Path


def ensure_emulator(tell: Callable[[str], None]) -> Emulator:
    """Return node, rp2040js and the boot ROM, installed and built if need be.

    Parameters
    ----------
    tell : callable
        Takes one line of progress.
    """
    return Emulator(find_node(), _ensure_library(tell), _ensure_rom(tell))


def find_node() -> Path:
    """Path of node; raises `ToolchainError`, naming Debian's package, if it is missing or old."""
    node = _find("node", "nodejs")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)\.", said)
    if match is None or int(match.group(1)) < _OLDEST_NODE:
        raise ToolchainError(
            f"node {said.strip() or 'of unknown version'} is too old: {_OLDEST_NODE} or newer",
            "Debian's nodejs is new enough from bookworm on",
        )
    return Path(node)


def _find(program: str, package: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise ToolchainError(
            f"missing system tool: {program} (Debian package: {package})",
            "sudo apt-get install nodejs npm",
        )
    return found


def _digest(files: tuple[Path, ...], *more: str) -> str:
    whole = hashlib.sha256()
    for part in (*(file.read_bytes() for file in files), *(word.encode() for word in more)):
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:12]


def _ensure_library(tell: Callable[[str], None]) -> Path:
    """Install rp2040js; npm checks it against the hash in the lock file."""
    directory = cache.cache_root() / f"rp2040js-{_digest(_PACKAGE_FILES)}"

    def install(scratch: Path) -> Path:
        npm = _find("npm", "npm")
        tell("emulator: installing rp2040js from npm")
        made = scratch / "made"
        made.mkdir()
        for file in _PACKAGE_FILES:
            shutil.copyfile(file, made / file.name)
        # The registry may be set by variables.
        registry = {
            name: value
            for name, value in os.environ.items()
            if name.lower().startswith("npm_config_") or name == "NODE_EXTRA_CA_CERTS"
        }
        run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            what="installing rp2040js from npm",
            log=scratch / "build.log",
            cwd=made,
            environment=registry,
            hint=_HINT,
        )
        return made

    cache.fill(directory, install, tell, lambda path: (_package(path) / "package.json").exists())
    return _package(directory)


def _package(directory: Path) -> Path:
    return directory / "node_modules" / "rp2040js"


def _ensure_rom(tell: Callable[[str], None]) -> Path:
    """Compile the stand-in for the boot ROM, which the npm package does not carry."""
    compiler = ensure_arm_compiler(tell)
    directory = cache.cache_root() / f"boot-rom-{_digest(_ROM_SOURCES, *_ROM_FLAGS)}"

    def compile_rom(scratch: Path) -> Path:
        tell("emulator: compiling the boot ROM stand-in")
        made = scratch / "made"
        made.mkdir()
        functions, tables, script = _ROM_SOURCES
        elf = scratch / "rom.elf"
        steps: tuple[list[str | Path], ...] = (
            [
                compiler.tool("gcc"),
                *_ROM_FLAGS,
                "-T",
                script,
                functions,
                tables,
                "-lgcc",
                "-o",
                elf,
            ],
            [compiler.tool("objcopy"), "-O", "binary", elf, made / "rom.bin"],
        )
        for step in steps:
            run(
                step,
                what="compiling the boot ROM stand-in",
                log=scratch / "build.log",
                environment=compiler.environment(),
                hint=_HINT,
            )
        return made

    cache.fill(directory, compile_rom, tell, lambda path: (path / "rom.bin").exists())
    return directory / "rom.bin"
