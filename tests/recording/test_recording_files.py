"""Writing and reading recordings: kills, roll-over, full disks, digests."""

import shutil

import numpy as np
import pytest
from fake_board import FakeBoard, StepClock
from mcap.reader import make_reader
from recorded_boards import header, record

from nullfield.devices.connect import connect
from nullfield.errors import DiskFullError, RecordingError
from nullfield.recording.digest import recording_digest
from nullfield.recording.reader import Recording
from nullfield.recording.samples import read_board_samples
from nullfield.recording.writer import RecordingWriter
from nullfield_protocol.catalogue import Role
from nullfield_protocol.frame import Frame
from nullfield_protocol.messages import MessageId

UID = "0102030405060708"


def frame(number, size=20):
    return Frame(MessageId.LOG, 0, number, bytes([number & 255]) * size)


def write(path, count=50, **options):
    writer = RecordingWriter(path, header(), **options)
    for number in range(count):
        writer.add_frame(UID, frame(number), number * 1e-3)
        if number % 10 == 0:
            writer.add_event("step", number * 1e-3, name=f"step {number}")
    writer.close()
    return writer


def test_round_trip(tmp_path):
    writer = write(tmp_path)
    assert writer.frames_written == 50
    assert writer.events_written == 5
    recording = Recording(tmp_path)
    assert not recording.truncated
    assert recording.header["rig"] == {"name": "test"}
    frames = list(recording.frames())
    assert [one.frame for one in frames] == [frame(n) for n in range(50)]
    assert [one.uid for one in frames] == [UID] * 50
    assert frames[7].host_time_s == pytest.approx(0.007)
    assert [e.fields["name"] for e in recording.events()] == [f"step {n}" for n in range(0, 50, 10)]
    assert list(recording.frames("ff")) == []


def test_other_mcap_readers_can_read_it(tmp_path):
    write(tmp_path)
    with (tmp_path / "recording-0000.mcap").open("rb") as stream:
        summary = make_reader(stream).get_summary()
    assert summary is not None
    assert summary.statistics.message_count == 55


def test_unclosed_recording_has_every_record(tmp_path):
    """What a killed process leaves: nothing is held back in a buffer."""
    writer = RecordingWriter(tmp_path, header())
    for number in range(30):
        writer.add_frame(UID, frame(number), 0.0)
        assert sum(1 for _ in Recording(tmp_path).frames()) == number + 1
    assert Recording(tmp_path).truncated


def test_cut_at_any_byte(tmp_path):
    write(tmp_path / "whole", count=6)
    data = (tmp_path / "whole" / "recording-0000.mcap").read_bytes()
    whole = list(Recording(tmp_path / "whole").frames())
    cut_file = tmp_path / "cut.mcap"
    first_readable, last_count = None, 0
    for size in range(len(data)):
        cut_file.write_bytes(data[:size])
        try:
            recording = Recording(cut_file)
        except RecordingError:
            assert first_readable is None
            continue
        first_readable = first_readable or size
        frames = list(recording.frames())
        assert frames == whole[: len(frames)]
        assert len(frames) >= last_count
        assert recording.truncated
        last_count = len(frames)
    assert last_count == 6
    assert first_readable is not None
    assert first_readable < 600


def test_damaged_record_ends_the_reading(tmp_path):
    write(tmp_path, count=20)
    file = tmp_path / "recording-0000.mcap"
    data = bytearray(file.read_bytes())
    place = data.index(bytes([9]) * 20) - 8 - 22 - 8
    data[place : place + 8] = b"\xff" * 8
    file.write_bytes(bytes(data))
    recording = Recording(tmp_path)
    assert 0 < len(list(recording.frames())) < 20
    assert recording.truncated


def test_roll_over(tmp_path):
    write(tmp_path / "one")
    write(tmp_path / "many", max_file_bytes=900)
    many = Recording(tmp_path / "many")
    assert len(many.files) > 3
    assert list(many.frames()) == list(Recording(tmp_path / "one").frames())
    assert not many.truncated
    assert recording_digest(tmp_path / "one") == recording_digest(tmp_path / "many")
    single = Recording(many.files[2])
    assert single.header["rig"] == {"name": "test"}
    assert list(single.frames())
    many.files[1].unlink()
    assert Recording(tmp_path / "many").truncated


def test_disk_runs_full(tmp_path):
    free = [10_000]

    def free_bytes(path):
        free[0] -= 500
        return free[0]

    writer = RecordingWriter(
        tmp_path, header(), minimum_free_bytes=5000, check_every=4, free_bytes=free_bytes
    )
    for number in range(100):
        writer.add_frame(UID, frame(number), 0.0)
    assert isinstance(writer.error, DiskFullError)
    assert writer.frames_lost_to_disk > 0
    assert writer.frames_written + writer.frames_lost_to_disk == 100
    with pytest.raises(DiskFullError, match="what was recorded is kept"):
        writer.check()
    with pytest.raises(DiskFullError):
        writer.add_event("note", 0.0)
    writer.close()
    recording = Recording(tmp_path)
    assert not recording.truncated
    assert len(list(recording.frames())) == writer.frames_written


