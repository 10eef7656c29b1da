"""A board's process killed in mid-run, with the real firmware: error, outputs, recording."""

import os
import signal

import numpy as np
import pytest

from nullfield.errors import BoardLostError
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.record import record
from nullfield.instrument.start_up import start_up
from nullfield.recording.load import load_recording
from nullfield.recording.reader import Recording
from nullfield.rig import load_rig
from nullfield.toolchain import ensure_micropython
from nullfield.virtual.clock import VirtualClock
from nullfield.virtual.instrument import VirtualInstrument
from nullfield.virtual.plant import Scenario
from nullfield.virtual.transport import VirtualTransport

pytestmark = pytest.mark.micropython
SENSOR, COIL = "e66138528350b001", "e66138528351b001"


class Bench:
    def __init__(self):
        rig, table = load_rig("bench4")
        self.world = VirtualInstrument(rig, Scenario(**table), 1, ensure_micropython())
        self.rig, self.clock = rig, VirtualClock(self.world)

    def instrument(self):
        return Instrument(
            self.rig, self.clock, lambda entry: VirtualTransport(self.world, entry.uid), 1000
        )

    def kill(self, uid):
        os.kill(self.world.by_uid[uid].process.pid, signal.SIGKILL)

    def kill_at(self, uid, after_s):
        block = self.world.block + round(after_s * 1e3)
        self.world.watchers.append(lambda: self.world.block == block and self.kill(uid))

    def run(self, blocks):
        for _ in range(blocks):
            self.world.step()

    def outputs(self):
        """Largest of everything that the boards put into the world, by kind."""
        inputs = self.world._inputs
        kinds = (
            "heater_power_w",
            "laser_current_ma",
            "head_coil_current_ma",
            "room_coil_current_ma",
        )
        return {kind: float(np.max(np.abs(getattr(inputs, kind)))) for kind in kinds}


@pytest.fixture
def bench():
    made = Bench()
    with made.world:
        yield made


def test_sensor_board_killed_in_the_cold_start(bench):
    with bench.instrument() as instrument:
        instrument.coils[COIL].enable(True)
        instrument.coils[COIL].set_current_a(0, 1e-3)
        bench.kill_at(SENSOR, 1.2)
        with pytest.raises(BoardLostError) as caught:
            start_up(instrument)
        # Off with the process, before anybody has said so.
        bench.run(2)
        outputs = bench.outputs()
        assert outputs["heater_power_w"] == 0.0
        assert outputs["laser_current_ma"] == 0.0
        assert outputs["head_coil_current_ma"] == 0.0
        assert outputs["room_coil_current_ma"] > 0.5
    assert caught.value.exit_code == 6
    assert SENSOR in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    bench.run(3)
    assert set(bench.outputs().values()) == {0.0}


def test_heater_was_on_before(bench):
    """The test above would say nothing if the outputs were off anyway."""
    with bench.instrument() as instrument:
        instrument.sensors[SENSOR].start()
        instrument.wait_s(1.2)
        assert bench.outputs()["heater_power_w"] > 0.1
    bench.run(3)
    assert set(bench.outputs().values()) == {0.0}


def test_coil_board_killed_with_current_in_its_coils(bench):
    with bench.instrument() as instrument:
        instrument.sensors[SENSOR].start()
        instrument.coils[COIL].enable(True)
        instrument.coils[COIL].set_current_a(2, 1e-3)
        instrument.wait_s(0.6)
        assert bench.outputs()["room_coil_current_ma"] > 0.5
        bench.kill(COIL)
        with pytest.raises(BoardLostError, match=COIL):
            instrument.wait_s(2.0)
        bench.run(2)
        assert bench.outputs()["room_coil_current_ma"] == 0.0
    bench.run(3)
    assert set(bench.outputs().values()) == {0.0}


def test_recording_so_far_is_readable(bench, tmp_path):
    path = tmp_path / "recording"
    with bench.instrument() as instrument:
        instrument.stream(True)
        bench.kill_at(SENSOR, 3.3)
        with pytest.raises(BoardLostError, match=SENSOR):
            record(instrument, path, duration_s=20.0)
    recording = Recording(path)
    assert not recording.truncated
    kinds = [event.kind for event in recording.events()]
    assert kinds[0] == "record_start"
    assert "record_end" not in kinds
    loaded = load_recording(path)
    assert 3000 < loaded.field.field_pt.shape[1] <= 3310
    assert loaded.lost_rows[SENSOR] == dict.fromkeys(loaded.lost_rows[SENSOR], 0)


def test_all_boards_killed(bench):
    with bench.instrument() as instrument:
        instrument.wait_s(0.2)
        bench.kill(SENSOR)
        bench.kill(COIL)
        with pytest.raises(BoardLostError):
            instrument.wait_s(2.0)
    bench.run(3)
    assert set(bench.outputs().values()) == {0.0}


def test_a_request_to_a_board_that_is_gone(bench):
    with bench.instrument() as instrument:
        bench.kill(COIL)
        with pytest.raises(BoardLostError, match="command ping"):
            instrument.coils[COIL].ping()
