"""What the plant is given and what it gives: rig geometry, scenario, block inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from nullfield.rig import CoilKind, Vector
from nullfield.room.excitation_coil import Excitation
from nullfield.virtual.plant.constants import SAMPLES_PER_BLOCK

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PlantHead:
    """One OPM head as the rig says it is; the plant draws where it truly is.

    Parameters
    ----------
    name : str
        Name of the head.
    position_m : tuple of 3 floats
        Cell centre, head frame.
    axes : 3 tuples of 3 floats
        Rows: local x, local y and beam as unit vectors of the head frame, right-handed.
    kind : {'array', 'reference'}
        Over the chest, or far from the heart.
    """

    name: str
    position_m: Vector
    axes: tuple[Vector, Vector, Vector]
    kind: Literal["array", "reference"] = "array"


@dataclass(frozen=True)
class PlantCoil:
    """One room coil.

    Parameters
    ----------
    name : str
        Name of the coil.
    kind : CoilKind
        Shape of its field: ``uniform_k`` makes B_k, ``gradient_kl`` makes dB_k/dl.
    nominal_nt_per_ma : float
        Nominal field at the head frame's origin, nT/mA, or gradient there, nT/m per mA.
    corners_m : tuple of vectors
        Of a loop of a transfer standard (kind ``loop``), as drawn; not closed.
    turns : int
        Of such a loop.
    """

    name: str
    kind: CoilKind | Literal["loop"]
    nominal_nt_per_ma: float = 10.0
    corners_m: tuple[Vector, ...] = ()
    turns: int = 1


@dataclass(frozen=True)
class Scenario:
    """The world of one run: room, patient and errors. Angles in degrees, times in seconds."""

    room_residual_nt: float = 50.0
    room_gradient_nt_per_m: float = 40.0
    room_third_order_nt_per_m2: float = 25.0
    drift_pp_nt: float = 1.0
    mains_pt: float = 20.0
    mains_hz: float = 50.0
    vehicles: bool = False
    vehicle_nt: float = 1.5
    vibration_um_rms: float = 0.5
    geomagnetic_path: Path | None = None
    geomagnetic_shielding: float = 200.0
    shield_floor_nt: float = 1.5
    shield_floor_nt_per_m: float = 2.0
    degauss_a_per_m_per_ma: float = 0.5
    door_opens_s: tuple[float, ...] = ()
    door_closes_s: tuple[float, ...] = ()
    door_step_nt: float = 60.0
    door_creep_nt: float = 8.0
    door_shielding_loss: float = 20.0
    excitation: Excitation | None = None
    coil_gain_error: float = 0.03
    coil_position_error_m: float = 5e-3
    coil_angle_error_deg: float = 1.0
    coil_current_gain_error: float = 2e-3
    coil_resistance_ohm: float = 100.0
    coil_inductance_h: float = 0.15
    coil_spread: float = 0.2
    coil_compliance_v: float = 12.0
    coil_source_noise_na: float = 0.15
    coil_source_corner_hz: float = 0.5
    shield_image: float = 0.6
    standard_error: float = 1e-3
    standard_seat_m: float = 1e-4
    standard_seat_deg: float = 0.03
    heart_enabled: bool = True
    heart_position_m: Vector = (0.01, -0.01, -0.08)
    heart_qrs_peak_pt: float = 75.0
    vcg_scale_am_per_mv: float | None = None
    heart_csv: Path | None = None
    heart_rate_per_min: float = 66.0
    table_in_mm: float = 550.0
    table_obstruction_mm: float | None = None
    table_motor_moment_a_m2: float = 0.02
    ambient_temperature_c: float = 22.0
    head_gain_error: float = 0.01
    head_position_error_m: float = 1e-3
    head_angle_error_deg: float = 1.0
    head_delay_s: float = 20e-6
    head_delay_error_s: float = 3e-6
    head_light_error: float = 0.05
    onhead_nt_per_ma: float = 100.0
    onhead_crosstalk: float = 0.01
    noise_enabled: bool = True
    spin_noise_ft: float = 10.0
    noise_corner_hz: float = 2.0
    beam_axis_noise_ft: float = 10.0
    intensity_noise_per_rthz: float = 6e-8


@dataclass
class PlantInputs:
    """What the boards do to the world in one block of 16 samples; preallocated, written in place.

    Parameters
    ----------
    head_coil_current_ma : (n_heads, 3, 16) array
        On-head coil currents, local axes, held over each sample.
    heater_power_w, laser_current_ma, tec_current_a : (n_heads,) array
        Heater power; laser current; TEC current, positive heats the laser.
    room_coil_current_ma : (n_coils,) array
        Output commanded of the current sources.
    table_step_rate_hz : float
        Signed microsteps per second; positive moves the patient in.
    table_motor_energised : bool
        Whether the table's motor carries current.
    table_current_share : float
        That current as a share of its driver's full scale.
    degauss_ma : float
        Into the amplifier of the degaussing winding.
    """

    head_coil_current_ma: FloatArray
    heater_power_w: FloatArray
    laser_current_ma: FloatArray
    tec_current_a: FloatArray
    room_coil_current_ma: FloatArray
    table_step_rate_hz: float = 0.0
    table_motor_energised: bool = False
    table_current_share: float = 1.0
    degauss_ma: float = 0.0

    @classmethod
    def zeros(cls, n_heads: int, n_coils: int) -> PlantInputs:
        """All off."""
        return cls(
            np.zeros((n_heads, 3, SAMPLES_PER_BLOCK)),
            np.zeros(n_heads),
            np.zeros(n_heads),
            np.zeros(n_heads),
            np.zeros(n_coils),
        )


@dataclass
class PlantOutputs:
    """What the boards can measure after a block; the same arrays are rewritten by each step.

    Parameters
    ----------
    photocurrent_ua : (n_heads, 16) array
        Photodiode current behind the transimpedance amplifier's pole.
    cell_temperature_c, laser_temperature_c : (n_heads,) array
        Where the Pt1000 and the thermistor sit.
    room_coil_current_ma : (n_coils,) array
        Actual coil currents.
    room_coil_voltage_v : (n_coils,) array
        Across the coils.
    table_position_mm : float
        Mechanical position.
    table_home_switch, table_end_switch : bool
        True while the switch is pressed.
    table_load_share : float
        What the table's motor has to push, as a share of what it can; 1 while it slips.
    """

    photocurrent_ua: FloatArray
    cell_temperature_c: FloatArray
    laser_temperature_c: FloatArray
    room_coil_current_ma: FloatArray
    room_coil_voltage_v: FloatArray
    table_position_mm: float
    table_home_switch: bool
    table_end_switch: bool
    table_load_share: float


@dataclass(frozen=True)
class TruthSnapshot:
    """The truth at the end of the last block, for scoring only. Fields in pT, copies.

    Parameters
    ----------
    time_s : float
        Virtual time.
    effective_field_pt, true_field_pt, fictitious_field_pt, light_shift_pt : (n_heads, 3) array
        True local frame of each cell. Effective is the sum of the other three; on the beam axis of
        a modulated cell near zero it is asked from the Bloch equations, because the light shift
        follows the modulated absorption. True
        leaves the modulation out (block mean) and holds room, coils, on-head coils, heart, table.
        The modulation acts by the mean over the last two blocks, which may turn opposite ways.
    room_field_pt : (n_heads, 3) array
        Room alone (residual, drift, mains, vibration, transients), head frame.
    room_and_coils_field_pt : (n_heads, 3) array
        The same and the room coils and the table's motor, head frame.
    heart_field_pt_at_heads : (n_heads, 3) array
        Heart alone at the true head positions, head frame.
    heart_moment_a_m, heart_position_m : (3,) array
        Current dipole and its place, head frame.
    head_position_m : (n_heads, 3) array
        True cell centres.
    head_axes : (n_heads, 3, 3) array
        True local axes in rows.
    polarisation : (n_heads,) array
        Mean polarisation of each cell.
    detuning_ghz : (n_heads,) array
        Laser against the line centre.
    heart_field_pt : callable
        ``heart_field_pt(positions_m, moment_a_m=None) -> (n, 3)`` pT, head frame.
    """

    time_s: float
    effective_field_pt: FloatArray
    true_field_pt: FloatArray
    fictitious_field_pt: FloatArray
    light_shift_pt: FloatArray
    room_field_pt: FloatArray
    room_and_coils_field_pt: FloatArray
    heart_field_pt_at_heads: FloatArray
    heart_moment_a_m: FloatArray
    heart_position_m: FloatArray
    head_position_m: FloatArray
    head_axes: FloatArray
    polarisation: FloatArray
    detuning_ghz: FloatArray
    heart_field_pt: Callable[..., FloatArray]
