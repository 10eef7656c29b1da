"""Where the machine gets its packages from: reads apt's own source lists, both formats.

No host name stands in Nullfield: the mirror is the one this machine uses already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nullfield.errors import ToolchainError
from nullfield.toolchain.system import PROVIDE_HINT

_MOVING_NAMES = ("stable", "oldstable", "testing", "unstable", "sid")
_ONE_LINE = re.compile(r"^(deb(?:-src)?)\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)\s*(.*)$")


@dataclass(frozen=True)
class AptSource:
    """One archive of the machine: `uri` and `suite` with its `components`."""

    kind: str
    uri: str
    suite: str
    components: tuple[str, ...]


def parse_one_line(text: str) -> Iterator[AptSource]:
    """Read a ``.list`` file: ``deb [options] uri suite component ...``."""
    for raw in text.splitlines():
        match = _ONE_LINE.match(raw.split("#", 1)[0].strip())
        if match:
            kind, uri, suite, components = match.groups()
            yield AptSource(kind, uri, suite, tuple(components.split()))


def parse_deb822(text: str) -> Iterator[AptSource]:
    """Read a ``.sources`` file: stanzas of ``Field: value``, with continuation lines."""
    # Comment lines vanish before stanzas are split: one inside a stanza does not end it.
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = _fields(stanza)
        if fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        components = tuple(fields.get("components", "").split())
        for kind in fields.get("types", "").split():
            for uri in fields.get("uris", "").split():
                for suite in fields.get("suites", "").split():
                    yield AptSource(kind, uri, suite, components)


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1].isspace():
            if name:
                fields[name] += " " + line.strip()
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def machine_sources(apt_directory: Path = Path("/etc/apt")) -> list[AptSource]:
    """All sources that apt reads on this machine, in apt's order."""
    sources = list(parse_one_line(_text(apt_directory / "sources.list")))
    parts = apt_directory / "sources.list.d"
    for path in sorted(parts.iterdir()) if parts.is_dir() else []:
        if path.suffix == ".list":
            sources.extend(parse_one_line(_text(path)))
        elif path.suffix == ".sources":
            sources.extend(parse_deb822(_text(path)))
    return sources


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # absent, or not for this user's eyes
        return ""


def machine_codename(os_release: Path = Path("/etc/os-release")) -> str:
    """The code name of the machine's Debian release, empty if there is none."""
    match = re.search(r'^VERSION_CODENAME="?([^"\n]*)"?$', _text(os_release), re.MULTILINE)
    return match.group(1) if match else ""


def main_archive(sources: Iterable[AptSource], codename: str) -> AptSource:
    """Pick the machine's main archive: the binary source of its own release.

    Parameters
    ----------
    sources : iterable of AptSource
        What `machine_sources` found.
    codename : str
        The machine's release, for instance ``bookworm``.
    """
    for source in sources:
        if source.kind != "deb" or "main" not in source.components:
            continue
        if source.suite == codename or source.suite in _MOVING_NAMES:
            return source
    raise ToolchainError(
        f"apt's sources name no Debian archive of release {codename or '(unknown)'}, "
        "so MicroPython's source cannot be fetched",
        f"add one to /etc/apt/sources.list.d; {PROVIDE_HINT}",
    )
