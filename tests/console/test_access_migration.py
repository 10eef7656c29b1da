"""Migration 0002: the tables that the code asks for, and the way back."""

from __future__ import annotations

from pathlib import Path

from access_bench import Bench
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from nullfield.console.access import tables
from nullfield.console.store.base import Base
from nullfield.console.store.database import MIGRATIONS

OURS = {
    one.__tablename__
    for one in vars(tables).values()
    if isinstance(one, type) and issubclass(one, Base) and one is not Base
}


def test_the_migrated_tables_are_those_of_the_code(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with bench.database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: kind != "table" or name in OURS,
                "include_object": lambda one, name, kind, *_: kind != "table" or name in OURS,
            },
        )
        assert compare_metadata(context, Base.metadata) == []
        assert set(inspect(connection).get_table_names()) >= OURS
    assert len(OURS) == 7


def test_the_way_back_removes_them_and_forward_again_works(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.add("kim")
    with bench.database.engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        assert not set(inspect(connection).get_table_names()) & OURS
    bench.database.migrate()
    again = bench.restarted()
    assert again.access.accounts.all() == []
    assert again.access.trail.verify().is_whole
