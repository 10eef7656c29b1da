"""What a null finds wrong, by name: coils, heads and fields that are not what the rig file says.

One started bench for all: each test rewires something, is refused, and puts it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from nullfield.errors import AbortedError, BoardFaultError, NullfieldError, ProcedureError
from nullfield.instrument.excite_coils import excite_coils
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.measure_field import measure_field, zero_heads
from nullfield.instrument.null_result import null_json
from nullfield.instrument.null_room import null_room
from nullfield.instrument.renull import renull
from nullfield.instrument.start_up import start_up
from nullfield.rig import Rig, load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.transport import VirtualTransport
from nullfield_protocol.catalogue import FaultCode, HeadState

pytestmark = [pytest.mark.micropython, pytest.mark.slow]
SENSOR, COIL = "e66138528350b001", "e66138528351b001"


class Bench:
    def __init__(self, world: VirtualInstrument, instrument: Instrument) -> None:
        self.world, self.instrument = world, instrument
        self.rig = instrument.rig

    @property
    def coil_parts(self) -> Any:
        return self.world.parts_of(self.world.by_uid[COIL])[0]

    @property
    def currents_ma(self) -> Any:
        return self.world._inputs.room_coil_current_ma

    @contextmanager
    def told(self, **changes: Any) -> Iterator[None]:
        """The rig file says something else than what is built."""
        content = self.rig.model_dump()
        for key, value in changes.items():
            content[key] = value
        self.instrument.rig = Rig.model_validate(content)
        try:
            yield
        finally:
            self.instrument.rig = self.rig

    def refused(self, pattern: str, error: type[ProcedureError] = ProcedureError) -> Any:
        with pytest.raises(error, match=pattern) as caught:
            null_room(self.instrument)
        assert "\n" not in caught.value.message
        assert caught.value.hint
        if self.instrument.coils[COIL].link.fault is not None:
            self.instrument.coils[COIL].clear_faults()
        self.instrument.wait_s(1.5)
        # The stage is on with its offset; nothing is driven any more.
        assert np.abs(self.currents_ma).max() < 0.02
        return caught.value


@pytest.fixture
def bench(started: Bench) -> Bench:
    """The started bench with no current in its coils."""
    coil = started.instrument.coils[COIL]
    if coil.link.fault is not None:
        coil.clear_faults()
    coil.ramp_to_zero()
    started.instrument.wait_s(1.0)
    # A coil board that trips takes the field away under a head that zeroes: it searches anew.
    started.instrument.wait_until(
        lambda: HeadState.FIELD_ZERO not in started.instrument.head_states().values(),
        20.0,
        "the heads' search for their zero",
    )
    return started


@pytest.fixture(scope="module")
def started() -> Iterator[Bench]:
    rig, _ = load_rig("bench4")
    with VirtualInstrument(rig, Scenario(room_residual_nt=70.0), 2, ensure_micropython()) as world:
        clock = VirtualClock(world)
        with Instrument(
            rig, clock, lambda entry: VirtualTransport(world, entry.uid), 1000
        ) as instrument:
            instrument.stream(True)
            assert len(start_up(instrument).ready) == 4
            yield Bench(world, instrument)


def entries(rig: Rig, kind: str) -> list[dict[str, Any]]:
    return [dict(entry) for entry in rig.model_dump()[kind]]


def test_the_response_is_that_of_the_plant_within_its_uncertainty(bench: Bench) -> None:
    bench.instrument.coils[COIL].enable(True)
    response = excite_coils(bench.instrument, bench.instrument.ready_heads())
    plant = bench.world.plant
    wanted = 1e3 * np.einsum("nak,nkc->nac", plant.true_heads.axes, plant.coil_field_nt_per_ma)
    error = response.response_pt_per_ma - wanted
    # On-head coils are some percent wrong; what is small of a coil shows the noise.
    share = np.abs(error) / np.maximum(np.abs(wanted), 3000.0)
    assert share.max() < 0.12
    assert np.all(response.uncertainty_pt_per_ma > 0.0)
    np.testing.assert_allclose(response.sensed_share, 1.0, atol=0.01)
    assert np.abs(response.current_ma).max() < 5e-3


def test_a_good_null_and_what_it_tells(bench: Bench) -> None:
    result = null_room(bench.instrument)
    assert result.after_rms_pt < 0.01 * result.before_rms_pt
    assert result.heads == ("H1", "H2", "H3", "H4")
    assert not result.limited
    assert not result.left_out
    assert result.duration_s < 15.0
    told = null_json(result)
    assert told["measured_after_rms_pt"] == pytest.approx(result.after_rms_pt, abs=0.1)
    assert set(told["current_ma"]) == {c.name for c in bench.rig.coils}
    assert told["gradient_after"]["degree"] == 2
    assert told["model"]["degree"] in (1, 2)
    truth = bench.world.plant.truth()
    left = np.sqrt(np.mean(truth.room_and_coils_field_pt**2))
    assert left < 0.03 * 70e3
    again = renull(bench.instrument, result)
    assert again.duration_s < 3.0
    assert again.excitation is result.excitation


def test_an_open_coil_is_named(bench: Bench) -> None:
    bench.coil_parts.is_open[5] = True
    try:
        error = bench.refused(
            "coil Gxz .channel 5 of board e66138528351b001.: open", BoardFaultError
        )
    finally:
        bench.coil_parts.is_open[5] = False
    assert "plug" in error.hint


def test_a_shorted_coil_is_named(bench: Bench) -> None:
    bench.coil_parts.is_shorted[1] = True
    try:
        error = bench.refused("coil By")
    finally:
        bench.coil_parts.is_shorted[1] = False
    assert "channel 1" in error.message
    assert "shorted" in error.message


def test_a_reversed_coil_is_named(bench: Bench) -> None:
    plant = bench.world.plant
    for part in (plant._coil, plant._coil_slope[:, 2]):
        part[2 if part is plant._coil else slice(None)] *= -1.0
    try:
        error = bench.refused("coil Bz is reversed")
    finally:
        for part in (plant._coil, plant._coil_slope[:, 2]):
            part[2 if part is plant._coil else slice(None)] *= -1.0
    assert "wires" in error.hint


def test_two_coils_exchanged_are_named(bench: Bench) -> None:
    coils = entries(bench.rig, "coils")
    coils[0]["channel"], coils[1]["channel"] = coils[1]["channel"], coils[0]["channel"]
    with bench.told(coils=coils):
        error = bench.refused("coils Bx and By are swapped")
    assert "channel" in error.hint


def test_two_heads_exchanged_are_named(bench: Bench) -> None:
    heads = entries(bench.rig, "heads")
    heads[0]["slot"], heads[1]["slot"] = heads[1]["slot"], heads[0]["slot"]
    with bench.told(heads=heads):
        error = bench.refused("heads H1 and H2 are at each other's place")
    assert "rig file" in error.hint


def test_a_field_beyond_reach_is_refused_with_what_it_would_take(bench: Bench) -> None:
    coils = [{**coil, "current_max_ma": 1.0} for coil in entries(bench.rig, "coils")]
    with bench.told(coils=coils):
        error = bench.refused("beyond the coils' reach")
    assert "By would need" in error.message
    assert "of 1 mA" in error.message
    assert "nT rms would be left" in error.message
    assert "degauss" in error.hint
    assert "current_max_ma" in error.hint


def test_too_few_heads_are_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    two = bench.instrument.ready_heads()[:2]
    monkeypatch.setattr(bench.instrument, "ready_heads", lambda: two)
    error = bench.refused("2 ready heads are too few for 8 coils")
    assert "nullfield start" in error.hint


def test_rows_that_are_not_valid_are_not_averaged(bench: Bench) -> None:
    instrument = bench.instrument
    heads = zero_heads(instrument, instrument.ready_heads())
    good = measure_field(instrument, heads)
    assert good.is_valid.all()
    np.testing.assert_allclose(good.valid_share, 1.0)
    # A field beyond the loop of one head: its rows are flagged as railed, and say nothing.
    plant = bench.world.plant
    column = plant._column[1, 0]
    plant._coil[0, column] += 1000.0
    coil = instrument.coils[COIL]
    coil.enable(True)
    coil.set_current_a(0, 1e-3)
    try:
        instrument.wait_s(0.5)
        railed = measure_field(instrument, heads)
    finally:
        coil.set_current_a(0, 0.0)
        instrument.wait_s(0.5)
        plant._coil[0, column] -= 1000.0
    assert list(railed.is_valid) == [True, False, True, True]
    assert railed.valid_share[1] < 0.5
    assert np.isnan(railed.field_pt[1]).all()
    assert np.isfinite(railed.rms_pt)


def test_an_abort_in_between_leaves_no_current(bench: Bench) -> None:
    told: list[str] = []

    def abort(step: str, fraction: float, detail: str) -> None:
        told.append(detail)
        if detail.startswith("pattern 4"):
            raise AbortedError("ended by the operator")

    with pytest.raises(AbortedError):
        null_room(bench.instrument, abort)
    assert any(detail.startswith("pattern 3") for detail in told)
    bench.instrument.wait_s(0.5)
    assert np.abs(bench.currents_ma).max() < 0.02
    # And the next null is as good as any.
    assert null_room(bench.instrument).after_rms_pt < 700.0


def test_a_head_that_dies_is_left_out_and_the_others_are_nulled(bench: Bench) -> None:
    """Its laser goes dark between the start and the null: the last tests but one, it stays dead."""
    sensors, row = bench.world.parts_of(bench.world.by_uid[SENSOR])
    sensors.laser_ma_per_v[row, 3] = 0.0  # type: ignore[union-attr]
    bench.instrument.wait_s(1.0)
    result = null_room(bench.instrument)
    assert result.heads == ("H1", "H2", "H3")
    assert set(result.left_out) == {"H4"}
    assert result.after_rms_pt < 0.02 * result.before_rms_pt
    # The dead head's place is nulled by what the others say of it.
    truth = bench.world.plant.truth()
    assert np.abs(truth.room_and_coils_field_pt[3]).max() < 0.1 * 70e3


def test_the_host_dies_in_between_and_the_boards_end_safe_by_themselves(bench: Bench) -> None:
    """From the boards' side a killed host is one that says nothing any more, in mid-pattern."""
    world, seen = bench.world, {}

    def die(step: str, fraction: float, detail: str) -> None:
        if detail.startswith("pattern 5") and not seen:
            seen["before"] = float(np.abs(bench.currents_ma).max())
            for _ in range(3500):
                world.step()
            seen["after"] = float(np.abs(bench.currents_ma).max())
            seen["heads"] = float(np.abs(world._inputs.head_coil_current_ma).max())

    with pytest.raises(NullfieldError, match="host silent"):
        null_room(bench.instrument, die)
    assert seen["before"] > 0.05
    assert seen["after"] == 0.0
    assert seen["heads"] == 0.0
    for board in bench.instrument.boards.values():
        assert board.link.fault is not None
        assert board.link.fault.code == FaultCode.HOST_SILENT
