"""A plan is a list of named tests; running it never leaves an output on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nullfield.errors import NullfieldError, ProcedureError
from nullfield.production.bench import Bench
from nullfield.production.verdict import Outcome, Value, worst


@dataclass(frozen=True)
class Check:
    """One test of a plan.

    Attributes
    ----------
    name : str
        In snake case; results of many boards are found by it.
    title : str
        For people.
    procedure : callable
        Measures; it may leave outputs on, the plan switches them off after it.
    needs : tuple of str
        What the fixture must have, see `Fixture.lacks`.
    requires : tuple of str
        Names of tests that must have passed: without them this one would measure nonsense.
    """

    name: str
    title: str
    procedure: Callable[[Bench], list[Value]]
    needs: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckResult:
    """What a test came to."""

    name: str
    title: str
    outcome: Outcome
    reason: str = ""
    values: tuple[Value, ...] = ()
    duration_s: float = 0.0

    @property
    def first_bad(self) -> Value | None:
        """The first value that did not pass; a number tells more than what was not seen."""
        bad = [value for value in self.values if value.outcome != Outcome.PASS]
        return next((value for value in bad if math.isfinite(value.value)), bad[0] if bad else None)


@dataclass
class PlanResult:
    """All tests of one run."""

    results: list[CheckResult] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """Pass only if no test failed or went wrong, and at least one passed."""
        return worst(result.outcome for result in self.results)

    def of(self, name: str) -> CheckResult | None:
        """Result of a test."""
        return next((result for result in self.results if result.name == name), None)


def run_plan(
    bench: Bench,
    plan: Sequence[Check],
    *,
    only: Sequence[str] = (),
    stop_at_failure: bool = False,
) -> PlanResult:
    """Run the tests in order.

    Parameters
    ----------
    bench : Bench
    plan : sequence of Check
    only : sequence of str
        Names; tests that these require run as well. All by default.
    stop_at_failure : bool
        Leave the rest out after the first failure.
    """
    chosen = _with_required(plan, only)
    result = PlanResult()
    for number, check in enumerate(chosen):
        bench.begin(check.title, number / len(chosen))
        found = _run_one(bench, check, result)
        result.results.append(found)
        if stop_at_failure and found.outcome in (Outcome.FAIL, Outcome.ERROR):
            break
    return result


def _with_required(plan: Sequence[Check], only: Sequence[str]) -> list[Check]:
    if not only:
        return list(plan)
    by_name = {check.name: check for check in plan}
    for name in only:
        if name not in by_name:
            raise ProcedureError(
                f"there is no test '{name}' in this plan", f"tests: {', '.join(by_name)}"
            )
    wanted: set[str] = set()
    open_names = list(only)
    while open_names:
        name = open_names.pop()
        if name not in wanted:
            wanted.add(name)
            open_names.extend(by_name[name].requires)
    return [check for check in plan if check.name in wanted]


def _run_one(bench: Bench, check: Check, before: PlanResult) -> CheckResult:
    reason = _reason_to_skip(bench, check, before)
    if reason:
        return CheckResult(check.name, check.title, Outcome.SKIPPED, reason)
    began_s = bench.clock.now_s()
    values: tuple[Value, ...] = ()
    reason = ""
    try:
        values = tuple(check.procedure(bench))
        outcome = worst(value.outcome for value in values)
        if outcome == Outcome.SKIPPED:
            reason = "nothing to measure on this board with this fixture"
    except ProcedureError as error:
        # The board did not do what it should: that is a finding, not trouble of the bench.
        outcome, reason = Outcome.FAIL, error.message
    except NullfieldError as error:
        outcome, reason = Outcome.ERROR, error.message
    try:
        bench.make_safe()
        bench.exchange_time()
    except NullfieldError as error:
        if outcome == Outcome.PASS:
            outcome = Outcome.ERROR
        reason = f"{reason}; not made safe: {error.message}".lstrip("; ")
    duration_s = bench.clock.now_s() - began_s
    return CheckResult(check.name, check.title, outcome, reason, values, duration_s)


def _reason_to_skip(bench: Bench, check: Check, before: PlanResult) -> str:
    for need in check.needs:
        lack = bench.fixture.lacks(need)
        if lack:
            return lack
    if "operator" in check.needs and bench.ask is None:
        return "nobody is there to be asked"
    for name in check.requires:
        found = before.of(name)
        if found is None or found.outcome != Outcome.PASS:
            return f"needs the test '{name}' to pass"
    return ""
