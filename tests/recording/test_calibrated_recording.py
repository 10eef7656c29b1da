"""A recording made with a calibration is read with its gains, places, axes and confidence."""

import numpy as np
import pytest
from test_recording_load import Bench
from tests.bench.calibration import simulated_fit
from tests.bench.plant_response import plant_response

from nullfield.analysis.chain import _with_what_is_known
from nullfield.analysis.data import CALIBRATED, FieldRecording, SensorArray
from nullfield.analysis.sections import InMemory
from nullfield.analysis.settings import AnalysisSettings
from nullfield.analysis.sources.half_space import HalfSpace
from nullfield.errors import CalibrationError
from nullfield.recording.calibrated import corrected_array, corrected_field
from nullfield.recording.sections import SectionedRecording
from nullfield.rig import load_rig
from nullfield.room.calibration import Calibration, calibration_of
from nullfield.room.calibration_file import to_json
from nullfield.standard_file import with_standard


@pytest.fixture(scope="module")
def demo():
    return with_standard(load_rig("demo36")[0], "plate8")


@pytest.fixture(scope="module")
def calibration(demo) -> Calibration:
    fit, truth = simulated_fit(demo, 2)
    return calibration_of(
        fit,
        rig_name=demo.name,
        rig_fingerprint=demo.fingerprint,
        made_at="2026-05-04T10:20:30+02:00",
        standard="plate8",
        heads=tuple(h.name for h in demo.heads),
        response_pt_per_ma=truth.response_pt_per_ma,
        uncertainty_pt_per_ma=np.full(truth.response_pt_per_ma.shape, 3.0),
        cell_temperature_c=np.full(40, 150.0),
    )


def array_of(demo) -> SensorArray:
    return SensorArray(
        names=tuple(f"{h.name}-{a}" for h in demo.heads for a in "xyb"),
        positions_m=np.repeat(demo.positions_m(), 3, axis=0),
        orientations=np.array([h.axes for h in demo.heads]).reshape(-1, 3),
        head_names=tuple(h.name for h in demo.heads for _ in range(3)),
        axis_index=np.tile(np.arange(3), len(demo.heads)),
        is_reference=np.repeat([h.kind == "reference" for h in demo.heads], 3),
    )


def test_a_hearts_field_fits_the_calibrated_array_ten_times_better(demo, calibration):
    # The heart as the true heads report it: cross-talk, gains, axes and places of the plant's seed.
    truth = plant_response(demo, 2)
    heart = np.array([[0.01, -0.01, -0.07]])
    moment = np.array([3.0, 5.0, 0.0])
    lead = HalfSpace().lead_field(
        np.repeat(truth.true_position_m, 3, axis=0), np.tile(np.eye(3), (40, 1)), heart
    )[0]
    field = (lead @ moment).reshape(40, 3)
    own = np.einsum("nak,nk->na", truth.matrix, field).reshape(-1)
    mixing = truth.mixing
    reports = np.linalg.solve(mixing, own)[:, None]
    array = array_of(demo)
    chest = array.is_chest

    def misfit(one: SensorArray, values: np.ndarray) -> float:
        model = HalfSpace().lead_field(one.positions_m, one.orientations, heart)[0] @ moment
        return float(np.linalg.norm(values[chest, 0] - model[chest]) / np.linalg.norm(model[chest]))

    before = misfit(array, reports)
    after = misfit(
        corrected_array(calibration, array), corrected_field(calibration, array, reports)
    )
    assert before > 0.03
    assert after < 0.1 * before


def test_what_is_missing_stays_missing_and_does_not_spread(demo, calibration):
    array = array_of(demo)
    values = np.random.default_rng(1).normal(size=(120, 20))
    values[4, 3:8] = np.nan
    out = corrected_field(calibration, array, values)
    assert np.isnan(out[4, 3:8]).all()
    assert np.isfinite(np.delete(out, 4, axis=0)).all()


def small(demo_calibration: Calibration) -> dict:
    """The first eight heads of a calibration, by the names of the small bench."""
    content = to_json(demo_calibration)
    for name, values in content.items():
        if isinstance(values, list) and len(values) == 40:
            content[name] = values[:8]
    content["heads"] = [f"H{k:02d}" for k in range(8)]
    content["crosstalk"] = [row[:8] for row in content["crosstalk"]]
    return content


@pytest.fixture
def loaded(tmp_path, calibration):
    fields = {}
    for name, more in (("bare", {}), ("calibrated", {"calibration": small(calibration)})):
        bench = Bench(tmp_path / name, header=more)
        bench.stream(0.4)
        fields[name] = bench.load(tmp_path / name).field
    return fields, tmp_path


def test_a_recording_reads_with_its_calibration(loaded, calibration):
    fields, folder = loaded
    bare, calibrated = fields["bare"], fields["calibrated"]
    assert bare.array.positions_m[0] == pytest.approx([0.0, 0.0, 0.03])
    assert calibrated.array.positions_m[3] == pytest.approx(
        calibration.head_position_m[1], abs=1e-8
    )
    assert calibrated.array.orientations[4] == pytest.approx(calibration.head_axes[1, 1], abs=1e-8)
    assert "sensor_uncertainty" not in bare.metadata
    known = calibrated.metadata["sensor_uncertainty"]
    assert 2e-4 < known["gain"] < 4e-3
    assert calibrated.metadata["calibration"]["standard"] == "plate8"
    apart = np.abs(calibrated.field_pt - bare.field_pt).max() / np.abs(bare.field_pt).max()
    assert 1e-3 < apart < 0.3
    in_sections = SectionedRecording(folder / "calibrated")
    part = in_sections.read(50, 150)
    assert part.field_pt == pytest.approx(calibrated.field_pt[:, 50:150], nan_ok=True)


def test_a_damaged_calibration_in_a_header_is_named(tmp_path, calibration):
    content = small(calibration)
    content["head_gain"] = content["head_gain"][:3]
    bench = Bench(tmp_path / "r", header={"calibration": content})
    bench.stream(0.3)
    with pytest.raises(CalibrationError, match="head_gain"):
        bench.load(tmp_path / "r")


def test_confidence_follows_the_calibration_unless_another_is_chosen(calibration):
    array = array_of(with_standard(load_rig("demo36")[0], "plate8"))
    known = {"gain": 0.001, "position_m": 2e-4, "angle_rad": 1e-3, "crosstalk": 1e-4}
    source = InMemory(
        FieldRecording(np.zeros((120, 10)), 1000.0, array, metadata={"sensor_uncertainty": known})
    )
    assert _with_what_is_known(AnalysisSettings(), source).uncertainty.gain == 0.001
    chosen = AnalysisSettings(uncertainty=CALIBRATED)
    assert _with_what_is_known(chosen, source).uncertainty is CALIBRATED
    bare = InMemory(FieldRecording(np.zeros((120, 10)), 1000.0, array))
    assert _with_what_is_known(AnalysisSettings(), bare).uncertainty.gain == 0.03
