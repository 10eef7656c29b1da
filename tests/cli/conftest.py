"""Runs the real command line in this process and holds what it said."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / place) for place in ("link", "recording"))]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    def assert_one_line_error(self, code, *words):
        """One line that names the thing, one with the fix, the exit code, and no traceback."""
        assert self.code == code, self.err
        assert "Traceback" not in self.err + self.out
        errors = [line for line in self.err.splitlines() if line.startswith("error:")]
        fixes = [line for line in self.err.splitlines() if line.startswith("fix:")]
        assert len(errors) == 1, self.err
        assert len(fixes) == 1, self.err
        assert self.err.splitlines()[-2:] == [*errors, *fixes]
        for word in words:
            assert word in errors[0], errors[0]
        assert len(fixes[0]) > len("fix:   "), self.err


@pytest.fixture
def nullfield(monkeypatch, capsys):
    """Run ``nullfield ...`` by its entry point."""
    from nullfield.cli.app import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["nullfield", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def bench4():
    """Text of the small rig, to be spoilt by a test."""
    from nullfield.places import rigs_directory

    return (rigs_directory() / "bench4.toml").read_text(encoding="utf-8")
