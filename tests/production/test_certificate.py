"""Certificates and labels."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from records import NOT_SEEN, record_of

from nullfield.deploy.signing import KeyRing
from nullfield.errors import InputError
from nullfield.production.certificate import sign, verify, verify_file
from nullfield.production.label import label_png
from nullfield.production.pdf import certificate_pdf, label_code, label_pdf, label_text
from nullfield.production.record import canonical


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    ring = KeyRing(tmp_path / "keys")
    ring.signing_key()
    return ring


def test_a_good_certificate_gives_its_record_back(keys: KeyRing) -> None:
    record = record_of([0.001, NOT_SEEN])
    key = keys.signing_key()
    found = verify(sign(record, key), keys)
    assert found.record == record
    assert (found.signer, found.key_id) == ("development", key.key_id)
    assert found.record["tests"][0]["values"][1]["value"] is None
    assert found.record["outcome"] == "fail"


def test_every_changed_byte_is_refused(keys: KeyRing) -> None:
    content = sign(record_of([0.001]), keys.signing_key())
    verify(content, keys)
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1
        with pytest.raises(InputError):
            verify(bytes(changed), keys)


@pytest.mark.parametrize("tail", [b"\n", b" ", b"{}"])
def test_an_added_byte_is_refused(keys: KeyRing, tail: bytes) -> None:
    with pytest.raises(InputError):
        verify(sign(record_of([0.0]), keys.signing_key()) + tail, keys)


def test_a_strangers_certificate_is_refused(keys: KeyRing, tmp_path: Path) -> None:
    stranger = KeyRing(tmp_path / "other")
    path = tmp_path / "c.json"
    path.write_bytes(sign(record_of([0.0]), stranger.signing_key()))
    with pytest.raises(InputError, match=r"c\.json.*not trusted"):
        verify_file(path, keys)
    assert verify_file(path, stranger).signer == "development"


def test_another_result_under_an_old_signature_is_refused(keys: KeyRing) -> None:
    document = json.loads(sign(record_of([0.02]), keys.signing_key()))
    document["record"]["outcome"] = "pass"
    with pytest.raises(InputError, match="signature does not fit"):
        verify(canonical(document), keys)


def test_the_result_id_follows_from_the_content() -> None:
    assert record_of([0.1])["result_id"] == record_of([0.1])["result_id"]
    assert record_of([0.1])["result_id"] != record_of([0.1001])["result_id"]


def test_the_labels_code_holds_what_finds_the_board() -> None:
    record = record_of([0.001], unit="C07")
    assert label_text(record) == (
        "nullfield:unit=C07;uid=e66138528351b001;board=coil_pico2;revision=source;"
        f"result={record['result_id']}"
    )
    picture = np.asarray(Image.open(io.BytesIO(label_png(record))).convert("L"))
    matrix = np.array([list(row) for row in label_code(record).matrix], dtype=bool)
    # Module by module, the printed code is the code.
    corner = np.argwhere(picture[:, :348] < 128).min(axis=0)
    module = next(
        n for n in range(1, 20) if (picture[corner[0], corner[1] : corner[1] + 7 * n + 1] > 128)[-1]
    )
    at = corner[:, None] + module // 2 + module * np.arange(len(matrix))[None, :]
    assert np.array_equal(picture[np.ix_(at[0], at[1])] < 128, matrix)


def test_pdfs_are_written_for_odd_content() -> None:
    record = record_of([0.001, NOT_SEEN], unit="Ω-Δ µ")
    for content in (certificate_pdf(record, "0" * 16, "development"), label_pdf(record)):
        assert content.startswith(b"%PDF-")
        assert content.rstrip().endswith(b"%%EOF")
