"""Firmware bundles: one signed file with everything that goes into a slot of a board.

A bundle (``.nfb``) is a zip file without compression: ``bundle.json``, ``bundle.sig``, then the files
of the slot in the order of their names. ``bundle.sig`` is an Ed25519 signature over the exact bytes of
``bundle.json``, which holds size and SHA-256 of each file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nullfield.deploy.signing import SigningKey, TrustedKey
from nullfield.deploy.stored_zip import read_stored, write_stored
from nullfield.errors import BundleError

FORMAT_VERSION = 1
SUFFIX = ".nfb"
HEADER_NAME = "bundle.json"
SIGNATURE_NAME = "bundle.sig"
LARGEST_BUNDLE_BYTES = 4 << 20
"""Far above any firmware: the flash of a Pico 2 holds as much."""

_LARGEST_HEADER_BYTES = 256 << 10
_FILE_LIMIT = 500
_PATH = re.compile(r"[a-z0-9_]{1,40}(/[a-z0-9_]{1,40}){0,4}\.(mpy|txt)")
_SIGNATURE = re.compile(rb"key=([0-9a-f]{16})\nsignature=([0-9a-f]{128})\n")
_HASH = r"^[0-9a-f]{64}$"

McuName = Literal["virtual", "rp2040", "rp2350"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FileEntry(_Strict):
    """One file of a bundle; the path is relative to the slot."""

    path: str
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=_HASH)]


class BundleHeader(_Strict):
    """Content of ``bundle.json``.

    Attributes
    ----------
    board, role : str
        The board definition that is inside, and its role.
    mcu : str
        What the firmware runs on, as the handshake says it.
    architecture : str
        Architecture of the native code, as mpy-cross names it.
    mpy_version : str
        Version of the ``.mpy`` format, ``6.3``.
    micropython_minimum : str
        Oldest MicroPython that runs it.
    version, revision : str
        Of the firmware; the revision as `nullfield.toolchain.revision` tells it.
    """

    format: int
    board: Annotated[str, Field(min_length=1)]
    role: Annotated[str, Field(min_length=1)]
    mcu: McuName
    architecture: str
    mpy_version: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    micropython_minimum: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    version: Annotated[str, Field(min_length=1, max_length=16)]
    revision: Annotated[str, Field(min_length=1, max_length=16)]
    protocol_version: int
    catalogue_fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    files: tuple[FileEntry, ...]

    @property
    def title(self) -> str:
        """The bundle in a few words."""
        return f"{self.board} for {self.mcu}, version {self.version}, revision {self.revision}"


@dataclass(frozen=True)
class Bundle:
    """A whole bundle whose files are as its header says.

    Attributes
    ----------
    header : BundleHeader
    files : dict of str to bytes
        Content by path, in the header's order.
    key_id : str
        Key that signed it, as the bundle says; `verify` tells whether that is so.
    """

    header: BundleHeader
    files: dict[str, bytes]
    key_id: str
    _header_bytes: bytes
    _signature: bytes

    def verify(self, trusted: Sequence[TrustedKey], name: str) -> TrustedKey:
        """Check the signature and return the trusted key that made it.

        Parameters
        ----------
        trusted : sequence of TrustedKey
        name : str
            What the bundle is called in an error.

        Raises
        ------
        BundleError
            If no trusted key has signed these very bytes.
        """
        key = next((one for one in trusted if one.key_id == self.key_id), None)
        if key is None:
            raise BundleError(
                f"{name} is signed by the key {self.key_id}, which you do not trust",
                "get NAME.pub from who built it, then: nullfield bundle trust NAME.pub",
            )
        if not key.verifies(self._signature, self._header_bytes):
            raise BundleError(
                f"{name}: the signature of '{key.name}' does not fit: {HEADER_NAME} was changed",
                "build or fetch the bundle again",
            )
        return key


def pack_bundle(header: BundleHeader, files: Mapping[str, bytes], key: SigningKey) -> bytes:
    """Bytes of a signed bundle; the same input gives the same bytes."""
    text = json.dumps(header.model_dump(mode="json"), indent=1).encode() + b"\n"
    signature = f"key={key.key_id}\nsignature={key.sign(text).hex()}\n".encode()
    return write_stored(
        [
            (HEADER_NAME, text),
            (SIGNATURE_NAME, signature),
            *((entry.path, files[entry.path]) for entry in header.files),
        ]
    )


def read_bundle(path: Path) -> Bundle:
    """Read a bundle and check everything but who signed it.

    Raises
    ------
    BundleError
        With the first thing that is wrong.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_BUNDLE_BYTES + 1)
    except OSError as error:
        raise BundleError(
            f"{path}: {error.strerror}", "give a bundle, or build one: nullfield bundle build"
        ) from error
    return parse_bundle(data, str(path))


