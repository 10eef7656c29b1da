"""What may stand at the end of a line: words, each with a note of what it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nullfield.shell.session import Shell
from nullfield.shell.verbs import limits_text, setting_text

_TRACE_OPTIONS = {
    "trigger=": "now, fault, rising:SIGNAL:LEVEL, falling:SIGNAL:LEVEL",
    "samples=": "how many in all",
    "rate=": "samples a second, such as rate=100Hz",
    "pre=": "share from before the trigger, by default 0.25",
    "timeout=": "seconds to wait for the trigger",
    "csv=": "file for the values",
    "plot=": "file for a figure",
    "do=": "commands to run once armed, in quotation marks",
}


class Choice(NamedTuple):
    """A word that fits, what it replaces, and a note."""

    text: str
    replaces: int
    note: str


def choices(shell: Shell, line: str) -> Iterator[Choice]:
    """Words that may follow, given the line up to the cursor."""
    command = line.rpartition(";")[2].lstrip()
    *words, part = command.split(" ")
    words = [word for word in words if word]
    if not words:
        for verb in shell.verbs.values():
            if verb.name.startswith(part.lower()):
                yield Choice(verb.name, len(part), verb.summary)
        return
    verb_name, given = words[0].lower(), words[1:]
    if verb_name not in shell.verbs:
        return
    for text, note in _following(shell, verb_name, given, part):
        if text.startswith(part):
            yield Choice(text, len(part), note)


def _following(
    shell: Shell, verb_name: str, given: list[str], part: str
) -> Iterator[tuple[str, str]]:
    takes = shell.verbs[verb_name].takes
    if takes == "setting" and (not given or verb_name == "get"):
        for one in shell.board.settings.all().values():
            yield one.name, f"{setting_text(one)}   ({limits_text(one)})"
    elif takes == "setting" and verb_name == "set" and given:
        yield from _values(shell, given)
    elif takes == "signal":
        yield from _signals(shell, given, part)
    elif takes == "head":
        for head in range(4):
            if str(head) not in given:
                yield str(head), f"head {head}"
    elif takes in ("switch", "stream"):
        if not given:
            yield "on", ""
            yield "off", ""
        elif "[HEAD" in shell.verbs[verb_name].usage:
            for head in range(4):
                yield str(head), f"head {head}"
    elif takes == "verb" and not given:
        for verb in shell.verbs.values():
            yield verb.name, verb.summary


def _values(shell: Shell, given: list[str]) -> Iterator[tuple[str, str]]:
    if given[0] not in shell.board.settings.names():
        return
    setting = shell.board.settings.describe(given[0])
    if len(given) == 1 and setting.is_boolean:
        yield "on", "by default" if setting.default else ""
        yield "off", "" if setting.default else "by default"
    elif len(given) == 1:
        value, _, unit = setting_text(setting).partition(" ")
        yield value, f"{unit} now; {limits_text(setting)}".lstrip()
    elif len(given) == 2 and setting.unit:
        yield setting_text(setting).partition(" ")[2], f"in {setting.unit}"


def _signals(shell: Shell, given: list[str], part: str) -> Iterator[tuple[str, str]]:
    if given:
        yield from _TRACE_OPTIONS.items()
        return
    before, comma, _ = part.rpartition(",")
    for one in shell.scope.signals().values():
        yield f"{before}{comma}{one.name}", one.unit or one.kind.name.lower()
