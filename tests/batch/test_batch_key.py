"""What a result depends on: each of these makes it another one, and nothing else does."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from nullfield.analysis.settings import AnalysisSettings
from nullfield.analysis.sources.choice import ModelChoice
from nullfield.batch.task import Job, Reading, job_key
from nullfield.errors import InputError


@pytest.fixture
def job(tmp_path: Path) -> Job:
    for name in ("a.csv", "a_positions.csv", "places.csv", "torso.stl"):
        (tmp_path / name).write_text(name)
    settings = AnalysisSettings(
        model=ModelChoice("torso", surface=str(tmp_path / "torso.stl"), surface_unit="m")
    )
    return Job("a.csv", tmp_path, tmp_path / "out", settings, Reading(tmp_path / "places.csv"))


@pytest.mark.parametrize("name", ["a.csv", "a_positions.csv", "places.csv", "torso.stl"])
def test_content_counts_and_the_time_of_a_file_does_not(job: Job, name: str) -> None:
    before = job_key(job)
    os.utime(job.folder / name, (1, 1))
    assert job_key(job) == before
    (job.folder / name).write_text("changed")
    assert job_key(job) != before


def test_every_setting_counts(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    model = replace(job.settings.model, surface_unit="mm")
    keys = [
        job_key(one)
        for one in (
            job,
            replace(job, settings=replace(job.settings, low_pass_hz=99.0)),
            replace(job, settings=replace(job.settings, model=model)),
            replace(job, reading=replace(job.reading, unit="fT")),
            replace(job, reading=replace(job.reading, rate_hz=1.0)),
        )
    ]
    monkeypatch.setattr("nullfield.batch.key.__version__", "9.9")
    keys.append(job_key(job))
    assert len(set(keys)) == len(keys)


def test_another_place_is_the_same_result(job: Job, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("a.csv", "a_positions.csv"):
        (moved / name).write_text(name)
    assert job_key(replace(job, folder=moved)) == job_key(job)


def test_a_file_that_is_gone_is_named(job: Job) -> None:
    (job.folder / "torso.stl").unlink()
    with pytest.raises(InputError, match=r"torso\.stl: cannot be read"):
        job_key(job)
