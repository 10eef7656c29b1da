"""Results of a batch on the disk: one folder a recording, which is there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nullfield.batch.find import MARKER
from nullfield.batch.row import SCHEMA
from nullfield.errors import InputError

RECORDINGS = "recordings"
RESULT = "result.json"
"""Key and row of a recording; the last file written into its folder."""
_PARTS = ".parts"


class Store:
    """The output folder of a batch.

    Parameters
    ----------
    root : Path
        Made by `prepare`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, recording: str) -> Path:
        """Where the result of a recording goes."""
        return self.root / RECORDINGS / recording

    def prepare(self) -> None:
        """Make the folder, and clear what interrupted runs left half done.

        Raises
        ------
        InputError
            If a file stands in its place, or it holds what is not of a batch.
        """
        for place in (self.root, *self.root.parents):
            if place.exists() and not place.is_dir():
                raise InputError(
                    f"{place}: is a file, not a folder", "give another folder with --out"
                )
        marker = self.root / MARKER
        if self.root.is_dir() and not marker.exists() and any(self.root.iterdir()):
            raise InputError(
                f"{self.root}: is not empty, and not the output of a batch",
                "give a new folder with --out, or that of an earlier batch",
            )
        self.root.mkdir(parents=True, exist_ok=True)
        marker.touch()

    def clear_parts(self) -> None:
        """Remove what interrupted runs left half done; only while no other run writes here."""
        shutil.rmtree(self.root / _PARTS, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second batch out of the folder; the lock ends with the process, however it ends.

        Raises
        ------
        InputError
            If another batch is at work there.
        """
        import fcntl

        with (self.root / MARKER).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise InputError(
                    f"{self.root}: another batch is writing there",
                    "wait until it ends, or give another folder with --out",
                ) from error
            yield

    def read(self, recording: str) -> dict[str, Any] | None:
        """Row of a recording that is done; None where there is none that can be read."""
        try:
            text = (self.folder(recording) / RESULT).read_text(encoding="utf-8")
            document = json.loads(text)
            row = document["row"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        is_ours = document.get("schema") == SCHEMA and isinstance(row, dict)
        return row if is_ours else None

    def new_part(self) -> Path:
        """A fresh folder to write a result into, on the same disk."""
        part = self.root / _PARTS / uuid.uuid4().hex
        part.mkdir(parents=True)
        return part

    def keep(self, part: Path, recording: str, row: dict[str, Any]) -> None:
        """Put a finished result in its place, in one step."""
        for path in part.iterdir():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        text = json.dumps({"schema": SCHEMA, "row": row}, indent=1, allow_nan=False)
        write_synced(part / RESULT, text.encode("utf-8"))
        target = self.folder(recording)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            # Folders cannot be exchanged in one step: between the two, the result is absent, and
            # the next run would make it again.
            target.rename(self.root / _PARTS / uuid.uuid4().hex)
        part.rename(target)

    def discard(self, recording: str) -> None:
        """Remove the result of a recording, which its content no longer bears out."""
        shutil.rmtree(self.folder(recording), ignore_errors=True)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file that holds all of it or does not exist, also when the host goes down."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, path)
