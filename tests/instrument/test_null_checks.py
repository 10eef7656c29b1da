"""What a null refuses before it drives anything, and what it tells when it was done: without boards."""

import json
from dataclasses import replace

import numpy as np
import pytest
from room_examples import Example

from nullfield.analysis.plots import png_bytes
from nullfield.cli import null as null_command
from nullfield.cli.terminal import output
from nullfield.errors import InputError, ProcedureError
from nullfield.instrument.excite_coils import (
    LARGEST_CHANGE_NT,
    CoilResponse,
    usual_patterns,
)
from nullfield.instrument.null_checks import check_reach, check_response
from nullfield.instrument.null_plot import null_figure
from nullfield.instrument.null_result import NullResult, null_json
from nullfield.instrument.null_target import gradient_of, model_of
from nullfield.room.solve_null import solve_null


def response_of(example, noise_pt_per_ma=20.0):
    rng = np.random.default_rng(1)
    response = example.response_pt_per_ma
    n = len(example.rig.coils)
    return CoilResponse(
        heads=example.rig.heads,
        coils=example.rig.coils,
        response_pt_per_ma=response + noise_pt_per_ma * rng.standard_normal(response.shape),
        uncertainty_pt_per_ma=np.full(response.shape, noise_pt_per_ma),
        field_pt=example.field_pt,
        field_uncertainty_pt=example.uncertainty_pt,
        current_ma=np.zeros(n),
        sensed_share=np.ones(n),
        drift_pt_per_s=np.zeros(example.field_pt.shape),
        duration_s=5.0,
    )


def changed(response, act):
    values = response.response_pt_per_ma.copy()
    act(values)
    return replace(response, response_pt_per_ma=values)


@pytest.mark.parametrize("rig", ["bench4", "demo36"])
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_sound_instrument_is_not_refused(rig, seed):
    example = Example(rig, seed)
    check_response(example.rig, response_of(example))


def test_an_open_coil_is_told_by_its_current():
    example = Example()
    response = response_of(example)
    share = response.sensed_share.copy()
    share[2] = 0.001
    with pytest.raises(
        ProcedureError, match=r"coil Bz .channel 2 of board e66138528351c001. is open"
    ) as e:
        check_response(example.rig, replace(response, sensed_share=share))
    assert "0%" in e.value.message
    assert "plug" in e.value.hint


def test_a_shorted_coil_is_told_by_current_without_field():
    example = Example()

    def short(values):
        values[:, :, 6] *= 1e-3

    with pytest.raises(ProcedureError, match=r"coil Gyz does nothing.*channel 6.*shorted"):
        check_response(example.rig, changed(response_of(example), short))


def test_reversed_and_swapped_coils_are_told_by_name():
    example = Example()

    def reverse(values):
        values[:, :, 3] *= -1.0

    def swap(values):
        values[:, :, [0, 4]] = values[:, :, [4, 0]]

    with pytest.raises(ProcedureError, match=r"coil Gxx is reversed .Gxx .channel 3"):
        check_response(example.rig, changed(response_of(example), reverse))
    with pytest.raises(ProcedureError, match="coils Bx and Gxy are swapped") as refused:
        check_response(example.rig, changed(response_of(example), swap))
    assert "channel 0" in refused.value.message
    assert "channel 4" in refused.value.message


def test_swapped_heads_are_told_by_name():
    example = Example()

    def swap(values):
        values[[9, 20]] = values[[20, 9]]

    with pytest.raises(
        ProcedureError, match="heads H10 and H21 are at each other's place"
    ) as refused:
        check_response(example.rig, changed(response_of(example), swap))
    assert "slot" in refused.value.hint


def test_reach_is_refused_with_each_coil_and_what_it_would_take():
    example = Example(room_residual_nt=300.0)
    near = example.near
    solution = solve_null(
        example.field_pt[near].reshape(-1),
        example.response_pt_per_ma[near].reshape(-1, 8),
        np.full(8, 10.0),
    )
    with pytest.raises(ProcedureError, match="beyond the coils' reach") as refused:
        check_reach(example.rig.coils, solution)
    for coil, wanted, limited in zip(
        example.rig.coils, solution.wanted_ma, solution.limited, strict=True
    ):
        assert (f"{coil.name} would need {wanted:+.2f} mA of 10 mA" in refused.value.message) == (
            limited and abs(wanted) > 10.0
        )
    assert "close the door" in refused.value.hint


