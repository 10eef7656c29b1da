"""Bundles: the same bytes each time, and nothing accepted that was changed."""

from __future__ import annotations

import json
import random
import subprocess
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from nullfield.deploy.board_state import SlotManifest
from nullfield.deploy.bundle import parse_bundle, read_bundle
from nullfield.deploy.signing import KeyRing
from nullfield.deploy.stored_zip import write_stored
from nullfield.errors import BundleError, InputError

Build = Callable[..., bytes]
AGAIN = "build or fetch the bundle again"


def entries_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def resigned(ring: KeyRing, header: dict[str, object], files: dict[str, bytes]) -> bytes:
    """A bundle signed by a trusted key over a header that no builder would write."""
    text = json.dumps(header).encode()
    key = ring.signing_key()
    signature = f"key={key.key_id}\nsignature={key.sign(text).hex()}\n".encode()
    return write_stored([("bundle.json", text), ("bundle.sig", signature), *files.items()])


def test_what_is_in_it(build: Build, ring: KeyRing) -> None:
    bundle = parse_bundle(build(), "coil")
    header = bundle.header
    assert (header.board, header.role, header.mcu) == ("coil_x", "coil", "rp2350")
    assert (header.architecture, header.mpy_version) == ("armv7emsp", "6.3")
    assert (header.version, header.revision) == ("1.2.3", "source")
    assert (header.protocol_version, header.catalogue_fingerprint) == (7, "0102030405060708")
    assert bundle.verify(ring.trusted(), "coil").name == "development"
    manifest = SlotManifest.parse(bundle.files["manifest.txt"])
    assert manifest.facts["board"] == "coil_x"
    assert manifest.facts["fingerprint"] == "0102030405060708"
    listed = {(one.path, one.size, one.sha256) for one in manifest.files}
    shipped = {(one.path, one.size, one.sha256) for one in header.files}
    assert listed == {one for one in shipped if one[0] != "manifest.txt"}
    assert "board.mpy" in bundle.files


def test_native_code_is_for_the_processor(build: Build) -> None:
    # .mpy header: bits 2 to 5 of the third byte are the architecture (x86 1, armv6m 4, armv7emsp 7).
    for board, mcu, number in (("coil_x", None, 7), ("coil_x", "virtual", 1)):
        loop = parse_bundle(build(board, mcu), "x").files["nullfield_fw/control/loop.mpy"]
        assert loop[2] >> 2 & 15 == number
    assert parse_bundle(build("table_x"), "x").header.architecture == "armv6m"


def test_the_same_tree_gives_the_same_bytes(build: Build) -> None:
    assert build() == build()
    assert build() != build(mcu="virtual")


def test_any_unzip_reads_it(build: Build) -> None:
    with zipfile.ZipFile(BytesIO(build())) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:2] == ["bundle.json", "bundle.sig"]
        assert archive.namelist()[2:] == sorted(archive.namelist()[2:])


def test_the_revision_is_the_commit(tree: Path, build: Build) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(tree), *identity, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "all")
    commit = git("rev-parse", "HEAD")[:12]
    assert parse_bundle(build(), "x").header.revision == commit
    (tree / "notes.txt").write_text("not part of the firmware")
    assert parse_bundle(build(), "x").header.revision == commit
    (tree / "firmware" / "start.py").write_text("import nullfield_fw\n")
    bundle = parse_bundle(build(), "x")
    assert bundle.header.revision == commit + "+"
    assert (commit + "+").encode() in bundle.files["nullfield_fw/build.mpy"]


def test_no_changed_byte_is_accepted(build: Build, ring: KeyRing) -> None:
    data = build()
    trusted = ring.trusted()
    chosen = random.Random(3).sample(range(len(data)), 600)
    # The whole of both heads, and places all over the file.
    for at in [*range(700), *chosen, *range(len(data) - 200, len(data))]:
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        with pytest.raises(BundleError) as refused:
            parse_bundle(bytes(changed), "b.nfb").verify(trusted, "b.nfb")
        assert "b.nfb" in refused.value.message
        assert refused.value.hint


@pytest.mark.parametrize("keep", [0, 1, 100, 5000])
def test_a_cut_file_is_refused(build: Build, keep: int) -> None:
    with pytest.raises(BundleError, match=r"b\.nfb is damaged"):
        parse_bundle(build()[:keep], "b.nfb")


def test_bytes_behind_it_are_refused(build: Build) -> None:
    with pytest.raises(BundleError, match="damaged"):
        parse_bundle(build() + b"x", "b.nfb")


