"""``monitor``, ``noise`` and ``sweep`` by the command line."""

import io
import json

import pytest
from rich.console import Console

from nullfield.cli import monitor
from nullfield.cli.monitor_view import fitting_columns, json_line, view
from nullfield.instrument.watch_boards import BoardRow, CoilRow, HeadRow, Snapshot

SENSOR, COIL = "e66138528350b001", "e66138528351b001"


def head(number, state="ready", **changed):
    row = {
        "name": f"H{number:02d}", "board": SENSOR, "state": state, "fault": "", "cell_c": 150.0,
        "laser_c": 45.12, "is_locked": True, "is_loop_closed": True, "light_ua": 7.9,
        "heater_mw": 251.0, "field_nt": (1.25, -40.5, 0.0), "noise_ft_rthz": (13.2, 14.1),
        "coil_offset_nt": (-1.25, 40.5, 0.0), "flags": "",
    }  # fmt: skip
    return HeadRow(**{**row, **changed})


def snapshot(n_heads=4, **first):
    heads = (head(1, **first), *(head(n) for n in range(2, n_heads + 1)))
    boards = (
        BoardRow("S01", SENSOR, "sensor", "active", 0.41, 61440, 5000, {}, ""),
        BoardRow("C01", COIL, "coil", "off", None, None, 0, {"link": 3}, "gone: unplugged"),
    )
    return Snapshot(12.3, boards, heads, (CoilRow("Bx", COIL, 1.0, 0.9998),))


def drawn(shown, width, height=None):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(view(shown, width, height))
    return console.export_text()


def test_a_wide_terminal_shows_everything():
    text = drawn(snapshot(state="fault", fault="laser_lock_lost"), 200)
    for word in ("H01", "laser lock lost", "150.0", "45.12", "7.90", "251", "-40.50", "13", "14",
                 "40.50", "Bx 0.9998", "41 %", "60 KiB", "gone: unplugged", "S01"):  # fmt: skip
        assert word in text, word


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 140])
def test_narrow_terminals_lose_columns_not_lines(width):
    lines = drawn(snapshot(), width).splitlines()
    assert max(len(line) for line in lines) <= width
    for number in range(1, 5):
        assert sum(f"H{number:02d}" in line for line in lines) == 1
    titles = fitting_columns(width)
    assert titles[:2] == ["head", "state"]
    if width >= 60:
        assert "field x y b nT" in titles
        assert "fT/√Hz" in titles
    if width >= 80:
        assert "cell °C" in titles
        assert "fault, flags" in titles


def test_low_terminals_keep_the_faults():
    shown = snapshot(40)
    shown = Snapshot(
        0.0, shown.boards, (*shown.heads[:-1], head(40, "fault", fault="cell_sensor")), shown.coils
    )
    text = drawn(shown, 120, 20)
    assert len(text.splitlines()) <= 20
    assert "cell sensor" in text
    assert "more" in text


def test_json_is_one_line_with_null_for_what_is_not_there():
    text = json_line(snapshot(noise_ft_rthz=None, cell_c=float("nan")))
    assert "\n" not in text
    read = json.loads(text)
    assert read["heads"][0]["noise_ft_rthz"] is None
    assert read["heads"][0]["cell_c"] is None
    assert read["heads"][1]["field_nt"] == [1.25, -40.5, 0.0]


@pytest.mark.micropython
def test_one_look_at_a_virtual_rig(nullfield):
    outcome = nullfield("monitor", "--rig", "bench4", "--once", "--json")
    assert outcome.code == 0, outcome.err
    (line,) = outcome.out.splitlines()
    read = json.loads(line)
    assert [one["uid"] for one in read["boards"]] == [SENSOR, COIL]
    assert {one["state"] for one in read["heads"]} == {"off"}
    assert [one["name"] for one in read["heads"]] == ["H1", "H2", "H3", "H4"]
    assert [one["name"] for one in read["coils"]][:3] == ["Bx", "By", "Bz"]
    # Three seconds at 1 kHz; nothing lost.
    assert read["boards"][0]["rows"] > 2900
    assert read["boards"][0]["lost"] == {}


@pytest.mark.micropython
def test_ctrl_c_ends_the_monitor_without_an_error(nullfield, monkeypatch):
    looks = []
    take = monitor.take_snapshot

    def look(*arguments):
        if len(looks) == 2:
            raise KeyboardInterrupt
        looks.append(take(*arguments))
        return looks[-1]

    monkeypatch.setattr(monitor, "take_snapshot", look)
    outcome = nullfield("monitor", SENSOR, "--rig", "bench4", "--interval", "0.3")
    assert outcome.code == 0, outcome.err
    assert "outputs are left as they were found" in outcome.err
    assert len(looks) == 2
    assert outcome.out.count("H1") == 2
    assert {board.state for board in looks[1].boards} == {"safe"}


@pytest.mark.micropython
@pytest.mark.parametrize("command", ["monitor", "noise", "sweep"])
def test_unknown_boards(nullfield, command):
    more = ("--parameter", "bandwidth", "--from", "5", "--to", "10", "--steps", "2")
    outcome = nullfield(
        command, "0123456789abcdef", "--rig", "bench4", *(more if command == "sweep" else ())
    )
    outcome.assert_one_line_error(7, "0123456789abcdef", "no such board in rig bench4")
    assert SENSOR in outcome.err


@pytest.mark.micropython
def test_a_coil_board_has_no_noise_of_heads(nullfield):
    nullfield("noise", COIL, "--rig", "bench4").assert_one_line_error(8, "no sensor heads")


@pytest.mark.micropython
def test_a_sweep_beyond_the_limits_is_refused_before_anything_is_on(nullfield):
    outcome = nullfield(
        "sweep", SENSOR, "--rig", "bench4", "--parameter", "modulation_amplitude",
        "--from", "50 nT", "--to", "120 nT", "--steps", "3",
    )  # fmt: skip
    outcome.assert_one_line_error(3, "modulation_amplitude 120 nT", "beyond")
    assert "10 nT to 100 nT" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--parameter", "loop_closed", "--from", "0", "--to", "1"), "'loop_closed' cannot"),
        (("--parameter", "bandwidth", "--from", "5 kg", "--to", "10"), "--from: '5 kg'"),
        (
            ("--parameter", "bandwidth", "--from", "5", "--to", "9", "--plot", "a.txt"),
            "a.txt: no kind of figure",
        ),
        (
            ("--parameter", "bandwidth", "--from", "5", "--to", "9", "--plot", "no/where/a.png"),
            "its folder is not there",
        ),
    ],
)
def test_bad_words_are_found_before_a_board_is_asked(nullfield, arguments, words):
    nullfield("sweep", SENSOR, "--steps", "3", *arguments).assert_one_line_error(3, words)


def test_a_loop_that_is_neither_open_nor_closed(nullfield):
    nullfield("noise", SENSOR, "--loop", "ajar").assert_one_line_error(3, "--loop ajar")


def test_a_board_named_twice(nullfield):
    outcome = nullfield("monitor", SENSOR, SENSOR, "--rig", "bench4")
    outcome.assert_one_line_error(3, "named twice")


def test_no_board_anywhere(nullfield, monkeypatch):
    monkeypatch.setattr(monitor, "serial_ports", dict)
    nullfield("monitor").assert_one_line_error(7, "no board's port")