def test_a_limit_that_costs_little_is_no_refusal():
    example = Example(room_residual_nt=20.0)
    near = example.near
    arguments = example.field_pt[near].reshape(-1), example.response_pt_per_ma[near].reshape(-1, 8)
    free = solve_null(*arguments, np.full(8, 10.0))
    weakest = int(np.abs(free.current_ma).argmin())
    limit = np.full(8, 10.0)
    limit[weakest] = 0.98 * abs(free.current_ma[weakest])
    solution = solve_null(*arguments, limit)
    assert solution.limited[weakest]
    check_reach(example.rig.coils, solution)


@pytest.mark.parametrize("rig", ["bench4", "demo36"])
def test_patterns_stay_within_what_the_heads_follow(rig):
    example = Example(rig)
    patterns = usual_patterns(example.rig.coils, example.rig.heads)
    assert len(patterns) >= len(example.rig.coils) + 3
    moved_pt = np.einsum("nac,pc->pna", example.response_pt_per_ma, patterns)
    # Walls make the coils stronger than their nominal constants.
    for kind in ("array", "reference"):
        of_kind = [i for i, head in enumerate(example.rig.heads) if head.kind == kind]
        if of_kind:
            assert np.abs(moved_pt[:, of_kind]).max() < 1.4 * LARGEST_CHANGE_NT * 1e3
    # And are not timid: every coil stands out of the noise of twelve readings.
    alone_pt = np.sqrt(np.mean(example.response_pt_per_ma**2, axis=(0, 1))) * patterns.std(axis=0)
    assert alone_pt.min() > 50.0
    assert np.abs(moved_pt).max() > 3000.0


def test_patterns_about_a_current_at_its_limit_stay_within_it():
    example = Example()
    limit = np.array([c.current_max_ma for c in example.rig.coils])
    patterns = usual_patterns(example.rig.coils, example.rig.heads, limit)
    assert np.all(np.abs(patterns) <= limit + 1e-12)


@pytest.fixture
def result():
    example = Example(room_residual_nt=70.0)
    response = response_of(example)
    heads = tuple(h for h in example.rig.heads if h.kind == "array")
    near = example.near
    coils = [c.name for c in example.rig.coils]
    after = 100.0 * np.random.default_rng(1).standard_normal((36, 3))
    return example.rig, NullResult(
        heads=tuple(h.name for h in heads[:35]),
        before_rms_pt=40_000.0,
        after_rms_pt=100.0,
        current_ma=dict.fromkeys(coils, 1.5),
        coil_response_pt_per_ma=response.response_pt_per_ma[near[:35]],
        limited=("Gxx",),
        duration_s=7.0,
        before_pt=example.field_pt[near[:35]],
        after_pt=after[:35],
        gradient_before=gradient_of(heads[:35], example.field_pt[near[:35]]),
        gradient_after=gradient_of(heads[:35], after[:35]),
        left_pt=float("nan"),
        wanted_ma=dict.fromkeys(coils, 2.5),
        left_out={"H36": "not ready (fault)"},
        model=model_of(response),
        excitation=response,
    )


def test_json_is_json_and_says_everything(result):
    told = json.loads(json.dumps(null_json(result[1]), allow_nan=False))
    assert told["expected_rms_pt"] is None
    assert told["limited"] == ["Gxx"]
    assert told["left_out"] == {"H36": "not ready (fault)"}
    assert told["model"]["degree"] in (3, 4)
    assert told["gradient_before"]["size_pt_per_m"] > 10_000.0
    assert told["gradient_after"]["uncertainty_pt_per_m"] > 0.0


def test_the_picture_is_drawn_and_is_the_same_for_the_same_null(result):
    rig, null = result
    first = png_bytes(null_figure(rig, null))
    assert first.startswith(b"\x89PNG")
    assert first == png_bytes(null_figure(rig, null))
    other = replace(null, after_pt=2.0 * null.after_pt)
    assert first != png_bytes(null_figure(rig, other))


def test_the_table_names_limits_and_heads_left_out(result):
    with output.capture() as caught:
        null_command._show(*result)
    text = caught.get()
    assert "40000 -> 100 pT rms as 35 heads tell it, 7.0 s" in text
    assert "H36 left out: not ready (fault)" in text
    assert "at its limit; would take +2.50 mA" in text
    assert "mean gradient" in text


def test_a_picture_that_cannot_be_written_is_refused_before_the_start(tmp_path):
    for path in (tmp_path / "field.jpg", tmp_path / "nowhere" / "field.png"):
        with pytest.raises(InputError, match="cannot be drawn to") as refused:
            null_command.null("bench4", plot=path)
        assert ".png" in refused.value.hint
