"""Writes a recording while it is made; layout in `store`."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from mcap.writer import IndexType, Writer

from nullfield.errors import DiskFullError, RecordingError
from nullfield.recording.store import (
    EVENTS_TOPIC,
    FORMAT_VERSION,
    HEADER_METADATA,
    PROFILE,
    WIRE_ENCODING,
    WIRE_TOPIC,
    file_name,
    pack_frame,
    recording_files,
)
from nullfield_protocol.catalogue import PROTOCOL_VERSION
from nullfield_protocol.fingerprint import fingerprint
from nullfield_protocol.frame import Frame


class _File:
    """Unbuffered file: a record is with the operating system when its write returns."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self.size = 0
        self._unsynced = 0

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        done = 0
        while done < len(view):
            done += os.write(self._descriptor, view[done:])
        self.size += done
        self._unsynced += done
        return done

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """There is nothing to flush."""

    def sync(self, at_least: int = 1) -> None:
        """Have the device hold what was written, if that is ``at_least`` bytes."""
        if self._unsynced >= at_least:
            os.fsync(self._descriptor)
            self._unsynced = 0

    def cut(self, size: int) -> None:
        """Take off a record that was written in part."""
        os.ftruncate(self._descriptor, size)
        os.lseek(self._descriptor, size, os.SEEK_SET)
        self.size = size

    def close(self) -> None:
        os.close(self._descriptor)


