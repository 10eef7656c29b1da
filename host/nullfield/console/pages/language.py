"""The language of a page: what the visitor chose, else what the browser asks for, else English."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LOCALE_FOLDER = Path(__file__).parent / "locale"
DOMAIN = "nullfield"
COOKIE = "nullfield_lang"
LANGUAGES: Mapping[str, str] = {"en": "English", "ja": "日本語", "zh": "简体中文"}
"""Languages of the pages, each by its own name."""


def choose(cookie: str | None, accept_language: str | None) -> str:
    """Language for a request.

    Parameters
    ----------
    cookie : str or None
        What the visitor chose before.
    accept_language : str or None
        The browser's header, ``ja-JP,ja;q=0.9,en;q=0.8``.
    """
    if cookie is not None and cookie in LANGUAGES:
        return cookie
    for language in _by_weight(accept_language or ""):
        if language in LANGUAGES:
            return language
    return "en"


def _by_weight(header: str) -> list[str]:
    weighted: list[tuple[float, str]] = []
    for part in header.split(","):
        name, _, parameters = part.strip().partition(";")
        try:
            weight = float(parameters.strip().removeprefix("q=")) if parameters else 1.0
        except ValueError:
            continue
        # A stable sort keeps the browser's own order where weights are equal.
        weighted.append((-weight, name.split("-")[0].lower()))
    return [name for weight, name in sorted(weighted, key=lambda entry: entry[0]) if weight < 0]


@cache
def translation(language: str) -> gettext.NullTranslations:
    """Catalogue of a language; English is the text itself."""
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALE_FOLDER, [language])


@cache
def messages(language: str) -> dict[str, str]:
    """All translated strings, for the pages' scripts.

    Returns
    -------
    dict of str
        Translation by English text; empty for English.
    """
    catalogue = getattr(translation(language), "_catalog", {})
    return {key: value for key, value in catalogue.items() if isinstance(key, str) and key}
