"""``bench-test --prove-defects``: every seeded defect of a virtual board against the plan.

The plan runs on a board of which it knows nothing; the list of defects stays here and in the virtual
instrument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape
from rich.table import Table

from nullfield.cli.bench_session import open_rig_bench
from nullfield.cli.terminal import errors, output, print_json
from nullfield.errors import InputError
from nullfield.production.fixture import load_fixture
from nullfield.production.plan import CheckResult, run_plan
from nullfield.production.roles import plan_of
from nullfield.production.verdict import Outcome

if TYPE_CHECKING:
    from nullfield.virtual.defects import Defect

RIG = "acceptance"
UIDS = {
    "sensor": "e66138528350b001",
    "coil": "e66138528351b001",
    "table": "e66138528352b001",
}
MISSED = 1

_Case = tuple[str, dict[str, Any]]
_CASES: dict[str, tuple[_Case, ...]] = {
    "coil": (
        ("chip_missing", {"part": "adc"}),
        ("chip_missing", {"part": "stream_dac"}),
        ("chip_missing", {"part": "coil_adc"}),
        ("slow_crystal", {}),
        ("converter_noise", {"channel": 2}),
        ("converter_swapped", {"channel": 4}),
        ("sense_resistor", {"channel": 1}),
        ("dac_stuck", {"channel": 3}),
        ("fine_dac_stuck", {"channel": 3}),
        ("output_open", {"channel": 5}),
        ("output_shorted", {"channel": 6}),
        ("output_resistance", {"channel": 2}),
        ("source_offset", {"channel": 7}),
    ),
    "table": (
        ("chip_missing", {"part": "driver"}),
        ("slow_crystal", {}),
        ("steps_lost", {}),
        ("home_switch_stuck", {}),
        ("home_switch_stuck", {"amount": 0.0}),
        ("end_switch_dead", {}),
        ("emergency_stop_cut", {}),
    ),
    "sensor": (
        ("chip_missing", {"part": "adc"}),
        ("chip_missing", {"part": "stream_dac"}),
        ("chip_missing", {"part": "slow_dac"}),
        ("chip_missing", {"part": "cell_adc"}),
        ("chip_missing", {"part": "laser_adc"}),
        ("slow_crystal", {}),
        ("reference_resistor", {}),
        ("heater_dead", {"channel": 1}),
        ("heater_stuck", {"channel": 2}),
        ("tec_reversed", {"channel": 0}),
        ("thermistor_open", {"channel": 3}),
        ("laser_dead", {"channel": 2}),
        ("photodiode_amplifier", {"channel": 1}),
        ("modulation_amplifier", {"channel": 0}),
        ("converter_swapped", {"channel": 0}),
        ("converter_noise", {"channel": 1}),
        ("converter_noise", {"channel": 5, "amount": 30.0}),
        ("head_coil_open", {"channel": 2, "axis": "x"}),
        ("head_coil_open", {"channel": 1, "axis": "b"}),
        ("head_coil_reversed", {"channel": 3, "axis": "x"}),
        ("head_coil_reversed", {"channel": 0, "axis": "y"}),
        ("head_coil_reversed", {"channel": 2, "axis": "b"}),
    ),
}


@dataclass(frozen=True)
class Proof:
    """What the plan made of one defect; without a defect it should pass.

    Attributes
    ----------
    role, kind, what : str
    found_by : CheckResult or None
        First test that did not pass.
    """

    role: str
    kind: str
    what: str
    found_by: CheckResult | None

    @property
    def is_as_expected(self) -> bool:
        """A defect is found, and by a failure, not by trouble of the bench; a good board passes."""
        if not self.kind:
            return self.found_by is None
        return self.found_by is not None and self.found_by.outcome == Outcome.FAIL

    def row(self) -> dict[str, Any]:
        """For a table or JSON."""
        found = self.found_by
        bad = found.first_bad if found else None
        return {
            "board": self.role,
            "defect": self.kind or "none",
            "what": self.what,
            "found_by": found.name if found else None,
            "outcome": str(found.outcome) if found else "pass",
            "value": bad.text() if bad else (found and found.reason),
            "limit": bad.limit.text() if bad else None,
            "source": bad.limit.source if bad else None,
            "as_expected": self.is_as_expected,
        }


def run_case(role: str, defect: Defect | None, seed: int = 1) -> Proof:
    """One board, with one defect or none, through its plan to the first failure."""
    from nullfield.virtual.defects import KINDS

    fixture = load_fixture(role)
    defects = [defect] if defect is not None else []
    with open_rig_bench(RIG, role, fixture, seed=seed, defects=defects) as opened:
        plan = plan_of(opened.bench.board.identity.role, fixture)
        result = run_plan(opened.bench, plan, stop_at_failure=True)
    bad = [r for r in result.results if r.outcome in (Outcome.FAIL, Outcome.ERROR)]
    if defect is None:
        return Proof(role, "", "a healthy board", bad[0] if bad else None)
    return Proof(role, defect.kind, _what(defect, KINDS[defect.kind].text), bad[0] if bad else None)


def _what(defect: Defect, text: str) -> str:
    details = []
    if defect.part:
        details.append(defect.part)
    elif defect.kind not in ("slow_crystal", "reference_resistor") and "switch" not in defect.kind:
        details.append(f"number {defect.channel}")
    if defect.kind.startswith("head_coil"):
        details.append(f"axis {defect.axis}")
    if defect.amount is not None:
        details.append(f"amount {defect.amount:g}")
    return f"{text} ({', '.join(details)})" if details else text


def cases(roles: list[str]) -> list[tuple[str, Defect | None]]:
    """Every case of some roles, the healthy board first; all roles by default.

    Raises
    ------
    InputError
        For a role that has no cases.
    """
    from nullfield.virtual.defects import Defect

    for role in roles:
        if role not in _CASES:
            raise InputError(f"no defects are known of '{role}'", f"roles: {', '.join(_CASES)}")
    chosen: list[tuple[str, Defect | None]] = []
    for role in roles or _CASES:
        chosen.append((role, None))
        chosen += [(role, Defect(kind, UIDS[role], **more)) for kind, more in _CASES[role]]
    return chosen


def prove(roles: list[str], is_json: bool) -> None:
    """Run every case and print the table; a defect that gets through is exit code 1."""
    proofs = []
    todo = cases(roles)
    for number, (role, defect) in enumerate(todo, start=1):
        proof = run_case(role, defect)
        proofs.append(proof)
        row = proof.row()
        told = row["found_by"] or "passes"
        errors.print(f"{number}/{len(todo)} {role}, {escape(proof.what)}: {told}")
    if is_json:
        print_json([proof.row() for proof in proofs])
    else:
        _show(proofs)
    if not all(proof.is_as_expected for proof in proofs):
        raise typer.Exit(code=MISSED)


def _show(proofs: list[Proof]) -> None:
    table = Table("board", "defect", "found by", "value", "limit")
    for proof in proofs:
        row = proof.row()
        expected = "" if proof.is_as_expected else " [bold red]NOT AS EXPECTED[/]"
        table.add_row(
            row["board"], escape(row["what"]) + expected, row["found_by"] or "passes",
            escape(row["value"] or ""), escape(row["limit"] or ""),
        )  # fmt: skip
    output.print(table)
    found = sum(proof.is_as_expected for proof in proofs if proof.kind)
    healthy = sum(proof.is_as_expected for proof in proofs if not proof.kind)
    output.print(
        f"{found} of {sum(bool(p.kind) for p in proofs)} defects found, "
        f"{healthy} of {sum(not p.kind for p in proofs)} healthy boards pass"
    )
