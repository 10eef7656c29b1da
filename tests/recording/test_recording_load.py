"""From recordings of several boards to one array."""

import numpy as np
import pytest
from fake_board import FakeBoard, StepClock

from nullfield.devices.connect import connect
from nullfield.errors import RecordingError
from nullfield.recording.load import load_field_recording, load_recording
from nullfield.recording.writer import RecordingWriter
from nullfield_protocol.catalogue import Role
from nullfield_protocol.messages import MessageId

ROLES = (Role.SENSOR, Role.SENSOR, Role.COIL, Role.TABLE)
SCALE_PT = 1862645e-21 * 1e12


def uid(number):
    return bytes([number + 1]) * 8


def rig(boards=2):
    axes = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    return {
        "heads": [
            {
                "name": f"H{4 * b + s:02d}", "board": uid(b).hex(), "slot": s,
                "position_m": [0.04 * s, 0.04 * b, 0.03], "axes": axes,
                "kind": "reference" if (b, s) == (1, 3) else "array",
            }
            for b in range(boards) for s in range(4)
        ]
    }  # fmt: skip


class Bench:
    """Boards of one clock that sample together."""

    def __init__(self, path, roles=ROLES, boots_s=(), heads=None, header=None):
        self.clock = StepClock()
        self.fakes = [FakeBoard(self.clock, role, uid(n)) for n, role in enumerate(roles)]
        for fake, boot_s in zip(self.fakes, boots_s, strict=False):
            fake.boot_s = boot_s
        self.boards = [connect(fake, self.clock, name=f"b{n}") for n, fake in enumerate(self.fakes)]
        self.writer = RecordingWriter(
            path,
            {
                "rig": heads or rig(),
                "boards": [b.description() for b in self.boards],
                **(header or {}),
            },
        )
        for board in self.boards:
            board.link.subscribe(self.writer.frame_sink(board.uid))

    def stream(self, seconds, start_index=0):
        for fake in self.fakes:
            fake.sample_index = start_index
            fake.stream()
        self.clock.run(seconds)

    def load(self, path):
        self.writer.close()
        return load_recording(path)


def test_channels_and_geometry(tmp_path):
    bench = Bench(tmp_path)
    bench.stream(1.0, start_index=500)
    loaded = bench.load(tmp_path)
    field = loaded.field
    assert field.field_pt.shape[0] == 24
    assert field.field_pt.shape[1] > 900
    assert field.sampling_rate_hz == 1000
    assert field.valid.all()
    assert np.isfinite(field.field_pt).all()
    # The fake board's rows count 10 * index + channel.
    expected = 10 * (500 + np.arange(field.field_pt.shape[1])) + 7
    scale_pt = SCALE_PT * (1862645 + 20) / 1862645
    assert np.allclose(field.field_pt[12 + 7], expected * scale_pt, rtol=1e-12)
    array = field.array
    assert array.names[:3] == ("H00-x", "H00-y", "H00-b")
    assert array.head_names[23] == "H07"
    assert np.allclose(array.positions_m[12], [0, 0.04, 0.03])
    assert np.allclose(array.orientations[14], [0, 1, 0])
    assert list(array.axis_index[:6]) == [0, 1, 2, 0, 1, 2]
    assert list(np.flatnonzero(array.is_reference)) == [21, 22, 23]
    coil = loaded.coil_current_a[uid(2).hex()]
    assert coil.shape == (8, field.field_pt.shape[1])
    assert np.allclose(coil[3], (500 + np.arange(coil.shape[1]) + 3) * 1e-9)
    assert np.allclose(
        loaded.table_position_m[uid(3).hex()], (500 + np.arange(coil.shape[1])) * 1e-6
    )
    assert not loaded.truncated
    assert field.metadata["group_delay_us"] == 1500


def test_gap_is_nan_and_not_valid(tmp_path):
    bench = Bench(tmp_path)
    bench.stream(0.4)
    drop = iter([[]])
    bench.fakes[0].to_host = lambda wire: next(drop, [wire]) if len(wire) > 200 else [wire]
    bench.clock.run(0.4)
    loaded = bench.load(tmp_path)
    missing = ~loaded.field.valid[0]
    assert missing.sum() == 4
    assert np.isnan(loaded.field.field_pt[:12, missing]).all()
    assert np.isfinite(loaded.field.field_pt[12:]).all()
    assert np.isfinite(loaded.field.field_pt[:, ~missing]).all()
    assert loaded.lost_rows[uid(0).hex()] == {"board_queue": 0, "link": 4, "board_blocks": 0}


