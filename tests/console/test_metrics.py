"""What Prometheus reads: by its own parser, with its own conventions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from state_example import state

from nullfield.console.api.metrics import exams_by_state
from nullfield.console.metrics import FAMILIES, PHASES, StateCollector, registry_of
from nullfield.console.store.database import Database
from nullfield.console.store.tables import ExamRow, SubjectRow

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(told: Mapping[str, Any], exams: Mapping[str, int] | None = None) -> Series:
    text = generate_latest(registry_of(StateCollector(lambda: told, lambda: exams))).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(series: Series, name: str, **labels: str) -> float | None:
    return series.get((name, frozenset(labels.items())))


def test_every_family_has_a_sample_and_no_other_is_there() -> None:
    names = {name for name, _ in scrape(state(), {"done": 4})}
    assert names == {family.name for family in FAMILIES}


def test_labels_are_those_that_are_told() -> None:
    labels = {family.name: set(family.labels) for family in FAMILIES}
    for name, given in scrape(state(), {"done": 4}):
        assert {key for key, _ in given} == labels[name]


def test_values_are_in_base_units() -> None:
    series = scrape(state())
    close = {
        ("nullfield_head_cell_temperature_celsius", ("head", "A1")): 150.12,
        ("nullfield_head_noise_tesla_per_root_hertz", ("head", "A1")): 14.2e-15,
    }
    for (name, (label, one)), wanted in close.items():
        assert value(series, name, **{label: one}) == pytest.approx(wanted)
    assert value(series, "nullfield_head_field_tesla", head="A1", axis="y") == pytest.approx(-3e-12)
    assert value(series, "nullfield_coil_current_amperes", coil="Bx", board="c1") == pytest.approx(
        -2.5e-3
    )
    assert value(series, "nullfield_table_position_meters") == pytest.approx(0.5125)
    assert value(series, "nullfield_table_speed_meters_per_second") == pytest.approx(0.04)
    assert value(series, "nullfield_null_field_tesla", when="after") == pytest.approx(310e-12)


def test_names_keep_the_conventions() -> None:
    for family in FAMILIES:
        assert re.fullmatch(r"nullfield_[a-z][a-z_]*[a-z]", family.name)
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert not re.search(r"_(ms|mm|ma|pt|ft|c|hz)$", family.name)


def test_what_is_not_known_gives_no_sample() -> None:
    series = scrape(state())
    assert value(series, "nullfield_head_cell_temperature_celsius", head="R1") is None
    assert value(series, "nullfield_head_field_tesla", head="A1", axis="z") is None
    assert value(series, "nullfield_board_load_ratio", board="c1") is None


def test_losses_are_counters_by_board_and_cause() -> None:
    text = generate_latest(registry_of(StateCollector(lambda: state(), lambda: {}))).decode()
    (lost,) = (
        family
        for family in text_string_to_metric_families(text)
        if family.name == "nullfield_rows_lost"
    )
    assert lost.type == "counter"
    assert value(scrape(state()), "nullfield_rows_lost_total", board="s1", cause="link") == 2


def test_exactly_one_phase_is_set() -> None:
    for phase in PHASES:
        series = scrape(state(phase=phase))
        told = {one: value(series, "nullfield_phase", phase=one) for one in PHASES}
        assert told == {one: float(one == phase) for one in PHASES}


def test_heads_are_counted_and_faults_named() -> None:
    series = scrape(state())
    assert value(series, "nullfield_heads", state="READY") == 1
    assert value(series, "nullfield_heads", state="FAULT") == 1
    assert value(series, "nullfield_head_fault", head="R1", fault='laser "lock" lost') == 1


def test_a_console_without_an_instrument_can_be_scraped() -> None:
    series = scrape(
        state(phase="lost", heads=[], coils=[], table=None, null=None, boards=[], job=None)
    )
    assert value(series, "nullfield_phase", phase="lost") == 1
    assert not any(name.startswith(("nullfield_head_", "nullfield_job")) for name, _ in series)


def test_a_job_that_has_ended_is_not_running() -> None:
    ended = {**state()["job"], "state": "done"}
    assert value(scrape(state(job=ended)), "nullfield_job_running", job="exam") is None
    assert value(scrape(state()), "nullfield_job_running", job="exam") == 1
    assert value(scrape(state()), "nullfield_job_beats") == 12


def test_a_database_that_does_not_answer_is_told() -> None:
    assert value(scrape(state(), None), "nullfield_database_up") == 0
    assert value(scrape(state(), {}), "nullfield_database_up") == 1


def test_exams_are_counted_by_state(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    database.migrate()
    assert exams_by_state(database) == {}
    with database.session() as session:
        subject = SubjectRow(subject_id="S-1", sex="unknown")
        for number, how in enumerate(("done", "done", "failed")):
            session.add(
                ExamRow(
                    exam_id=f"20260304-00{number}", subject=subject, rig="demo36", begun_by="ann",
                    begun_at=datetime(2026, 3, 4, 12, tzinfo=UTC), state=how, reason="", notes="",
                )
            )  # fmt: skip
    assert exams_by_state(database) == {"done": 2, "failed": 1}
    (tmp_path / "d.sqlite3").unlink()
    assert exams_by_state(database) is None
