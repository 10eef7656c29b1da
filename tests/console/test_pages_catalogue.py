"""Strings of the pages: extracted, translated, compiled, and every fault in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from nullfield import errors
from nullfield.analysis import RESEARCH_USE
from nullfield.console.pages import catalogue, explanations
from nullfield.console.pages.explanations import EXPLANATIONS, FAULTS, explained
from nullfield_protocol.catalogue import FaultCode


@pytest.mark.parametrize("language", catalogue.TRANSLATED)
def test_no_string_is_untranslated_stale_or_uncompiled(language: str) -> None:
    assert catalogue.problems(language) == []


def test_strings_of_templates_scripts_and_explanations_are_found() -> None:
    found = catalogue.extracted()
    assert "templates/operator.html" in found["Start the examination"]
    assert "static/js/steps.js" in found["Ready check"]
    assert "explanations.py" in found[FAULTS["SUPPLY_LOW"].happened]


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the catalogues that a test may spoil."""
    for language in catalogue.TRANSLATED:
        for path in (catalogue.po_path(language), catalogue.mo_path(language)):
            copy = tmp_path / path.relative_to(catalogue.LOCALE_FOLDER)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(catalogue, "LOCALE_FOLDER", tmp_path)
    return tmp_path


def test_check_finds_a_string_that_is_new(
    moved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    strings = {**catalogue.extracted(), "A new sentence.": ["templates/new.html"]}
    monkeypatch.setattr(catalogue, "extracted", lambda: strings)
    assert catalogue.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "ja: not translated: 'A new sentence.'" in said
    assert "fix: python -m nullfield.console.pages.catalogue" in said


def test_check_finds_a_string_that_is_gone(moved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strings = catalogue.extracted()
    del strings["Next subject"]
    monkeypatch.setattr(catalogue, "extracted", lambda: strings)
    assert catalogue.main(["--check"]) == 1
    assert any("nullfield.po" in line for line in catalogue.problems("zh"))


def test_check_finds_a_translation_that_was_not_compiled(moved: Path) -> None:
    path = catalogue.po_path("ja")
    path.write_text(path.read_text().replace("非常停止", "緊急停止"))
    assert catalogue.problems("ja") == ["ja: nullfield.mo is not compiled from nullfield.po"]
    catalogue.write("ja")
    assert catalogue.problems("ja") == []


def test_check_finds_a_translation_that_lost_a_value(moved: Path) -> None:
    path = catalogue.po_path("zh")
    path.write_text(path.read_text().replace("剩余 {time}", "剩余"))
    assert "zh: places differ: '{time} left'" in catalogue.problems("zh")


def test_check_writes_nothing(moved: Path) -> None:
    path = catalogue.po_path("ja")
    path.write_text(path.read_text().replace("非常停止", "緊急停止"))
    before = {file: file.read_bytes() for file in moved.rglob("nullfield.*")}
    assert catalogue.main(["--check"]) == 1
    assert {file: file.read_bytes() for file in moved.rglob("nullfield.*")} == before


def test_no_translation_is_fuzzy() -> None:
    for language in catalogue.TRANSLATED:
        with catalogue.po_path(language).open("rb") as source:
            assert not [message.id for message in read_po(source) if message.fuzzy and message.id]


def test_every_fault_of_a_board_is_explained() -> None:
    assert set(FAULTS) == {code.name for code in FaultCode if code != FaultCode.NONE}


def test_explained_errors_exist() -> None:
    from nullfield.console.access import refusal

    known = {*vars(errors), *vars(refusal), "Unreachable"}
    assert set(explanations.ERRORS) <= known


def test_every_explanation_says_what_happened_and_what_to_do() -> None:
    for code, entry in explained(lambda text: text).items():
        assert entry["happened"].endswith("."), code
        assert entry["remedy"].endswith("."), code
    assert explained(str.upper)["StoreError"]["remedy"] == EXPLANATIONS["StoreError"].remedy.upper()


def test_sentence_on_research_use_is_the_one_of_the_reports() -> None:
    assert explanations.RESEARCH_USE == RESEARCH_USE
