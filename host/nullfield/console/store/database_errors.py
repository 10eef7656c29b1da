"""What the database says when it cannot go on, in plain words."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from nullfield.errors import StoreError

_SQLITE = {
    sqlite3.SQLITE_BUSY: (
        "is locked by another program",
        "close what else has it open (a backup, a database browser), then try again",
    ),
    sqlite3.SQLITE_LOCKED: ("is locked by another program", "try again"),
    sqlite3.SQLITE_FULL: (
        "has no room: the disk is full",
        "free room on the disk of the data folder, then try again; nothing was changed",
    ),
    sqlite3.SQLITE_READONLY: (
        "cannot be written",
        "check the rights of the data folder and of the file in it",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "check that the data folder is there and that its rights let it be written",
    ),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: the disk reports an error",
        "check the disk and its room, then try again",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged",
        "put the newest backup in its place; exams that it lacks are found in their folders",
    ),
    sqlite3.SQLITE_NOTADB: (
        "is no database",
        "put the newest backup in its place; exams that it lacks are found in their folders",
    ),
}


def store_error(error: SQLAlchemyError, shown: str) -> StoreError:
    """Put an error of the database in plain words.

    Parameters
    ----------
    error : SQLAlchemyError
    shown : str
        The database's URL without its password.
    """
    origin = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(origin, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _SQLITE:
        # The low byte is the kind, the rest tells where it happened.
        what, hint = _SQLITE[code & 0xFF]
        return StoreError(f"database '{shown}' {what}", hint)
    first = (str(origin).splitlines() or [type(origin).__name__])[0]
    return StoreError(
        f"database '{shown}' cannot be used: {first}",
        "check that it can be reached and that this version made its tables, then try again",
    )
