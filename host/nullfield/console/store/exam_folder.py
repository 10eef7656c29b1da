"""Folders of exams on the disk: ``exams/<exam_id>/``, as `nullfield.instrument.examine` fills them.

The folders stand by themselves: an exam is begun in its folder before the database hears of it.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from nullfield.console.store.exam_id import next_exam_id, order_of
from nullfield.errors import StoreError, UnknownExamError

RECORD = "exam.json"
RECORDING = "recording"
SHOWN = {
    ".html": "text/html; charset=utf-8",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".gif": "image/gif",
    ".json": "application/json",
}
"""Kinds of files that are given out, with their media types."""
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_DELETING = ".deleting"
_LAST = ".last-exam"
_MOST_RECORD_BYTES = 200_000_000


class ExamFolders:
    """All folders of exams below the data folder.

    Parameters
    ----------
    data : Path
        The data folder; ``exams``, ``trash`` and ``scratch`` are made in it when needed.
    """

    def __init__(self, data: Path) -> None:
        self._exams = data / "exams"
        self._trash = data / "trash"
        self._scratch = data / "scratch"

    def of(self, exam_id: str) -> Path:
        """Folder of an exam, whether it is there or not.

        Raises
        ------
        UnknownExamError
            If that is no exam's id: nothing else may become a part of a path.
        """
        if order_of(exam_id) is None:
            raise UnknownExamError(f"exam '{exam_id}': there is no such exam")
        return self._exams / exam_id

    def ids(self) -> list[str]:
        """Ids of all folders, in order."""
        if not self._exams.is_dir():
            return []
        with plain_errors(self._exams):
            names = [one.name for one in self._exams.iterdir() if one.is_dir()]
        return sorted((name for name in names if order_of(name) is not None), key=_order)

    def begin(self, now: datetime, known_last: str | None) -> str:
        """Make the folder of a new exam; nobody else gets the same.

        Parameters
        ----------
        now : datetime
            UTC.
        known_last : str, optional
            Greatest id that the database knows; deleted exams have no folder any more.

        Raises
        ------
        StoreError
            If it cannot be made.
        """
        with plain_errors(self._exams):
            self._exams.mkdir(parents=True, exist_ok=True)
            candidates = [*self.ids(), known_last or "", self._noted_last()]
            last = max((one for one in candidates if order_of(one)), key=_order, default=None)
            while True:
                exam_id = next_exam_id(now, last)
                try:
                    (self._exams / exam_id).mkdir()
                    break
                except FileExistsError:
                    # Another process was faster.
                    last = exam_id
            try:
                # A deleted exam's id must not come back, even when the database is not there.
                _replace(self._exams / _LAST, exam_id + "\n")
            except OSError:
                (self._exams / exam_id).rmdir()
                raise
        return exam_id

    def give_up(self, exam_id: str) -> None:
        """Remove the folder of an exam that could not be begun."""
        shutil.rmtree(self.of(exam_id), ignore_errors=True)

    def record(self, exam_id: str) -> dict[str, Any] | None:
        """Content of ``exam.json``; None if there is none that can be read."""
        path = self.of(exam_id) / RECORD
        try:
            if path.stat().st_size > _MOST_RECORD_BYTES:
                return None
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None

    def write_record(self, exam_id: str, content: Mapping[str, Any]) -> None:
        """Write ``exam.json``; a kill leaves the old one or the new one."""
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
        path = self.of(exam_id) / RECORD
        with plain_errors(path):
            _replace(path, text)

    def has_recording(self, exam_id: str) -> bool:
        """Whether anything was recorded."""
        return (self.of(exam_id) / RECORDING).is_dir()

    def file_names(self, exam_id: str) -> list[str]:
        """Names of the files that are given out."""
        folder = self.of(exam_id)
        if not folder.is_dir():
            return []
        with plain_errors(folder):
            return sorted(one.name for one in folder.iterdir() if _is_shown(one))

    def file(self, exam_id: str, name: str) -> Path:
        """One of these files.

        Raises
        ------
        UnknownExamError
            If there is none of that name directly in the exam's folder.
        """
        path = self.of(exam_id) / name
        # The name is checked before it becomes a path, the path once more when it is resolved.
        if not _FILE_NAME.fullmatch(name) or not _is_shown(path):
            raise UnknownExamError(f"exam {exam_id} has no file '{name}'")
        return path

    def scratch(self) -> Path:
        """Folder for what is made and sent; on the disk that has room for recordings."""
        with plain_errors(self._scratch):
            self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch

    def clear_scratch(self) -> None:
        """Remove what an earlier run left half made."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def mark_deleting(self, exam_id: str) -> None:
        """Note in the folder that it is to go, so that a later start may finish it."""
        folder = self.of(exam_id)
        if folder.is_dir():
            with plain_errors(folder):
                (folder / _DELETING).touch()

    def unmark_deleting(self, exam_id: str) -> None:
        """Take the note back."""
        with plain_errors(self.of(exam_id)):
            (self.of(exam_id) / _DELETING).unlink(missing_ok=True)

    def is_deleting(self, exam_id: str) -> bool:
        """Whether the folder is noted to go."""
        return (self.of(exam_id) / _DELETING).exists()

    def remove(self, exam_id: str) -> None:
        """Move a folder to the trash, in one step, and empty that.

        Raises
        ------
        StoreError
            If some of it cannot be removed.
        """
        folder = self.of(exam_id)
        with plain_errors(folder):
            self._trash.mkdir(parents=True, exist_ok=True)
            if folder.is_dir():
                folder.rename(self._free_trash(exam_id))
        self.empty_trash()

    def empty_trash(self) -> None:
        """Remove what lies in the trash for good."""
        if not self._trash.is_dir():
            return
        with plain_errors(self._trash):
            for one in self._trash.iterdir():
                shutil.rmtree(one)

    def _free_trash(self, exam_id: str) -> Path:
        number = 0
        while (place := self._trash / f"{exam_id}.{number}").exists():
            number += 1
        return place

    def _noted_last(self) -> str:
        try:
            return (self._exams / _LAST).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            return ""


def _order(exam_id: str) -> tuple[int, int]:
    return order_of(exam_id) or (0, 0)


def _is_shown(path: Path) -> bool:
    return (
        _FILE_NAME.fullmatch(path.name) is not None
        and path.suffix.lower() in SHOWN
        and path.is_file()
        and path.resolve().parent == path.parent.resolve()
    )


def _replace(path: Path, text: str) -> None:
    """Write a file by way of a second one, down to the disk."""
    # Two processes may write at the same time: each has its own second file.
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Tell what the disk refuses in plain words."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StoreError(
                f"{where}: the disk is full", "free room on the disk of the data folder"
            ) from error
        raise StoreError(
            f"{where}: cannot be used ({error.strerror})",
            "check that the data folder is there and that its rights let it be written",
        ) from error
