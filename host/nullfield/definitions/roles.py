"""What the application of each role takes from a definition, and the absolute bounds of its limits.

Bounds are what the firmware can compute with or the described circuit can stand; a definition may
be stricter, never wider.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ChipNeed:
    """A chip that the application drives.

    ``stream`` holds what the application computes a block with: ``samples``, or ``stream_channels``
    and ``stream_samples``.
    """

    chip: str
    interface: str
    purpose: str
    stream: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A digital line of the application.

    Attributes
    ----------
    to : str
        Where the wire goes.
    level : int or None
        Outputs: the safe level it must have. Inputs: what a cut wire must read as.
    active_low : bool or None
        Polarity if the chip behind it dictates one.
    optional : bool
        Wired, but the application does without.
    """

    to: str
    level: int | None = None
    active_low: bool | None = None
    optional: bool = False


@dataclass(frozen=True)
class Quantity:
    """A scale or limit: bounds in the key's own unit, a bigger unit for people, and its meaning.

    Where `minimum` is `maximum` the firmware computes with that number whatever the definition says.
    """

    minimum: int
    maximum: int
    per_unit: int
    unit: str
    meaning: str

    @property
    def is_fixed(self) -> bool:
        """Whether the firmware allows one value only."""
        return self.minimum == self.maximum

    def text(self, value: int) -> str:
        """Value for people: ``2.2 mA``."""
        return f"{value / self.per_unit:.10g} {self.unit}".rstrip()


def _fixed(value: int, per_unit: int, unit: str, meaning: str) -> Quantity:
    return Quantity(value, value, per_unit, unit, meaning)


@dataclass(frozen=True)
class RoleNeeds:
    """All of one role."""

    title: str
    count_key: str | None = None
    count: int = 0
    chips: dict[str, ChipNeed] = field(default_factory=dict)
    outputs: dict[str, Line] = field(default_factory=dict)
    inputs: dict[str, Line] = field(default_factory=dict)
    pwm: dict[str, str] = field(default_factory=dict)
    pwm_hz: tuple[int, int] = (0, 0)
    has_stepper: bool = False
    has_supply: bool = False
    scales: dict[str, Quantity] = field(default_factory=dict)
    limits: dict[str, Quantity] = field(default_factory=dict)


_LED = {"led": Line("LED", 0)}
_SYNC = {"sync": Line("distributed SYNC line", optional=True)}

