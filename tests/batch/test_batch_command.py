"""The command ``nullfield batch``: what it prints and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from nullfield.cli.batch import register
from nullfield.errors import AnalysisError, InputError

pytestmark = pytest.mark.usefixtures("quick")


def call(*arguments: str) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return CliRunner().invoke(app, ["batch", *arguments])


@pytest.fixture
def folder(tmp_path: Path, heart: Callable[[int], bytes]) -> Path:
    root = tmp_path / "in"
    root.mkdir()
    (root / "good_raw.fif").write_bytes(heart(1))
    (root / "bad_raw.fif").write_bytes(b"nothing of the kind")
    return root


def test_failures_are_told_and_strict_makes_them_an_error(
    folder: Path, tmp_path: Path, scheduler: str
) -> None:
    options = [str(folder), "--out", str(tmp_path / "out"), "--scheduler", scheduler]
    first = call(*options, "--json", "--resamples", "0")
    assert first.exit_code == 0
    summary = json.loads(first.stdout)
    assert (summary["recordings"], summary["done"], summary["new"]) == (2, 1, 1)
    assert [one["recording"] for one in summary["failed"]] == ["bad_raw.fif"]
    assert all(Path(summary[name]).is_file() for name in ("table", "page"))

    second = call(*options, "--resamples", "0", "--strict")
    assert isinstance(second.exception, AnalysisError)
    assert second.exception.exit_code == 14
    assert second.exception.message == "1 of 2 recordings failed"
    assert "1 of 2 recordings done (0 now), 1 failed" in second.output
    assert "bad_raw.fif" in second.output

    good = call(*options, "--pattern", "good*", "--strict", "--resamples", "0")
    assert good.exit_code == 0
    assert "1 of 1 recordings done (0 now), 0 failed" in good.output


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["--outward", "up"], "--outward up"),
        (["--external", "magic"], "--external magic"),
        (["--pattern", "x"], "matches 'x'"),
        (["--scheduler", "nonsense"], "--scheduler nonsense"),
    ],
)
def test_wrong_options_are_named(
    folder: Path,
    tmp_path: Path,
    options: list[str],
    match: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nullfield.batch.cluster._CONNECT_S", 0.5)
    result = call(str(folder), "--out", str(tmp_path / "out"), *options)
    assert isinstance(result.exception, InputError)
    assert match in result.exception.message
