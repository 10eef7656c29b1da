"""What a batch finds, does, leaves out and writes, on a cluster that the user runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from nullfield.analysis.settings import AnalysisSettings
from nullfield.batch.find import content_files, find_recordings
from nullfield.batch.row import COLUMNS, SCHEMA
from nullfield.batch.run import BatchSettings, run_batch
from nullfield.errors import InputError

Heart = Callable[[int], bytes]
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def folder(tmp_path: Path, heart: Heart) -> Path:
    root = tmp_path / "in"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "a_raw.fif").write_bytes(heart(1))
    (root / "deep" / "er" / "b <&> ü_raw.fif").write_bytes(heart(2))
    (root / "cut_raw.fif").write_bytes(heart(1)[:3000])
    (root / "notes.txt").write_text("not a recording")
    return root


def test_batch_from_first_run_to_changes(
    folder: Path, tmp_path: Path, heart: Heart, scheduler: str
) -> None:
    out = tmp_path / "out"
    # The bootstrap of the features is not what is tested here.
    settings = BatchSettings(scheduler=scheduler, analysis=AnalysisSettings(resamples=0))
    told: list[tuple[str, float]] = []
    first = run_batch(folder, out, settings, lambda text, share: told.append((text, share)))
    names = ["a_raw.fif", "cut_raw.fif", "deep/er/b <&> ü_raw.fif"]
    assert [row["recording"] for row in first.rows] == names
    assert (first.n_done, first.n_new, len(first.failed)) == (2, 2, 1)
    assert "cut_raw.fif" in first.failed[0]["error"]
    assert first.failed[0]["hint"]
    assert "\n" not in first.failed[0]["error"]
    assert sorted(share for _, share in told) == [pytest.approx(n / 3) for n in (1, 2, 3)]

    # Numbers of the table are those of the recording's own document.
    table = pq.read_table(out / "results.parquet")
    rows = table.to_pylist()
    document = json.loads((out / "recordings/a_raw.fif/analysis.json").read_text())
    assert rows[0]["rate_bpm"] == document["beats"]["rate_bpm"]
    assert rows[0]["snr_db"] == document["average"]["snr_db"]
    place = document["landmarks"]["R"]["dipole"]["position_m"]
    assert [rows[0][f"R_dipole_{axis}_m"] for axis in "xyz"] == pytest.approx(place, abs=1e-12)
    assert rows[0]["T_angle_deg"] == document["landmarks"]["T"]["map"]["angle_deg"]
    assert rows[1]["status"] == "failed"
    assert rows[1]["rate_bpm"] is None
    assert table.schema.metadata[b"nullfield.schema"] == SCHEMA.encode()
    assert table.schema.names[: len(COLUMNS)] == [column.name for column in COLUMNS]
    assert table.schema.field("noise_median_ft_rthz").metadata[b"unit"] == b"fT/sqrt(Hz)"

    # Every link of the page leads to a report; nothing comes from elsewhere.
    page = (out / "index.html").read_text()
    links = re.findall(r'href="([^"]+)"', page)
    assert len(links) == 2
    from urllib.parse import unquote

    assert all((out / unquote(link)).is_file() for link in links)
    assert page.count("data:image/png;base64,") == 4
    assert "b &lt;&amp;&gt; ü_raw.fif" in page
    assert not re.search(r"(src|href)=\"(https?:)?//", page)

    # Nothing new: nothing is done but the file that failed.
    stamp = (out / "recordings/a_raw.fif/analysis.json").stat().st_mtime_ns
    second = run_batch(folder, out, settings)
    assert (second.n_done, second.n_new, len(second.failed)) == (2, 0, 1)
    assert (out / "recordings/a_raw.fif/analysis.json").stat().st_mtime_ns == stamp
    assert pq.read_table(out / "results.parquet").equals(table)

    # Files that were mended or changed are done, and one with half a result; then a new setting.
    result = out / "recordings" / names[2] / "result.json"
    result.write_bytes(result.read_bytes()[:50])
    (folder / "cut_raw.fif").write_bytes(heart(3))
    (folder / "a_raw.fif").write_bytes(heart(4))
    third = run_batch(folder, out, settings)
    assert (third.n_done, third.n_new, third.failed) == (3, 3, [])
    smooth = replace(
        settings, analysis=AnalysisSettings(low_pass_hz=60.0, resamples=0), pattern="a_*"
    )
    assert run_batch(folder, out, smooth).n_new == 1
    assert run_batch(folder, out, smooth).n_new == 0
    assert run_batch(folder, out, replace(smooth, is_forced=True)).n_new == 1

    # A recording that went bad leaves no old result behind.
    (folder / "a_raw.fif").write_bytes(b"gone wrong")
    last = run_batch(folder, out, smooth)
    assert [row["recording"] for row in last.failed] == ["a_raw.fif"]
    assert not (out / "recordings/a_raw.fif").exists()
    assert not (out / ".parts").exists()


def test_the_page_names_every_column() -> None:
    page = (Path(__file__).parents[2] / "docs" / "batch.md").read_text()
    # Columns of the T peak are those of the R peak with another letter.
    named = [column.name for column in COLUMNS if not column.name.startswith("T_")]
    assert [name for name in named if f"`{name}`" not in page] == []
    assert SCHEMA in page


def test_pattern_takes_names_and_paths(folder: Path) -> None:
    assert find_recordings(folder, "a_*") == ["a_raw.fif"]
    assert find_recordings(folder, "deep/*") == ["deep/er/b <&> ü_raw.fif"]
    with pytest.raises(InputError, match=r"none of its 3 recordings matches 'x\*'"):
        find_recordings(folder, "x*")


def test_what_counts_as_a_recording(tmp_path: Path) -> None:
    for name in (
        "own/recording-0000.mcap",
        "own/recording-0001.mcap",
        "run/truth.json",
        "table.csv",
        "table_positions.csv",
        "lab.lvm",
        "lead.edf",
        "long_raw.fif",
        "long_raw-1.fif",
        ".hidden_raw.fif",
        "bids/dataset_description.json",
        "bids/participants.tsv",
        "bids/sub-01/meg/sub-01_task-rest_channels.tsv",
        "bids/sub-01/meg/sub-01_task-rest_meg.fif",
        "bids/sub-01/meg/sub-01_task-rest_meg.json",
        "bids/sub-02/meg/sub-02_task-rest_split-01_meg.fif",
        "bids/sub-02/meg/sub-02_task-rest_split-02_meg.fif",
        "earlier/.nullfield-batch",
        "earlier/x_raw.fif",
        "out/y_raw.fif",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "round").symlink_to(tmp_path)
    assert find_recordings(tmp_path, leave_out=tmp_path / "out") == [
        "bids/sub-01/meg/sub-01_task-rest_meg.fif",
        "bids/sub-02/meg/sub-02_task-rest_split-01_meg.fif",
        "lab.lvm",
        "lead.edf",
        "long_raw.fif",
        "own",
        "table.csv",
    ]
    depends = {
        name: [one.name for one in content_files(tmp_path / name)]
        for name in ("own", "table.csv", "long_raw.fif", "bids/sub-01/meg/sub-01_task-rest_meg.fif")
    }
    assert depends == {
        "own": ["recording-0000.mcap", "recording-0001.mcap"],
        "table.csv": ["table.csv", "table_positions.csv"],
        "long_raw.fif": ["long_raw.fif", "long_raw-1.fif"],
        "bids/sub-01/meg/sub-01_task-rest_meg.fif": [
            "sub-01_task-rest_meg.fif",
            "sub-01_task-rest_channels.tsv",
            "sub-01_task-rest_meg.json",
        ],
    }


@pytest.mark.parametrize(
    ("made", "match"),
    [("none", "no such folder"), ("file", "is a file"), ("empty", "holds no recordings")],
)
def test_nothing_to_analyse(tmp_path: Path, made: str, match: str) -> None:
    if made == "file":
        (tmp_path / made).touch()
    if made == "empty":
        (tmp_path / made).mkdir()
    with pytest.raises(InputError, match=match):
        run_batch(tmp_path / made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_other_things_is_not_written_into(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(InputError, match="not the output of a batch"):
        run_batch(folder, tmp_path / "mine")
    with pytest.raises(InputError, match="is a file"):
        run_batch(folder, tmp_path / "mine" / "letter.txt" / "out")


def test_two_batches_do_not_share_a_folder(folder: Path, tmp_path: Path) -> None:
    from nullfield.batch.store import Store

    store = Store(tmp_path / "out")
    store.prepare()
    with store.locked(), pytest.raises(InputError, match="another batch"):
        run_batch(folder, tmp_path / "out")


def test_no_scheduler_at_the_address(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nullfield.batch.cluster._CONNECT_S", 0.5)
    settings = BatchSettings(scheduler="tcp://127.0.0.1:1")
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1: no scheduler answers"):
        run_batch(folder, tmp_path / "out", settings)


def test_workers_of_another_version(
    folder: Path, tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nullfield.batch.cluster.__version__", "9.9")
    with pytest.raises(InputError, match=r"workers have Nullfield .*, here is 9\.9"):
        run_batch(folder, tmp_path / "out", BatchSettings(scheduler=scheduler))
