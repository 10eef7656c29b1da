"""What the screen shows of a heart that is measured now, on four virtual heads with a table."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from console_bench import NOON, PATIENCE_S, HeardEvents, Opened
from small_rig import write_small_rig

from nullfield.console.api.live import chosen_names, heads_of, spectrum
from nullfield.console.api.sockets import _newest_frame
from nullfield.console.control import Control
from nullfield.console.engine import Engine
from nullfield.console.job import Job
from nullfield.console.live.snapshot import instrument_state
from nullfield.console.live.window import newest
from nullfield.console.start_job import STEPS, start_instrument
from nullfield.errors import InputError
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.move_table import move_table

pytestmark = pytest.mark.micropython


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """At standby, a subject in, twelve seconds measured."""
    heard = HeardEvents()
    opened = Opened(write_small_rig(tmp_path_factory.mktemp("rig")))
    engine = Engine(opened, Control(lambda: NOON), heard)
    engine.start()
    heard.wait_for("connected")
    task = engine.begin(Job("start", STEPS, lambda: 0.0), start_instrument)
    assert task.done.wait(PATIENCE_S)
    assert task.error is None

    def measure(engine: Engine, instrument: Instrument) -> None:
        move_table(instrument, 0.55)
        instrument.wait_s(12.0)
        engine.follower.look(instrument)

    engine.call(measure, PATIENCE_S)
    # From here on virtual time stands still, because nobody waits: what is looked at does not move.
    held, released = threading.Event(), threading.Event()

    def hold(engine: Engine, instrument: Instrument) -> None:
        held.set()
        assert released.wait(2 * PATIENCE_S), "nobody let the engine go"

    engine.begin(Job("held", ("table",), lambda: 0.0), hold)
    try:
        assert held.wait(PATIENCE_S)
        yield engine
    finally:
        released.set()
        engine.stop()


def call(engine: Engine) -> Instrument:
    assert engine.instrument is not None
    return engine.instrument


def test_the_table_is_shown_in_and_without_current(engine: Engine) -> None:
    table = instrument_state(call(engine), {})["table"]
    assert table["position_mm"] == pytest.approx(550.0, abs=0.5)
    assert not table["is_energised"]
    assert (table["state"], table["in_position_mm"]) == ("IDLE", 550.0)


def test_the_beat_and_its_map(engine: Engine) -> None:
    live = engine.follower.beat
    assert live is not None
    beat = live.to_json()
    # The built-in heart beats 66 times a minute.
    assert 9 <= beat["count"] <= 14
    assert len(beat["traces_pt"]) == 8
    assert all(len(trace) == len(beat["time_ms"]) for trace in beat["traces_pt"].values())
    assert beat["landmarks_ms"]["R"] == pytest.approx(0.0, abs=15.0)
    assert 150.0 < beat["landmarks_ms"]["T"] < 450.0
    assert set(beat["quality"]["lights"].values()) <= {"good", "fair", "poor"}
    picture = live.map_json(None)
    assert picture is not None
    field = np.array(picture["bz_pt"])
    assert field.shape == (len(picture["y_mm"]), len(picture["x_mm"]))
    assert 10.0 < np.abs(field).max() < 300.0
    assert {sensor["name"] for sensor in picture["sensors"]} == {"H1", "H2", "H3", "H4"}
    arrows = picture["arrows"]
    assert np.hypot(arrows["u"], arrows["v"]).max() == pytest.approx(1.0, abs=1e-3)
    later = live.map_json(beat["landmarks_ms"]["T"])
    assert later is not None
    assert not np.allclose(field, later["bz_pt"])
    assert later["time_ms"] == pytest.approx(beat["landmarks_ms"]["T"], abs=2.0)


def test_the_noise_of_each_head_is_told(engine: Engine) -> None:
    assert set(engine.follower.noise) == {"H1", "H2", "H3", "H4"}
    assert all(3.0 < value < 60.0 for value in engine.follower.noise.values())


def test_the_newest_stretch_has_its_channels_in_order(engine: Engine) -> None:
    instrument = call(engine)
    heads = instrument.rig.heads[1:3]
    recording = newest(instrument, heads, 2.0)
    assert recording is not None
    assert recording.array.names == ("H2.x", "H2.y", "H3.x", "H3.y")
    assert recording.field_pt.shape == (4, 2000)
    assert np.isfinite(recording.field_pt).all()
    np.testing.assert_allclose(recording.array.orientations[0], [0, 0, 1], atol=1e-6)


def test_frames_continue_without_a_gap_or_a_repeat(engine: Engine) -> None:
    instrument = call(engine)
    context: Any = SimpleNamespace(engine=engine)
    frame, following = _newest_frame(context, ["H1.x", "H4.y"], None)
    assert frame is not None
    assert following is not None
    n_channels, n_samples, start_s, rate_hz, flags = struct.unpack_from("<IIdfI", frame)
    assert (n_channels, n_samples, rate_hz, flags) == (2, 250, 1000.0, 0)
    assert following == round(start_s * 1000) + 250
    # Nothing new: nothing sent.
    assert _newest_frame(context, ["H1.x", "H4.y"], following) == (None, following)
    # Seventy samples behind: just those.
    frame, again = _newest_frame(context, ["H1.x", "H4.y"], following - 70)
    assert frame is not None
    assert again == following
    _, n_samples, start_s, _, flags = struct.unpack_from("<IIdfI", frame)
    assert (n_samples, flags) == (70, 0)
    values = np.frombuffer(frame, "<f4", offset=struct.calcsize("<IIdfI")).reshape(2, 70)
    wanted = newest(instrument, heads_of(instrument, ["H1.x", "H4.y"]), 0.07)
    assert wanted is not None
    np.testing.assert_allclose(values, wanted.field_pt[[0, 3]], rtol=1e-5, atol=1e-2)
    # A viewer who slept gets a marked gap, not a backlog.
    frame, _ = _newest_frame(context, ["H1.x"], following - 60_000)
    assert frame is not None
    _, n_samples, _, _, flags = struct.unpack_from("<IIdfI", frame)
    assert n_samples <= 2100
    assert flags == 1


def test_the_spectrum_of_a_channel(engine: Engine) -> None:
    context: Any = SimpleNamespace(engine=engine)
    shown: Any = spectrum(context, None, "H1.x,H4.y")  # type: ignore[arg-type]
    assert set(shown["density_ft_rthz"]) == {"H1.x", "H4.y"}
    frequency_hz = np.array(shown["frequency_hz"])
    density = np.array(shown["density_ft_rthz"]["H1.x"], dtype=float)
    quiet = density[(frequency_hz > 70.0) & (frequency_hz < 95.0)]
    assert 3.0 < np.median(quiet) < 200.0


def test_wrong_channels_are_refused(engine: Engine) -> None:
    with pytest.raises(InputError, match="no channel H9"):
        heads_of(call(engine), ["H9.x"])
    with pytest.raises(InputError, match="no channel is named"):
        chosen_names(",")
    with pytest.raises(InputError, match="too many"):
        chosen_names(",".join(f"H{number}.x" for number in range(200)))
    assert chosen_names("H1.x,H1.x,H2.y") == ["H1.x", "H2.y"]
