"""The commands that a board's shell knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullfield.devices.board import Board
from nullfield.devices.settings import SettingValue
from nullfield.errors import InputError, ProcedureError
from nullfield.link_accounting import Fault
from nullfield.link_answers import member_text
from nullfield.quantity import format_quantity, parse_quantity
from nullfield.shell.arguments import ROLE_COMMANDS, take_arguments
from nullfield.shell.trace_words import decimation_for, list_lines, show_result, take_signals
from nullfield_protocol.catalogue import BoardState, Command, FaultCode, Role, SelfTestFlag

if TYPE_CHECKING:
    from nullfield.shell.session import Shell

_WAIT_S = 5.0
_TRACE_WAIT_S = 10.0
_MOST_WAIT_S = 3600.0
_BLINK_S = 10
_STARTS = {
    Role.SENSOR: Command.SENSOR_START,
    Role.COIL: Command.COIL_ENABLE,
    Role.TABLE: Command.TABLE_HOME,
}

Run = Callable[["Shell", Sequence[str]], None]


@dataclass(frozen=True)
class Verb:
    """One command of the shell.

    Attributes
    ----------
    takes : str
        What completes its first word: ``setting``, ``signal``, ``head``, ``switch``, ``verb`` or
        nothing.
    """

    name: str
    usage: str
    summary: str
    run: Run
    takes: str = ""


def verbs_of(board: Board[Any]) -> dict[str, Verb]:
    """All commands for a board of its role, by name."""
    role = board.identity.role
    verbs = [*_COMMON]
    if role in _STARTS:
        command = _STARTS[role]
        verbs.append(_role_verb(command, "start"))
    verbs += [_role_verb(c) for c, (of, _, _) in ROLE_COMMANDS.items() if of is role]
    return {one.name: one for one in verbs}


def _role_verb(command: Command, name: str = "") -> Verb:
    name = name or command.name.lower()
    _, arguments, summary = ROLE_COMMANDS[command]
    # `start` means on; the full command says which.
    given = () if name == "start" and command is Command.COIL_ENABLE else arguments

    def run(shell: Shell, words: Sequence[str]) -> None:
        numbers = take_arguments(name, given, words)
        shell.board.link.command(command, *(numbers if given is arguments else [1]))

    first = given[0] if given else None
    takes = "" if first is None else "head" if first.is_heads else "switch" if first.words else ""
    return Verb(name, " ".join([name, *(a.usage for a in given)]), summary, run, takes)


def _none(name: str, words: Sequence[str]) -> None:
    if words:
        raise InputError(f"{name}: '{words[0]}' is too much", f"usage: {name}")


def _help(shell: Shell, words: Sequence[str]) -> None:
    chosen = [shell.verbs[w] for w in words if w in shell.verbs] or list(shell.verbs.values())
    width = max(len(one.usage) for one in chosen)
    for one in chosen:
        shell.say(f"{one.usage:<{width}}  {one.summary}")


def _who(shell: Shell, words: Sequence[str]) -> None:
    _none("who", words)
    who = shell.board.identity
    shell.say(
        f"{who.role.name.lower()} board {who.unit_name or '(no unit name)'} {who.uid}, "
        f"{who.board_name} on {who.mcu.name.lower()}, firmware {who.firmware_version} "
        f"({who.firmware_revision}, slot {who.slot.name.lower()}"
        f"{', on trial' if who.is_trial else ''}), last reset: {who.reset_cause.name.lower()}"
    )


def setting_text(setting: SettingValue) -> str:
    """Value of a setting with its unit; switches as words."""
    if setting.is_boolean:
        return "on" if setting.value else "off"
    return format_quantity(setting.value, setting.unit, 7)


def limits_text(setting: SettingValue) -> str:
    """Limits and default of a setting."""
    if setting.is_boolean:
        return f"on or off, by default {'on' if setting.default else 'off'}"
    low, high, usual = (
        format_quantity(v, setting.unit)
        for v in (setting.minimum, setting.maximum, setting.default)
    )
    return f"{low} to {high}, by default {usual}"


def _settings(shell: Shell, words: Sequence[str]) -> None:
    for setting in shell.board.settings.all().values():
        if all(word in setting.name for word in words):
            marks = "" if setting.is_persistent else ", not saved"
            marks += ", read only" if setting.is_read_only else ""
            shell.say(
                f"{setting.name:<24} {setting_text(setting):>14}   ({limits_text(setting)}{marks})"
            )


def _get(shell: Shell, words: Sequence[str]) -> None:
    if not words:
        raise InputError("get: the name is missing", "usage: get NAME...")
    for name in words:
        shell.board.settings.refresh(name)
        shell.say(f"{name} = {setting_text(shell.board.settings.describe(name))}")


def _set(shell: Shell, words: Sequence[str]) -> None:
    if len(words) < 2:
        raise InputError("set: name or value is missing", "usage: set NAME VALUE [UNIT]")
    name, *rest = words
    settings = shell.board.settings
    value = parse_quantity(" ".join(rest), settings.describe(name).unit, f"setting {name}")
    settings.set(name, value)
    shell.say(f"{name} = {setting_text(settings.describe(name))}")


def _save(shell: Shell, words: Sequence[str]) -> None:
    _none("save", words)
    shell.board.save_settings()
    shell.say("saved")


def _defaults(shell: Shell, words: Sequence[str]) -> None:
    _none("defaults", words)
    shell.board.default_settings()
    shell.say("defaults are in force, not saved")


def _stop(shell: Shell, words: Sequence[str]) -> None:
    _none("stop", words)
    shell.board.safe_off()
    shell.say("outputs are off")


def _stream(shell: Shell, words: Sequence[str]) -> None:
    if words in ([], ["on"]):
        shell.board.stream_start()
    elif words == ["off"]:
        shell.board.stream_stop()
        lost = ", ".join(f"{n} {c}" for c, n in shell.board.samples.lost_rows().items() if n)
        shell.say(f"{shell.board.samples.received_rows} rows came; lost: {lost or 'none'}")
    elif len(words) == 1:
        _stream_some(shell, int(parse_quantity(words[0], "", "stream: rows")))
    else:
        raise InputError("stream: too much", "usage: stream [on|off|ROWS]")


def _stream_some(shell: Shell, rows: int) -> None:
    if not 2 <= rows <= 100_000:
        raise InputError(f"stream: {rows} rows", "give 2 to 100000")
    board = shell.board
    board.stream_start()
    window = board.wait_samples(rows)
    board.stream_stop()
    for name in window.rows.dtype.names or ():
        if name == "flags":
            continue
        column = np.atleast_2d(window.rows[name].T).astype(np.float64)
        mean = " ".join(f"{v:.6g}" for v in column.mean(axis=1))
        spread = " ".join(f"{v:.3g}" for v in column.std(axis=1))
        shell.say(f"{name}: mean {mean}; deviation {spread}")
    shell.say(f"{len(window)} of {rows} rows came")


def _plain(value: Any) -> str:
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, np.ndarray):
        return "[" + " ".join(f"{one:.6g}" for one in value.ravel()) + "]"
    if isinstance(value, tuple | list):
        return "[" + " ".join(_plain(one) for one in value) + "]"
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def _telemetry(shell: Shell, words: Sequence[str]) -> None:
    newest = shell.board.wait_telemetry(lambda t: True, _WAIT_S)
    for one in dataclasses.fields(newest):
        if all(word in one.name for word in words):
            shell.say(f"{one.name:<24} {_plain(getattr(newest, one.name))}")


def _trace(shell: Shell, words: Sequence[str]) -> None:
    if not words:
        for line in list_lines(shell.scope):
            shell.say(line)
        return
    names, *rest = words
    options = dict.fromkeys(
        ("trigger", "samples", "rate", "pre", "csv", "plot", "timeout", "do"), ""
    )
    for word in rest:
        key, sign, value = word.partition("=")
        if not sign or key not in options:
            raise InputError(
                f"trace: '{word}'",
                f"usage: trace SIGNALS {' '.join(f'[{o}=...]' for o in options)}",
            )
        options[key] = value
    signals, trigger = take_signals(shell.scope, names, options["trigger"] or "now")
    decimation = 1
    if options["rate"]:
        rate_hz = parse_quantity(options["rate"], "Hz", "trace: rate")
        decimation = decimation_for(shell.scope, signals, rate_hz)
    samples = int(parse_quantity(options["samples"], "", "samples")) if options["samples"] else None
    before = parse_quantity(options["pre"], "", "pre") if options["pre"] else 0.25
    shell.scope.arm(signals, trigger, samples, before, decimation)
    wait_s = parse_quantity(options["timeout"] or f"{_TRACE_WAIT_S}", "s", "trace: timeout")
    if options["do"]:
        shell.scope.wait_ready(wait_s)
        shell.run(options["do"])
    shell.scope.wait(wait_s)
    result = shell.scope.read(signals)
    csv, plot = (Path(options[o]) if options[o] else None for o in ("csv", "plot"))
    for line in show_result(shell.board, result, csv, plot):
        shell.say(line)


def _blink(shell: Shell, words: Sequence[str]) -> None:
    seconds = parse_quantity(" ".join(words), "s", "blink: time") if words else _BLINK_S
    shell.board.blink(round(seconds))
    shell.say(f"the LED blinks for {round(seconds)} s")


def _self_test(shell: Shell, words: Sequence[str]) -> None:
    _none("selftest", words)
    failed = shell.board.self_test()
    if failed:
        names = ", ".join(one.name.lower() for one in SelfTestFlag if failed & one and one.name)
        raise ProcedureError(
            f"{shell.board}: self-test failed: {names}",
            "docs/board-console.md says what to look at",
        )
    shell.say("self-test: good")


def _faults(shell: Shell, words: Sequence[str]) -> None:
    _none("faults", words)
    link = shell.board.link
    old = link.last_heartbeat
    # What the next heartbeat says, which comes four times a second, not what was so before.
    shell.board.clock.wait(lambda: link.last_heartbeat is not old, _WAIT_S)
    beat = link.last_heartbeat
    seen: list[Fault] = shell.board.link.faults
    for fault in seen:
        shell.say(f"[{fault.board_time_us / 1e6:.3f} s] {fault}")
    code = int(beat.fault_code) if beat is not None else 0
    state = beat.state if beat is not None else shell.board.identity.state
    shell.say(
        f"state {member_text(BoardState, state)}, latched fault: {member_text(FaultCode, code)}"
    )


def _clear(shell: Shell, words: Sequence[str]) -> None:
    _none("clear", words)
    shell.board.clear_faults()
    shell.say("faults are cleared")


def _wait(shell: Shell, words: Sequence[str]) -> None:
    seconds = parse_quantity(" ".join(words), "s", "wait: time")
    if not 0 <= seconds <= _MOST_WAIT_S:
        raise InputError(f"wait: {seconds:g} s", f"give 0 to {_MOST_WAIT_S:g} s")
    link = shell.board.link
    shell.board.clock.wait(lambda: link.lost_reason is not None, seconds)


def _reset(shell: Shell, words: Sequence[str]) -> None:
    _none("reset", words)
    shell.restart()
    shell.say(f"restarted: {shell.board}")


def _repl(shell: Shell, words: Sequence[str]) -> None:
    _none("repl", words)
    shell.board.enter_repl()
    shell.is_over = shell.is_at_prompt = True
    shell.say(
        f"outputs are off, MicroPython's prompt is at {shell.access.port}: "
        f"mpremote connect {shell.access.port} resume; a reset starts the application again"
    )


def _quit(shell: Shell, words: Sequence[str]) -> None:
    _none("quit", words)
    shell.is_over = True


_COMMON = (
    Verb("help", "help [COMMAND]", "this list", _help, "verb"),
    Verb("who", "who", "role, uid, unit, firmware, reset cause", _who),
    Verb("settings", "settings [PART]", "settings with limits and defaults", _settings, "setting"),
    Verb("get", "get NAME...", "ask for settings", _get, "setting"),
    Verb("set", "set NAME VALUE [UNIT]", "change a setting; limits are the board's", _set, "setting"),
    Verb("save", "save", "write settings to flash; outputs off, no stream", _save),
    Verb("defaults", "defaults", "every setting to its default, not saved", _defaults),
    Verb("stop", "stop", "all outputs off, now", _stop),
    Verb("stream", "stream [on|off|ROWS]", "samples: start, stop, or a summary of some", _stream,
         "stream"),
    Verb("telemetry", "telemetry [PART]", "the newest slow state", _telemetry),
    Verb("trace", "trace [SIGNALS [OPTION=VALUE...]]", "internal signals around a trigger", _trace,
         "signal"),
    Verb("blink", "blink [SECONDS]", "the LED shows which board this is", _blink),
    Verb("selftest", "selftest", "chips, flash, supply, outputs, files, memory", _self_test),
    Verb("faults", "faults", "faults that came, and the one that is latched", _faults),
    Verb("clear", "clear", "forget faults whose cause is gone", _clear),
    Verb("wait", "wait SECONDS", "let time pass, for scripts", _wait),
    Verb("reset", "reset", "outputs off, hard reset, connect again", _reset),
    Verb("repl", "repl", "outputs off, MicroPython's prompt; ends the shell", _repl),
    Verb("quit", "quit", "outputs off and leave", _quit),
    Verb("exit", "exit", "the same", _quit),
)  # fmt: skip
