"""Ed25519 keys: who signs, and whom this user trusts.

Private keys lie in the user's configuration directory (``keys/NAME.pem``, readable by the user
alone), public keys that are trusted in ``keys/trusted/NAME.pub``; both are PEM files that other tools
read, too.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from nullfield.errors import InputError
from nullfield.places import user_configuration_directory

DEVELOPMENT_KEY = "development"
"""The personal key, made when it is first needed."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LARGEST_KEY_BYTES = 4096


def key_id_of(key: Ed25519PublicKey) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


@dataclass(frozen=True)
class SigningKey:
    """A private key with the name of its file."""

    name: str
    private: Ed25519PrivateKey

    @property
    def key_id(self) -> str:
        """What a signature names its key by."""
        return key_id_of(self.private.public_key())

    def sign(self, message: bytes) -> bytes:
        """Signature of 64 bytes; the same message gives the same bytes."""
        return self.private.sign(message)

    def public_pem(self) -> bytes:
        """The public half, to be given to others."""
        return self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )


@dataclass(frozen=True)
class TrustedKey:
    """A public key that this user trusts."""

    name: str
    public: Ed25519PublicKey

    @property
    def key_id(self) -> str:
        """What a signature names its key by."""
        return key_id_of(self.public)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature is this key's, over exactly these bytes."""
        try:
            self.public.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class KeyRing:
    """The user's private keys and the public keys that are trusted.

    Parameters
    ----------
    directory : path, optional
        By default ``keys`` in the user's configuration directory.
    tell : callable, optional
        Takes one line when a key is made.
    """

    def __init__(
        self, directory: Path | None = None, tell: Callable[[str], None] = lambda line: None
    ) -> None:
        self.directory = directory or user_configuration_directory() / "keys"
        self._tell = tell

    def signing_key(self, name: str = DEVELOPMENT_KEY) -> SigningKey:
        """A private key; the personal one is made if there is none.

        Raises
        ------
        InputError
            If the key is missing, unreadable, or readable by others.
        """
        path = self._private_path(name)
        if not path.exists():
            if name == DEVELOPMENT_KEY:
                return self.make(name)
            raise InputError(
                f"there is no key '{name}' in {self.directory}",
                f"make it with: nullfield bundle keygen {name}",
            )
        if path.stat().st_mode & 0o077:
            raise InputError(f"{path} can be read by others", f"chmod 600 {path}")
        try:
            private = load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{path} is no private key: {error}", "move it away") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise InputError(f"{path} is no Ed25519 key", "make one with: nullfield bundle keygen")
        return SigningKey(name, private)

    def make(self, name: str) -> SigningKey:
        """Make a key pair and trust its public half.

        Raises
        ------
        InputError
            If the name is taken or no name, or the directory cannot be written.
        """
        path = self._private_path(name)
        key = SigningKey(name, Ed25519PrivateKey.generate())
        pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Made with its final permissions: never a moment in which others can read it.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise InputError(
                f"there is a key '{name}' already: {path}", "take another name, or move it away"
            ) from error
        except OSError as error:
            raise InputError(
                f"{error.filename} cannot be written: {error.strerror}",
                "set XDG_CONFIG_HOME to a directory you can write",
            ) from error
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(pem)
        self._add(name, key.private.public_key())
        self._tell(f"made the key '{name}' ({key.key_id}): {path}, readable by you alone")
        return key

    def trust(self, file: Path, name: str | None = None) -> TrustedKey:
        """Trust a public key from a PEM file under a name, by default the file's.

        Raises
        ------
        InputError
            If the file holds no Ed25519 public key, or the name belongs to another key.
        """
        key = TrustedKey(self._checked(name or file.stem), _load_public(file))
        for known in self.trusted():
            if known.name == key.name and known.key_id != key.key_id:
                raise InputError(
                    f"'{key.name}' is the name of another trusted key ({known.key_id})",
                    "give this one another name with --name",
                )
        self._add(key.name, key.public)
        return key

    def trusted(self) -> list[TrustedKey]:
        """All trusted keys, by name."""
        return [
            TrustedKey(path.stem, _load_public(path))
            for path in sorted((self.directory / "trusted").glob("*.pub"))
        ]

    def _add(self, name: str, key: Ed25519PublicKey) -> None:
        path = self.directory / "trusted" / f"{name}.pub"
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        except OSError as error:
            raise InputError(
                f"{path} cannot be written: {error.strerror}",
                "set XDG_CONFIG_HOME to a directory you can write",
            ) from error

    def _private_path(self, name: str) -> Path:
        return self.directory / f"{self._checked(name)}.pem"

    @staticmethod
    def _checked(name: str) -> str:
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{name!r} cannot be the name of a key", "give letters, digits, '_', '.' and '-'"
            )
        return name


def _load_public(file: Path) -> Ed25519PublicKey:
    try:
        with file.open("rb") as stream:
            key = load_pem_public_key(stream.read(_LARGEST_KEY_BYTES))
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", "give a file NAME.pub") from error
    except ValueError as error:
        raise InputError(
            f"{file} holds no public key", "give the file NAME.pub of who signs the bundles"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{file} holds no Ed25519 key", "give the file NAME.pub of who signs")
    return key
