"""A state as `StateView` gives it, with one of everything."""

from __future__ import annotations

from typing import Any


def state(**changes: Any) -> dict[str, Any]:
    """The state of a running instrument, or as changed."""
    ready = {
        "name": "A1",
        "board": "s1",
        "slot": 0,
        "kind": "array",
        "position_m": [0.0, 0.0, 0.0],
        "normal": [0.0, 0.0, 1.0],
        "state": "READY",
        "cell_temperature_c": 150.12,
        "laser_temperature_c": 40.5,
        "field_pt": [12.5, -3.0, None],
        "noise_ft_rthz": 14.2,
        "fault": None,
    }
    faulty = {
        **ready,
        "name": "R1",
        "slot": 1,
        "kind": "reference",
        "state": "FAULT",
        "cell_temperature_c": None,
        "laser_temperature_c": None,
        "field_pt": None,
        "noise_ft_rthz": None,
        "fault": 'laser "lock" lost',
    }
    return {
        "version": 7, "software": "9.8.7", "rig": "demo36", "is_virtual": True,
        "time": "2026-03-04T12:00:00.000+00:00", "phase": "busy", "message": "", "hint": "",
        "control": {"holder": "ann", "since": "2026-03-04T12:00:00+00:00", "asking": None},
        "viewers": 3,
        "job": {"name": "exam", "state": "running", "beats": 12, "beats_wanted": 60},
        "heads": [ready, faulty],
        "coils": [{"name": "Bx", "board": "c1", "channel": 0, "current_ma": -2.5, "limit_ma": 20.0}],
        "table": {
            "state": "IDLE", "position_mm": 512.5, "target_mm": 600.0, "speed_mm_s": 40.0,
            "is_energised": True,
        },
        "null": {"before_rms_pt": 12000.0, "after_rms_pt": 310.0, "age_s": 42.0, "limited": []},
        "boards": [
            {
                "uid": "s1", "role": "sensor", "name": "sensor 1", "state": "RUNNING",
                "fault": None, "load": 0.412, "heap_free_bytes": 123456,
                "lost_rows": {"link": 2, "board_queue": 0}, "received_rows": 90000,
            },
            {
                "uid": "c1", "role": "coil", "name": "coil 1", "state": None, "fault": "open",
                "load": None, "heap_free_bytes": None, "lost_rows": {}, "received_rows": 0,
            },
        ],
        "events": [],
        **changes,
    }  # fmt: skip
