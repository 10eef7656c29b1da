"""Live samples in the Lab Streaming Layer, from four virtual heads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from console_bench import NOON, PATIENCE_S, HeardEvents, Opened

from nullfield.console import lsl as lsl_module
from nullfield.console.control import Control
from nullfield.console.engine import Engine
from nullfield.console.job import Job
from nullfield.console.lsl import LslOutlet
from nullfield.console.start_job import STEPS, start_instrument
from nullfield.errors import AnalysisError
from nullfield.instrument.instrument import Instrument

pytestmark = pytest.mark.micropython


class Recorded:
    """The part of `mne_lsl.lsl` that is used; keeps what it was given."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.infos: list[Any] = []
        self.chunks: list[tuple[Any, Any]] = []

    def local_clock(self) -> float:
        assert self.engine.instrument is not None
        return self.engine.instrument.clock.now_s() + 1000.0

    def StreamInfo(self, *what: Any) -> Any:
        recorded = self

        class Info:
            def __init__(self) -> None:
                self.what = what
                self.info: Any = None

            def set_channel_info(self, info: Any) -> None:
                self.info = info
                recorded.infos.append(self)

        return Info()

    def StreamOutlet(self, info: Any, max_buffered: float) -> Any:
        chunks = self.chunks

        class Outlet:
            def push_chunk(self, x: Any, timestamp: Any) -> None:
                chunks.append((x, timestamp))

        return Outlet()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    heard = HeardEvents()
    engine = Engine(Opened("bench4"), Control(lambda: NOON), heard)
    engine.start()
    heard.wait_for("connected")
    task = engine.begin(Job("start", STEPS, lambda: 0.0), start_instrument)
    assert task.done.wait(PATIENCE_S)
    assert task.error is None
    yield engine
    engine.stop()


def sent(engine: Engine, outlet: LslOutlet, waits_s: list[float]) -> list[int]:
    """Send after each of some waits, while the engine's thread holds time still."""

    def run(engine: Engine, instrument: Instrument) -> list[int]:
        counts = []
        for wait_s in waits_s:
            instrument.wait_s(wait_s)
            counts.append(outlet.send())
        return counts

    counts: list[int] = engine.call(run, PATIENCE_S)
    return counts


def outlet_of(engine: Engine, library: Any) -> tuple[LslOutlet, list[str]]:
    events: list[str] = []
    return LslOutlet(lambda: engine.instrument, events.append, library), events


def test_every_sample_is_sent_once_with_its_board_time(engine: Engine) -> None:
    library = Recorded(engine)
    outlet, events = outlet_of(engine, library)
    counts = sent(engine, outlet, [0.5, 0.3, 0.0, 0.7])
    assert counts[1] == pytest.approx(300, abs=40)
    assert counts[3] == pytest.approx(700, abs=40)
    samples = np.concatenate([x for x, _ in library.chunks])
    times_s = np.concatenate([t for _, t in library.chunks])
    assert samples.dtype == np.float32
    assert samples.shape == (sum(counts), 8)
    steps_s = np.diff(times_s)
    assert steps_s.min() > 0.9e-3
    assert steps_s.max() < 1.1e-3
    # The newest sample is a few blocks old on the clock of the layer.
    assert 0.0 < library.local_clock() - times_s[-1] < 0.1
    assert events == ["Lab Streaming Layer: 8 channels of bench4"]


def test_the_samples_are_those_of_the_boards_in_tesla(engine: Engine) -> None:
    library = Recorded(engine)
    outlet, _ = outlet_of(engine, library)

    def run(engine: Engine, instrument: Instrument) -> Any:
        instrument.wait_s(0.5)
        outlet.send()
        board = instrument.sensors[instrument.rig.heads[0].board]
        return board.field_t(board.samples.window(100))

    field_t = engine.call(run, PATIENCE_S)
    assert np.isfinite(library.chunks[0][0]).all()
    np.testing.assert_allclose(library.chunks[0][0][-100:, 0], field_t[0], rtol=1e-6)
    np.testing.assert_allclose(library.chunks[0][0][-100:, 1], field_t[1], rtol=1e-6)


