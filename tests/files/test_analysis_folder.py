"""The folder of one analysis: what is in it, and that a long file gives the same as a short one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from simulated_heart import make_array, simulate

from nullfield.analysis import sections
from nullfield.analysis.chain import analyze_source
from nullfield.analysis.settings import AnalysisSettings
from nullfield.errors import NullfieldError
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


def test_sections_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    source = sections.InMemory(simulate(make_array(4), duration_s=36.0).recording)
    settings = AnalysisSettings(resamples=0)
    whole = analyze_source(source, settings)
    monkeypatch.setattr(sections, "SHORTEST_S", 12.0)
    monkeypatch.setattr(sections, "MOST_VALUES", 1)
    assert len(list(sections.sections_of(source))) == 3
    cut = analyze_source(source, settings)
    # Templates of their own: a mark may lie a sample or two beside.
    np.testing.assert_allclose(cut.beats.samples, whole.beats.samples, atol=2)
    assert cut.average is not None
    assert whole.average is not None
    # The window's end follows the usual interval, here that of the first section.
    count = min(len(cut.average.time_s), len(whole.average.time_s))
    assert cut.average.time_s[0] == whole.average.time_s[0]
    error_pt = np.abs(cut.average.field_pt[:, :count] - whole.average.field_pt[:, :count]).max()
    assert error_pt < 0.02 * np.abs(whole.average.field_pt).max()
    a, b = cut.landmarks["R"], whole.landmarks["R"]
    assert np.linalg.norm(a.dipole.position_m - b.dipole.position_m) < 2e-4


def test_a_bad_file_leaves_no_folder(tmp_path: Path) -> None:
    bad = tmp_path / "bad_raw.fif"
    bad.write_bytes(b"nothing of the kind")
    with pytest.raises(NullfieldError, match="bad_raw"):
        write_analysis(bad, tmp_path / "out")
    assert not (tmp_path / "out").exists()
