"""Documentation points at what is there: files, images, and commands of the command line."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from nullfield.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "boards").glob("*/README.md")),
]
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
REFERENCE = re.compile(r"^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
# At the start of a command: beginning of a line or span, after a prompt, a separator or a path.
COMMAND = re.compile(
    r"(?:^|[`;|&(]|\$ |sudo |\.venv/bin/| and )\s*nullfield((?:[ \t]+[a-z][a-z-]*)+)", re.MULTILINE
)


def name(page: Path) -> str:
    """Path as it stands in the repository."""
    return str(page.relative_to(ROOT))


def code_of(text: str) -> Iterator[str]:
    """Code blocks and code spans."""
    yield from (found.group() for found in FENCE.finditer(text))
    yield from (found.group() for found in SPAN.finditer(FENCE.sub("", text)))


def links_of(text: str) -> Iterator[str]:
    """Targets of links and images outside code."""
    prose = SPAN.sub("", FENCE.sub("", text))
    for pattern in (LINK, REFERENCE):
        yield from pattern.findall(prose)
    # Link texts that are code spans lose their text above, not their target.


def broken(page: Path, text: str) -> list[str]:
    """Relative links of a page that lead nowhere."""
    bad = []
    for target in links_of(text):
        path = urllib.parse.unquote(target.split("#")[0])
        if not path or re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        if not (page.parent / path).exists():
            bad.append(target)
    return bad


def unknown_commands(text: str) -> list[str]:
    """Commands in code that the command line does not have."""
    root = typer.main.get_command(app)
    bad = []
    for code in code_of(text):
        for found in COMMAND.finditer(code):
            group = root
            for word in found.group(1).split():
                children = getattr(group, "commands", None)
                if not children:
                    break
                if word not in children:
                    # A group that does something by itself takes arguments of its own.
                    if group is root or not getattr(group, "invoke_without_command", False):
                        bad.append(f"nullfield{found.group(1)}")
                    break
                group = children[word]
    return bad


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert broken(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_exists(page: Path) -> None:
    assert unknown_commands(page.read_text(encoding="utf-8")) == []


def test_the_checks_find_what_is_wrong() -> None:
    page = ROOT / "docs" / "index.md"
    assert broken(page, "[a](nowhere.md#x) ![b](images/none.png) [`c`](gone.md)") == [
        "nowhere.md#x", "images/none.png", "gone.md",
    ]  # fmt: skip
    assert broken(page, "[a](hil.md#x) [b](https://example.org/x) [c](#here) `[d](none.md)`") == []
    assert unknown_commands("```sh\nnullfield dance now\n```\n`nullfield bundle dance`") == [
        "nullfield dance now", "nullfield bundle dance",
    ]  # fmt: skip
    assert unknown_commands("`nullfield boards` `nullfield flash all` `import nullfield`") == []


def test_commands_are_found_at_all() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    found = sum(len(COMMAND.findall(code)) for text in texts for code in code_of(text))
    assert found > 50
