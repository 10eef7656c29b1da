"""``shell``, ``trace`` and ``log`` on virtual boards, through ports."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "hil_tests"))

from targets import ROLES, virtual_target

from nullfield.devices.connect import connect
from nullfield.devices.find import PortState, find_board, look_at_port
from nullfield.errors import NullfieldError
from nullfield.transport.serial_port import SerialTransport
from nullfield.transport.timing import WallClock
from nullfield_protocol.catalogue import BoardState, TableFlag

GENEROUS_S = 30.0

pytestmark = pytest.mark.micropython


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """One standing virtual board of each role."""
    with virtual_target(tmp_path_factory.mktemp("flash")) as standing:
        for port in standing.ports.values():
            wait_ready(port)
        yield standing


def wait_ready(port):
    """On a busy machine the first answer of a virtual board may take seconds."""
    for attempt in range(20):
        try:
            connect(SerialTransport(port), WallClock()).close()
            return
        except NullfieldError:
            if attempt == 19:
                raise


@pytest.fixture
def port(target):
    return target.ports["coil"]


def state_of(port):
    """State of a board, asked anew."""
    with connect(SerialTransport(port), WallClock()) as board:
        return board.identity.state


def test_a_line_of_commands(nullfield, port):
    outcome = nullfield(
        "shell", port, "-c", "who; set ramp_rate 50 mA/s; start; coil_set 2 1 mA",
        "-c", "wait 0.5; telemetry current; stop; selftest",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert ROLES["coil"] in lines[0]
    assert lines[1] == "ramp_rate = 50 mA/s"
    currents = next(one for one in lines if one.startswith("current_a")).split("[")[1][:-1].split()
    assert float(currents[2]) == pytest.approx(1e-3, rel=0.02)
    assert "outputs are off" in lines
    assert any("info: outputs off: the host asked for it" in one for one in lines)
    assert lines[-1] == "self-test: good"


def test_outputs_go_off_however_it_ends(nullfield, port):
    outcome = nullfield("shell", port, "-c", "start; coil_set 9 1 mA")
    outcome.assert_one_line_error(3, "coil_set: there is no channel 9")
    assert state_of(port) is BoardState.SAFE
    outcome = nullfield("shell", port, "-c", "start; coil_set 1 100 mA")
    outcome.assert_one_line_error(9, "above the maximum")
    assert state_of(port) is BoardState.SAFE
    assert nullfield("shell", port, "-c", "start").code == 0
    assert state_of(port) is BoardState.SAFE


def test_kept_outputs_stay_until_the_board_misses_its_host(nullfield, port):
    assert nullfield("shell", port, "--keep", "-c", "set host_timeout 30 s; start").code == 0
    assert state_of(port) is BoardState.ACTIVE
    assert nullfield("shell", port, "-c", "stop; defaults").code == 0


def test_commands_from_standard_input(nullfield, port, monkeypatch):
    monkeypatch.setattr(
        sys, "stdin", io.StringIO("# set up\nget host_timeout\nset ramp_rate 3 V\nwho")
    )
    outcome = nullfield("shell", port)
    outcome.assert_one_line_error(3, "ramp_rate", "not in A/s")
    assert outcome.out.splitlines() == ["host_timeout = 2 s"]
    assert "line 3: set ramp_rate 3 V" in outcome.err


def test_a_conversation(nullfield, port, monkeypatch, tmp_path):
    """Keys as a person types them: an error does not end it, outputs end off."""
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text("bogus\rget readback_tolerance\rstart\r\x03\x04")
        outcome = nullfield("shell", port)
    assert outcome.code == 0, outcome.err
    assert "'bogus': the board has no such command" in outcome.err
    assert "readback_tolerance = 200 µA" in outcome.out
    assert state_of(port) is BoardState.SAFE
    history = (tmp_path / "nullfield" / "shell-history").read_text(encoding="utf-8")
    assert "+get readback_tolerance" in history


def test_reset_comes_back_and_saved_settings_stay(nullfield, port):
    outcome = nullfield(
        "shell", port, "-c",
        "set ramp_rate 7 mA/s; save; set ramp_rate 9 mA/s; reset; get ramp_rate; defaults; save",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert any(one.startswith("restarted: coil board") for one in lines)
    assert "ramp_rate = 7 mA/s" in lines


def test_repl_shows_the_prompt_and_a_reset_brings_the_board_back(nullfield, target):
    port = target.ports["bringup"]
    outcome = nullfield("shell", port, "-c", "repl")
    assert outcome.code == 0, outcome.err
    assert f"mpremote connect {port}" in outcome.out
    found = find_board(port, WallClock())
    assert found.state is PortState.PROMPT
    nullfield("shell", port, "-c", "who").assert_one_line_error(8, port, "MicroPython")
    # Ctrl-D at the friendly prompt resets a board.
    transport = SerialTransport(port)
    transport.open()
    transport.write(b"\x04")
    transport.close()
    assert any(is_ready(port) for _ in range(10))


def is_ready(port):
    """Whether the application answers; a look takes about a second where nobody does."""
    return look_at_port(port, WallClock()).state is PortState.READY


def test_a_step_of_current_is_traced(nullfield, port, tmp_path):
    csv, plot = tmp_path / "step.csv", tmp_path / "step.png"
    outcome = nullfield(
        "trace", port, "--signals", "coil0_current,coil0_command", "--samples", "200",
        "--trigger", "rising:coil0_command:0.1 mA", "--pre", "0.2", "--csv", csv, "--plot", plot,
        "--do", "start; coil_set 0 1 mA",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert plot.read_bytes().startswith(b"\x89PNG")
    head, *rows = csv.read_text(encoding="utf-8").splitlines()
    # The signal that triggers comes first.
    assert head == "time_s,coil0_command_A,coil0_current_A"
    time_s, command, current = np.array([[float(v) for v in row.split(",")] for row in rows]).T
    assert len(time_s) == 200
    assert time_s[40] == 0
    assert np.diff(time_s) == pytest.approx(1e-3)
    assert command[39] < 1e-4 <= command[40]
    # The ramp is 20 mA/s by its setting; the current follows two blocks later.
    rising = (command > 0) & (command < 0.99e-3)
    assert np.diff(command[rising]) == pytest.approx(20e-6)
    assert current[-1] == pytest.approx(1e-3, rel=0.01)
    assert abs(current[30]) < 1e-6
    assert state_of(port) is BoardState.SAFE


def test_conversions_as_json_and_in_the_terminal(nullfield, target):
    port = target.ports["sensor"]
    outcome = nullfield("trace", port, "--signals", "head0_light_adc", "--samples", "64", "--json")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    assert result["period_s"] == pytest.approx(62.5e-6)
    values = result["signals"][0]["values"]
    assert len(values) == 64
    # Noise of a converter: no two blocks alike.
    assert len(set(values)) > 8
    outcome = nullfield("trace", port, "--signals", "head0_light_adc", "--rate", "4000")
    assert outcome.code == 0, outcome.err
    assert "one every 250 µs" in outcome.out
    assert "⠀" in outcome.out


def test_a_fault_is_traced(nullfield, target):
    port = target.ports["table"]
    trace = subprocess.Popen(
        [sys.executable, "-m", "nullfield.cli.app", "trace", port, "--signals", "flags",
         "--trigger", "fault", "--samples", "100", "--pre", "0.5", "--json", "--do", "who",
         "--timeout", str(GENEROUS_S)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    # What --do says comes when the part before the trigger is full.
    assert "table board" in trace.stderr.readline()
    target.condition("table", input="estop", level=1)
    out, err = trace.communicate(timeout=2 * GENEROUS_S)
    target.condition("table", input="estop", level=0)
    assert nullfield("shell", port, "-c", "clear").code == 0
    assert trace.returncode == 0, err
    result = json.loads(out)
    assert result["before_count"] == 50
    pressed = [
        bool(int(value) & TableFlag.EMERGENCY_STOP) for value in result["signals"][0]["values"]
    ]
    assert pressed == [False] * 50 + [True] * 50


def test_a_trigger_that_does_not_come(nullfield, port):
    outcome = nullfield(
        "trace",
        port,
        "--signals",
        "supply",
        "--trigger",
        "fault",
        "--timeout",
        "0.3",
        "--samples",
        "200",
    )
    outcome.assert_one_line_error(11, "the trigger did not come within 0.5 s")


def test_signals_are_listed(nullfield, target):
    for role, name in (
        ("table", "position"),
        ("bringup", "mcu_temperature"),
        ("coil", "coil7_adc"),
    ):
        outcome = nullfield("trace", target.ports[role], "--list", "--json")
        assert outcome.code == 0, outcome.err
        assert {"block_load", "supply", name} <= {one["name"] for one in json.loads(outcome.out)}
    outcome = nullfield("trace", target.ports["table"], "--list")
    assert "room for 2048 values" in outcome.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--signals", "coil0_curent"], "there is no signal coil0_curent"),
        (["--signals", ",".join(f"coil{n}_adc" for n in range(5))], "5 signals"),
        (["--signals", "supply", "--trigger", "rising:supply"], "the level is missing"),
        (["--signals", "supply", "--trigger", "rising:supply:5 A"], "not in V"),
        (["--signals", "supply", "--trigger", "sometimes"], "no such trigger"),
        (["--signals", "supply", "--samples", "3000"], "3000 samples of 1 signals"),
        (["--signals", "supply", "--rate", "16000"], "a rate of 16000 Hz"),
        (["--signals", "supply", "--rate", "100", "--decimation", "2"], "are the same thing"),
        (["--signals", "supply", "--pre", "1"], "a share of 1"),
        (["--signals", "supply", "--csv", "/nowhere/x.csv"], "its folder is not there"),
        ([], "no signals"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_traces_that_cannot_be(nullfield, port, options, words):
    nullfield("trace", port, *options).assert_one_line_error(3, words)


def test_log_follows_faults_of_several_boards(nullfield, target):
    """The table's emergency stop is pressed while its log and the coil board's are followed."""
    ports = [target.ports["coil"], target.ports["table"]]
    log = subprocess.Popen(
        [sys.executable, "-m", "nullfield.cli.app", "log", *ports, "--count", "1", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    following = [log.stderr.readline(), log.stderr.readline()]
    assert [one.split()[1] for one in following] == ["coil", "table"]
    target.condition("table", input="estop", level=1)
    out, err = log.communicate(timeout=GENEROUS_S)
    assert log.returncode == 0, err
    (line,) = [json.loads(one) for one in out.splitlines()]
    assert line["fault"]["code"] == "table emergency stop"
    assert (line["board"], line["level"], line["role"]) == (ROLES["table"], "error", "table")
    # Who comes later hears of it, too: it is latched until it is cleared.
    late = nullfield("log", ports[1], "--count", "1")
    assert late.code == 0, late.err
    assert late.out.rstrip().endswith("fault: table emergency stop (source 0, value 0), latched")
    target.condition("table", input="estop", level=0)
    assert nullfield("shell", ports[1], "-c", "clear").code == 0


def test_log_says_what_is_wrong(nullfield, port):
    nullfield("log").assert_one_line_error(3, "no board")
    nullfield("log", "/dev/nullfield-gone").assert_one_line_error(6, "no such port")
    nullfield("log", port, port).assert_one_line_error(7, "named twice")


def test_boards_of_a_virtual_rig_are_found_by_parts_of_their_uid(nullfield):
    from targets import RIG

    outcome = nullfield("shell", "351b001", "--rig", RIG, "-c", "who; start; wait 0.1; reset; who")
    assert outcome.code == 0, outcome.err
    assert outcome.out.count(ROLES["coil"]) >= 3
    nullfield("shell", "b001", "--rig", RIG).assert_one_line_error(7, "boards answer to it")
    nullfield("shell", "S77x", "--rig", RIG).assert_one_line_error(7, "no such board in rig")


def test_a_board_by_name_on_a_rig_of_ports(nullfield, target, tmp_path):
    from targets import RIG

    lines = []
    for line in RIG.read_text(encoding="utf-8").split("[virtual]")[0].splitlines():
        lines.append(line)
        if line.startswith("uid = "):
            uid = line.split('"')[1]
            lines.append(
                f'port = "{dict(zip(ROLES.values(), target.ports.values(), strict=True))[uid]}"'
            )
    rig = tmp_path / "live.toml"
    rig.write_text("\n".join(lines), encoding="utf-8")
    outcome = nullfield("shell", "352b001", "--rig", rig, "-c", "who")
    assert outcome.code == 0, outcome.err
    assert ROLES["table"] in outcome.out
    nullfield("trace", "S01", "--rig", rig, "--list").assert_one_line_error(7, "S01: no such board")
