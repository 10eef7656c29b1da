"""Signed certificates: the record of a run and an Ed25519 signature over its canonical bytes.

The file itself is canonical as well, so that a changed byte anywhere, a space included, is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nullfield.deploy.signing import KeyRing, SigningKey
from nullfield.errors import InputError
from nullfield.production.record import FORMAT, canonical

_HINT = "take the file as the bench wrote it; a copy through an editor is not the same"


@dataclass(frozen=True)
class Verified:
    """A certificate whose signature is good.

    Attributes
    ----------
    record : dict
    signer : str
        Name of the trusted key.
    key_id : str
    """

    record: dict[str, Any]
    signer: str
    key_id: str


def sign(record: dict[str, Any], key: SigningKey) -> bytes:
    """Bytes of a certificate file."""
    return canonical(
        {
            "record": record,
            "signature": {
                "algorithm": "Ed25519",
                "key_id": key.key_id,
                "value": key.sign(canonical(record)).hex(),
            },
        }
    )


def verify(content: bytes, keys: KeyRing) -> Verified:
    """Check a certificate against the keys that this user trusts.

    Raises
    ------
    InputError
        If it was changed, is not signed by a trusted key, or is no certificate.
    """
    try:
        document = json.loads(content)
        record = document["record"]
        signature = document["signature"]
        key_id, value = str(signature["key_id"]), bytes.fromhex(signature["value"])
        known_format = record["format"] == FORMAT and signature["algorithm"] == "Ed25519"
        is_canonical = canonical(document) == content
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"not a certificate: {error}", _HINT) from error
    if not known_format:
        raise InputError("not a certificate of a format that this version knows", _HINT)
    if not is_canonical or set(document) != {"record", "signature"}:
        raise InputError("the certificate was changed: not in its canonical form", _HINT)
    signers = [key for key in keys.trusted() if key.key_id == key_id]
    if not signers:
        raise InputError(
            f"the certificate is signed by the key {key_id}, which is not trusted here",
            "get NAME.pub from who ran the bench and put it among the trusted keys",
        )
    if not signers[0].verifies(value, canonical(record)):
        raise InputError("the certificate was changed: its signature does not fit", _HINT)
    return Verified(record, signers[0].name, key_id)


def verify_file(path: Path, keys: KeyRing) -> Verified:
    """`verify` for a file; errors name it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "give a certificate's JSON file") from error
    try:
        return verify(content, keys)
    except InputError as error:
        raise InputError(f"{path}: {error.message}", error.hint) from error