def test_a_board_that_dies_leaves_the_others_whole(tmp_path):
    bench = Bench(tmp_path)
    bench.stream(0.5)
    bench.fakes[1].is_mute = True
    bench.clock.run(2.0)
    field = bench.load(tmp_path).field
    assert field.field_pt.shape[1] > 2400
    assert field.valid[:12].all()
    assert field.valid[12:, :450].all()
    assert not field.valid[12:, 520:].any()


def test_synced_index_wins_over_unrelated_board_clocks(tmp_path):
    bench = Bench(tmp_path, boots_s=(0.0, 55.0))
    bench.stream(0.5)
    field = bench.load(tmp_path).field
    assert field.metadata["alignment"] == "sample index"
    assert np.allclose(field.field_pt[0] / SCALE_PT, 10 * np.arange(field.field_pt.shape[1]))
    assert np.allclose(field.field_pt[12], field.field_pt[0])


def test_common_board_clock_wins_over_indices_of_single_streams(tmp_path):
    bench = Bench(tmp_path, roles=ROLES[:2], boots_s=(0.0, 0.0))
    bench.fakes[0].stream()
    bench.clock.run(0.1)
    bench.fakes[1].stream()
    bench.clock.run(0.5)
    field = bench.load(tmp_path).field
    assert field.metadata["alignment"] == "board time"
    assert np.allclose(field.field_pt[0] - field.field_pt[12], 100 * 10 * SCALE_PT)


def test_boards_that_share_nothing_are_refused(tmp_path):
    bench = Bench(tmp_path, roles=ROLES[:2], boots_s=(0.0, 7.0))
    bench.fakes[0].sample_index = 90_000
    for fake in bench.fakes:
        fake.stream()
    bench.clock.run(0.5)
    bench.writer.close()
    with pytest.raises(RecordingError, match="not sampled together"):
        load_field_recording(tmp_path)


def test_unlocked_heads_are_not_valid(tmp_path):
    bench = Bench(tmp_path)
    real = bench.fakes[0].block

    def block():
        message, payload = real()
        data = bytearray(payload)
        # Last byte of each 52-byte row: flags of slot 3.
        for row in range(4):
            data[24 + 52 * row + 51] = 1
        return message, bytes(data)

    bench.fakes[0].block = block
    bench.stream(0.3)
    field = bench.load(tmp_path).field
    assert not field.valid[9:12].any()
    assert field.valid[:9].all()
    assert field.valid[12:].all()
    assert np.isfinite(field.field_pt).all()


def test_a_scale_changed_midway_holds_from_there_on(tmp_path):
    bench = Bench(tmp_path)
    bench.stream(0.2)
    bench.boards[0].settings.set("head0_coil_scale_x", 2 * 1862645e-21)
    bench.clock.run(0.2)
    field = bench.load(tmp_path).field
    ratio = field.field_pt[0, 1:] / field.field_pt[12, 1:]
    assert ratio[0] == pytest.approx(1)
    assert ratio[-1] == pytest.approx(2)
    assert np.sum(np.abs(np.diff(ratio)) > 0.5) == 1


def test_a_head_without_its_board_is_nan(tmp_path):
    bench = Bench(tmp_path, heads=rig(boards=3))
    bench.stream(0.2)
    field = bench.load(tmp_path).field
    assert np.isnan(field.field_pt[24:]).all()
    assert not field.valid[24:].any()


def test_truncated_recording_loads(tmp_path):
    bench = Bench(tmp_path)
    bench.stream(0.5)
    bench.writer.close()
    file = tmp_path / "recording-0000.mcap"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    loaded = load_recording(tmp_path)
    assert loaded.truncated
    assert loaded.field.metadata["truncated"]
    assert 150 < loaded.field.field_pt.shape[1] < 350
    assert loaded.field.valid.all()


def test_without_samples_or_heads(tmp_path):
    bench = Bench(tmp_path / "a")
    bench.writer.close()
    with pytest.raises(RecordingError, match="no samples of a sensor board"):
        load_field_recording(tmp_path / "a")
    bench = Bench(tmp_path / "b", heads={"name": "bare"})
    bench.stream(0.1)
    bench.writer.close()
    with pytest.raises(RecordingError, match="no head positions"):
        load_field_recording(tmp_path / "b")


def test_messages_of_other_kinds_do_not_disturb(tmp_path):
    bench = Bench(tmp_path)
    bench.fakes[0].send(MessageId.LOG, bytes(12) + b"hello")
    bench.stream(0.1)
    assert bench.load(tmp_path).field.valid.all()
