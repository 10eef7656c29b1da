"""What MNE tells: never into the standard output of a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulated_heart import make_array, simulate

from nullfield.files.fif import open_fif, write_fif
from nullfield.files.mne_source import import_mne


def test_reading_prints_nothing_whatever_another_thread_left_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "heart_raw.fif"
    write_fif(simulate(make_array(3), duration_s=2.0, seed=1).recording, path)
    mne = import_mne()
    read = mne.io.read_raw_fif

    def read_after_another_thread(*args: object, **options: object) -> object:
        # Its own level ended with another thread's: what holds is the level of the process.
        return read(*args, **{**options, "verbose": None})

    monkeypatch.setattr(mne.io, "read_raw_fif", read_after_another_thread)
    mne.set_log_level("INFO")
    capsys.readouterr()
    open_fif(path)
    assert capsys.readouterr().out == ""
