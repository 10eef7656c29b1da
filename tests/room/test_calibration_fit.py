"""The fit of heads and coils: goals with a standard, gauge without, honest uncertainties."""

from __future__ import annotations

import numpy as np
import pytest
from tests.bench.calibration import ALL_MODES, READING_PT, errors_of, simulated_fit
from tests.bench.plant_response import plant_response

from nullfield.errors import ProcedureError
from nullfield.instrument.calibration_patterns import amplitudes_ma
from nullfield.instrument.windings import tolerances_of
from nullfield.rig import load_rig
from nullfield.room.array_model import ArrayModel, Tolerances
from nullfield.room.calibration_fit import LARGEST_STRAIN, fit_array
from nullfield.room.excitation import excitation_patterns
from nullfield.room.gauge import head_modes
from nullfield.standard_file import with_standard


@pytest.fixture(scope="module")
def bare():
    return load_rig("demo36")[0]


@pytest.fixture(scope="module")
def with_plate(bare):
    return with_standard(bare, "plate8")


@pytest.fixture(scope="module")
def fitted(with_plate):
    return simulated_fit(with_plate, 1)


@pytest.fixture(scope="module")
def fitted_bare(bare):
    return simulated_fit(bare, 1)


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def test_goals_are_met_with_a_standard(fitted):
    fit, truth = fitted
    errors = errors_of(fit, truth, ())
    assert rms(errors.gain[:36]) < 0.003
    assert rms(errors.angle_deg[:36]) < 0.1
    assert rms(errors.place_mm[:36]) < 0.5


def test_uncertainties_are_those_of_the_errors(fitted):
    fit, truth = fitted
    errors = errors_of(fit, truth, ())
    assert 0.5 < rms(errors.gain / fit.gain_sigma) < 1.5
    # An angle has two directions across the axis.
    angle = np.radians(errors.angle_deg) / np.sqrt(2.0) / fit.angle_sigma_rad
    assert 0.4 < rms(angle) < 1.5
    place = 1e-3 * errors.place_mm / np.linalg.norm(fit.position_sigma_m, axis=1)
    assert 0.4 < rms(place) < 1.5


def test_crosstalk_and_walls_are_found(fitted):
    fit, _ = fitted
    assert fit.crosstalk_strength == pytest.approx([0.01] * 3, abs=5e-4)
    assert fit.shield_image == pytest.approx(0.6, abs=0.05)
    assert fit.crosstalk[0, 1] > 0.008
    assert fit.crosstalk[0, 35] < 2e-4


def test_eight_modes_are_unseen_without_a_standard_and_none_with_one(fitted, fitted_bare):
    assert fitted_bare[0].rank.n_silent == 8
    assert fitted_bare[0].rank.largest_silent < 1e-3 * fitted_bare[0].rank.least_seen
    assert fitted[0].rank.n_silent == 0


def test_every_mode_of_the_gauge_leaves_the_reports_as_they_are(bare):
    truth = plant_response(bare, 1)
    model = ArrayModel(truth.position_m, truth.axes, truth.windings, Tolerances())
    unknowns = np.zeros(model.n_parameters)
    jacobian = model.jacobian(unknowns, np.zeros(truth.response_pt_per_ma.shape))
    heads = head_modes(truth.position_m, truth.axes)
    by_heads = jacobian[..., : 12 * model.n_heads] @ heads
    others = jacobian[..., 12 * model.n_heads :].reshape(-1, model.n_parameters - 480)
    for k in range(8):
        wanted = -by_heads[..., k].reshape(-1)
        answer = np.linalg.lstsq(others, wanted, rcond=1e-12)[0]
        # What the heads do alike, coils and room can undo.
        assert np.linalg.norm(others @ answer - wanted) < 1e-6 * np.linalg.norm(wanted)


def test_errors_after_the_gauge_are_small_without_a_standard(fitted_bare):
    fit, truth = fitted_bare
    errors = errors_of(fit, truth, ALL_MODES)
    assert rms(errors.gain[:36]) < 0.005
    assert rms(errors.angle_deg[:36]) < 0.2
    assert rms(errors.place_mm[:36]) < 1.0


