"""A recording in sections, so that its length does not decide how much memory an analysis takes.

Each section is read with a margin on either side, in which filters settle and beats at its edges
find their surroundings; what is found in the margin belongs to the neighbour and is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

from nullfield.analysis.data import FieldRecording, SensorArray

MOST_VALUES = 20_000_000
"""Channels times samples of one section: 160 MB for each copy that a step makes."""
SHORTEST_S = 60.0
"""A section has to hold enough beats for its own template."""
MARGIN_S = 3.0


class Source(Protocol):
    """Where sections come from: a file, or an array in memory."""

    @property
    def sampling_rate_hz(self) -> float:
        """Samples a second."""
        ...

    @property
    def n_samples(self) -> int:
        """Samples in all."""
        ...

    @property
    def array(self) -> SensorArray:
        """Geometry, in the file's device coordinates."""
        ...

    @property
    def metadata(self) -> Mapping[str, Any]:
        """As of `FieldRecording`."""
        ...

    @property
    def unit(self) -> str:
        """As of `FieldRecording`."""
        ...

    def read(self, start: int, stop: int) -> FieldRecording:
        """Samples from `start` to `stop`, exclusive."""
        ...


@dataclass(frozen=True)
class InMemory:
    """A recording that is in memory as a whole; sections are views of it."""

    recording: FieldRecording

    @property
    def sampling_rate_hz(self) -> float:
        """Samples a second."""
        return self.recording.sampling_rate_hz

    @property
    def n_samples(self) -> int:
        """Samples in all."""
        return self.recording.n_samples

    @property
    def array(self) -> SensorArray:
        """Geometry of the recording."""
        return self.recording.array

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Of the recording."""
        return self.recording.metadata

    @property
    def unit(self) -> str:
        """Of the recording."""
        return self.recording.unit

    def read(self, start: int, stop: int) -> FieldRecording:
        """Samples from `start` to `stop`, exclusive."""
        whole = self.recording
        if (start, stop) == (0, whole.n_samples):
            return whole
        return replace(
            whole,
            field_pt=whole.field_pt[:, start:stop],
            valid=None if whole.valid is None else whole.valid[:, start:stop],
            start_time_s=whole.start_time_s + start / whole.sampling_rate_hz,
        )


@dataclass(frozen=True)
class Section:
    """Samples `start` to `stop` of a source, read as `first` to `last`."""

    start: int
    stop: int
    first: int
    last: int

    @property
    def core(self) -> slice:
        """The section without its margin, counted from `first`."""
        return slice(self.start - self.first, self.stop - self.first)


def sections_of(source: Source) -> Iterator[Section]:
    """Cut a source into sections of equal length.

    They hold `MOST_VALUES` at most, but are never shorter than `SHORTEST_S`, so that very many
    channels take more.
    """
    rate_hz, total = source.sampling_rate_hz, source.n_samples
    most = max(MOST_VALUES // max(1, source.array.n_channels), round(SHORTEST_S * rate_hz))
    count = max(1, -(-total // most))
    margin = round(MARGIN_S * rate_hz)
    edges = [round(total * i / count) for i in range(count + 1)]
    for start, stop in pairwise(edges):
        yield Section(start, stop, max(0, start - margin), min(total, stop + margin))
