"""Reads recordings, cut ones too."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mcap.exceptions import McapError
from mcap.records import Channel, McapRecord, Message, Metadata
from mcap.stream_reader import StreamReader

from nullfield.errors import RecordingError
from nullfield.recording.store import (
    EVENTS_TOPIC,
    FORMAT_VERSION,
    HEADER_METADATA,
    WIRE_TOPIC,
    file_name,
    recording_files,
    unpack_frame,
)
from nullfield_protocol.catalogue import PROTOCOL_VERSION
from nullfield_protocol.fingerprint import fingerprint
from nullfield_protocol.frame import Frame

_MAGIC = b"\x89MCAP0\r\n"
_RECORD_LIMIT = 64 << 20


@dataclass(frozen=True)
class RecordedFrame:
    """A frame as it came: from which board, and when by the host's clock."""

    uid: str
    host_time_s: float
    frame: Frame


@dataclass(frozen=True)
class RecordedEvent:
    """An event of the software; ``fields`` holds its JSON, ``kind`` included."""

    host_time_s: float
    fields: dict[str, Any]

    @property
    def kind(self) -> str:
        """What sort of event."""
        return str(self.fields.get("kind", ""))


@dataclass(frozen=True)
class Place:
    """Between two records: number of the file, and byte in it."""

    file: int
    offset: int


class _WholeReads:
    """File whose short reads at the end give nothing, so that a cut record is not half believed."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        return data if len(data) == size else b""


class Recording:
    """A recording directory, or one of its files.

    Parameters
    ----------
    path : pathlib.Path

    Attributes
    ----------
    header : dict
        As given to the writer.
    truncated : bool
        Whether the end of a file is missing, so that the recording was not closed; becomes true
        as well when reading meets a damaged record. All complete records before are given.

    Raises
    ------
    RecordingError
        If there is no recording, or nothing of it can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise RecordingError(f"{self.path}: there is no such recording", "check the path")
        self.files = recording_files(self.path)
        if not self.files:
            raise RecordingError(
                f"{self.path}: the directory holds no recording",
                f"give a directory with {file_name(0)} in it",
            )
        self.truncated = any(not _ends_well(file) for file in self.files)
        if self.path.is_dir():
            numbers = [file_name(number) for number in range(len(self.files))]
            # A file taken away from the middle is a hole in the data.
            self.truncated |= [file.name for file in self.files] != numbers
        self.header = self._read_header()

    @property
    def board_uids(self) -> list[str]:
        """Uids of the header's boards."""
        return [str(board["uid"]) for board in self.header.get("boards", [])]

    def board(self, uid: str) -> dict[str, Any]:
        """The header's entry of a board.

        Raises
        ------
        RecordingError
            If the recording knows no such board.
        """
        for board in self.header.get("boards", []):
            if board["uid"] == uid:
                return dict(board)
        raise RecordingError(
            f"{self.path}: holds no board {uid}", f"it has {', '.join(self.board_uids)}"
        )

    def frames(self, uid: str | None = None) -> Iterator[RecordedFrame]:
        """Frames of all boards or of one, in the order they were recorded."""
        topic = None if uid is None else WIRE_TOPIC + uid
        for name, message in self._messages():
            if name == topic or (topic is None and name.startswith(WIRE_TOPIC)):
                try:
                    frame = unpack_frame(message.data)
                except ValueError:
                    self.truncated = True
                    continue
                yield RecordedFrame(name[len(WIRE_TOPIC) :], message.log_time * 1e-9, frame)

    def events(self) -> Iterator[RecordedEvent]:
        """Events of the software, in order."""
        for name, message in self._messages():
            if name == EVENTS_TOPIC:
                yield RecordedEvent(message.log_time * 1e-9, json.loads(message.data))

    def located_frames(self, place: Place | None = None) -> Iterator[tuple[Place, RecordedFrame]]:
        """Frames of all boards from a place on, each with the place behind it.

        Parameters
        ----------
        place : Place, optional
            One that this method gave; by default the beginning.
        """
        begin = place or Place(0, 0)
        for number in range(begin.file, len(self.files)):
            file = self.files[number]
            offset = begin.offset if number == begin.file else 0
            topics = self._topics(file) if offset else {}
            for end, record in self._records_from(file, offset):
                if isinstance(record, Channel):
                    topics[record.id] = record.topic
                elif isinstance(record, Message):
                    name = topics.get(record.channel_id, "")
                    if not name.startswith(WIRE_TOPIC):
                        continue
                    try:
                        frame = unpack_frame(record.data)
                    except ValueError:
                        self.truncated = True
                        continue
                    time_s = record.log_time * 1e-9
                    yield Place(number, end), RecordedFrame(name[len(WIRE_TOPIC) :], time_s, frame)

    def _topics(self, file: Path) -> dict[int, str]:
        topics: dict[int, str] = {}
        for record in self._records(file):
            if isinstance(record, Channel):
                topics[record.id] = record.topic
            elif isinstance(record, Message):
                break
        return topics

    def _messages(self) -> Iterator[tuple[str, Message]]:
        for file in self.files:
            topics: dict[int, str] = {}
            for record in self._records(file):
                if isinstance(record, Channel):
                    topics[record.id] = record.topic
                elif isinstance(record, Message):
                    yield topics.get(record.channel_id, ""), record

    def _records(self, file: Path) -> Iterator[McapRecord]:
        for _, record in self._records_from(file, 0):
            yield record

    def _records_from(self, file: Path, offset: int) -> Iterator[tuple[int, McapRecord]]:
        """Records, each with the byte behind it, from the beginning of one."""
        with file.open("rb") as stream:
            stream.seek(offset)
            reader = StreamReader(
                _WholeReads(stream),  # type: ignore[arg-type]
                skip_magic=offset > 0,
                record_size_limit=_RECORD_LIMIT,
            )
            try:
                for record in reader.records:
                    yield stream.tell(), record
            except OSError as error:
                raise RecordingError(f"{file}: cannot be read ({error.strerror})") from error
            except (McapError, ValueError, struct.error):
                # The end is missing, or a record is damaged and what follows has no known place.
                self.truncated = True

    def _read_header(self) -> dict[str, Any]:
        for file in self.files:
            for record in self._records(file):
                if isinstance(record, Metadata) and record.name == HEADER_METADATA:
                    header: dict[str, Any] = json.loads(record.metadata["json"])
                    self._check_header(header)
                    return header
                if isinstance(record, Message):
                    break
        raise RecordingError(
            f"{self.path}: no header can be read from it",
            "it is no Nullfield recording, or was cut within its first bytes",
        )

    def _check_header(self, header: dict[str, Any]) -> None:
        version = header.get("format_version")
        if version != FORMAT_VERSION:
            raise RecordingError(
                f"{self.path}: recording format {version}, this version reads {FORMAT_VERSION}",
                "use the version of Nullfield named under software in its header",
            )
        catalogue = header.get("catalogue_fingerprint")
        if catalogue != fingerprint().hex():
            raise RecordingError(
                f"{self.path}: recorded with protocol {header.get('protocol_version')} (catalogue "
                f"{catalogue}), this version reads {PROTOCOL_VERSION} ({fingerprint().hex()})",
                "use the version of Nullfield named under software in its header",
            )


def _ends_well(file: Path) -> bool:
    with file.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - len(_MAGIC)))
        return size > 2 * len(_MAGIC) and stream.read() == _MAGIC
