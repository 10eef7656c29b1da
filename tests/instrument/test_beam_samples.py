"""When beams are read during an excitation, and which readings are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from nullfield.instrument import beam_samples
from nullfield.instrument.beam_samples import BeamSampler
from nullfield.rig import load_rig
from nullfield.room.excitation_coil import Excitation


@dataclass
class Measured:
    field_pt: np.ndarray


class Bench:
    """Heads whose readings take a given time, on a clock of its own."""

    def __init__(self, heads):
        self.clock = self
        self.now = 0.0
        self.heads = list(heads)
        self.takes_s = 0.42
        self.read_at = []

    def now_s(self):
        return self.now

    def wait_s(self, duration_s):
        self.now += duration_s

    def ready_heads(self):
        return tuple(self.heads)

    def zero_heads(self, instrument, heads, beam_only=False):
        assert beam_only
        self.now += self.takes_s
        self.read_at.append(self.now)
        return heads

    def measure_field(self, instrument, heads, samples):
        self.now += samples * 1e-3
        return Measured(np.full((len(heads), 3), self.now))


@pytest.fixture
def bench(monkeypatch):
    rig, _ = load_rig("bench4")
    bench = Bench(rig.heads)
    monkeypatch.setattr(beam_samples, "zero_heads", bench.zero_heads)
    monkeypatch.setattr(beam_samples, "measure_field", bench.measure_field)
    return bench


def run(bench, excitation):
    sampler = BeamSampler(bench, tuple(bench.heads), excitation)
    while bench.now < excitation.start_s + excitation.duration_s + 5.0:
        if not sampler.read():
            bench.wait_s(0.5)
    return sampler.series()


def test_beams_are_read_in_slow_steps_along_them_only(bench):
    # the beams of bench4 lie along y; steps: x 0-20, 20-30; y 30-50, 50-60, from 100 s on
    excitation = Excitation(200.0, (0.1, 4.0), 10.0, ("x", "y"), 100.0, least_cycles=2.0)
    series = run(bench, excitation)
    assert 30.0 < series.time_s.min() < 32.0
    assert series.time_s.max() < 50.0
    assert len(series.time_s) == pytest.approx(20.0 * 0.1 * 12, abs=2)
    assert np.diff(series.time_s).min() > 0.4


def test_axes_that_are_streamed_need_no_beams(bench):
    assert run(bench, Excitation(200.0, (0.05,), 40.0, ("x", "z"))) is None
    assert bench.read_at == []


def test_a_reading_that_had_to_be_repeated_is_not_kept(bench):
    bench.takes_s = 3.0
    assert run(bench, Excitation(200.0, (0.05,), 40.0, ("y",))) is None
    assert bench.read_at


def test_a_head_that_is_lost_is_nan_from_then_on(bench):
    excitation = Excitation(200.0, (0.05,), 40.0, ("y",))
    sampler = BeamSampler(bench, tuple(bench.heads), excitation)
    while bench.now < 50.0:
        if bench.now > 20.0 and len(bench.heads) == 4:
            bench.heads = bench.heads[1:]
        if not sampler.read():
            bench.wait_s(0.5)
    series = sampler.series()
    assert np.isnan(series.field_pt[0, -1])
    assert np.isfinite(series.field_pt[0, 0])
    assert np.isfinite(series.field_pt[1:]).all()


def test_no_head_left_gives_the_time_back(bench):
    sampler = BeamSampler(bench, tuple(bench.heads), Excitation(200.0, (0.05,), 40.0, ("y",)))
    bench.heads = []
    assert not sampler.read()
    assert sampler.series() is None
