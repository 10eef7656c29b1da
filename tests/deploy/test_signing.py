"""Keys: made once, for the user's eyes only, and trusted by name."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nullfield.deploy.signing import KeyRing, TrustedKey
from nullfield.errors import InputError


def test_the_personal_key_is_made_once(tmp_path: Path) -> None:
    said: list[str] = []
    ring = KeyRing(tmp_path / "a" / "keys", said.append)
    first = ring.signing_key()
    path = tmp_path / "a" / "keys" / "development.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(said) == 1
    assert first.key_id in said[0]
    assert str(path) in said[0]
    again = KeyRing(tmp_path / "a" / "keys", said.append).signing_key()
    assert again.key_id == first.key_id
    assert len(said) == 1
    assert again.sign(b"x") == first.sign(b"x")


def test_a_signature_is_of_one_message_and_one_key(ring: KeyRing) -> None:
    key = ring.signing_key()
    other = ring.make("other")
    trusted = {one.name: one for one in ring.trusted()}
    signature = key.sign(b"message")
    assert trusted["development"].verifies(signature, b"message")
    assert not trusted["development"].verifies(signature, b"massage")
    assert not trusted["other"].verifies(signature, b"message")
    assert trusted["other"].key_id == other.key_id


def test_a_published_example_of_ed25519() -> None:
    # RFC 8032, section 7.1, test 2.
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    key = TrustedKey("rfc", Ed25519PublicKey.from_public_bytes(public))
    assert key.verifies(signature, b"\x72")
    assert not key.verifies(signature, b"\x73")


def test_trust_takes_the_public_file_of_another(ring: KeyRing, tmp_path: Path) -> None:
    theirs = KeyRing(tmp_path / "theirs")
    key = theirs.make("release")
    public = tmp_path / "theirs" / "trusted" / "release.pub"
    assert ring.trusted() == []
    assert ring.trust(public).name == "release"
    assert [one.key_id for one in ring.trusted()] == [key.key_id]
    another = KeyRing(tmp_path / "third")
    another.make("release")
    with pytest.raises(InputError, match="'release' is the name of another trusted key"):
        ring.trust(tmp_path / "third" / "trusted" / "release.pub")
    ring.trust(tmp_path / "third" / "trusted" / "release.pub", "release2")
    assert [one.name for one in ring.trusted()] == ["release", "release2"]


def test_a_key_that_others_can_read_is_refused(ring: KeyRing) -> None:
    ring.signing_key()
    path = ring.directory / "development.pem"
    path.chmod(0o644)
    with pytest.raises(InputError, match="can be read by others") as refused:
        ring.signing_key()
    assert refused.value.hint == f"chmod 600 {path}"


def test_what_is_no_key(ring: KeyRing, tmp_path: Path) -> None:
    noise = tmp_path / "noise.pub"
    noise.write_bytes(b"-----BEGIN PUBLIC KEY-----\nnoise\n")
    with pytest.raises(InputError, match="holds no public key"):
        ring.trust(noise)
    other = X25519PrivateKey.generate().public_key()
    noise.write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(InputError, match="holds no Ed25519 key"):
        ring.trust(noise)
    with pytest.raises(InputError, match="No such file"):
        ring.trust(tmp_path / "none.pub")
    ring.signing_key()
    (ring.directory / "development.pem").write_bytes(b"noise")
    with pytest.raises(InputError, match="is no private key"):
        ring.signing_key()


def test_names(ring: KeyRing) -> None:
    with pytest.raises(InputError, match="cannot be the name of a key"):
        ring.make("../x")
    with pytest.raises(InputError, match="there is no key 'release'") as missing:
        ring.signing_key("release")
    assert "nullfield bundle keygen release" in missing.value.hint
    ring.make("release")
    with pytest.raises(InputError, match="there is a key 'release' already"):
        ring.make("release")


def test_keys_lie_in_the_users_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert KeyRing().directory == tmp_path / "nullfield" / "keys"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert KeyRing().directory == Path.home() / ".config" / "nullfield" / "keys"
