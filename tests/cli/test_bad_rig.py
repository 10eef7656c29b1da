"""Rig files with something wrong: named, with the fix, before anything is started."""

import pytest

SENSOR, COIL = "e66138528350b001", "e66138528351b001"


def replaced(old, new):
    def change(text):
        assert old in text
        return text.replace(old, new, 1)

    return change


BAD = {
    "unknown key": (lambda t: 'colour = "red"\n' + t, "colour: unknown key"),
    "unknown key of a head": (
        replaced("slot = 0", "slot = 0\nslto = 1"),
        "heads.0.slto: unknown key",
    ),
    "wrong type": (replaced("slot = 1", 'slot = "second"'), "heads.1.slot: "),
    "out of range": (replaced("channel = 7", "channel = 8"), "coils.7.channel: "),
    "missing key": (replaced('role = "sensor"\n', ""), "boards.0.role: "),
    "uid malformed": (replaced(f'uid = "{SENSOR}"', 'uid = "E6"'), "boards.0.uid: "),
    "axes not square": (
        replaced("[0.0, 1.0, 0.0]]", "[0.0, 1.0, 0.1]]"),
        "heads.0.axes: axes must be three orthogonal",
    ),
    "two boards with one uid": (
        replaced(f'uid = "{COIL}"', f'uid = "{SENSOR}"'),
        f"uid {SENSOR} stands 2",
    ),
    "head on a coil board": (
        replaced(f'board = "{SENSOR}"', f'board = "{COIL}"'),
        f"heads: H1: board {COIL} is a coil board",
    ),
    "head on no board": (
        replaced(f'board = "{SENSOR}"', 'board = "0000000000000000"'),
        "no board has the uid 0000000000000000",
    ),
    "two heads on a slot": (replaced("slot = 1", "slot = 0"), "2 heads sit on slot 0"),
    "two coils on a channel": (replaced("channel = 1", "channel = 0"), "2 coils sit on channel 0"),
    "one name twice": (replaced('name = "H2"', 'name = "H1"'), "the name H1 stands 2 times"),
    "virtual and real": (
        replaced('port = "virtual"', 'port = "/dev/ttyACM0"'),
        "virtual and real boards are mixed",
    ),
    "unknown scenario key": (
        replaced("room_residual_nt = 50.0", "room_resdiual_nt = 50.0"),
        "unknown key 'room_resdiual_nt'",
    ),
    "wrong scenario type": (
        replaced("room_residual_nt = 50.0", 'room_residual_nt = "much"'),
        "virtual.room_residual_nt: ",
    ),
    "scenario is no table": (
        lambda t: "virtual = 3\n" + t.partition("# The virtual world")[0],
        "'virtual' must be a table",
    ),
    "not TOML": (lambda t: t + "\n[[[", "not a TOML file"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_rig(what, bench4, nullfield, tmp_path):
    change, words = BAD[what]
    rig = tmp_path / "spoilt.toml"
    rig.write_text(change(bench4), encoding="utf-8")
    nullfield("exam", "--rig", rig, "--out", tmp_path / "out").assert_one_line_error(4, words)
    assert not (tmp_path / "out").exists()


def test_bad_rig_is_named(bench4, nullfield, tmp_path):
    rig = tmp_path / "spoilt.toml"
    rig.write_text('colour = "red"\n' + bench4, encoding="utf-8")
    for command in (("boards", "--rig"), ("start", "--rig"), ("null", "--rig"), ("virtual",)):
        nullfield(*command, rig).assert_one_line_error(4, "spoilt.toml", "colour")


def test_unknown_scenario_key_of_a_standing_instrument(bench4, nullfield, tmp_path):
    rig = tmp_path / "spoilt.toml"
    rig.write_text(bench4 + "gravity = 9.81\n", encoding="utf-8")
    nullfield("virtual", rig).assert_one_line_error(4, "gravity")


def test_unknown_rig_lists_those_that_ship(nullfield):
    outcome = nullfield("exam", "--rig", "bench5")
    outcome.assert_one_line_error(4, "bench5: no such rig")
    assert "bench4" in outcome.err
    assert "demo36" in outcome.err


def test_rig_that_is_a_folder(nullfield, tmp_path):
    nullfield("exam", "--rig", tmp_path).assert_one_line_error(4, str(tmp_path))


def test_rig_of_strange_bytes(nullfield, tmp_path):
    rig = tmp_path / "latin.toml"
    rig.write_bytes(b'name = "\xff\xfe"\n')
    nullfield("exam", "--rig", rig).assert_one_line_error(4, "latin.toml")
