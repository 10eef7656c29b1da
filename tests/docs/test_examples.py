"""The worked example runs as it stands, on a made-up heart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from simulated_heart import make_array, simulate

from nullfield.files.fif import write_fif

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "imaging.py"


def test_the_worked_example_of_imaging(tmp_path):
    recording = tmp_path / "heart_raw.fif"
    write_fif(simulate(make_array(4, (0, 1)), duration_s=15.0).recording, recording)
    done = subprocess.run(
        [sys.executable, EXAMPLE, recording, tmp_path / "out"],
        capture_output=True,
        text=True,
        env={**os.environ, "MPLBACKEND": "Agg"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "17 beats" in done.stdout
    assert "R_angle" in done.stdout
    assert "<Evoked" in done.stdout
    assert (tmp_path / "out" / "map_R.png").exists()
