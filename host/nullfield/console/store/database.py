"""The console's database: one SQLite file, or PostgreSQL by its URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    TimeoutError,
)
from sqlalchemy.orm import Session

from nullfield.console.store.database_errors import store_error
from nullfield.errors import StoreError

FILE_NAME = "studies.sqlite3"
MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_S = 5.0
_BEGIN = "nullfield_begin"


def default_url(folder: Path) -> str:
    """SQLite in the data folder."""
    return f"sqlite:///{folder.resolve() / FILE_NAME}"


class Database:
    """The database, not yet looked at: `migrate` makes its tables, `check` tells whether it answers.

    Parameters
    ----------
    url : str
        SQLAlchemy's form: ``sqlite:////path/studies.sqlite3``, ``postgresql://user@host/name``.
    busy_timeout_s : float
        How long a SQLite writer waits for another.

    Raises
    ------
    StoreError
        If the URL is none, or the driver that it needs is not installed.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> None:
        parsed = _parsed(url)
        self.shown = parsed.render_as_string(hide_password=True)
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        self._file = Path(parsed.database or "") if self._is_sqlite else None
        self._file_id: tuple[int, int] | None = None
        self._engine = _engine(parsed, self.shown, busy_timeout_s)
        self._writing = self._engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})

    @property
    def engine(self) -> Engine:
        """For other tools."""
        return self._engine

    def close(self) -> None:
        """Let go of the file or the server."""
        self._engine.dispose()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back if an error leaves it.

        It holds SQLite's one write lock from its begin: what was read in it is still so when it
        writes. Keep it short, and use `reading` where nothing is written.

        Raises
        ------
        StoreError
            If the database is locked, gone, full, or cannot be written.
        IntegrityError
            As the database says it: only the caller knows what must not be there twice.
        """
        with (
            self._guarded(),
            Session(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
            session.flush()
            self._check_same_file()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads; it waits for no writer."""
        with (
            self._guarded(),
            Session(self._engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def migrate(self) -> None:
        """Bring the tables to the form of this version; all steps or none.

        Raises
        ------
        StoreError
            If it cannot be opened or written, or was made by a newer version.
        """
        with self._guarded(), self._writing.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            found = MigrationContext.configure(connection).get_current_revision()
            known = {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}
            if found is not None and found not in known:
                raise StoreError(
                    f"database '{self.shown}' was made by a newer version (form {found})",
                    "update Nullfield, or give another data folder",
                )
            command.upgrade(config, "head")

    def check(self) -> None:
        """See that the database answers and can be written.

        Raises
        ------
        StoreError
            If it does not.
        """
        with self.session() as session:
            session.connection()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        self._check_same_file()
        try:
            yield
        except IntegrityError:
            raise
        except (DBAPIError, TimeoutError) as error:
            raise store_error(error, self.shown) from error

    def _check_same_file(self) -> None:
        """See that the file is the one opened first: what goes into a removed file is lost."""
        if self._file is None:
            return
        try:
            status = self._file.stat()
        except FileNotFoundError:
            if self._file_id is not None:
                raise StoreError(
                    f"database '{self.shown}' is gone: its file was removed",
                    "put it back from a backup, then start the console again",
                ) from None
            return
        except OSError as error:
            raise StoreError(
                f"database '{self.shown}' cannot be reached: {error.strerror}",
                "check the data folder and its rights",
            ) from error
        found = (status.st_dev, status.st_ino)
        if self._file_id is None:
            self._file_id = found
        elif found != self._file_id:
            raise StoreError(
                f"database '{self.shown}' was replaced by another file while it was in use",
                "start the console again to use the new one",
            )


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(
            f"database '{url}': is no database URL",
            "give one such as sqlite:////path/studies.sqlite3 or postgresql://user@host/name",
        ) from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError(
            f"database '{url}': one in memory would be lost", "give a file: sqlite:////path/file"
        )
    return parsed


def _engine(url: URL, shown: str, busy_timeout_s: float) -> Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    try:
        if is_sqlite:
            engine = create_engine(url, connect_args={"timeout": busy_timeout_s})
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        return create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"database '{shown}': its driver '{error.name}' is not installed",
            f"pip install {_PACKAGES.get(error.name or '', error.name)} in the environment of"
            " Nullfield, or name another driver in the URL (postgresql+psycopg://...)",
        ) from error
    except (NoSuchModuleError, ArgumentError) as error:
        raise StoreError(
            f"database '{shown}': {error}",
            "SQLite and PostgreSQL are supported: sqlite:////path/file, postgresql://host/name",
        ) from error


_PACKAGES = {"psycopg2": "psycopg2-binary", "psycopg": "'psycopg[binary]'"}
"""Packages whose module has another name."""


def _set_up_sqlite(connection: Any, record: Any) -> None:
    # The driver must not begin transactions by itself: it leaves DDL out of them.
    connection.isolation_level = None
    # SQLite's own knows A to Z only: a search would not find Özlem by özlem.
    connection.create_function("lower", 1, _lower, deterministic=True)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    # Survives a loss of power, not only a kill.
    connection.execute("PRAGMA synchronous = FULL")


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