def test_heads_that_are_all_more_sensitive_are_seen_with_a_standard_only(bare, with_plate):
    for rig, wanted in ((bare, 1.0), (with_plate, 1.02)):
        truth = plant_response(rig, 2)
        sigma = np.full(truth.response_pt_per_ma.shape, 5.0)
        usual, other = (
            fit_array(
                factor * truth.response_pt_per_ma,
                sigma,
                truth.position_m,
                truth.axes,
                truth.windings,
                tolerances_of(rig),
            )
            .gain[:36]
            .mean()
            for factor in (1.0, 1.02)
        )
        assert other / usual == pytest.approx(wanted, abs=3e-3)


def test_a_drift_that_goes_with_the_currents_does_little(with_plate):
    truth = plant_response(with_plate, 4)
    random = np.random.default_rng(4)
    stray = 15.0 * random.normal(size=(3, 16))
    common = np.einsum("nak,kc->nac", truth.axes, stray)
    sigma = np.broadcast_to(READING_PT[:, None] / 5.0, common.shape)
    fit = fit_array(
        truth.response_pt_per_ma + common + sigma * random.normal(size=sigma.shape),
        sigma, truth.position_m, truth.axes, truth.windings, tolerances_of(with_plate),
    )  # fmt: skip
    errors = errors_of(fit, truth, ())
    assert rms(errors.angle_deg[:36]) < 0.1
    assert rms(errors.gain[:36]) < 0.003


def test_drift_is_no_fault_of_a_winding_that_was_driven_little(with_plate):
    """A reference at a winding may leave it 0.03 mA: the room's drift is most of its response."""
    truth = plant_response(with_plate, 1)
    random = np.random.default_rng(1)
    amplitude = amplitudes_ma(with_plate)
    amplitude[:8] = np.minimum(amplitude[:8], 0.035)
    patterns = excitation_patterns(amplitude)
    swing = np.sqrt(np.sum(patterns**2, axis=0))
    stray = 60.0 / swing * random.choice([-1.0, 1.0], size=(3, 16))
    sigma = READING_PT[:, None] / swing * np.ones((40, 1, 1))
    measured = truth.response_pt_per_ma + np.einsum("nak,kc->nac", truth.axes, stray)
    measured = measured + sigma * random.normal(size=sigma.shape)
    for tolerances, is_strained in (
        (tolerances_of(with_plate), True),
        (tolerances_of(with_plate, patterns), False),
    ):
        fit = fit_array(measured, sigma, truth.position_m, truth.axes, truth.windings, tolerances)
        assert (fit.strain_of_windings.max() > LARGEST_STRAIN) == is_strained
    assert fit.strain_of_heads.max() < LARGEST_STRAIN


def test_dead_heads_and_lost_values_are_done_without(with_plate):
    truth = plant_response(with_plate, 5)
    measured = truth.response_pt_per_ma.copy()
    measured[7] = np.nan
    measured[3, 2] = np.nan
    sigma = np.full(measured.shape, 3.0)
    fit = fit_array(
        measured, sigma, truth.position_m, truth.axes, truth.windings, tolerances_of(with_plate)
    )
    # Nothing is claimed of a head that was not seen: it stays where the rig file has it.
    assert fit.position_sigma_m[7].max() > 1.5e-3
    assert fit.gain_sigma[3, 2] > 0.02
    assert fit.gain_sigma[8].max() < 0.003
    assert np.isnan(fit.residual[7]).all()


def test_too_few_windings_are_refused(bare):
    truth = plant_response(bare, 1)
    with pytest.raises(ProcedureError, match="too few for a calibration"):
        fit_array(
            truth.response_pt_per_ma[:, :, :2],
            np.ones((40, 3, 2)),
            truth.position_m,
            truth.axes,
            truth.windings[:2],
        )


def test_heads_at_each_others_place_strain_the_tolerances(with_plate):
    truth = plant_response(with_plate, 1)
    for is_swapped in (False, True):
        measured = truth.response_pt_per_ma.copy()
        if is_swapped:
            measured[[0, 1]] = measured[[1, 0]]
        fit = fit_array(
            measured,
            np.full(measured.shape, 5.0),
            truth.position_m,
            truth.axes,
            truth.windings,
            tolerances_of(with_plate),
        )
        strained = np.flatnonzero(fit.strain_of_heads > LARGEST_STRAIN)
        assert strained.tolist() == ([0, 1] if is_swapped else [])
