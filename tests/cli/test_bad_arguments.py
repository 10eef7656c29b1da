"""Wrong options, folders in use, tracebacks on request, interrupts."""

import subprocess
import sys

import pytest

from nullfield.errors import InputError, RigError


def test_no_such_pace(nullfield, tmp_path):
    nullfield("exam", "--rig", "bench4", "--pace", "warp").assert_one_line_error(3, "--pace warp")


def test_too_few_beats_is_bad_usage(nullfield):
    assert nullfield("exam", "--rig", "bench4", "--beats", "0").code == 2


def test_rig_is_needed(nullfield):
    assert nullfield("exam").code == 2


def test_folder_that_holds_an_examination(nullfield, tmp_path):
    (tmp_path / "exam.json").write_text("{}")
    outcome = nullfield("exam", "--rig", "bench4", "--out", tmp_path)
    outcome.assert_one_line_error(3, str(tmp_path), "holds an examination already")


def test_folder_that_holds_a_recording_is_refused_before_the_start(nullfield, tmp_path):
    (tmp_path / "recording").mkdir()
    (tmp_path / "recording" / "recording-0000.mcap").write_bytes(b"")
    outcome = nullfield("exam", "--rig", "bench4", "--out", tmp_path)
    outcome.assert_one_line_error(3, str(tmp_path / "recording"))
    outcome = nullfield("record", "--rig", "bench4", "--out", tmp_path / "recording")
    outcome.assert_one_line_error(3, str(tmp_path / "recording"))


@pytest.mark.parametrize("command", ["exam", "record"])
def test_folder_that_is_a_file(command, nullfield, tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    nullfield(command, "--rig", "bench4", "--out", file).assert_one_line_error(3, str(file))


def test_score_without_examination(nullfield, tmp_path):
    nullfield("score", tmp_path).assert_one_line_error(3, "exam.json")


def test_score_without_truth(nullfield, tmp_path):
    (tmp_path / "exam.json").write_text("{}")
    nullfield("score", tmp_path).assert_one_line_error(3, "truth.json")


def test_score_of_a_damaged_examination(nullfield, tmp_path):
    (tmp_path / "exam.json").write_text('{"schema": 1')
    nullfield("score", tmp_path).assert_one_line_error(3, "exam.json", "damaged")


def test_score_of_an_examination_that_failed(nullfield, tmp_path):
    (tmp_path / "exam.json").write_text('{"state": "failed"}')
    (tmp_path / "truth.json").write_text('{"snapshots": []}')
    nullfield("score", tmp_path).assert_one_line_error(3, "exam.json", "failed")


def test_square_brackets_are_shown_as_they_stand(nullfield):
    assert "[bold]x[/]" in nullfield("exam", "--rig", "[bold]x[/]").err


def test_debug_raises(monkeypatch):
    from nullfield.cli.app import main

    for arguments in (["--debug", "exam", "--rig", "nix"], ["exam", "--rig", "nix", "--debug"]):
        monkeypatch.setattr(sys, "argv", ["nullfield", *arguments])
        with pytest.raises(RigError, match="nix"):
            main()
    assert issubclass(RigError, InputError)


def test_traceback_only_with_debug_in_a_process_of_its_own():
    command = [sys.executable, "-m", "nullfield.cli.app", "exam", "--rig", "nix"]
    plain = subprocess.run(command, capture_output=True, text=True, check=False)
    assert plain.returncode == 4
    assert plain.stdout == ""
    assert [line[:4] for line in plain.stderr.splitlines()] == ["erro", "fix:"]
    debug = subprocess.run([*command, "--debug"], capture_output=True, text=True, check=False)
    assert debug.returncode == 1
    assert "Traceback (most recent call last)" in debug.stderr
    assert "RigError: nix" in debug.stderr


def test_interrupt_says_what_became_of_it(nullfield, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("nullfield.cli.exam.open_session", interrupt)
    outcome = nullfield("exam", "--rig", "bench4")
    assert outcome.code == 130
    assert outcome.err.count("stopped: outputs are off") == 1
    assert "Traceback" not in outcome.err


def test_every_command_has_help_with_an_example(nullfield):
    shown = nullfield("--help").out
    commands = (
        "demo", "exam", "virtual", "boards", "digest", "start", "null", "record", "replay",
        "export", "analyze", "score",
    )  # fmt: skip
    for command in commands:
        assert command in shown
        assert f"nullfield {command} " in nullfield(command, "--help").out
