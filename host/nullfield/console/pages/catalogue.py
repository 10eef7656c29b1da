"""Catalogues of the pages' strings: extracts, merges, compiles; with ``--check`` only compares.

    python -m nullfield.console.pages.catalogue [--check]

Strings come from `_("...")` in the templates, `t("...")` in the scripts and `N_("...")` in
`explanations`. New ones are added to each language's ``nullfield.po`` untranslated, those that are
gone are taken out, and ``nullfield.mo`` is compiled, which is what runs.
"""

from __future__ import annotations

import argparse
import gettext
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .language import DOMAIN, LANGUAGES, LOCALE_FOLDER

_FOLDER = Path(__file__).parent
_SOURCES: tuple[tuple[str, str, dict[str, None], dict[str, Any]], ...] = (
    ("templates/*.html", "jinja2.ext:babel_extract", {"_": None}, {}),
    ("static/js/*.js", "javascript", {"t": None}, {"parse_template_string": True}),
    ("explanations.py", "python", {"N_": None}, {}),
)
# One date for ever: a catalogue changes when its strings do.
_DATE = datetime(2026, 1, 1, tzinfo=UTC)
TRANSLATED = tuple(code for code in LANGUAGES if code != "en")


def extracted() -> dict[str, list[str]]:
    """English strings of the pages, each with the files it stands in."""
    found: dict[str, list[str]] = {}
    for text, file in _strings():
        files = found.setdefault(text, [])
        if file not in files:
            files.append(file)
    return dict(sorted(found.items()))


def _strings() -> Iterator[tuple[str, str]]:
    from babel.messages.extract import extract

    for pattern, method, keywords, options in _SOURCES:
        for path in sorted(_FOLDER.glob(pattern)):
            with path.open("rb") as source:
                for _, message, _, _ in extract(method, source, keywords, (), options):
                    assert isinstance(message, str)
                    yield message, path.relative_to(_FOLDER).as_posix()


def merged(language: str) -> Any:
    """A language's catalogue with the strings as they are now, a ``babel`` `Catalog`."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po

    old = Catalog(locale=language)
    path = po_path(language)
    if path.exists():
        with path.open("rb") as source:
            old = read_po(source, locale=language, domain=DOMAIN)
    new = Catalog(
        locale=language, domain=DOMAIN, project="nullfield", creation_date=_DATE,
        revision_date=_DATE, last_translator="Nullfield contributors",
        language_team="Nullfield contributors", header_comment="# Strings of the console's pages.",
        fuzzy=False, version="1", msgid_bugs_address="the project's issues",
    )  # fmt: skip
    for text, files in extracted().items():
        known = old.get(text)
        new.add(text, known.string if known else "", [(file, 0) for file in files])
    return new


def po_path(language: str) -> Path:
    """Where translators work."""
    return LOCALE_FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def mo_path(language: str) -> Path:
    """What runs."""
    return po_path(language).with_suffix(".mo")


def problems(language: str) -> list[str]:
    """What is wrong with a language's files; empty if they are fresh and whole."""
    new = merged(language)
    texts = {message.id: message.string for message in new if message.id}
    found = [
        f"{language}: not translated: {text!r}" for text, string in texts.items() if not string
    ]
    found += [
        f"{language}: places differ: {text!r}"
        for text, string in texts.items()
        if string and _places(text) != _places(string)
    ]
    if not po_path(language).exists() or po_path(language).read_bytes() != _po_bytes(new):
        found.append(f"{language}: {DOMAIN}.po is not what the pages say now")
    if _compiled(language) != {text: string for text, string in texts.items() if string}:
        found.append(f"{language}: {DOMAIN}.mo is not compiled from {DOMAIN}.po")
    return found


def write(language: str) -> None:
    """Write a language's files."""
    from babel.messages.mofile import write_mo

    new = merged(language)
    po_path(language).parent.mkdir(parents=True, exist_ok=True)
    po_path(language).write_bytes(_po_bytes(new))
    with mo_path(language).open("wb") as target:
        write_mo(target, new)


def _po_bytes(catalogue: Any) -> bytes:
    from babel.messages.pofile import write_po

    target = io.BytesIO()
    write_po(target, catalogue, width=100, include_lineno=False, sort_output=True)
    lines = target.getvalue().splitlines(keepends=True)
    # Babel's own version would make the file differ from one installation to the next.
    return b"".join(line for line in lines if not line.startswith(b'"Generated-By'))


def _compiled(language: str) -> dict[str, str]:
    if not mo_path(language).exists():
        return {}
    with mo_path(language).open("rb") as source:
        catalogue = gettext.GNUTranslations(source)
    return {key: value for key, value in vars(catalogue)["_catalog"].items() if key}


def _places(text: str) -> list[str]:
    return sorted(part.split("}")[0] for part in text.split("{")[1:])


def main(arguments: list[str] | None = None) -> int:
    """Write the catalogues, or check them; 1 if something is wrong."""
    parser = argparse.ArgumentParser(description="catalogues of the console's pages")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    if not options.check:
        for language in TRANSLATED:
            write(language)
    found = [line for language in TRANSLATED for line in problems(language)]
    for line in found:
        print(line, file=sys.stderr)
    if found and options.check:
        print("fix: python -m nullfield.console.pages.catalogue, then translate", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