def test_full_disk_at_the_start(tmp_path):
    with pytest.raises(DiskFullError):
        RecordingWriter(tmp_path, header(), free_bytes=lambda path: 0)
    assert list(tmp_path.iterdir()) == []


def test_write_error_keeps_whole_records(tmp_path, monkeypatch):
    writer = RecordingWriter(tmp_path, header())
    for number in range(5):
        writer.add_frame(UID, frame(number), 0.0)
    file = writer._file
    real_write = file.write

    def half(data):
        real_write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file, "write", half)
    writer.add_frame(UID, frame(5), 0.0)
    assert isinstance(writer.error, DiskFullError)
    recording = Recording(tmp_path)
    assert [one.frame.sequence for one in recording.frames()] == [0, 1, 2, 3, 4]


def test_directory_in_use(tmp_path):
    write(tmp_path)
    with pytest.raises(RecordingError, match="holds a recording already"):
        RecordingWriter(tmp_path, header())


@pytest.mark.parametrize("kind", ["absent", "empty", "text", "no bytes"])
def test_no_recording(tmp_path, kind):
    path = tmp_path / "x"
    if kind == "empty":
        path.mkdir()
    elif kind != "absent":
        path.write_bytes(b"hello, this is no recording" if kind == "text" else b"")
    with pytest.raises(RecordingError, match=str(path)):
        Recording(path)


def test_other_catalogue_is_refused(tmp_path):
    RecordingWriter(tmp_path, header(catalogue_fingerprint="ff")).close()
    with pytest.raises(RecordingError, match="recorded with protocol 1"):
        Recording(tmp_path)


def test_closed_writer(tmp_path):
    writer = write(tmp_path, count=1)
    writer.add_frame(UID, frame(1), 0.0)
    assert writer.frames_lost_to_disk == 0
    with pytest.raises(RecordingError, match="closed"):
        writer.add_event("note", 0.0)


def test_digest_of_equal_runs_is_equal(tmp_path):
    record(tmp_path / "a")
    record(tmp_path / "b")
    record(tmp_path / "rolled", max_file_bytes=20_000)
    record(tmp_path / "longer", seconds=0.21)
    digests = {p.name: recording_digest(p) for p in tmp_path.iterdir()}
    assert digests["a"] == digests["b"] == digests["rolled"] != digests["longer"]
    assert len(digests["a"]) == 64


def test_digest_leaves_out_the_wall_clock_and_takes_in_the_rest(tmp_path):
    def digest(name, at="now", step="a", setting=1, sequence=0, host_time_s=0.0):
        board = {"uid": UID, "settings": [{"index": 0, "name": "x", "value": setting}]}
        with RecordingWriter(
            tmp_path / name, header(boards=[board], wall_clock={"started": at})
        ) as writer:
            writer.add_frame(UID, Frame(MessageId.TABLE_SAMPLES, 0, sequence, b"z"), host_time_s)
            writer.add_event("step", host_time_s, name=step, more={"wall_clock": at, "n": 1})
        return recording_digest(tmp_path / name)

    base = digest("base")
    assert base == digest("later", at="then", host_time_s=5.0, sequence=9)
    assert base != digest("step", step="b")
    assert base != digest("setting", setting=2)


def test_samples_with_gaps(tmp_path):
    clock = StepClock()
    fake = FakeBoard(clock, Role.TABLE)
    board = connect(fake, clock, name="table")
    writer = RecordingWriter(tmp_path, header(boards=[board.description()]))
    board.link.subscribe(writer.frame_sink(board.uid))
    board.stream_start()
    clock.run(0.1)
    fake.skip_rows(12)
    clock.run(0.1)
    board.settings.set("heater_power_limit", 0.5)
    writer.close()
    samples = read_board_samples(Recording(tmp_path))[board.uid]
    assert samples.lost_rows == {"board_queue": 12, "link": 0, "board_blocks": 0}
    assert samples.stop - samples.start == sum(len(b.rows) for b in samples.blocks) + 12
    changes = samples.values_of("heater_power_limit")
    assert [one.raw for one in changes] == [300, 500]
    assert changes[1].from_index > 100
    assert np.all(samples.blocks[0].rows["position_um"] == np.arange(4))


def test_copy_of_a_recording_reads_the_same(tmp_path):
    record(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert recording_digest(tmp_path / "a") == recording_digest(tmp_path / "b")
