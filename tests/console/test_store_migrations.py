"""The database's tables come from migrations, and migrations keep what is in them."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

import nullfield.console.access.tables
import nullfield.console.store.tables  # noqa: F401
from nullfield.console.store.base import Base
from nullfield.console.store.database import MIGRATIONS, Database, default_url
from nullfield.errors import StoreError


def alembic_of(database: Database, action: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        getattr(command, action)(config, revision)


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(default_url(tmp_path))


def test_the_migrated_schema_is_that_of_the_models(database: Database) -> None:
    database.migrate()
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    assert tables(database) == {*Base.metadata.tables, "alembic_version"}


def test_migrating_twice_changes_nothing(database: Database, tmp_path: Path) -> None:
    database.migrate()
    before = sqlite3.connect(tmp_path / "studies.sqlite3").execute(
        "SELECT sql FROM sqlite_master ORDER BY name"
    )
    database.migrate()
    after = sqlite3.connect(tmp_path / "studies.sqlite3").execute(
        "SELECT sql FROM sqlite_master ORDER BY name"
    )
    assert before.fetchall() == after.fetchall()


def test_every_step_goes_down_and_up_again(database: Database) -> None:
    database.migrate()
    whole = tables(database)
    alembic_of(database, "downgrade", "base")
    assert tables(database) == {"alembic_version"}
    alembic_of(database, "upgrade", "0001")
    assert {"subjects", "exams", "exam_events"} <= tables(database)
    database.migrate()
    assert tables(database) == whole


def test_there_is_one_line_of_steps() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    steps = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
    assert steps[-1] == "0001"
    assert steps == sorted(steps, reverse=True)
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_rows_of_the_first_form_survive_the_steps_to_the_newest(
    database: Database, tmp_path: Path
) -> None:
    alembic_of(database, "upgrade", "0001")
    raw = sqlite3.connect(tmp_path / "studies.sqlite3")
    raw.execute("INSERT INTO subjects VALUES (7, 'S1', 'A Name', 'F', 1970)")
    raw.execute(
        "INSERT INTO exams VALUES ('20260101-001', 7, 'rig', 'olga', '2026-01-01 10:00:00.000000',"
        " NULL, 'done', '', 'some notes', '{\"beats_accepted\": 61}')"
    )
    raw.execute(
        "INSERT INTO exam_events VALUES"
        " (1, '20260101-001', '2026-01-01 10:00:00.000000', 'begun', 'olga', '')"
    )
    raw.commit()
    raw.close()
    database.migrate()
    from stored_exam import SetClock

    from nullfield.console.store.studies import Studies

    studies = Studies(database, tmp_path, SetClock())
    exam = studies.get("20260101-001")
    assert (exam.subject_id, exam.name, exam.year_of_birth) == ("S1", "A Name", 1970)
    assert exam.begun_at.isoformat() == "2026-01-01T10:00:00+00:00"
    assert exam.summary == {"beats_accepted": 61}
    assert [one.what for one in studies.events("20260101-001")] == ["begun"]


def test_a_database_of_a_newer_version_is_refused_and_left_alone(
    database: Database, tmp_path: Path
) -> None:
    database.migrate()
    raw = sqlite3.connect(tmp_path / "studies.sqlite3")
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    with pytest.raises(StoreError, match="newer version") as caught:
        database.migrate()
    assert "update Nullfield" in caught.value.hint
    assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


def test_a_step_that_fails_leaves_the_database_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = tmp_path / "scripts"
    shutil.copytree(MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    first = scripts / "versions" / "0001_studies.py"
    broken = 'op.create_index("ix_exam_events_exam_id", "exam_events", ["exam_id"])'
    assert broken in first.read_text()
    first.write_text(first.read_text().replace(broken, 'op.execute("no SQL")'))
    for later in (scripts / "versions").glob("0[!0]*.py"):
        later.unlink()
    for later in (scripts / "versions").glob("000[2-9]*.py"):
        later.unlink()
    monkeypatch.setattr("nullfield.console.store.database.MIGRATIONS", scripts)
    database = Database(default_url(tmp_path))
    with pytest.raises(StoreError):
        database.migrate()
    assert tables(database) == set()
    monkeypatch.undo()
    database.migrate()
    assert "exams" in tables(database)
