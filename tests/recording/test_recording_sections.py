"""Sections of an own recording are those of the whole, and no more of it is read."""

import numpy as np
import pytest
from test_recording_load import Bench

from nullfield.analysis.sections import InMemory
from nullfield.errors import RecordingError
from nullfield.files import open_source, read
from nullfield.files import read as read_function
from nullfield.recording import sections
from nullfield.recording.load import load_field_recording
from nullfield.recording.sections import SectionedRecording


@pytest.fixture
def fine_marks(monkeypatch):
    monkeypatch.setattr(sections, "MARK_BYTES", 3000)


def assert_sections_are_those_of_the_whole(path):
    whole = load_field_recording(path)
    source = SectionedRecording(path)
    n = whole.n_samples
    assert source.n_samples == n
    assert source.sampling_rate_hz == whole.sampling_rate_hz
    assert source.array.names == whole.array.names
    assert len(source._marks) > 10
    for start, stop in ((0, n), (0, 7), (n // 2, n // 2 + 90), (n - 5, n + 99), (401, 402), (9, 9)):
        part = source.read(start, stop)
        np.testing.assert_array_equal(part.field_pt, whole.field_pt[:, start:stop])
        np.testing.assert_array_equal(part.valid, whole.valid[:, start:stop])
        assert part.start_time_s == pytest.approx(whole.start_time_s + start / 1000.0, abs=1e-9)
    about = source.metadata
    for key in ("lost_rows", "alignment", "truncated", "group_delay_us"):
        assert about[key] == whole.metadata[key]
    return source


def test_gaps_changed_settings_and_unlocked_heads(tmp_path, fine_marks):
    bench = Bench(tmp_path)
    bench.stream(0.4, start_index=500)
    drop = iter([[]])
    bench.fakes[0].to_host = lambda wire: next(drop, [wire]) if len(wire) > 200 else [wire]
    bench.clock.run(0.3)
    bench.boards[1].settings.set("head0_coil_scale_x", 2 * 1862645e-21)
    bench.clock.run(0.3)
    bench.writer.close()
    source = assert_sections_are_those_of_the_whole(tmp_path)
    assert not source.read(0, source.n_samples).valid.all()


def test_a_board_that_ends_early_and_unrelated_clocks(tmp_path, fine_marks):
    bench = Bench(tmp_path, boots_s=(0.0, 55.0))
    bench.stream(0.5)
    bench.fakes[1].is_mute = True
    bench.clock.run(0.8)
    bench.writer.close()
    assert_sections_are_those_of_the_whole(tmp_path)


def test_an_index_beyond_32_bits(tmp_path, fine_marks):
    bench = Bench(tmp_path)
    bench.stream(1.0, start_index=(1 << 32) - 500)
    bench.writer.close()
    assert_sections_are_those_of_the_whole(tmp_path)


def test_a_cut_recording(tmp_path, fine_marks):
    bench = Bench(tmp_path)
    bench.stream(1.2)
    bench.writer.close()
    file = tmp_path / "recording-0000.mcap"
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 3 // 4])
    assert_sections_are_those_of_the_whole(tmp_path)


def test_a_section_reads_only_its_part_of_the_files(tmp_path, fine_marks):
    bench = Bench(tmp_path)
    bench.stream(2.0)
    bench.writer.close()
    source = SectionedRecording(tmp_path)
    frames = []
    real = source._recording.located_frames

    def counted(place=None):
        for one in real(place):
            frames.append(one)
            yield one

    source._recording.located_frames = counted
    source.read(0, source.n_samples)
    everything = len(frames)
    frames.clear()
    source.read(1500, 1600)
    assert 0 < len(frames) < everything / 5


def test_files_choose_by_size(tmp_path, fine_marks, monkeypatch):
    bench = Bench(tmp_path)
    bench.stream(1.0)
    bench.writer.close()
    assert isinstance(open_source(tmp_path), InMemory)
    whole = read(tmp_path)
    monkeypatch.setitem(read_function.__globals__, "KEPT_BYTES", 1000)
    source = open_source(tmp_path)
    assert isinstance(source, SectionedRecording)
    np.testing.assert_array_equal(read(tmp_path).field_pt, whole.field_pt)
    assert source.metadata["coordinates"] == whole.metadata["coordinates"]
    assert source.read(3, 9).metadata["format"] == "Nullfield"


def test_a_board_that_counts_anew_is_read_as_a_whole(tmp_path, monkeypatch):
    bench = Bench(tmp_path)
    bench.stream(0.3, start_index=90_000)
    bench.stream(0.6, start_index=0)
    bench.writer.close()
    with pytest.raises(RecordingError, match="began counting anew"):
        SectionedRecording(tmp_path)
    monkeypatch.setitem(read_function.__globals__, "KEPT_BYTES", 1000)
    assert isinstance(open_source(tmp_path), InMemory)
    np.testing.assert_array_equal(read(tmp_path).field_pt, load_field_recording(tmp_path).field_pt)


def test_many_origins_are_thinned_out(tmp_path, monkeypatch):
    monkeypatch.setattr(sections, "_MOST_ORIGINS", 16)
    monkeypatch.setattr(sections, "MARK_BYTES", 3000)
    bench = Bench(tmp_path)
    bench.stream(1.0)
    bench.writer.close()
    assert_sections_are_those_of_the_whole(tmp_path)
