"""Images: UF2 files, labels, what is frozen, and errors in one line. Building is test-emulated's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nullfield import places
from nullfield.errors import InputError, ToolchainError
from nullfield.toolchain import rp2_compiler, rp2_recipe, rp2_source
from nullfield.toolchain.__main__ import main
from nullfield.toolchain.rp2_command import describe
from nullfield.toolchain.rp2_content import collect, read_label
from nullfield.toolchain.rp2_recipe import MCUS
from nullfield.toolchain.uf2 import FLASH_START, decode_uf2, encode_uf2
from nullfield_protocol.fingerprint import fingerprint

FAMILY = MCUS["rp2040"].family


@given(st.binary(min_size=1, max_size=3000))
def test_uf2_there_and_back(data: bytes) -> None:
    image = decode_uf2(encode_uf2(data, FAMILY))
    assert image.family == FAMILY
    assert image.address == FLASH_START
    assert image.data[: len(data)] == data
    assert set(image.data[len(data) :]) <= {0xFF}
    assert len(image.data) % 256 == 0


def test_uf2_block_is_as_the_specification_says() -> None:
    file = encode_uf2(b"\x11" * 300, FAMILY)
    assert len(file) == 1024
    assert file[:4] == b"UF2\n"
    words = [int.from_bytes(file[512 + at : 512 + at + 4], "little") for at in range(0, 32, 4)]
    assert words == [0x0A324655, 0x9E5D5157, 0x2000, FLASH_START + 256, 256, 1, 2, FAMILY]
    assert file[512 + 32 : 512 + 76] == b"\x11" * 44
    assert file[512 + 76] == 0xFF
    assert file[-4:] == (0x0AB16F30).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda file: file[:-1], "not a number of blocks of 512"),
        (lambda file: b"", "not a number of blocks of 512"),
        (lambda file: b"X" + file[1:], "block 0 has other magic numbers"),
        (lambda file: file[:-512], "the UF2 file is cut"),
        (lambda file: file[512:], "the UF2 file is cut"),
        (lambda file: file[:28] + bytes(4) + file[32:], "for 2 families"),
        (lambda file: file[:8] + bytes(4) + file[12:], "names no family"),
        (lambda file: file[:16] + b"\xff\xff\0\0" + file[20:], "says it holds 65535 bytes"),
    ],
)
def test_uf2_that_is_damaged_is_refused(damage, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        decode_uf2(damage(encode_uf2(bytes(700), FAMILY)))


def test_blocks_for_other_than_the_flash_are_left_out() -> None:
    file = bytearray(encode_uf2(b"a" * 512, FAMILY))
    file[512 + 8] |= 1
    assert decode_uf2(bytes(file)).data == b"a" * 256


@pytest.mark.parametrize("name", sorted(MCUS))
def test_content_of_an_image(name: str) -> None:
    content = collect(
        MCUS[name], places.firmware_directory(), places.boards_directory(), "0123456789ab+"
    )
    files = content.files
    assert list(files) == sorted(files)
    assert {"_boot.py", "main.py", "start.py", "nullfield_fw/control/lockin.py"} <= set(files)
    assert not any("tests/" in path or "virtual" in path for path in files)
    boards = [path for path in files if path.startswith("nullfield_boards/")]
    for path in boards:
        if not path.endswith("__init__.py"):
            scope: dict = {}
            exec(files[path], scope)
            assert scope["BOARD"]["mcu"] == name
    scope = {}
    exec(files["nullfield_boards/__init__.py"], scope)
    assert ("bringup_pico" if name == "rp2040" else "bringup_pico2") in scope["NAMES"]
    scope = {}
    exec(files["nullfield_fw/build.py"], scope)
    assert scope["REVISION"] == "0123456789ab+"
    label = read_label(b"\0" + scope["IMAGE"].encode() + b"\0")
    assert label == content.label
    assert label["fingerprint"] == fingerprint().hex()
    assert label["version"] == scope["VERSION"]
    assert label["mcu"] == name


def test_digest_changes_with_any_byte_name_and_revision(tmp_path: Path) -> None:
    for path in ("nullfield_fw/wire.py", "image/_boot.py", "main.py"):
        file = tmp_path / "firmware" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("FINGERPRINT = b'12345678'\n")

    def digest(revision: str = "r") -> str:
        return collect(MCUS["rp2040"], tmp_path / "firmware", tmp_path, revision).digest()

    seen = {digest(), digest("s")}
    (tmp_path / "firmware/main.py").write_text("FINGERPRINT = b'12345678' \n")
    seen.add(digest())
    (tmp_path / "firmware/main.py").rename(tmp_path / "firmware/start.py")
    seen.add(digest())
    assert len(seen) == 4


def test_describe_tells_file_family_and_label(tmp_path: Path) -> None:
    label = b"nullfield-image version=1.2 revision=abc fingerprint=00ff mcu=rp2040;"
    file = tmp_path / "image.uf2"
    file.write_bytes(encode_uf2(bytes(250) + label, FAMILY))
    facts = describe(file)
    assert facts["family"] == "0xe48bff56 (rp2040)"
    assert facts["version"] == "1.2"
    assert facts["fingerprint"] == "00ff"


def test_describe_says_in_one_line_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "image.uf2"
    for content, reason in (
        (encode_uf2(bytes(999), FAMILY), "carries no label"),
        (b"text", "no UF2 file"),
        (None, "cannot be read"),
    ):
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)
        assert main(["describe", str(file)]) == InputError.exit_code
        error = capsys.readouterr().err.splitlines()[0]
        assert error.startswith("error: ")
        assert reason in error


def test_change_that_the_source_does_not_hold_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "CMakeLists.txt"
    file.write_text("set(A ON)\nset(A ON)\n")
    with pytest.raises(ToolchainError, match="holds 2 times"):
        rp2_source._change(file, (("set(A ON)", "set(A OFF)"),))
    with pytest.raises(ToolchainError, match="holds 0 times"):
        rp2_source._change(file, (("set(B ON)", "set(B OFF)"),))


def test_hashes_tell_the_recipes_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [rp2_recipe.image_hash(mcu) for mcu in MCUS.values()]
    assert len(set(before)) == 2
    monkeypatch.setattr(rp2_recipe, "CXX_FLAGS", "-O3")
    assert not set(before) & {rp2_recipe.image_hash(mcu) for mcu in MCUS.values()}


def test_another_machine_than_x86_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rp2_compiler.platform, "machine", lambda: "riscv64")
    with pytest.raises(ToolchainError, match="built on x86-64, this is riscv64"):
        rp2_compiler._fetch(tmp_path, lambda line: None)
