"""``boards check``, ``boards show``, ``boards new``, and ``boards`` alone as before."""

import json
import shutil

import pytest

from nullfield.definitions import board_names, load_board
from nullfield.places import boards_directory


@pytest.fixture
def spoilt(tmp_path):
    """A copy of a shipped board with a pin used twice."""
    folder = tmp_path / "coil_pico2"
    shutil.copytree(boards_directory() / "coil_pico2", folder)
    file = folder / "board.py"
    text = file.read_text(encoding="utf-8")
    assert '"pin": 28' in text
    file.write_text(text.replace('"pin": 28', '"pin": 22'), encoding="utf-8")
    return folder


def test_all_that_ship_are_checked(nullfield):
    outcome = nullfield("boards", "check")
    assert outcome.code == 0
    assert not outcome.err
    for name in board_names():
        assert name in outcome.out
    results = json.loads(nullfield("boards", "check", "--json").out)
    assert [one["board"] for one in results] == list(board_names())
    assert all(one["ok"] and one["pins"] for one in results)


def test_fault_ends_with_key_pin_and_fix(nullfield, spoilt):
    outcome = nullfield("boards", "check", "sensor_pico", spoilt)
    outcome.assert_one_line_error(3, "board.py: inputs.sync.pin: GPIO22", "coil_enable")
    good, bad = json.loads(nullfield("boards", "check", "sensor_pico", spoilt, "--json").out)
    assert good["ok"]
    assert not bad["ok"]
    assert bad["problems"][0]["key"] == "inputs.sync.pin"


def test_unknown_board(nullfield):
    outcome = nullfield("boards", "check", "nonesuch")
    outcome.assert_one_line_error(3, "no board definition 'nonesuch'")
    assert "sensor_pico2" in outcome.err
    nullfield("boards", "show", "nonesuch").assert_one_line_error(3, "nonesuch")


def test_show(nullfield):
    outcome = nullfield("boards", "show", "table_pico")
    assert outcome.code == 0
    assert "GPIO12" in outcome.out
    assert "U1 ENN" in outcome.out
    shown = json.loads(nullfield("boards", "show", "table_pico", "--json").out)
    rows = {row["GPIO"]: row for row in shown["wiring"]}
    assert rows["GPIO12"]["pin"] == "16"
    assert rows["GPIO12"]["level"] == "high (off), 10 kΩ pull-up"


@pytest.mark.parametrize(
    "options",
    [
        *(("--from", name) for name in board_names()),
        ("--role", "sensor", "--mcu", "rp2040"),
        ("--role", "bringup", "--mcu", "rp2350"),
        ("--from", "coil_pico2", "--mcu", "rp2040"),
    ],
    ids=" ".join,
)
def test_new_passes_the_check_and_has_a_page(nullfield, tmp_path, options):
    assert nullfield("boards", "new", "mine", *options, "--out", tmp_path).code == 0
    assert nullfield("boards", "check", tmp_path / "mine").code == 0
    board = load_board(tmp_path / "mine")
    assert board.name == "mine"
    if "--mcu" in options:
        assert board.mcu == options[-1]
    assert (tmp_path / "mine" / "README.md").read_text(encoding="utf-8").startswith("# mine\n")
    text = (tmp_path / "mine" / "board.py").read_text(encoding="utf-8")
    assert text.startswith('"""mine, started from ')


def test_new_overwrites_nothing(nullfield, tmp_path):
    arguments = ("boards", "new", "mine", "--from", "coil_pico2", "--out", tmp_path)
    assert nullfield(*arguments).code == 0
    file = tmp_path / "mine" / "board.py"
    file.write_text("mine\n", encoding="utf-8")
    nullfield(*arguments).assert_one_line_error(3, "is there already")
    assert file.read_text(encoding="utf-8") == "mine\n"


def test_new_does_not_carry_a_pull_down_to_the_chip_with_the_erratum(nullfield, tmp_path):
    nullfield("boards", "new", "first", "--from", "table_pico", "--out", tmp_path)
    file = tmp_path / "first" / "board.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"pin": 13, "pull": None', '"pin": 13, "pull": "down"'))
    outcome = nullfield(
        "boards",
        "new",
        "second",
        "--from",
        tmp_path / "first",
        "--mcu",
        "rp2350",
        "--out",
        tmp_path,
    )
    outcome.assert_one_line_error(3, "does not fit an RP2350A", "inputs.home.pull: GPIO13")
    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("Mine", "--from", "coil_pico2"), 3, "no name of a board"),
        (("mine", "--from", "nonesuch"), 3, "no board definition 'nonesuch'"),
        (("mine", "--from", "coil_pico2", "--mcu", "esp32"), 3, "unknown microcontroller 'esp32'"),
        (("mine", "--role", "motor", "--mcu", "rp2040"), 3, "no shipped board of role 'motor'"),
    ],
)
def test_new_refuses(nullfield, tmp_path, arguments, code, words):
    nullfield("boards", "new", *arguments, "--out", tmp_path).assert_one_line_error(code, words)


@pytest.mark.parametrize(
    "arguments",
    [(), ("--role", "coil"), ("--role", "coil", "--mcu", "rp2040", "--from", "coil_pico")],
)
def test_new_needs_one_template(nullfield, tmp_path, arguments):
    outcome = nullfield("boards", "new", "mine", *arguments, "--out", tmp_path)
    assert outcome.code == 2
    assert not (tmp_path / "mine").exists()


def test_new_where_nothing_can_be_written(nullfield, tmp_path):
    (tmp_path / "file").write_text("")
    outcome = nullfield("boards", "new", "mine", "--from", "coil_pico2", "--out", tmp_path / "file")
    outcome.assert_one_line_error(3, "Not a directory")


def test_subcommands_have_examples(nullfield):
    for command in ("check", "show", "new"):
        assert f"nullfield boards {command} " in nullfield("boards", command, "--help").out


@pytest.mark.micropython
def test_virtual_rig_runs_an_own_board(nullfield, tmp_path, bench4):
    nullfield("boards", "new", "mine", "--role", "sensor", "--mcu", "rp2040", "--out", tmp_path)
    rig = tmp_path / "rig.toml"
    text = bench4.replace('"coil_pico2"', '"coil_pico"')
    rig.write_text(text.replace('"sensor_pico2"', f'"{tmp_path / "mine"}"'), encoding="utf-8")
    found = json.loads(nullfield("boards", "--rig", rig, "--json").out)
    assert {one["role"]: one["board"] for one in found} == {"sensor": "mine", "coil": "coil_pico"}
    assert all(one["fault"] == "none" for one in found)
