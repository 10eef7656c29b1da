"""The host's process killed in mid-null: what was recorded until then is there and readable."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nullfield.recording.load import load_recording

pytestmark = [pytest.mark.micropython, pytest.mark.slow]
SCRIPT = Path(__file__).parent / "killed_null.py"


def test_nothing_recorded_is_lost(tmp_path):
    place = tmp_path / "recording"
    host = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(place)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        rows = 0
        for line in host.stdout:
            rows, detail = int(line.split()[0]), line.split(maxsplit=1)[1].strip()
            if detail.startswith("pattern 4"):
                break
        assert rows > 1000
        os.kill(host.pid, signal.SIGKILL)
        host.wait(30)
    finally:
        # The boards' processes, too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(host.pid, signal.SIGKILL)
        host.stdout.close()
    assert host.returncode == -signal.SIGKILL
    loaded = load_recording(place)
    # At most the frame under way, of ten rows, is missing of what had come.
    assert loaded.field.field_pt.shape[1] >= rows - 20
    assert all(lost == 0 for board in loaded.lost_rows.values() for lost in board.values())
