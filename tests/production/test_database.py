"""The results' database."""

from __future__ import annotations

from pathlib import Path

import pytest
from records import NOT_SEEN, record_of

from nullfield.errors import InputError
from nullfield.production.database import Results, SchemaVersion


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'deep' / 'bench.sqlite'}"


def test_a_record_comes_back_from_the_file(url: str) -> None:
    record = record_of([0.00123456789, NOT_SEEN])
    first = Results(url)
    first.add(record)
    first.close()
    again = Results(url)
    (run,) = again.runs()
    subject = record["subject"]
    assert {key: getattr(run, key) for key in ("unit", "uid", "role", "board", "target")} == {
        key: subject[key] for key in ("unit", "uid", "role", "board", "target")
    }
    assert (run.result_id, run.outcome) == (record["result_id"], "fail")
    points = again.points("gain")
    assert [p.value for p in points] == [0.00123456789, None]
    assert [(p.lower, p.upper, p.outcome) for p in points] == [
        (-0.01, 0.01, "pass"),
        (-0.01, 0.01, "fail"),
    ]
    again.close()


def test_runs_are_chosen_and_in_order(url: str) -> None:
    results = Results(url)
    for minute, unit in ((5, "C02"), (1, "C01"), (9, "C01")):
        results.add(record_of([0.0], unit, minute))
    assert [run.unit for run in results.runs()] == ["C01", "C02", "C01"]
    assert len(results.runs("C01")) == 2
    assert len(results.runs("coil", "virtual")) == 3
    assert results.runs(target="real") == []
    assert results.points("noise") == []
    results.close()


def test_a_result_is_stored_once(url: str) -> None:
    results = Results(url)
    results.add(record_of([0.0]))
    with pytest.raises(InputError, match="stored already"):
        results.add(record_of([0.0]))
    assert len(results.runs()) == 1
    results.close()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("no url", "no url"),
        ("strange://host/db", "strange"),
        ("sqlite:////proc/nullfield/bench.sqlite", "cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_used_is_named(bad: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Results(bad)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    path.write_text("not a database, but long enough to be looked at " * 40)
    with pytest.raises(InputError, match="cannot be opened"):
        Results(f"sqlite:///{path}")


def test_tables_of_another_version_are_refused(url: str) -> None:
    from sqlalchemy import update

    results = Results(url)
    with results.engine.begin() as connection:
        connection.execute(update(SchemaVersion).values(version=99))
    results.close()
    with pytest.raises(InputError, match="version 99"):
        Results(url)