def test_names_places_and_units_are_in_the_description(engine: Engine) -> None:
    library = Recorded(engine)
    outlet, _ = outlet_of(engine, library)
    sent(engine, outlet, [0.3])
    (made,) = library.infos
    assert engine.instrument is not None
    rig = engine.instrument.rig
    name, kind, n_channels, rate_hz, dtype, source = made.what
    assert (name, kind, n_channels, rate_hz, dtype) == (
        "Nullfield bench4", "MEG", 8, 1000.0, "float32"
    )  # fmt: skip
    assert source.startswith("nullfield-bench4-")
    assert made.info["ch_names"][:2] == [f"{rig.heads[0].name}.x", f"{rig.heads[0].name}.y"]
    np.testing.assert_allclose(made.info["chs"][0]["loc"][:3], rig.positions_m()[0])


def test_a_head_that_becomes_ready_replaces_the_stream(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Recorded(engine)
    outlet, events = outlet_of(engine, library)
    instrument = engine.instrument
    assert instrument is not None
    all_heads = instrument.ready_heads()
    monkeypatch.setattr(instrument, "ready_heads", lambda: all_heads[:2])
    sent(engine, outlet, [0.3])
    monkeypatch.setattr(instrument, "ready_heads", lambda: all_heads)
    sent(engine, outlet, [0.3])
    monkeypatch.setattr(instrument, "ready_heads", lambda: all_heads[1:])
    sent(engine, outlet, [0.3])
    assert [made.what[2] for made in library.infos] == [4, 8]
    assert library.infos[0].what[5] != library.infos[1].what[5]
    assert [x.shape[1] for x, _ in library.chunks] == [4, 8, 8]
    assert events.count("Lab Streaming Layer: stream ended") == 1


def test_the_stream_ends_with_the_instrument(engine: Engine) -> None:
    library = Recorded(engine)
    events: list[str] = []
    connected = [True]
    outlet = LslOutlet(lambda: engine.instrument if connected[0] else None, events.append, library)
    sent(engine, outlet, [0.3])
    connected[0] = False
    assert outlet.send() == 0
    assert events[-1] == "Lab Streaming Layer: stream ended"


def test_without_the_library_the_fix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, need: str, extra: str) -> Any:
        raise AnalysisError(f"{need}, which is not installed", f"pip install 'nullfield[{extra}]'")

    monkeypatch.setattr(lsl_module, "library", missing)
    with pytest.raises(AnalysisError, match="needs mne-lsl") as raised:
        LslOutlet(lambda: None, lambda text: None)
    assert raised.value.hint == "pip install 'nullfield[lsl]'"


def test_a_client_of_the_real_layer_gets_the_samples(engine: Engine) -> None:
    """Through liblsl's own sockets on this machine, where mne-lsl is installed."""
    library = pytest.importorskip("mne_lsl.lsl")
    outlet, _ = outlet_of(engine, library)
    sent(engine, outlet, [0.3])
    (info,) = library.resolve_streams(timeout=10.0, name="Nullfield bench4", stype="MEG")
    inlet = library.StreamInlet(info)
    inlet.open_stream(timeout=10.0)
    assert engine.instrument is not None
    told = inlet.get_sinfo(timeout=10.0)
    assert told.get_channel_names()[:2] == [
        f"{engine.instrument.rig.heads[0].name}.{axis}" for axis in "xy"
    ]
    restored = told.get_channel_info()
    np.testing.assert_allclose(
        restored["chs"][0]["loc"][:3], engine.instrument.rig.positions_m()[0], atol=1e-9
    )
    counts = sent(engine, outlet, [0.4, 0.4])
    got: list[Any] = []
    times: list[Any] = []
    while sum(map(len, got)) < sum(counts):
        samples, stamps = inlet.pull_chunk(timeout=10.0, max_samples=sum(counts))
        assert len(stamps), "the stream broke off"
        got.append(samples)
        times.append(stamps)
    assert np.isfinite(np.concatenate(got)).all()
    assert np.ptp(np.concatenate(times)) == pytest.approx((sum(counts) - 1) / 1000.0, abs=2e-3)
    inlet.close_stream()
    outlet.stop()