def test_no_signature(build: Build) -> None:
    files = entries_of(build())
    del files["bundle.sig"]
    with pytest.raises(BundleError, match="not signed") as refused:
        parse_bundle(write_stored(files.items()), "b.nfb")
    assert "nullfield bundle build" in refused.value.hint


def test_unknown_key(build: Build, tmp_path: Path) -> None:
    bundle = parse_bundle(build(), "b.nfb")
    with pytest.raises(BundleError, match=f"key {bundle.key_id}, which you do not") as refused:
        bundle.verify(KeyRing(tmp_path / "other").trusted(), "b.nfb")
    assert "nullfield bundle trust" in refused.value.hint


def test_a_changed_header_does_not_fit_the_signature(build: Build, ring: KeyRing) -> None:
    files = entries_of(build())
    files["bundle.json"] = files["bundle.json"].replace(b'"1.2.3"', b'"1.2.4"')
    with pytest.raises(BundleError, match="signature of 'development' does not fit"):
        parse_bundle(write_stored(files.items()), "b.nfb").verify(ring.trusted(), "b.nfb")


def test_a_changed_file_is_named(build: Build) -> None:
    files = entries_of(build())
    files["start.mpy"] = files["start.mpy"][:-1] + b"\0"
    with pytest.raises(BundleError, match=r"start\.mpy was changed"):
        parse_bundle(write_stored(files.items()), "b.nfb")


def test_missing_and_extra_files_are_named(build: Build) -> None:
    files = entries_of(build())
    missing = {name: content for name, content in files.items() if name != "start.mpy"}
    with pytest.raises(BundleError, match=r"start\.mpy is missing"):
        parse_bundle(write_stored(missing.items()), "b.nfb")
    with pytest.raises(BundleError, match=r"extra\.mpy is in it, but not in bundle\.json"):
        parse_bundle(write_stored([*files.items(), ("extra.mpy", b"M")]), "b.nfb")


@pytest.mark.parametrize(
    "name",
    ["../main.mpy", "/main.mpy", "a/../../b.mpy", "a\\b.mpy", "boot.py", "A.mpy", "a//b.mpy"],
)
def test_names_that_leave_the_slot_are_refused(build: Build, ring: KeyRing, name: str) -> None:
    files = entries_of(build())
    header = json.loads(files.pop("bundle.json"))
    del files["bundle.sig"]
    files[name] = b"M"
    header["files"].append({"path": name, "size": 1, "sha256": "0" * 64})
    with pytest.raises(BundleError, match=r"is no name that may go on a board|is damaged"):
        parse_bundle(resigned(ring, header, files), "b.nfb")


def test_another_format_is_named(build: Build, ring: KeyRing) -> None:
    files = entries_of(build())
    header = json.loads(files.pop("bundle.json"))
    del files["bundle.sig"]
    header["format"] = 2
    header["something"] = "new"
    with pytest.raises(BundleError, match="bundle format 2, this host reads format 1"):
        parse_bundle(resigned(ring, header, files), "b.nfb")


def test_an_unknown_key_of_the_header_is_named(build: Build, ring: KeyRing) -> None:
    files = entries_of(build())
    header = json.loads(files.pop("bundle.json"))
    del files["bundle.sig"]
    header["something"] = "new"
    with pytest.raises(BundleError, match=r"bundle\.json is damaged: something"):
        parse_bundle(resigned(ring, header, files), "b.nfb")


def test_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.nfb"
    with path.open("wb") as stream:
        stream.truncate(5 << 20)
    with pytest.raises(BundleError, match="larger than 4 MiB"):
        read_bundle(path)


def test_a_compressed_copy_is_refused(build: Build) -> None:
    copy = BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries_of(build()).items():
            archive.writestr(name, content)
    with pytest.raises(BundleError, match="damaged"):
        parse_bundle(copy.getvalue(), "b.nfb")


def test_a_missing_file_and_a_plain_zip(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No such file"):
        read_bundle(tmp_path / "none.nfb")
    with pytest.raises(BundleError, match=r"no firmware bundle: it has no bundle\.json"):
        parse_bundle(write_stored([("a.txt", b"a")]), "b.nfb")


def test_a_board_that_does_not_fit(build: Build) -> None:
    with pytest.raises(InputError, match="no board definition 'coil_y'") as unknown:
        build("coil_y")
    assert "coil_x" in unknown.value.hint
    with pytest.raises(InputError, match="processor rp2350, not rp2040"):
        build(mcu="rp2040")
    with pytest.raises(InputError, match="no board definition"):
        build("../boards/coil_x")
