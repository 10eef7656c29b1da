"""Results of many boards in a database: runs, tests, values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Engine,
    ForeignKey,
    String,
    UniqueConstraint,
    create_engine,
    event,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from nullfield.errors import InputError
from nullfield.places import user_data_directory

SCHEMA = 1
"""Raised when a table changes; kept in `schema_version`."""


class Base(DeclarativeBase):
    """Base of the tables."""


class SchemaVersion(Base):
    """One row: which tables these are."""

    __tablename__ = "schema_version"
    version: Mapped[int] = mapped_column(primary_key=True)


class Run(Base):
    """One run of a plan on one board."""

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    result_id: Mapped[str] = mapped_column(String(16), unique=True)
    started_at: Mapped[str] = mapped_column(String(32), index=True)
    duration_s: Mapped[float]
    unit: Mapped[str] = mapped_column(String(32), index=True)
    uid: Mapped[str] = mapped_column(String(16), index=True)
    role: Mapped[str] = mapped_column(String(16))
    board: Mapped[str] = mapped_column(String(32))
    firmware_version: Mapped[str] = mapped_column(String(32))
    firmware_revision: Mapped[str] = mapped_column(String(32))
    fixture: Mapped[str] = mapped_column(String(120))
    target: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(8))
    tests: Mapped[list[Test]] = relationship(
        back_populates="run", cascade="all, delete-orphan", order_by="Test.position"
    )


class Test(Base):
    """One test of a run."""

    __tablename__ = "tests"
    __table_args__ = (UniqueConstraint("run_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(40), index=True)
    outcome: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str]
    run: Mapped[Run] = relationship(back_populates="tests")
    values: Mapped[list[MeasuredValue]] = relationship(
        back_populates="test", cascade="all, delete-orphan", order_by="MeasuredValue.position"
    )


class MeasuredValue(Base):
    """One value of a test; what could not be measured is null."""

    __tablename__ = "measured_values"
    id: Mapped[int] = mapped_column(primary_key=True)
    test_id: Mapped[int] = mapped_column(ForeignKey("tests.id"), index=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(80), index=True)
    value: Mapped[float | None]
    unit: Mapped[str] = mapped_column(String(16))
    lower: Mapped[float | None]
    upper: Mapped[float | None]
    uncertainty: Mapped[float | None]
    samples: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(8))
    test: Mapped[Test] = relationship(back_populates="values")


@dataclass(frozen=True)
class Point:
    """One value of one run, with what is needed to plot it."""

    started_at: str
    result_id: str
    unit: str
    uid: str
    run_outcome: str
    test: str
    name: str
    value: float | None
    measured_in: str
    lower: float | None
    upper: float | None
    uncertainty: float | None
    outcome: str


def default_url() -> str:
    """SQLite in the user's data directory."""
    return f"sqlite:///{user_data_directory() / 'bench.sqlite'}"


class Results:
    """The database, open.

    Parameters
    ----------
    url : str
        SQLAlchemy's form, for instance ``sqlite:////path/bench.sqlite``.

    Raises
    ------
    InputError
        If it cannot be opened, or holds tables of another version.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() == "sqlite" and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self._engine = create_engine(parsed)
            if parsed.get_backend_name() == "sqlite":
                event.listen(self._engine, "connect", _enforce_foreign_keys)
            with self._session() as session:
                Base.metadata.create_all(session.connection())
                version = session.scalar(select(SchemaVersion.version))
                if version is None:
                    session.add(SchemaVersion(version=SCHEMA))
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise InputError(
                f"database '{url}': {error}", "give a URL such as sqlite:////path/bench.sqlite"
            ) from error
        except (SQLAlchemyError, OSError) as error:
            first = str(error).splitlines()[0]
            raise InputError(
                f"database '{_shown(url)}' cannot be opened: {first}",
                "check path, rights and server, or leave --database out",
            ) from error
        if version not in (None, SCHEMA):
            raise InputError(
                f"database '{_shown(url)}' has tables of version {version}, not {SCHEMA}",
                "update Nullfield, or give another database",
            )

    @property
    def engine(self) -> Engine:
        """For other tools."""
        return self._engine

    def close(self) -> None:
        """Let go of the file or the server."""
        self._engine.dispose()

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with Session(self._engine) as session, session.begin():
            yield session

    def add(self, record: dict[str, Any]) -> None:
        """Store a record.

        Raises
        ------
        InputError
            If it is there already, or the database refuses it.
        """
        subject = record["subject"]
        run = Run(
            result_id=record["result_id"],
            started_at=record["started_at"],
            duration_s=record["duration_s"],
            outcome=record["outcome"],
            **{key: subject[key] for key in _SUBJECT_KEYS},
        )
        for position, test in enumerate(record["tests"]):
            row = Test(
                position=position,
                name=test["name"],
                outcome=test["outcome"],
                reason=test["reason"],
            )
            row.values = [
                MeasuredValue(position=at, **{key: value[key] for key in _VALUE_KEYS})
                for at, value in enumerate(test["values"])
            ]
            run.tests.append(row)
        try:
            with self._session() as session:
                session.add(run)
        except IntegrityError as error:
            raise InputError(f"result {record['result_id']} is stored already") from error
        except SQLAlchemyError as error:
            first = str(error).splitlines()[0]
            raise InputError(f"the result cannot be stored: {first}") from error

    def runs(self, board: str = "", target: str = "") -> list[Run]:
        """Runs in order, tests and values loaded.

        Parameters
        ----------
        board : str
            Unit, uid, board definition or role; all by default.
        target : str
            ``real``, ``virtual`` or ``emulated``; all by default.
        """
        query = select(Run).order_by(Run.started_at, Run.id)
        if board:
            query = query.where(
                (Run.unit == board)
                | (Run.uid == board)
                | (Run.board == board)
                | (Run.role == board)
            )
        if target:
            query = query.where(Run.target == target)
        with Session(self._engine, expire_on_commit=False) as session:
            found = list(session.scalars(query))
            for run in found:
                for test in run.tests:
                    _ = test.values
            session.expunge_all()
        return found

    def points(self, test: str, board: str = "", target: str = "") -> list[Point]:
        """Every value of a test, in the order of the runs; all tests if the name is empty."""
        return [
            Point(
                run.started_at, run.result_id, run.unit, run.uid, run.outcome, row.name,
                value.name, value.value, value.unit, value.lower, value.upper,
                value.uncertainty, value.outcome,
            )
            for run in self.runs(board, target)
            for row in run.tests
            if not test or row.name == test
            for value in row.values
        ]  # fmt: skip


_SUBJECT_KEYS = (
    "unit", "uid", "role", "board", "firmware_version", "firmware_revision", "fixture", "target",
)  # fmt: skip
_VALUE_KEYS = (
    "name", "value", "unit", "lower", "upper", "uncertainty", "samples", "outcome",
)  # fmt: skip


def _enforce_foreign_keys(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA foreign_keys = ON")


def _shown(url: str) -> str:
    """The URL without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url
