"""Acceptance plan of a sensor board."""

from __future__ import annotations

from nullfield.production import sensor_field, sensor_thermal
from nullfield.production.common_checks import first_checks, last_checks
from nullfield.production.plan import Check


def sensor_plan() -> list[Check]:
    """Every test of a sensor board; the cold ones come first, while it is cold."""
    first = first_checks(("sensor.cells",))
    cold = ("start_state", "cell_ambient", "laser_ambient")
    warm = (*cold, "heater_power", "heater_off", "tec_sign")
    lit = (*warm, "light_level", "light_separation")
    ready = (*lit, "cold_start")
    oven = ("sensor.oven_j_per_k",)
    light = ("sensor.light_source", "sensor.light_ua_per_ma")
    heads = ("sensor.cells", "sensor.coils", "sensor.light_source")
    thermal, field = sensor_thermal, sensor_field
    return [
        *first[:2],
        Check(
            "cell_ambient", "Cell Pt1000 at ambient", thermal.cell_ambient, (), ("start_state",)
        ),
        Check(
            "laser_ambient", "Laser thermistor at ambient", thermal.laser_ambient, (),
            ("start_state",),
        ),
        Check("dark_noise", "Noise in the dark", thermal.dark_noise, (), ("start_state",)),
        *first[2:],
        Check("heater_off", "Cooling at zero power", thermal.heater_off, oven, cold),
        Check("heater_power", "Heater step", thermal.heater_power, oven, cold),
        Check(
            "tec_sign", "TEC response", thermal.tec_sign,
            (*oven, "sensor.laser_k_per_a_s"), cold,
        ),
        Check("light_level", "Light level", thermal.light_level, light, warm),
        Check("light_separation", "Light on its own head", thermal.light_separation, light, warm),
        Check("cold_start", "Cold start", field.cold_start, heads, lit),
        Check(
            "holding_power", "Power at 150 °C", field.holding_power,
            (*heads, "sensor.oven_w_per_k"), ready,
        ),
        Check("lock", "Laser lock", field.lock, heads, ready),
        Check("field_zero", "Field zero", field.field_zero, heads, ready),
        Check("modulation_response", "Modulation response", field.modulation_response, heads, ready),
        Check("noise", "Noise density", field.noise, heads, ready),
        Check(
            "field_gain", "Known field", field.field_gain,
            (*heads, "sensor.field_coils"), ready,
        ),
        Check(
            "loop_step", "Step of the closed loop", field.loop_step,
            (*heads, "sensor.field_coils"), (*ready, "field_gain"),
        ),
        *last_checks(),
    ]  # fmt: skip
