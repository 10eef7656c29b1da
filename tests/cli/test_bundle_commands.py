"""``nullfield bundle`` and ``nullfield flash --uf2`` from the command line."""

import json
import struct

import pytest

from nullfield.errors import BundleError, FlashError, InputError


@pytest.fixture(autouse=True)
def user(monkeypatch, tmp_path):
    """A user without keys."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))


def test_build_verify_show(nullfield, tmp_path):
    file = tmp_path / "table.nfb"
    built = nullfield("bundle", "build", "table_pico2", "-o", file, "--json")
    assert built.code == 0, built.err
    assert "made the key 'development'" in built.err
    said = json.loads(built.out)
    assert (said["board"], said["role"], said["mcu"]) == ("table_pico2", "table", "rp2350")
    first = file.read_bytes()
    again = nullfield("bundle", "build", "table_pico2", "-o", file)
    assert "made the key" not in again.err
    assert file.read_bytes() == first
    good = nullfield("bundle", "verify", file)
    assert good.code == 0
    assert "signed by 'development'" in good.out
    shown = nullfield("bundle", "show", file, "--json")
    paths = [one["path"] for one in json.loads(shown.out)["files"]]
    assert "nullfield_fw/app/table.mpy" in paths
    assert "nullfield_fw/app/sensor.mpy" not in paths
    assert "start.mpy" in nullfield("bundle", "show", file).out


def test_only_trusted_keys_verify(nullfield, tmp_path, monkeypatch):
    file = tmp_path / "table.nfb"
    made = nullfield("bundle", "keygen", "release", "--json")
    public = json.loads(made.out)["public"]
    assert nullfield("bundle", "build", "table_pico2", "-o", file, "--key", "release").code == 0
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "somebody"))
    refused = nullfield("bundle", "verify", file)
    refused.assert_one_line_error(BundleError.exit_code, "table.nfb", "do not trust")
    assert "trusted: no" in nullfield("bundle", "show", file).out
    assert nullfield("bundle", "trust", public).code == 0
    assert nullfield("bundle", "verify", file).code == 0


def test_bad_input(nullfield, tmp_path):
    unknown = nullfield("bundle", "build", "toaster")
    unknown.assert_one_line_error(InputError.exit_code, "toaster")
    mcu = nullfield("bundle", "build", "table_pico2", "--mcu", "z80")
    mcu.assert_one_line_error(InputError.exit_code, "z80")
    key = nullfield("bundle", "build", "table_pico2", "--key", "release")
    key.assert_one_line_error(InputError.exit_code, "release")
    noise = tmp_path / "noise.nfb"
    noise.write_bytes(b"PK\3\4 noise")
    nullfield("bundle", "verify", noise).assert_one_line_error(BundleError.exit_code, "damaged")
    nullfield("bundle", "show", tmp_path / "none").assert_one_line_error(3, "No such file")
    nullfield("bundle", "trust", noise).assert_one_line_error(3, "noise.nfb")
    nullfield("bundle", "keygen", "a/b").assert_one_line_error(3, "a/b")


def image(family):
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, 0x10000000, 256, 0, 1, family)
    return (head + b"\1" * 256).ljust(508, b"\0") + struct.pack("<I", 0x0AB16F30)


@pytest.fixture
def drive(tmp_path):
    directory = tmp_path / "drive"
    directory.mkdir()
    (directory / "INFO_UF2.TXT").write_text("UF2 Bootloader v1.0\nBoard-ID: RP2350\n")
    return directory


def test_flash_an_image(nullfield, tmp_path, drive):
    file = tmp_path / "image.uf2"
    file.write_bytes(image(0xE48BFF59))
    done = nullfield("flash", "--uf2", file, "--drive", drive, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["mcu"] == "rp2350"
    assert (drive / "firmware.uf2").read_bytes() == file.read_bytes()


def test_flash_the_wrong_image(nullfield, tmp_path, drive):
    file = tmp_path / "image.uf2"
    file.write_bytes(image(0xE48BFF56))
    refused = nullfield("flash", "--uf2", file, "--drive", drive)
    refused.assert_one_line_error(InputError.exit_code, "rp2040", "rp2350")
    file.write_bytes(b"noise")
    nullfield("flash", "--uf2", file, "--drive", drive).assert_one_line_error(3, "image.uf2")
    file.write_bytes(image(0xE48BFF59))
    nullfield("flash", "--uf2", file, "--drive", tmp_path).assert_one_line_error(3, "INFO_UF2.TXT")
    (drive / "firmware.uf2").mkdir()
    failed = nullfield("flash", "--uf2", file, "--drive", drive)
    failed.assert_one_line_error(FlashError.exit_code, "firmware.uf2")
