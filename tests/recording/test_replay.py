"""A recording through the whole host path gives what the boards gave."""

import numpy as np
import pytest
from recorded_boards import header, record

from nullfield.devices.connect import connect
from nullfield.devices.samples import SampleStream
from nullfield.errors import RequestError
from nullfield.recording.digest import recording_digest
from nullfield.recording.reader import Recording
from nullfield.recording.replay import Replay
from nullfield.recording.writer import RecordingWriter
from nullfield_protocol.catalogue import Command, Role


@pytest.fixture
def recorded(tmp_path):
    path = tmp_path / "recorded"
    _, boards = record(path, seconds=1.0, roles=(Role.SENSOR, Role.SENSOR, Role.COIL))
    return path, boards


def replayed(path):
    replay = Replay(path)
    boards = [connect(one, replay.clock, expected_uid=u) for u, one in replay.transports.items()]
    return replay, boards


def test_same_samples_and_identity(recorded):
    path, live = recorded
    replay, boards = replayed(path)
    replay.clock.run_to_end()
    for board, original in zip(boards, live, strict=True):
        assert board.identity == original.identity
        assert type(board) is type(original)
        assert board.settings.all() == original.settings.all()
        stored = SampleStream(board.sample_message)
        for one in Recording(path).frames(board.uid):
            stored.take(one.frame, one.host_time_s)
        assert len(stored.all()) > 900
        assert np.array_equal(board.samples.all().rows, stored.all().rows)
        assert np.array_equal(board.samples.all().index, stored.all().index)
        assert board.link.statistics.lost_frames == {}


def test_recording_a_replay_gives_the_same_digest(recorded, tmp_path):
    path, _ = recorded
    replay, boards = replayed(path)
    with RecordingWriter(
        tmp_path / "again", header(boards=[one.description() for one in boards])
    ) as writer:
        for board in boards:
            board.link.subscribe(writer.frame_sink(board.uid))
        for event in Recording(path).events():
            fields = {k: v for k, v in event.fields.items() if k != "kind"}
            writer.add_event(event.kind, event.host_time_s, **fields)
        replay.clock.run_to_end()
    # Names differ where the rig named the boards; settings, samples and events do not.
    assert recording_digest(tmp_path / "again") == recording_digest(path)


def test_waiting_on_a_replay(recorded):
    path, _ = recorded
    _, boards = replayed(path)
    window = boards[0].wait_samples(500)
    assert len(window) == 500


def test_a_replay_moves_nothing(recorded):
    path, _ = recorded
    _, boards = replayed(path)
    boards[0].stream_start()
    with pytest.raises(RequestError, match="present state"):
        boards[2].link.command(Command.COIL_SET, 0, 5)
    with pytest.raises(RequestError, match="read only"):
        boards[0].settings.set("heater_power_limit", 0.2)


def test_a_truncated_recording_replays_to_its_end(recorded):
    path, _ = recorded
    file = path / "recording-0000.mcap"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    replay, boards = replayed(path)
    replay.clock.run_to_end()
    assert replay.recording.truncated
    assert len(boards[0].samples.all()) > 300
