"""``nullfield flash`` and ``provision`` on virtual boards behind ptys, as a user runs them."""

import json
import os
import subprocess
import sys

import pytest
from fake_ports import board_port, noise_port

from nullfield.errors import BoardNotFoundError, BundleError, FlashError, InputError, WrongRoleError
from nullfield.transport.serial_port import SerialTransport
from nullfield_protocol.catalogue import Role

TABLE, STOCK = "e66138528352b001", "e66138528352b002"
RIG = f"""
name = "two"
[[boards]]
uid = "{TABLE}"
role = "table"
port = "virtual"
definition = "table_pico2"
[[boards]]
uid = "{STOCK}"
role = "bringup"
port = "virtual"
definition = "bringup_pico2"
image = "stock"
[table]
board = "{TABLE}"
[virtual]
heart_enabled = false
"""


@pytest.fixture(autouse=True)
def user(monkeypatch, tmp_path):
    """A user without keys and backups."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def boards(tmp_path):
    """A table board with built-in firmware and a bare one with official MicroPython, at ports."""
    rig = tmp_path / "two.toml"
    rig.write_text(RIG, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "nullfield.virtual.standalone", str(rig), "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    ports = json.loads(process.stdout.readline())["ports"]
    live = tmp_path / "live.toml"
    text = RIG
    for uid in (TABLE, STOCK):
        text = text.replace('"virtual"', f'"{ports[uid]}"', 1)
    live.write_text(text.split("[virtual]")[0], encoding="utf-8")
    yield ports, live
    process.stdin.close()
    process.wait(20)
    process.stdout.close()


@pytest.mark.slow
def test_from_bare_boards_to_an_upgraded_rig(nullfield, boards, tmp_path):
    ports, live = boards
    # Found by the rig; the one without firmware is passed over.
    first = nullfield("flash", "all", "--rig", live, "--yes", "--json")
    assert first.code == 0, first.err
    (table,) = json.loads(first.out)
    assert (table["uid"], table["status"], table["slot"]) == (TABLE, "flashed", "a")
    assert table["before"]["slot"] == ""
    assert os.path.exists(table["backup"])
    # A port that is named is installed from nothing.
    bare = nullfield("flash", ports[STOCK], "--board", "bringup_pico2", "--unit", "B01", "-y")
    assert bare.code == 0, bare.err
    assert "MicroPython without Nullfield" in bare.out
    assert "runs from slot a and is confirmed" in bare.out
    told = nullfield(
        "provision", TABLE, "--rig", live, "--board", "table_pico2", "--unit", "T01",
        "--setting", "speed_max=0.03", "--json",
    )  # fmt: skip
    assert json.loads(told.out)["settings"] == {"speed_max": pytest.approx(0.03)}
    # Settings of the backup, from before the provisioning, come back by name.
    back = nullfield("restore", "T01", "--rig", live, "--json")
    assert back.code == 0, back.err
    assert json.loads(back.out)["write"] == {"speed_max": pytest.approx(0.05)}
    other = nullfield("restore", "T01", "--rig", live, "--backup", live)
    other.assert_one_line_error(InputError.exit_code, "is no backup")
    # Now both are known by their units.
    again = nullfield("flash", "all", "--rig", live, "--yes", "--force-same", "--json")
    assert again.code == 0, again.err
    assert {(one["unit"], one["slot"]) for one in json.loads(again.out)} == {
        ("T01", "b"),
        ("B01", "b"),
    }
    # Nobody can be asked in a script.
    asked = nullfield("flash", "T01", "--rig", live, "--force-same")
    asked.assert_one_line_error(InputError.exit_code, "nobody can be asked")
    role = tmp_path / "coil.nfb"
    assert nullfield("bundle", "build", "coil_pico2", "--mcu", "virtual", "-o", role).code == 0
    wrong = nullfield("flash", "T01", "--rig", live, "--bundle", role, "--yes")
    wrong.assert_one_line_error(WrongRoleError.exit_code, "T01", "table board", "coil board")
    mcu = tmp_path / "table.nfb"
    assert nullfield("bundle", "build", "table_pico2", "-o", mcu).code == 0
    other = nullfield("flash", "T01", "--rig", live, "--bundle", mcu, "--yes")
    other.assert_one_line_error(FlashError.exit_code, "rp2350")
    spoilt = bytearray(mcu.read_bytes())
    spoilt[-400] ^= 1
    mcu.write_bytes(spoilt)
    damaged = nullfield("flash", "T01", "--rig", live, "--bundle", mcu, "--yes")
    damaged.assert_one_line_error(BundleError.exit_code, "table.nfb")
    nobody = nullfield("flash", "S09", "--rig", live, "--yes")
    nobody.assert_one_line_error(BoardNotFoundError.exit_code, "S09", "T01", "B01")
    listed = nullfield("boards", "--rig", live, "--json")
    assert {one["board"] for one in json.loads(listed.out)} == {"table_pico2", "bringup_pico2"}


def test_a_port_that_is_taken(nullfield):
    port = board_port(Role.TABLE)
    holder = SerialTransport(port.path)
    holder.open()
    try:
        taken = nullfield("flash", port.path, "--board", "table_pico2", "--yes")
        taken.assert_one_line_error(6, port.path, "in use by another program")
    finally:
        holder.close()
        port.close()


def test_a_port_with_something_else(nullfield):
    port = noise_port(b"hello\r\n")
    try:
        other = nullfield("flash", port.path, "--board", "table_pico2", "--yes")
        other.assert_one_line_error(BoardNotFoundError.exit_code, port.path, "neither")
    finally:
        port.close()


def test_a_board_nobody_has_the_definition_of(nullfield):
    # The fake board says a name that no definition has.
    port = board_port(Role.TABLE)
    try:
        unknown = nullfield("flash", port.path, "--yes")
        unknown.assert_one_line_error(InputError.exit_code, "no board definition")
    finally:
        port.close()


def test_bad_arguments(nullfield):
    nullfield("flash").assert_one_line_error(InputError.exit_code, "which board")
    unit = nullfield("flash", "/dev/x", "--board", "table_pico2", "--unit", "a b", "--yes")
    unit.assert_one_line_error(InputError.exit_code, "'a b'")
    accept = nullfield("flash", "/dev/nullfield-none", "--accept", "luck", "--yes")
    accept.assert_one_line_error(InputError.exit_code, "luck")
    nullfield("flash", "/dev/nullfield-none", "-y").assert_one_line_error(6, "no such port")
    virtual = nullfield("flash", "all", "--rig", "bench4", "--yes")
    virtual.assert_one_line_error(4, "bench4", "virtual")
    setting = nullfield(
        "provision", "/dev/x", "--board", "table_pico2", "--unit", "T01", "--setting", "speed"
    )
    setting.assert_one_line_error(InputError.exit_code, "'speed' is not NAME=VALUE")
