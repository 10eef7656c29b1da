"""The array's calibration on the engineer's page: what is told, and the pictures."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.bench.calibration import simulated_fit

from nullfield.console.access.user import User
from nullfield.console.api import calibration as routes
from nullfield.console.api.problem import register_problems
from nullfield.console.calibration import find_calibration
from nullfield.errors import CalibrationError
from nullfield.rig import load_rig
from nullfield.room import calibration_file
from nullfield.room.calibration import Calibration, calibration_of
from nullfield.room.calibration_file import default_path, save_calibration
from nullfield.standard_file import with_standard


@pytest.fixture(scope="module")
def made() -> Calibration:
    rig = with_standard(load_rig("bench4")[0], "plate8")
    fit, truth = simulated_fit(rig, 1)
    return calibration_of(
        fit,
        rig_name=rig.name,
        rig_fingerprint=rig.fingerprint,
        made_at="2026-05-04T10:20:30+02:00",
        standard="plate8",
        heads=tuple(head.name for head in rig.heads),
        response_pt_per_ma=truth.response_pt_per_ma,
        uncertainty_pt_per_ma=np.full(truth.response_pt_per_ma.shape, 3.0),
        cell_temperature_c=np.full(4, 150.0),
    )


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of calibrations."""
    folder = tmp_path / "calibrations"
    folder.mkdir()
    monkeypatch.setattr(calibration_file, "calibrations_directory", lambda: folder)
    return folder


@pytest.fixture
def instrument() -> Any:
    return SimpleNamespace(rig=load_rig("bench4")[0], calibration=None)


@pytest.fixture
def client(tmp_path: Path, instrument: Any, kept: Path) -> TestClient:
    app = FastAPI()
    door = SimpleNamespace(user_of=lambda request, least: User(1, "eva", least))
    app.state.console = SimpleNamespace(
        access=door, engine=SimpleNamespace(instrument=instrument), folder=tmp_path
    )
    app.dependency_overrides[routes.Context.__metadata__[0].dependency] = (  # type: ignore[attr-defined]
        lambda: app.state.console
    )
    register_problems(app)
    app.include_router(routes.router)
    return TestClient(app)


def test_without_one_nothing_is_shown(client: TestClient) -> None:
    assert client.get("/api/v1/calibration").status_code == 204
    answer = client.get("/api/v1/calibration/pictures/array")
    assert answer.status_code == 404
    assert "nullfield calibrate" in answer.json()["hint"]


def test_the_newest_that_is_kept_is_told_with_its_pictures(
    client: TestClient, made: Calibration, kept: Path, tmp_path: Path
) -> None:
    save_calibration(made, default_path(made, kept))
    told = client.get("/api/v1/calibration").json()
    assert told["made_at"] == made.made_at
    assert told["is_in_force"] is False
    assert (told["heads"], told["standard"]) == (4, "plate8")
    assert told["gain_least"] == pytest.approx(made.head_gain.min(), abs=1e-4)
    assert 0.0 < told["gain_sigma"] < 0.01
    for name in ("array", "spread", "residuals"):
        answer = client.get(f"/api/v1/calibration/pictures/{name}")
        assert answer.headers["content-type"] == "image/png"
        assert answer.content.startswith(b"\x89PNG")
    drawn = sorted((tmp_path / "cache").rglob("*.png"))
    assert len(drawn) == 3
    before = [path.stat().st_mtime_ns for path in drawn]
    client.get("/api/v1/calibration/pictures/array")
    assert [path.stat().st_mtime_ns for path in drawn] == before
    assert client.get("/api/v1/calibration/pictures/passwd").status_code == 422


def test_the_one_in_force_goes_before_what_is_kept(
    client: TestClient, instrument: Any, made: Calibration
) -> None:
    instrument.calibration = made
    assert client.get("/api/v1/calibration").json()["is_in_force"] is True


def test_one_of_another_array_or_a_damaged_one_is_not_shown(
    client: TestClient, instrument: Any, made: Calibration, kept: Path
) -> None:
    path = default_path(made, kept)
    save_calibration(made, path)
    path.rename(kept / path.name.replace(made.rig_fingerprint, "0123456789ab"))
    assert client.get("/api/v1/calibration").status_code == 204
    path.write_text("{}")
    with pytest.raises(CalibrationError):
        find_calibration(instrument)
    answer = client.get("/api/v1/calibration")
    assert answer.status_code == 422
    assert answer.json()["code"] == "CalibrationError"