ROLES: dict[str, RoleNeeds] = {
    "sensor": RoleNeeds(
        "four magnetometer heads",
        count_key="heads",
        count=4,
        chips={
            "adc": ChipNeed("ads131m08", "stream", "light of four heads", {"samples": 16}),
            "stream_dac": ChipNeed(
                "ltc2688",
                "stream",
                "twelve on-head coils",
                {"stream_channels": 12, "stream_samples": 16},
            ),
            "slow_dac": ChipNeed("ltc2688", "spi", "laser, TEC and cancel currents"),
            "cell_adc": ChipNeed("ads1220", "spi", "Pt1000 of four cells"),
            "laser_adc": ChipNeed("ads1220", "spi", "NTC of four lasers"),
        },
        outputs={
            "laser_enable": Line("enable of the four laser drivers", 0),
            "heater_enable": Line("enable of the four heater bridges", 0),
            **_LED,
        },
        inputs={"interlock": Line("interlock loop, closed to 3.3 V", 0), **_SYNC},
        pwm={f"heater{head}": f"heater bridge of head {head}" for head in range(4)},
        # Fast enough for the heater's field to average out over the cell; the plant models no faster.
        pwm_hz=(50_000, 400_000),
        scales={
            "adc_full_scale_uv": _fixed(1_200_000, 10**6, "V", "converter's full scale"),
            "transimpedance_ohm": _fixed(20_000, 1000, "kΩ", "photodiode amplifier"),
            "modulation_gain": _fixed(16, 1, "", "gain of the modulation channel"),
            "coil_full_scale_na": _fixed(2_500_000, 10**6, "mA", "on-head coil at 10 V"),
            "coil_constant_pt_per_ma": _fixed(100_000, 1000, "nT/mA", "on-head coil, nominal"),
            "laser_full_scale_na": _fixed(2_500_000, 10**6, "mA", "laser current at 5 V"),
            "tec_full_scale_ua": _fixed(1_000_000, 10**6, "A", "TEC current at 5 V"),
            "cancel_full_scale_na": _fixed(60_000, 1000, "µA", "cancel current at 5 V"),
            # A Pt1000 has 1648 ohm at 170 degC (IEC 60751:2008) and must stay below full scale.
            "cell_reference_ohm": Quantity(1_700, 20_000, 1, "Ω", "reference of the Pt1000"),
            "cell_nominal_ohm": _fixed(1_000, 1, "Ω", "Pt1000 at 0 °C"),
            "laser_divider_ohm": Quantity(1_000, 100_000, 1000, "kΩ", "resistor above the NTC"),
            "laser_nominal_ohm": Quantity(1_000, 100_000, 1000, "kΩ", "NTC at 25 °C"),
            "laser_beta_k": Quantity(2_000, 6_000, 1, "K", "NTC's B value"),
            "heater_full_scale_uw": Quantity(1_000, 600_000, 1000, "mW", "heater at full duty"),
        },
        limits={
            "cell_temperature_max_mc": Quantity(
                20_000, 170_000, 1000, "°C", "the whole board goes off above it"
            ),
            # From the setting's default to what leaves 10 K to the cut-off.
            "cell_setpoint_max_mc": Quantity(
                150_000, 160_000, 1000, "°C", "highest cell temperature that can be set"
            ),
            "heater_power_max_uw": Quantity(1_000, 600_000, 1000, "mW", "a head's heater"),
            "laser_current_max_na": Quantity(
                1_500_000, 2_200_000, 10**6, "mA", "highest laser current that can be set"
            ),
            "tec_current_max_ua": Quantity(1_000, 800_000, 10**6, "A", "laser's TEC, both ways"),
        },
    ),
    "coil": RoleNeeds(
        "eight coil currents",
        count_key="coils",
        count=8,
        chips={
            "adc": ChipNeed("ads131m08", "stream", "sense of eight currents", {"samples": 16}),
            "stream_dac": ChipNeed(
                "ltc2688",
                "stream",
                "eight coarse and eight fine channels",
                {"stream_channels": 16, "stream_samples": 1},
            ),
            "coil_adc": ChipNeed("ads1220", "spi", "coil voltages and heat sink"),
        },
        outputs={
            "coil_enable": Line("relays of the eight outputs", 0),
            **{f"mux{bit}": Line(f"U4 A{bit}", 0) for bit in range(3)},
            **_LED,
        },
        inputs=_SYNC,
        scales={
            "adc_full_scale_uv": _fixed(1_200_000, 10**6, "V", "converter's full scale"),
            "sense_full_scale_na": _fixed(12_000_000, 10**6, "mA", "current at full scale"),
            "coarse_full_scale_na": _fixed(10_000_000, 10**6, "mA", "coarse channel at 10 V"),
            "fine_divisor": _fixed(256, 1, "", "coarse channel by fine channel"),
            "voltage_full_scale_mv": _fixed(
                36_000, 1000, "V", "coil voltage by the slow converter"
            ),
            "compliance_mv": _fixed(12_000, 1000, "V", "what a current source can give"),
            "stage_divider_ohm": Quantity(1_000, 100_000, 1000, "kΩ", "resistor above the NTC"),
            "stage_nominal_ohm": Quantity(1_000, 100_000, 1000, "kΩ", "heat sink's NTC at 25 °C"),
            "stage_beta_k": Quantity(2_000, 6_000, 1, "K", "NTC's B value"),
        },
        limits={
            "coil_current_max_na": Quantity(
                1_000, 10_000_000, 10**6, "mA", "highest current of a coil"
            ),
            "stage_temperature_max_mc": Quantity(
                40_000, 85_000, 1000, "°C", "heat sink above which the board goes off"
            ),
        },
    ),
    "table": RoleNeeds(
        "the patient table's axis",
        chips={"driver": ChipNeed("tmc2209", "uart", "motor")},
        outputs={
            # ENN of the TMC2209: high is off.
            "motor_enable": Line("U1 ENN", 0, active_low=True),
            **_LED,
        },
        inputs={
            "home": Line("home switch, closes to 3.3 V"),
            "end": Line("end switch, closes to 3.3 V"),
            "estop": Line("emergency stop, normally closed to ground", 1),
            "hold": Line("hold-to-run button, closes to 3.3 V", 0, optional=True),
            "diag": Line("U1 DIAG", 0, optional=True),
            **_SYNC,
        },
        has_stepper=True,
        scales={"microsteps_per_mm": _fixed(640, 1, "microsteps/mm", "of travel")},
        limits={
            "table_travel_um": Quantity(1_000, 600_000, 1000, "mm", "from home to the end"),
            "table_home_um": Quantity(0, 600_000, 1000, "mm", "position at the home switch"),
            "table_patient_um": Quantity(0, 600_000, 1000, "mm", "position of the patient in"),
            "table_speed_max_um_s": Quantity(1_000, 50_000, 1000, "mm/s", "highest speed"),
            "table_acceleration_max_um_s2": Quantity(
                50_000, 200_000, 1000, "mm/s²", "highest acceleration that can be set"
            ),
            "run_current_32nds": Quantity(1, 31, 1, "of 32", "motor current at work"),
        },
    ),
    "bringup": RoleNeeds(
        "a bare module with nothing attached",
        outputs=_LED,
        has_supply=True,
    ),
}
