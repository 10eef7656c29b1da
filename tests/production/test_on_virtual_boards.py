"""The plans on virtual boards: good ones pass, defects are found by what is measured.

Every defect of every role: ``make soak-production``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

import pytest

from nullfield.cli.bench_session import find_entry, open_rig_bench, reduced
from nullfield.cli.prove_defects import RIG, UIDS, cases, run_case
from nullfield.cli.session import make_scenario, take_defects
from nullfield.devices.connect import connect
from nullfield.errors import InputError, RigError
from nullfield.production.bench import Bench
from nullfield.production.fixture import load_fixture
from nullfield.production.plan import Check, run_plan
from nullfield.production.roles import plan_of
from nullfield.production.verdict import Outcome, Value, exactly
from nullfield.rig import load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.defects import KINDS, NOT_ON_BENCH, Defect, apply_defects
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.transport import VirtualTransport

pytestmark = pytest.mark.micropython


def defect(kind: str, role: str, **more: Any) -> Defect:
    return Defect(kind, UIDS[role], **more)


@pytest.mark.parametrize("role", ["coil", "table"])
def test_a_healthy_board_passes(role: str) -> None:
    fixture = load_fixture(role)
    with open_rig_bench(RIG, role, fixture, seed=3) as opened:
        result = run_plan(opened.bench, plan_of(opened.bench.board.identity.role, fixture))
    bad = [(r.name, r.reason, r.first_bad) for r in result.results if r.outcome != Outcome.PASS]
    assert result.outcome == Outcome.PASS, bad
    skipped = [r.name for r in result.results if r.outcome == Outcome.SKIPPED]
    assert skipped == (["open_trip"] if role == "coil" else ["emergency_stop_pressed"])


@pytest.mark.parametrize(
    ("role", "kind", "more", "found_by"),
    [
        ("coil", "sense_resistor", {"channel": 1}, "gain"),
        ("coil", "sense_resistor", {"channel": 6, "amount": -0.02}, "gain"),
        ("coil", "output_shorted", {"channel": 0}, "gain"),
        # Its current is 24 ms behind and still on its way when the next channel is looked at.
        ("coil", "output_resistance", {"channel": 3}, "crosstalk"),
        ("coil", "source_offset", {"channel": 7}, "offset"),
        ("coil", "fine_dac_stuck", {"channel": 2}, "fine_step"),
        ("coil", "converter_noise", {"channel": 4}, "sense_noise"),
        ("table", "chip_missing", {"part": "driver"}, "start_state"),
        ("table", "steps_lost", {}, "home_repeatability"),
        ("table", "home_switch_stuck", {}, "home_switch"),
        ("sensor", "chip_missing", {"part": "laser_adc"}, "start_state"),
        ("sensor", "reference_resistor", {}, "cell_ambient"),
        ("sensor", "converter_noise", {"channel": 3}, "dark_noise"),
        ("sensor", "tec_reversed", {"channel": 0}, "tec_sign"),
        ("sensor", "heater_stuck", {"channel": 1}, "heater_off"),
    ],
)
def test_a_defect_is_found_by_its_test(
    role: str, kind: str, more: dict[str, Any], found_by: str
) -> None:
    proof = run_case(role, defect(kind, role, **more))
    assert proof.is_as_expected, proof
    assert proof.found_by is not None
    assert proof.found_by.name == found_by


def test_every_kind_of_defect_has_a_case() -> None:
    tried = {one.kind for _, one in cases([]) if one is not None}
    assert tried == set(KINDS) - NOT_ON_BENCH
    with pytest.raises(InputError, match="kettle"):
        cases(["kettle"])


class World:
    """A virtual coil board whose pins a test can look at."""

    def __init__(self, stack: ExitStack) -> None:
        rig, table = load_rig(RIG)
        world, _ = take_defects(table)
        entry = find_entry(rig, "coil")
        self.instrument = stack.enter_context(
            VirtualInstrument(
                reduced(rig, {entry.uid}), make_scenario(world, None), 1,
                ensure_micropython(lambda text: None),
            )
        )  # fmt: skip
        self.clock = VirtualClock(self.instrument)
        self.board = self.instrument.by_uid[entry.uid]
        self._session = 1000

    def connect(self) -> Any:
        self._session += 100_000
        transport = VirtualTransport(self.instrument, self.board.uid)
        return connect(transport, self.clock, session=self._session)

    def bench(self) -> Bench:
        return Bench(self.connect, self.clock, load_fixture("coil"))


def enable_and(then: Callable[[], None]) -> Callable[[Bench], list[Value]]:
    def procedure(bench: Bench) -> list[Value]:
        bench.board.enable()
        bench.board.wait_telemetry(lambda t: t.is_enabled, 5.0)
        then()
        return [Value("done", 1, "", exactly(1, "here"))]

    return procedure


def interrupt() -> None:
    raise KeyboardInterrupt


def mistake() -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("trouble", [interrupt, mistake])
def test_outputs_are_off_whatever_ends_the_plan(trouble: Callable[[], None]) -> None:
    with ExitStack() as stack:
        world = World(stack)
        bench = world.bench()
        seen_on: list[int] = []

        def look() -> None:
            seen_on.append(world.board.pin("coil_enable"))
            trouble()

        with pytest.raises((KeyboardInterrupt, ZeroDivisionError)), closing(bench):
            run_plan(bench, [Check("x", "X", enable_and(look))])
        assert seen_on == [1]
        world.clock.wait(lambda: False, 0.01)
        assert world.board.pin("coil_enable") == 0


def test_between_tests_outputs_are_off_and_settings_are_as_before() -> None:
    with ExitStack() as stack:
        world = World(stack)
        first = world.connect()
        first.settings.set("ramp_rate", 0.015)
        first.close()
        bench = world.bench()
        pins: list[int] = []

        def change(bench: Bench) -> list[Value]:
            bench.board.settings.set("ramp_rate", 0.1)
            return enable_and(lambda: None)(bench)

        def look(bench: Bench) -> list[Value]:
            pins.append(world.board.pin("coil_enable"))
            rate = bench.board.settings.refresh("ramp_rate")
            return [Value("rate", rate, "A/s", exactly(0.015, "here"))]

        result = run_plan(bench, [Check("a", "A", change), Check("b", "B", look)])
        assert result.outcome == Outcome.PASS
        assert pins == [0]
        bench.close()


def test_a_test_is_left_out_for_a_reason() -> None:
    with ExitStack() as stack:
        bench = World(stack).bench()

        def fails(bench: Bench) -> list[Value]:
            return [Value("one", 0, "", exactly(1, "here"))]

        plan = [
            Check("a", "A", fails),
            Check("b", "B", fails, requires=("a",)),
            Check("c", "C", fails, needs=("coil.open_channel",)),
        ]
        result = run_plan(bench, plan)
        assert [r.outcome for r in result.results] == [
            Outcome.FAIL,
            Outcome.SKIPPED,
            Outcome.SKIPPED,
        ]
        assert "'a'" in result.results[1].reason
        assert "open_channel" in result.results[2].reason
        assert [r.name for r in run_plan(bench, plan, only=["b"]).results] == ["a", "b"]
        bench.close()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (Defect("moths", UIDS["coil"]), "unknown kind"),
        (Defect("dac_stuck", "0" * 16), "no board"),
        (Defect("heater_dead", UIDS["coil"]), "coil board"),
        (Defect("dac_stuck", UIDS["coil"], channel=8), "no channel 8"),
        (Defect("chip_missing", UIDS["coil"], part="kettle"), "no part 'kettle'"),
    ],
)
def test_a_defect_that_cannot_be_is_refused(bad: Defect, words: str) -> None:
    rig, table = load_rig(RIG)
    small = reduced(rig, {UIDS["coil"]})
    scenario = make_scenario(table, None)
    instrument = VirtualInstrument(small, scenario, 1, ensure_micropython(lambda text: None))
    with pytest.raises(RigError, match=words):
        apply_defects(instrument, [bad])
    instrument.close()


def test_defects_of_a_rig_file_are_checked() -> None:
    with pytest.raises(RigError, match=r"defects\.0\.colour"):
        take_defects({"defects": [{"kind": "x", "board": "y", "colour": 1}]})
    world, found = take_defects({"room_residual_nt": 1.0, "defects": [{"kind": "a", "board": "b"}]})
    assert world == {"room_residual_nt": 1.0}
    assert found == (Defect("a", "b"),)
