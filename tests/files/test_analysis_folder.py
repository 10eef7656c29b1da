"""The folder of one analysis: what is in it, and that a long file gives the same as a short one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from simulated_heart import make_array, simulate

from nullfield.errors import NullfieldError
from nullfield.files import analysis_folder
from nullfield.files.analysis_folder import write_analysis
from nullfield.files.fif import write_fif


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("folder") / "heart_raw.fif"
    write_fif(simulate(make_array(4), duration_s=12.0).recording, path)
    return path


def test_folder_holds_numbers_plots_and_report(recording: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    out = tmp_path / "out"
    analysis = write_analysis(recording, out, progress=lambda what, share: shares.append(share))
    written = json.loads((out / "analysis.json").read_text())
    assert written == analysis.to_json()
    assert written["beats"]["accepted"] >= 11
    report = (out / "report.html").read_text()
    assert "heart_raw.fif" in report
    assert (out / "map_R.png").read_bytes().startswith(b"\x89PNG")
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_spectra_of_a_long_file_come_from_its_start(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_analysis(recording, tmp_path / "a")
    monkeypatch.setattr(analysis_folder, "_SPECTRUM_VALUES", 32 * 6000)
    cut = write_analysis(recording, tmp_path / "b")
    assert cut.to_json() == whole.to_json()
    images = [(tmp_path / name / "noise.png").read_bytes() for name in "ab"]
    assert images[0] != images[1]


def test_a_bad_file_leaves_no_folder(tmp_path: Path) -> None:
    bad = tmp_path / "bad_raw.fif"
    bad.write_bytes(b"nothing of the kind")
    with pytest.raises(NullfieldError, match="bad_raw"):
        write_analysis(bad, tmp_path / "out")
    assert not (tmp_path / "out").exists()