class RecordingWriter:
    """Append frames and events; safe to call from several reader threads.

    Frames are never refused by an exception, because they come in reader threads: when the disk is
    full the recording ends cleanly, later frames are counted in `frames_lost_to_disk`, and `check`
    and `add_event` raise.

    Parameters
    ----------
    directory : pathlib.Path
        Made if it is not there; must hold no recording.
    header : dict
        JSON: ``rig``, ``boards`` (a list of `devices.board.Board.description`), ``software``, and
        whatever depends on the wall clock under ``wall_clock``. Each file begins with it.
    max_file_bytes : int
        Size at which the next file begins.
    minimum_free_bytes : int
        Free space below which recording stops.
    check_every : int
        Records between two looks at the free space.
    sync_bytes : int
        Bytes after which the device itself is told to hold them; a killed process loses nothing
        of what was written either way, this is for a power cut.
    free_bytes : callable, optional
        Free space of a directory; by default that of the file system.
    """

    def __init__(
        self,
        directory: Path,
        header: dict[str, Any],
        *,
        max_file_bytes: int = 1 << 30,
        minimum_free_bytes: int = 256 << 20,
        check_every: int = 256,
        sync_bytes: int = 8 << 20,
        free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        self.directory = Path(directory)
        self.frames_written = 0
        self.events_written = 0
        self.frames_lost_to_disk = 0
        self._header = {
            "format": PROFILE,
            "format_version": FORMAT_VERSION,
            "protocol_version": PROTOCOL_VERSION,
            "catalogue_fingerprint": fingerprint().hex(),
            **header,
        }
        self._max_file_bytes = max_file_bytes
        self._minimum_free_bytes = minimum_free_bytes
        self._check_every = check_every
        self._sync_bytes = sync_bytes
        self._free_bytes = free_bytes
        self._lock = threading.Lock()
        self._records = 0
        self._last_time_ns = 0
        self._file_number = 0
        self._file: _File | None = None
        self._mcap: Writer | None = None
        self._channels: dict[str, int] = {}
        self._error: RecordingError | None = None
        self._is_closed = False
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordingError(f"{self.directory}: cannot be made ({error.strerror})") from error
        if recording_files(self.directory):
            raise RecordingError(
                f"{self.directory}: holds a recording already", "give another directory"
            )
        shortage = self._shortage()
        if shortage is not None:
            raise shortage
        try:
            self._begin_file()
        except OSError as error:
            raise self._write_error(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def error(self) -> RecordingError | None:
        """Why recording stopped before `close`, or None."""
        return self._error

    def check(self) -> None:
        """Raise the error that stopped the recording, if one did.

        Raises
        ------
        DiskFullError
            If the free space ran low.
        RecordingError
            If the file could not be written.
        """
        if self._error is not None:
            raise self._error

    def frame_sink(self, uid: str) -> Callable[[Frame, float], None]:
        """Listener for a link, writing its frames under the board's uid."""
        return lambda frame, host_time_s: self.add_frame(uid, frame, host_time_s)

    def add_frame(self, uid: str, frame: Frame, host_time_s: float) -> None:
        """Append a received frame."""
        with self._lock:
            if self._mcap is None or self._error is not None:
                self.frames_lost_to_disk += self._error is not None
                return
            if self._append(WIRE_TOPIC + uid, pack_frame(frame), host_time_s, frame.sequence):
                self.frames_written += 1
            else:
                self.frames_lost_to_disk += 1

    def add_event(self, kind: str, host_time_s: float, **fields: Any) -> None:
        """Append an event of the software: a step of a procedure, a note.

        Parameters
        ----------
        kind : str
            For instance ``step`` or ``note``.
        host_time_s : float
            Host clock, stored beside the event; not part of the digest.
        **fields
            JSON; what depends on the wall clock goes under ``wall_clock``.

        Raises
        ------
        RecordingError
            If recording has stopped.
        """
        data = json.dumps({"kind": kind, **fields}, sort_keys=True).encode()
        with self._lock:
            if self._error is None and self._mcap is None:
                raise RecordingError(f"{self.directory}: the recording is closed")
            if self._error is None and self._append(
                EVENTS_TOPIC, data, host_time_s, self.events_written
            ):
                self.events_written += 1
        self.check()

    def close(self) -> None:
        """Write the summary and close; what comes later is not recorded."""
        with self._lock:
            self._end_file()

    def _append(self, topic: str, data: bytes, host_time_s: float, sequence: int) -> bool:
        """Write one record; False if that stopped the recording."""
        self._records += 1
        if self._records % self._check_every == 0:
            shortage = self._shortage()
            if shortage is not None:
                self._stop(shortage)
                return False
        time_ns = max(0, round(host_time_s * 1e9))
        self._last_time_ns = time_ns
        assert self._file is not None
        assert self._mcap is not None
        before = self._file.size
        try:
            if before >= self._max_file_bytes:
                self._end_file()
                self._begin_file()
                before = self._file.size
            self._mcap.add_message(self._channel(topic), time_ns, data, time_ns, sequence)
            self._file.sync(self._sync_bytes)
        except OSError as error:
            if self._file is not None:
                self._file.cut(before)
            self._stop(self._write_error(error))
            return False
        return True

    def _channel(self, topic: str) -> int:
        if topic not in self._channels:
            assert self._mcap is not None
            encoding = "json" if topic == EVENTS_TOPIC else WIRE_ENCODING
            self._channels[topic] = self._mcap.register_channel(topic, encoding, 0)
        return self._channels[topic]

    def _begin_file(self) -> None:
        self._file = _File(self.directory / file_name(self._file_number))
        # The library takes any object with write, tell and flush, and does not buffer it.
        self._mcap = Writer(self._file, index_types=IndexType.METADATA, use_chunking=False)  # type: ignore[arg-type]
        self._mcap.start(profile=PROFILE, library="nullfield")
        header = {**self._header, "file_number": self._file_number}
        text = json.dumps(header, sort_keys=True)
        self._mcap.add_metadata(HEADER_METADATA, {"json": text})
        self._file_number += 1
        self._channels = {}
        for board in self._header.get("boards", []):
            self._channel(WIRE_TOPIC + board["uid"])
        self._channel(EVENTS_TOPIC)

    def _end_file(self) -> None:
        file, mcap = self._file, self._mcap
        self._file, self._mcap = None, None
        if file is None or mcap is None:
            return
        try:
            mcap.finish()  # type: ignore[no-untyped-call]
            file.sync()
        finally:
            file.close()

    def _stop(self, error: RecordingError) -> None:
        self._error = error
        try:
            self._end_file()
        except OSError:
            # No room for the summary either: the file reads as truncated, all records are there.
            return

    def _shortage(self) -> DiskFullError | None:
        free = self._free_bytes(self.directory)
        if free >= self._minimum_free_bytes:
            return None
        return DiskFullError(
            f"{self.directory}: {free / 1e6:.0f} MB free, recording needs at least "
            f"{self._minimum_free_bytes / 1e6:.0f} MB; what was recorded is kept",
            "make room on the disk or record to another one",
        )

    def _write_error(self, error: OSError) -> RecordingError:
        kind = DiskFullError if error.errno in (errno.ENOSPC, errno.EDQUOT) else RecordingError
        return kind(
            f"{self.directory}: writing failed ({error.strerror}); what was recorded is kept",
            "make room on the disk or record to another one",
        )
