"""The text files on a board's flash, as the host reads and writes them."""

from __future__ import annotations

import pytest

from nullfield.deploy.board_state import BootState, ManifestEntry, Provision, SlotManifest
from nullfield.deploy.text_file import format_lines, parse_lines
from nullfield.errors import InputError


def test_boot_state_there_and_back() -> None:
    state = BootState("a", "b", 2, "files differ")
    assert BootState.parse(state.format()) == state
    assert BootState.parse(BootState().format()) == BootState()


def test_the_slot_that_boots_is_never_free() -> None:
    assert BootState("a").free_slot == "b"
    assert BootState("b").free_slot == "a"
    assert BootState("").free_slot == "a"
    assert BootState("b", trial="a").free_slot == "a"


def test_the_format_is_the_agreed_one() -> None:
    # The checksum is what gzip says of these lines.
    assert BootState("a", "b", 0, "").format() == (
        b"active=a\nattempts=0\nnote=\ntrial=b\n#bd99daa1\n"
    )


@pytest.mark.parametrize("at", range(0, 40, 3))
def test_a_changed_byte_is_noticed(at: int) -> None:
    content = bytearray(BootState("a", "b", 1, "note").format())
    content[at % len(content)] ^= 4
    with pytest.raises(InputError, match=r"boot\.txt is damaged"):
        BootState.parse(bytes(content))


def test_cut_files_are_noticed() -> None:
    content = Provision("coil_pico2", "C01").format()
    for keep in range(len(content)):
        with pytest.raises(InputError, match="damaged"):
            Provision.parse(content[:keep])


@pytest.mark.parametrize("line", ["active=c", "trial=A", "attempts=-1", "attempts=x"])
def test_a_whole_file_may_be_nonsense(line: str) -> None:
    with pytest.raises(InputError, match="makes no sense"):
        BootState.parse(format_lines([line]))


def test_units_fit_the_handshake() -> None:
    assert Provision.parse(Provision("coil_pico2", "S01").format()) == Provision(
        "coil_pico2", "S01"
    )
    assert Provision("coil_pico2", "a" * 16).format()
    for unit in ("a" * 17, "ä", "a b", "a\nb", "a=b/c", "-"):
        with pytest.raises(InputError, match="cannot be the name of a unit"):
            Provision("coil_pico2", unit).format()
    with pytest.raises(InputError, match="no name of a board definition"):
        Provision("../x", "S01").format()


def test_manifest_there_and_back() -> None:
    keys = ("board", "role", "mcu", "version", "revision", "fingerprint", "protocol")
    manifest = SlotManifest(
        {key: key.upper() for key in keys}, (ManifestEntry("a/b.mpy", 12, "0f" * 32),)
    )
    assert SlotManifest.parse(manifest.format()) == manifest
    assert parse_lines(manifest.format(), "x")[-1] == f"file=12 {'0f' * 32} a/b.mpy"
    with pytest.raises(InputError, match="makes no sense"):
        SlotManifest.parse(format_lines(["file=12 short a.mpy"]))