def parse_bundle(data: bytes, name: str) -> Bundle:
    """As `read_bundle`, from bytes; ``name`` is for errors."""
    if len(data) > LARGEST_BUNDLE_BYTES:
        raise BundleError(
            f"{name} is larger than {LARGEST_BUNDLE_BYTES >> 20} MiB: no bundle of a board",
            f"give a bundle (a file {SUFFIX}) that nullfield has built",
        )
    entries = read_stored(data, name)
    names = list(entries)
    if HEADER_NAME not in entries:
        raise BundleError(
            f"{name} is no firmware bundle: it has no {HEADER_NAME}",
            "build one: nullfield bundle build BOARD",
        )
    header = _parse_header(entries.pop(HEADER_NAME), name)
    if SIGNATURE_NAME not in entries:
        raise BundleError(
            f"{name} is not signed", "build it again: nullfield bundle build signs it"
        )
    match = _SIGNATURE.fullmatch(entries.pop(SIGNATURE_NAME))
    if match is None:
        raise BundleError(f"{name}: {SIGNATURE_NAME} is damaged", "build or fetch the bundle again")
    _check_files(header[0], entries, name)
    if names != [HEADER_NAME, SIGNATURE_NAME, *(entry.path for entry in header[0].files)]:
        raise BundleError(f"{name}: its files are out of order", "build or fetch the bundle again")
    return Bundle(
        header[0], entries, match[1].decode(), header[1], bytes.fromhex(match[2].decode())
    )


def _parse_header(text: bytes, name: str) -> tuple[BundleHeader, bytes]:
    trouble = f"{name}: {HEADER_NAME} is damaged"
    again = "build or fetch the bundle again"
    if len(text) > _LARGEST_HEADER_BYTES:
        raise BundleError(f"{trouble}: {len(text)} bytes", again)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{trouble}: {error}", again) from error
    # Before anything else of it is read: another format may mean something else by it.
    version = content.get("format") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise BundleError(
            f"{name} has bundle format {version}, this host reads format {FORMAT_VERSION}",
            "build it again with this version of nullfield, or update nullfield",
        )
    try:
        return BundleHeader.model_validate_json(text), text
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{trouble}: {where}: {first['msg']}", again) from error


def _check_files(header: BundleHeader, files: Mapping[str, bytes], name: str) -> None:
    again = "build or fetch the bundle again"
    paths = [entry.path for entry in header.files]
    if len(paths) > _FILE_LIMIT or len(set(paths)) < len(paths):
        raise BundleError(f"{name}: its list of {len(paths)} files cannot be right", again)
    for path in [*paths, *files]:
        if not _PATH.fullmatch(path):
            raise BundleError(f"{name}: {path!r} is no name that may go on a board", again)
    for path in files:
        if path not in set(paths):
            raise BundleError(f"{name}: {path} is in it, but not in {HEADER_NAME}", again)
    for entry in header.files:
        content = files.get(entry.path)
        if content is None:
            raise BundleError(f"{name}: {entry.path} is missing", again)
        digest = hashlib.sha256(content).hexdigest()
        if (len(content), digest) != (entry.size, entry.sha256):
            raise BundleError(f"{name}: {entry.path} was changed: its SHA-256 is wrong", again)
