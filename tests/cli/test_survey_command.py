"""What is wrong with a survey's arguments is said before a board is touched."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from nullfield.cli.app import app
from nullfield.cli.survey import read_excitation
from nullfield.errors import InputError
from nullfield.room.excitation_coil import Excitation


def run(tmp_path, *arguments):
    return CliRunner().invoke(
        app, ["survey", "--rig", "bench4", "--out", str(tmp_path / "s"), *arguments]
    )


@pytest.mark.parametrize("text", ["0,0", "a,b,c", "0,0,nan", "1;2;3"])
def test_a_wrong_point_is_named(tmp_path, text):
    result = run(tmp_path, "--points", text)
    assert isinstance(result.exception, InputError)
    assert text in result.exception.message
    assert "metres" in result.exception.hint


def test_a_folder_that_holds_a_survey_is_not_overwritten(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "survey.json").write_text("{}")
    result = run(tmp_path)
    assert isinstance(result.exception, InputError)
    assert "survey" in result.exception.message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("amplitude_nt = 1000.0", "frequencies_hz"),
        ("amplitude_nt = 0.0\nfrequencies_hz = [1.0]", "amplitude_nt"),
        ("amplitude_nt = 1.0\nfrequencies_hz = [1.0]\nvolts = 3", "volts"),
        ("amplitude_nt = ", "not a TOML file"),
    ],
)
def test_wrong_settings_of_the_excitation_are_named(tmp_path, text, named):
    path = tmp_path / "coil.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=named) as caught:
        read_excitation(path)
    assert "docs/survey.md" in caught.value.hint


def test_settings_of_the_excitation_are_read(tmp_path):
    path = tmp_path / "coil.toml"
    path.write_text('amplitude_nt = 500\nfrequencies_hz = [0.1, 2]\naxes = ["z"]\nleast_cycles = 2')
    assert read_excitation(path) == Excitation(500.0, (0.1, 2.0), axes=("z",), least_cycles=2.0)
    with pytest.raises(InputError, match="No such file"):
        read_excitation(tmp_path / "none.toml")


def test_a_short_record_is_refused(tmp_path):
    assert run(tmp_path, "--duration", "1").exit_code == 2
