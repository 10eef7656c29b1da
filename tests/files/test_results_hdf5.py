"""Results as HDF5: everything comes back as it was, and the file explains itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from simulated_heart import make_array, simulate

from nullfield.analysis.chain import analyze
from nullfield.analysis.result import Analysis
from nullfield.errors import AnalysisError, InputError
from nullfield.files.results_hdf5 import SCHEMA, read_results, write_results


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analyze(simulate(make_array(4), duration_s=12.0, mains_pt=5.0).recording)


def assert_same(one: object, other: object, where: str = "") -> None:
    assert type(one) is type(other), where
    if is_dataclass(one):
        for field in fields(one):
            name = field.name
            assert_same(getattr(one, name), getattr(other, name), f"{where}.{name}")
    elif isinstance(one, Mapping):
        assert isinstance(other, Mapping)
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}[{key}]")
    elif isinstance(one, tuple | list):
        assert isinstance(other, tuple | list)
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{index}]")
    elif isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray)
        assert one.dtype == other.dtype, where
        np.testing.assert_array_equal(one, other, err_msg=where)
    elif isinstance(one, float) and np.isnan(one):
        assert np.isnan(other)
    else:
        assert one == other, where


def test_everything_comes_back_exactly(analysis: Analysis, tmp_path: Path) -> None:
    assert analysis.average is not None
    assert analysis.landmarks["R"] is not None
    path = tmp_path / "results.h5"
    write_results(analysis, path)
    assert_same(read_results(path), analysis)
    assert [p.name for p in tmp_path.iterdir()] == ["results.h5"]


def test_odd_values_come_back_exactly(analysis: Analysis, tmp_path: Path) -> None:
    odd = replace(
        analysis,
        settings={
            "none": None,
            "a/b": "Bz – 50 Ω",
            "": (1, 2.0, "x"),
            ".": [],
            "flags": (True, False),
            "nested": {"deep": {"int": 3, "numpy": np.float32(0.1)}},
            "kinds": np.array(["normal", "ectopic"]),
            "empty": np.zeros((0, 3)),
            "nan_pt": float("nan"),
            "path": Path("a/b"),
        },
    )
    write_results(odd, tmp_path / "odd.h5")
    assert_same(read_results(tmp_path / "odd.h5").settings, odd.settings)


def test_the_file_tells_units_and_versions(analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "results.h5"
    write_results(analysis, path)
    with h5py.File(path) as file:
        assert file.attrs["schema"] == SCHEMA
        assert file.attrs["software"].startswith("nullfield ")
        assert file["average/field_pt"].attrs["unit"] == "pT"
        assert file["average/time_s"].attrs["unit"] == "s"
        assert file["array/positions_m"].attrs["unit"] == "m"
        assert file["landmarks/R/dipole/moment_nam"].attrs["unit"] == "nA m"
        assert file["quality/noise_ft_rthz"].attrs["unit"] == "fT/sqrt(Hz)"
        assert file["beats/rate_bpm"].attrs["unit"] == "1/min"
        np.testing.assert_array_equal(file["average/field_pt"][()], analysis.average.field_pt)


def test_same_analysis_same_bytes(analysis: Analysis, tmp_path: Path) -> None:
    write_results(analysis, tmp_path / "a.h5")
    write_results(analysis, tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_no_heart_is_kept_with_its_reasons(tmp_path: Path) -> None:
    nothing = analyze(simulate(make_array(2), duration_s=8.0, heart=False).recording)
    write_results(nothing, tmp_path / "none.h5")
    back = read_results(tmp_path / "none.h5")
    assert back.average is None
    assert back.reasons == dict(nothing.reasons)


def test_a_cut_file_is_refused(analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "results.h5"
    write_results(analysis, path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"results\.h5: cannot be read as HDF5"):
        read_results(path)


def test_another_schema_is_refused(analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "results.h5"
    write_results(analysis, path)
    with h5py.File(path, "a") as file:
        file.attrs["schema"] = "nullfield-results/99"
    with pytest.raises(InputError, match="nullfield-results/99"):
        read_results(path)


def test_a_file_cannot_choose_foreign_classes(analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "results.h5"
    write_results(analysis, path)
    with h5py.File(path, "a") as file:
        file["array"].attrs["type"] = "subprocess:Popen"
    with pytest.raises(InputError, match="subprocess:Popen"):
        read_results(path)


def test_a_missing_field_is_named(analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "results.h5"
    write_results(analysis, path)
    with h5py.File(path, "a") as file:
        del file["beats/samples"]
    with pytest.raises(InputError, match="samples"):
        read_results(path)


def test_what_has_no_form_is_named(analysis: Analysis, tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="settings/bad"):
        write_results(replace(analysis, settings={"bad": object()}), tmp_path / "x.h5")
    assert list(tmp_path.iterdir()) == []
