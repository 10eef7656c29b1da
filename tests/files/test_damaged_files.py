"""Cut and garbled files of every format: a recording, or an error that names the file."""

from __future__ import annotations

import gzip
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_files import lvm_text, small_recording

from nullfield.analysis.data import FieldRecording
from nullfield.errors import AnalysisError, InputError, RecordingError
from nullfield.files import read, write_csv, write_edf, write_fif

KINDS = ("one.csv", "one.tsv", "one.lvm", "one.edf", "one.bdf", "one_raw.fif", "one.csv.gz")
POSITIONS = "one_positions.csv"


class Contents(dict):
    """Bytes by name; a failing example does not print them."""

    def __repr__(self) -> str:
        return f"Contents({', '.join(self)})"


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """Bytes of a whole file of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    recording = small_recording(2.1)
    part = recording.subset(np.arange(6))
    # The gaps are kept: rows 900 to 1200.
    part = replace(part, field_pt=part.field_pt[:, 900:1200])
    write_csv(part, folder / "one.csv")
    write_csv(part, folder / "one.tsv")
    write_edf(part, folder / "one.edf")
    write_edf(part, folder / "one.bdf")
    write_fif(part, folder / "one_raw.fif")
    columns = {name: np.nan_to_num(row) for name, row in zip("XYZ", part.field_pt, strict=False)}
    (folder / "one.lvm").write_text(lvm_text({f"{n}1": v for n, v in columns.items()}), newline="")
    (folder / "one.csv.gz").write_bytes(gzip.compress((folder / "one.csv").read_bytes(), mtime=0))
    return Contents({path.name: path.read_bytes() for path in folder.iterdir()})


def outcome(path):
    """What `read` gives: a recording, or one of the errors that a reader may raise."""
    with warnings.catch_warnings():
        # A damaged header may hold any number, of which numpy warns on the way to the error.
        warnings.simplefilter("ignore")
        try:
            return read(path)
        except (InputError, RecordingError, AnalysisError) as error:
            return error


@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    kind=st.sampled_from((*KINDS, POSITIONS)),
    cut=st.floats(0.0, 1.0),
    damage=st.lists(
        st.tuples(st.floats(0.0, 1.0), st.one_of(st.binary(max_size=24), st.just(b"\n,;\t"))),
        max_size=4,
    ),
    early=st.booleans(),
)
def test_any_bytes_give_a_recording_or_an_error(contents, tmp_path, kind, cut, damage, early):
    data = bytearray(contents[kind])
    # Headers are short: half of the damage is done in the first two kilobytes.
    reach = min(len(data), 2048) if early else len(data)
    for place, what in damage:
        at = int(place * reach)
        data[at : at + len(what)] = what
    if not damage or cut > 0.5:
        data = data[: int(cut * len(data))]
    name = "one.csv" if kind == POSITIONS else kind
    for old in tmp_path.iterdir():
        old.unlink()
    (tmp_path / name).write_bytes(contents[name])
    (tmp_path / kind).write_bytes(bytes(data))
    found = outcome(tmp_path / name)
    if not isinstance(found, FieldRecording):
        # The file that was damaged is named, and what to do.
        assert kind in found.message
        assert found.hint


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    data=st.binary(max_size=600), name=st.sampled_from((*KINDS, "x.txt", "x", "x.mcap", "x.json"))
)
def test_garbage_under_any_name(tmp_path, data, name):
    path = tmp_path / name
    path.write_bytes(data)
    found = outcome(path)
    assert isinstance(found, FieldRecording) or name in found.message
