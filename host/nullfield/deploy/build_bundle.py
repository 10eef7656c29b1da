"""Builds bundles from the source tree: the modules a board needs, compiled for its processor."""

from __future__ import annotations

import ast
import hashlib
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nullfield.definitions.literals import read_literal
from nullfield.deploy.board_state import MANIFEST_FILE, ManifestEntry, SlotManifest
from nullfield.deploy.bundle import FORMAT_VERSION, BundleHeader, FileEntry, McuName, pack_bundle
from nullfield.deploy.import_closure import import_closure
from nullfield.deploy.signing import SigningKey
from nullfield.errors import InputError, ToolchainError
from nullfield.toolchain.revision import source_revision

MICROPYTHON_MINIMUM = "1.25"
BUILD_MODULE = Path("nullfield_fw/build.py")
_WIRE_MODULE = Path("nullfield_fw/wire.py")


@dataclass(frozen=True)
class Target:
    """What a bundle is compiled for: mpy-cross's architecture and the board's ``sys.platform``."""

    architecture: str
    platform: str


TARGETS: Mapping[McuName, Target] = {
    "virtual": Target("x86", "linux"),
    "rp2040": Target("armv6m", "rp2"),
    "rp2350": Target("armv7emsp", "rp2"),
}


def read_definition(boards: Path, name: str) -> dict[str, Any]:
    """The literal dictionary of a board definition.

    Raises
    ------
    InputError
        If there is no such definition, or it is not one literal.
    """
    path = boards / name / "board.py"
    if not path.is_file() or path.parent.parent != boards:
        known = ", ".join(sorted(p.parent.name for p in boards.glob("*/board.py")))
        raise InputError(f"no board definition '{name}'", f"boards known: {known}")
    board = read_literal(path)
    if not {"name", "role", "mcu"} <= set(board):
        raise InputError(
            f"{path}: name, role or mcu is missing", f"nullfield boards check {name} tells more"
        )
    return board


def build_bundle(
    board: str,
    key: SigningKey,
    mpy_cross: Path,
    firmware: Path,
    boards: Path,
    mcu: McuName | None = None,
) -> bytes:
    """Build and sign the bundle of a board definition.

    Parameters
    ----------
    board : str
        Name of the board definition.
    key : SigningKey
    mpy_cross : Path
    firmware, boards : Path
        The source tree.
    mcu : str, optional
        By default what the definition says; ``virtual`` for a virtual board.

    Returns
    -------
    bytes
        The bundle; the same tree and key give the same bytes.
    """
    definition = read_definition(boards, board)
    wanted = mcu or definition["mcu"]
    if wanted not in TARGETS or wanted not in ("virtual", definition["mcu"]):
        raise InputError(
            f"board {board} has the processor {definition['mcu']}, not {wanted}",
            "leave --mcu out, or take the definition of the other board",
        )
    target = TARGETS[wanted]
    revision = source_revision(firmware, boards / board)
    version = str(_literals(firmware / BUILD_MODULE).get("VERSION", ""))
    wire = _literals(firmware / _WIRE_MODULE)
    files: dict[str, bytes] = {}
    mpy_versions = set()
    with tempfile.TemporaryDirectory(prefix="nullfield-bundle-") as scratch:
        sources = {
            path: firmware / path
            for path in import_closure(firmware, definition["role"], target.platform)
        }
        sources[Path("board.py")] = boards / board / "board.py"
        sources[BUILD_MODULE] = _stamped(Path(scratch), version, revision)
        for path, source in sorted(sources.items()):
            compiled = _compile(mpy_cross, source, path, target.architecture, Path(scratch))
            files[path.with_suffix(".mpy").as_posix()] = compiled
            # A .mpy file begins with M, version, then the sub-version in the two lowest bits, which
            # is zero where no native code is inside.
            mpy_versions.add(f"{compiled[1]}.{compiled[2] & 3}")
    fingerprint = bytes(wire["FINGERPRINT"]).hex()
    manifest = SlotManifest(
        {
            "board": board,
            "role": definition["role"],
            "mcu": wanted,
            "version": version,
            "revision": revision,
            "fingerprint": fingerprint,
            "protocol": str(wire["PROTOCOL_VERSION"]),
        },
        tuple(ManifestEntry(p, len(c), hashlib.sha256(c).hexdigest()) for p, c in files.items()),
    )
    files = dict(sorted({**files, MANIFEST_FILE: manifest.format()}.items()))
    header = BundleHeader(
        format=FORMAT_VERSION,
        board=board,
        role=definition["role"],
        mcu=wanted,
        architecture=target.architecture,
        mpy_version=max(mpy_versions),
        micropython_minimum=MICROPYTHON_MINIMUM,
        version=version,
        revision=revision,
        protocol_version=int(wire["PROTOCOL_VERSION"]),
        catalogue_fingerprint=fingerprint,
        files=tuple(
            FileEntry(path=p, size=len(c), sha256=hashlib.sha256(c).hexdigest())
            for p, c in files.items()
        ),
    )
    return pack_bundle(header, files, key)


def _stamped(scratch: Path, version: str, revision: str) -> Path:
    """The firmware's ``build.py`` with the revision written in."""
    path = scratch / "build.py"
    path.write_text(f'VERSION = "{version}"\nREVISION = "{revision}"\n', encoding="utf-8")
    return path


def _compile(mpy_cross: Path, source: Path, name: Path, architecture: str, scratch: Path) -> bytes:
    output = scratch / "out.mpy"
    # The name goes into the file for tracebacks: the board's own, never a path of this machine.
    command: list[str | Path] = [
        mpy_cross,
        f"-march={architecture}",
        "-s",
        name,
        "-o",
        output,
        source,
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no message"]
        raise ToolchainError(f"mpy-cross refused {source}: {' '.join(lines[-2:])}")
    return output.read_bytes()


def _literals(path: Path) -> dict[str, Any]:
    """Names that a module sets to literals, ``const(...)`` looked through."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ToolchainError(
            f"{path}: {error.strerror}", "run this in a complete checkout"
        ) from error
    except SyntaxError as error:
        raise InputError(f"{path}: line {error.lineno}: {error.msg}", "correct it") from error
    found: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            if isinstance(value, ast.Call) and ast.unparse(value.func) == "const":
                value = value.args[0]
            try:
                found[node.targets[0].id] = ast.literal_eval(value)
            except ValueError:
                continue
    return found
