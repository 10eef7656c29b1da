"""The loop from rows to offsets: order, losses, boards that lag, errors inside the reader."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from nullfield.devices.sensor import coil_scale_name
from nullfield.errors import BoardLostError, ProcedureError
from nullfield.instrument.reference_loop import ReferenceLoop
from nullfield.rig import load_rig
from nullfield_protocol.catalogue import SampleFlag
from nullfield_protocol.codec import build
from nullfield_protocol.frame import Frame
from nullfield_protocol.messages import MessageId

SCALE_T = 1.862645e-15


class FakeSettings:
    def __init__(self):
        self.values = {coil_scale_name(s, a): SCALE_T for s in range(4) for a in range(3)}
        self.values["rows_per_frame"] = 10.0
        self.written = []

    def get(self, name):
        return self.values[name]

    def set(self, name, value):
        self.values[name] = value
        self.written.append((name, value))
        return value


class FakeSensor:
    def __init__(self):
        self.settings = FakeSettings()
        self.listeners = []
        self.link = SimpleNamespace(subscribe=self.subscribe)

    def subscribe(self, listener):
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def send(self, index, counts, flags=(0, 0, 0, 0)):
        """One row: the same count on all axes of a slot."""
        rows = [{"field_count": np.repeat(counts, 3).tolist(), "flags": list(flags)}]
        payload = build(
            MessageId.SENSOR_SAMPLES,
            board_time_us=index * 1000, sample_index=index, dropped_rows=0,
            row_period_us=1000, row_count=1, rows=rows,
        )  # fmt: skip
        frame = Frame(MessageId.SENSOR_SAMPLES, 0, 0, payload)
        for listener in list(self.listeners):
            listener(frame, index * 1e-3)


class FakeCoils:
    def __init__(self):
        self.sent = []
        self.error = None

    def compensate(self, offset_a, hold_s):
        if self.error is not None:
            raise self.error
        self.sent.append((np.array(offset_a), hold_s))
        return len(self.sent)


def made(boards=1):
    """A loop over four references on one board, or two on each of two."""
    rig, _ = load_rig("room8")
    heads = [h for h in rig.heads if h.kind == "reference"]
    uids = ["a" * 16, "b" * 16][:boards]
    heads = [
        h.model_copy(update={"board": uids[n * boards // 4], "slot": n % (4 // boards)})
        for n, h in enumerate(heads)
    ]
    coil = FakeCoils()
    sensors = {uid: FakeSensor() for uid in uids}
    instrument = SimpleNamespace(rig=rig, sensors=sensors, coils={rig.coils[0].board: coil})
    seen, gaps = [], []

    def on_row(index, reading, valid):
        seen.append((index, reading.copy(), valid.copy()))
        return np.arange(8) * 1e-3

    loop = ReferenceLoop(instrument, tuple(heads), on_row, gaps.append, hold_s=1.5)
    return loop, list(sensors.values()), coil, seen, gaps


def test_each_row_makes_one_step_and_one_message():
    loop, (sensor,), coil, seen, gaps = made()
    with loop:
        assert sensor.settings.get("rows_per_frame") == 1
        for index in range(100, 105):
            sensor.send(index, [1000, 2000, 3000, 4000])
        assert [s[0] for s in seen] == [100, 101, 102, 103, 104]
        np.testing.assert_allclose(
            seen[0][1], np.repeat([1, 2, 3, 4], 2) * 1000 * SCALE_T * 1e12, rtol=1e-9
        )
        assert seen[0][2].all()
        assert len(coil.sent) == 5
        np.testing.assert_allclose(coil.sent[0][0], np.arange(8) * 1e-6)
        assert coil.sent[0][1] == 1.5
    assert gaps == []
    assert np.all(coil.sent[-1][0] == 0.0)
    assert coil.sent[-1][1] == 0.0  # ended in order
    assert sensor.settings.get("rows_per_frame") == 10
    assert sensor.listeners == []


def test_flags_and_lost_rows_are_told():
    loop, (sensor,), _, seen, gaps = made()
    with loop:
        sensor.send(10, [1, 1, 1, 1], flags=(0, int(SampleFlag.SATURATED), 0, 0))
        sensor.send(15, [1, 1, 1, 1])
    assert seen[0][2].tolist() == [True, True, False, False, True, True, True, True]
    assert gaps == [4]
    assert loop.count.lost_rows == 4


def test_an_index_that_wraps_is_no_loss():
    loop, (sensor,), _, seen, gaps = made()
    with loop:
        for index in (2**32 - 1, 0, 1):
            sensor.send(index, [1, 1, 1, 1])
    assert len(seen) == 3
    assert gaps == []


def test_two_boards_meet_by_index_and_one_that_lags_is_left_out():
    loop, (first, second), _, seen, _ = made(boards=2)
    with loop:
        first.send(5, [1, 1, 1, 1])
        assert seen == []
        second.send(5, [2, 2, 2, 2])
        assert [s[0] for s in seen] == [5]
        assert seen[0][2].all()
        for index in range(6, 11):
            first.send(index, [1, 1, 1, 1])
        assert [s[0] for s in seen] == [5, 6]
        assert seen[1][2].tolist() == [True] * 4 + [False] * 4
        second.send(6, [2, 2, 2, 2])  # too late: passed over
        assert [s[0] for s in seen] == [5, 6]


def test_a_coil_board_that_is_gone_ends_the_loop_outside_the_reader():
    loop, (sensor,), coil, seen, _ = made()
    with loop:
        sensor.send(1, [1, 1, 1, 1])
        coil.error = BoardLostError("coil board is gone")
        sensor.send(2, [1, 1, 1, 1])
        sensor.send(3, [1, 1, 1, 1])
        assert len(seen) == 2
        with pytest.raises(BoardLostError, match="gone"):
            loop.check()
        coil.error = None


def test_without_references_there_is_no_loop():
    rig, _ = load_rig("room8")
    with pytest.raises(ProcedureError, match="no reference head is ready"):
        ReferenceLoop(SimpleNamespace(rig=rig), (), lambda *row: None)
