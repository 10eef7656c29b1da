"""Typed lines: how they are cut, what their arguments mean, what may follow."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "link"))

from fake_board import FakeBoard, StepClock

from nullfield.devices.connect import connect
from nullfield.errors import InputError, RequestError
from nullfield.shell.arguments import ROLE_COMMANDS, take_arguments
from nullfield.shell.completion import choices
from nullfield.shell.session import Shell, commands_of
from nullfield_protocol.catalogue import Command, ErrorCode, FaultCode, Role


def test_commands_are_parted_by_semicolons_and_lines():
    text = "get a; set b 1 mA\n# a remark\n\nstop # another\n trace x do='start; stop' ;; quit"
    assert list(commands_of(text)) == [
        ["get", "a"], ["set", "b", "1", "mA"], ["stop"], ["trace", "x", "do=start; stop"], ["quit"],
    ]  # fmt: skip
    with pytest.raises(InputError, match="quotation"):
        list(commands_of("trace x do='start"))


@pytest.mark.parametrize(
    ("command", "words", "numbers"),
    [
        (Command.COIL_SET, "3 1.5 mA", [3, 1_500_000]),
        (Command.COIL_SET, "0 -2e-3", [0, -2_000_000]),
        (Command.COIL_ENABLE, "ON", [1]),
        (Command.SENSOR_START, "", [15]),
        (Command.SENSOR_START, "0 2", [5]),
        (Command.SENSOR_ZERO, "1,3", [10]),
        (Command.SENSOR_LOOP, "off 2", [4, 0]),
        (Command.TABLE_MOVE, "55 cm 2", None),
        (Command.TABLE_MOVE, "550 mm 40 mm/s", [550_000, 40_000]),
        (Command.TABLE_MOVE, "0.1 0.02", [100_000, 20_000]),
        (Command.TABLE_HOLD, "out 20 mm/s", [-1, 20_000]),
        (Command.TABLE_HOLD, "in 0.01", [1, 10_000]),
        (Command.TABLE_HOLD, "stand 0", [0, 0]),
        (Command.TABLE_HOLD, "up 20 mm/s", None),
        (Command.COIL_SET, "8 1 mA", None),
        (Command.COIL_SET, "1.5 1 mA", None),
        (Command.COIL_SET, "1", None),
        (Command.COIL_SET, "1 1 mA 2", None),
        (Command.COIL_SET, "1 1 V", None),
        (Command.COIL_SET, "1 5 kA", None),
        (Command.COIL_ENABLE, "maybe", None),
        (Command.SENSOR_START, "4", None),
        (Command.TABLE_HOME, "now", None),
    ],
    ids=lambda v: str(v),
)
def test_arguments_of_commands(command, words, numbers):
    name, (_, arguments, _) = command.name.lower(), ROLE_COMMANDS[command]
    if numbers is None:
        with pytest.raises(InputError, match=name) as wrong:
            take_arguments(name, arguments, words.split())
        assert wrong.value.hint
    else:
        assert take_arguments(name, arguments, words.split()) == numbers


def test_every_command_of_a_role_can_be_typed():
    named = {one for one in Command if one >= Command.SENSOR_START}
    assert set(ROLE_COMMANDS) == named


class Desk:
    """A shell on a fake board."""

    port = "fake"

    def __init__(self, role=Role.SENSOR):
        self.clock = StepClock()
        self.fake = FakeBoard(self.clock, role)
        self.said = []
        self.shell = Shell(connect(self.fake, self.clock), self, self.said.append)

    def reconnect(self):
        raise AssertionError("nobody resets here")

    def texts(self, line):
        return [one.text for one in choices(self.shell, line)]


def test_role_commands_reach_the_board():
    desk = Desk()
    desk.shell.run("start 1; sensor_loop on 1 3; stop; STREAM off; blink 3 s")
    sent = [(command, argument[:2]) for command, argument in desk.fake.commands]
    assert sent[-5:] == [
        (Command.SENSOR_START, [2, 0]), (Command.SENSOR_LOOP, [10, 1]), (Command.SAFE_OFF, [0, 0]),
        (Command.STREAM_STOP, [0, 0]), (Command.BLINK, [3, 0]),
    ]  # fmt: skip


def test_commands_of_other_roles_are_unknown():
    for line in ("coil_set 0 1 mA", "frobnicate"):
        with pytest.raises(InputError, match=f"'{line.split()[0]}': the board has no such command"):
            Desk().shell.run(line)


def test_settings_are_typed_with_units_and_limits_are_the_boards():
    desk = Desk()
    desk.shell.run("set heater_power_limit 250 mW; get heater_power_limit; set closed_loop off")
    assert desk.said == [
        "heater_power_limit = 250 mW", "heater_power_limit = 250 mW", "closed_loop = off",
    ]  # fmt: skip
    with pytest.raises(RequestError, match="above the maximum") as refused:
        desk.shell.run("set heater_power_limit 7 W")
    assert refused.value.code == ErrorCode.ABOVE_MAXIMUM
    with pytest.raises(InputError, match="heater_power_limit: '3 A' is not in W"):
        desk.shell.run("set heater_power_limit 3 A")
    with pytest.raises(RequestError, match="there is no setting heater_powr") as unknown:
        desk.shell.run("get heater_powr_limit")
    assert "heater_power_limit" in unknown.value.hint


def test_the_first_command_that_fails_ends_the_line():
    desk = Desk()
    desk.fake.errors[Command.SENSOR_ZERO] = (ErrorCode.WRONG_STATE, 3)
    with pytest.raises(RequestError, match="sensor_zero"):
        desk.shell.run("sensor_zero; start")
    assert Command.SENSOR_START not in [command for command, _ in desk.fake.commands]


def test_faults_are_told_once_and_named():
    desk = Desk()
    desk.fake.fault(FaultCode.CELL_SENSOR, source=2)
    desk.shell.run("wait 0.1; wait 0.1; faults")
    assert sum("fault: cell sensor (source 2" in line for line in desk.said) == 1
    assert desk.said[-1] == "state fault, latched fault: interlock open"
    desk.shell.run("clear; faults")
    assert desk.said[-1] == "state safe, latched fault: none"


def test_completion_of_commands_settings_and_values():
    desk = Desk()
    assert desk.texts("sensor_z") == ["sensor_zero"]
    assert "start" in desk.texts("stop; st")
    assert "coil_set" not in desk.texts("co")
    assert desk.texts("set heat") == ["heater_power_limit"]
    assert desk.texts("set closed_loop ") == ["on", "off"]
    assert desk.texts("set heater_power_limit ") == ["300"]
    assert desk.texts("set heater_power_limit 250 ") == ["mW"]
    assert desk.texts("get closed_loop ser") == ["serial_number"]
    assert desk.texts("start 0 ") == ["1", "2", "3"]
    assert desk.texts("sensor_loop o") == ["on", "off"]
    assert desk.texts("help te") == ["telemetry"]
    assert desk.texts("set nothing ") == []
    assert desk.texts("bogus ") == []
    notes = {one.text: one.note for one in choices(desk.shell, "set ")}
    assert notes["heater_power_limit"] == "300 mW   (0 W to 600 mW, by default 300 mW)"


def test_help_lists_what_there_is():
    desk = Desk()
    desk.shell.run("help")
    assert len(desk.said) == len(desk.shell.verbs)
    desk.said.clear()
    desk.shell.run("help sensor_loop")
    assert desk.said == ["sensor_loop off|on [HEAD...]  close (on) or open (off) the field loops"]
