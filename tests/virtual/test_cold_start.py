"""A sensor board from cold to a field stream, with the real firmware on the real plant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nullfield_protocol.catalogue import HeadState


@pytest.mark.slow
def test_four_heads_from_cold_to_ready_and_off_again(bench: Any) -> None:
    sensor = bench.sensor()
    sensor.start()
    over = (HeadState.READY, HeadState.FAULT)
    sensor.wait_until(
        lambda: (
            sensor.telemetry is not None and all(s in over for s in sensor.telemetry.head_state)
        ),
        120.0,
        "the cold start",
    )
    telemetry = sensor.wait_telemetry(lambda t: True, 1.0)
    assert telemetry.head_state == (HeadState.READY,) * 4, telemetry
    assert all(telemetry.is_laser_locked)
    assert telemetry.cell_temperature_c == pytest.approx(150.0, abs=0.5)
    sensor.stream_start()
    window = sensor.wait_samples(1000)
    assert not sensor.flags(window).any()
    field_t = sensor.field_t(window)
    assert np.all(field_t.std(axis=1) < 1e-9)
    sensor.safe_off()
    bench.run_s(0.01)
    assert bench.heater_power_w() == 0.0
    assert bench.laser_current_ma() == 0.0
