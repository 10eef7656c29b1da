"""The virtual instrument's world: advances one 1 ms block at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nullfield.virtual.plant.block import detect, heat_and_light, outer_field
from nullfield.virtual.plant.cell import (
    CELL,
    LANES,
    N_ROWS,
    N_SLICES,
    ROW_DELTA,
    ROW_EXCHANGE,
    ROW_FZ,
    ROW_RELAXATION,
    ROW_SHIFT,
    ROW_START,
    TILE,
    bloch_block,
)
from nullfield.virtual.plant.coil_circuit import CoilCircuits
from nullfield.virtual.plant.coils import coil_fields
from nullfield.virtual.plant.constants import (
    BLOCK_S,
    MU0_T_M_PER_A,
    SAMPLE_RATE_HZ,
    SAMPLES_PER_BLOCK,
)
from nullfield.virtual.plant.errors_drawn import draw_heads
from nullfield.virtual.plant.heart import half_space_lead_field, tangential_peak_pt
from nullfield.virtual.plant.interface import (
    PlantCoil,
    PlantHead,
    PlantInputs,
    PlantOutputs,
    Scenario,
    TruthSnapshot,
)
from nullfield.virtual.plant.noise import Stream, generator, normal_chunk
from nullfield.virtual.plant.room import Room
from nullfield.virtual.plant.room_state import RoomState
from nullfield.virtual.plant.table_motion import TableMotion
from nullfield.virtual.plant.truth import snapshot
from nullfield.virtual.plant.vcg import moment_direction_mv

FloatArray = npt.NDArray[np.float64]

CHUNK = 128
"""Blocks for which outer fields and noise are prepared at once."""
ARRAY_HEIGHT_M = 0.03
"""Where the QRS peak of the scenario is meant."""
HOME_SWITCH_MM = 0.5
END_SWITCH_MM = 600.0
MOTOR_POSITION_M = (0.35, -1.5, -0.6)
"""Head frame; a stepper leaks some 0.02 A m^2."""
_NOISE_POLES = 4
"""Decades of 1/f noise below its corner."""


class Plant:
    """Physics of the whole rig.

    Parameters
    ----------
    heads, coils : sequence
        The rig as its file says.
    scenario : Scenario
        The world.
    seed : int
        All that is drawn follows from it and from virtual time.
    has_table : bool
        Without a table the patient is always in.
    """

    def __init__(
        self,
        heads: Sequence[PlantHead],
        coils: Sequence[PlantCoil],
        scenario: Scenario,
        seed: int,
        has_table: bool,
    ) -> None:
        self.heads, self.coils = list(heads), list(coils)
        self.scenario, self.seed, self.has_table = scenario, seed, has_table
        self.n_heads, self.n_coils = len(self.heads), len(self.coils)
        self.block = 0
        n = self.n_heads
        tiles = -(-n // LANES)
        self._lanes = tiles * LANES
        self._columns = 3 * self._lanes
        index = np.arange(n)
        # column of (head, axis) in every field array: by tile, axis, lane
        self._column = (
            (index // LANES * 3)[:, None] * LANES
            + np.arange(3)[None, :] * LANES
            + (index % LANES)[:, None]
        )
        self.true_heads = draw_heads(self.heads, scenario, seed)
        self.room = Room(self.true_heads.position_m, scenario, seed)
        self.room_state = RoomState(self.room.basis, self.room.coefficients, scenario, seed)
        self._room_extra_nt: FloatArray | None = None
        self._prepare_fields()
        self._prepare_state(tiles)
        self._prepare_heart()
        self._prepare_noise()
        start = generator(seed, Stream.TABLE).uniform(5.0, 40.0)
        self.table = TableMotion(
            float(start) if has_table else scenario.table_in_mm, scenario.table_obstruction_mm
        )
        self._heart_at_mm = float("nan")
        self._motor = 0.0
        self.outputs = PlantOutputs(
            photocurrent_ua=np.zeros((n, SAMPLES_PER_BLOCK)),
            cell_temperature_c=self._temperature[0],
            laser_temperature_c=self._temperature[2],
            room_coil_current_ma=self.circuits.current_ma,
            room_coil_voltage_v=self.circuits.voltage_v,
            table_position_mm=self.table.position_mm,
            table_home_switch=False,
            table_end_switch=False,
            table_load_share=0.0,
        )
        self._place_heart()
        self._update_switches()

    # -- preparation ---------------------------------------------------------------------------

    def to_local(self, field: FloatArray) -> FloatArray:
        """Head-frame vectors (..., n_heads, 3) into columns of the cells' local frames."""
        local = np.einsum("nak,...nk->...na", self.true_heads.axes, field)
        out = np.zeros((*local.shape[:-2], self._columns))
        out[..., self._column] = local
        return out

    def from_columns(self, columns: FloatArray) -> FloatArray:
        """Columns (..., m) back to (..., n_heads, 3), local frames."""
        return np.asarray(columns[..., self._column])

    def _prepare_fields(self) -> None:
        field, slope = coil_fields(self.coils, self.true_heads.position_m, self.scenario, self.seed)
        self.coil_field_nt_per_ma = field
        """(n_heads, 3, n_coils), head frame."""
        self._coil = self.to_local(np.moveaxis(field, 2, 0))
        self._coil_slope = self.to_local(np.moveaxis(slope, 3, 1))
        self._room_slope = self.to_local(self.room.static_slope)
        away = self.true_heads.position_m - np.asarray(MOTOR_POSITION_M)
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        unit = away / distance
        moment = np.array([0.6, 0.0, 0.8]) * self.scenario.table_motor_moment_a_m2
        dipole = 3.0 * (unit @ moment)[:, None] * unit - moment
        self.motor_field_nt = MU0_T_M_PER_A / (4e-9 * np.pi) * dipole / distance**3
        self._motor_local = self.to_local(self.motor_field_nt)
        matrix = self.true_heads.coil_nt_per_ma
        self._on_head = np.zeros((3 * self.n_heads, self._columns))
        self._on_head[:, self._column.reshape(-1)] = matrix.T

    def _prepare_state(self, tiles: int) -> None:
        scenario, n = self.scenario, self.n_heads
        self._state = np.zeros(tiles * TILE)
        self.rows = self._state.reshape(tiles, N_ROWS, LANES)
        self.rows[:, ROW_RELAXATION] = CELL.relaxation_per_s
        self.rows[:, ROW_EXCHANGE] = 1e5
        self.rows[:, ROW_SHIFT] = 0.0
        self._coil_field = np.zeros((SAMPLES_PER_BLOCK, self._columns))
        # the block before: two senses of rotation, block by block, are one period of the modulation
        self._coil_before = np.zeros((SAMPLES_PER_BLOCK, self._columns))
        self._light = np.zeros((SAMPLES_PER_BLOCK, self._lanes))
        self._work = np.zeros((SAMPLES_PER_BLOCK, self._lanes))
        self._memory = np.zeros(self._lanes)
        self._share = np.ones(self._lanes)
        self._share[:n] = 1.0 - np.exp(-1.0 / (SAMPLE_RATE_HZ * self.true_heads.delay_s))
        self._temperature = np.full((3, n), scenario.ambient_temperature_c)
        self._detuning = np.zeros(n)
        self._outer = np.zeros(self._columns)
        self.circuits = CoilCircuits(self.n_coils, scenario, self.seed)

    def _prepare_heart(self) -> None:
        scenario = self.scenario
        lead_mv = moment_direction_mv(
            scenario.heart_csv, self.seed, scenario.heart_rate_per_min, scenario.mains_hz
        )
        position = np.asarray(scenario.heart_position_m)
        scale = scenario.vcg_scale_am_per_mv
        if scale is None:
            tangential = np.hypot(lead_mv[:, 0], lead_mv[:, 1])
            # not the very largest sample: one odd beat must not set the scale
            peak = float(np.sort(tangential)[-max(len(tangential) // 500, 1)])
            unit = tangential_peak_pt(np.array([peak, 0.0, 0.0]), position, ARRAY_HEIGHT_M)
            scale = scenario.heart_qrs_peak_pt / unit
        self.vcg_scale_am_per_mv = scale if scenario.heart_enabled else 0.0
        self._moments = lead_mv * self.vcg_scale_am_per_mv
        self._lead_head = np.zeros((self.n_heads, 3, 3))
        self._lead = np.zeros((3, self._columns))

    def _prepare_noise(self) -> None:
        scenario = self.scenario
        on = 1.0 if scenario.noise_enabled else 0.0
        per_block = np.sqrt(0.5 / BLOCK_S) * 1e-6 * on  # fT/rtHz -> nT rms of a block
        levels = np.full((self.n_heads, 3), scenario.spin_noise_ft * per_block)
        levels[:, 2] = scenario.beam_axis_noise_ft * per_block
        self._noise_nt = np.zeros(self._columns)
        self._noise_nt[self._column] = levels
        corners = scenario.noise_corner_hz * 10.0 ** -np.arange(_NOISE_POLES)
        gains = np.sqrt(scenario.noise_corner_hz / corners)
        self._noise_poles = np.stack([2.0 * np.pi * corners * BLOCK_S, gains])
        self._noise_memory = np.zeros((_NOISE_POLES, self._columns))
        self._detector_normals = np.zeros((CHUNK, SAMPLES_PER_BLOCK, self._lanes), dtype=np.float32)
        self._field_normals = np.zeros((CHUNK, self._columns), dtype=np.float32)
        self._noise_on = on

    # -- running -------------------------------------------------------------------------------

    def moments_at(self, blocks: npt.NDArray[np.int64]) -> FloatArray:
        """Dipole moment (n, 3) at the start of blocks, A m."""
        return np.asarray(self._moments[blocks % len(self._moments)])

    def _next_chunk(self) -> None:
        chunk = self.block // CHUNK
        field, self._displacement = self.room.chunk(self.block, CHUNK)
        self._room_head_frame = field.reshape(CHUNK + 1, self.n_heads, 3)
        self._room_local = self.to_local(self._room_head_frame)
        self._chunk_moments = self.moments_at(self.block + np.arange(CHUNK + 1))
        if self._noise_on:
            normal_chunk(self.seed, Stream.DETECTOR, chunk, self._detector_normals)
            normal_chunk(self.seed, Stream.FIELD, chunk, self._field_normals)

    def heart_position_m(self) -> FloatArray:
        """Where the dipole is now: it rides on the table along y, feet first."""
        x, y, z = self.scenario.heart_position_m
        return np.array([x, y + (self.table.position_mm - self.scenario.table_in_mm) * 1e-3, z])

    def _place_heart(self) -> None:
        if self.table.position_mm == self._heart_at_mm:
            return
        self._heart_at_mm = self.table.position_mm
        half_space_lead_field(self.true_heads.position_m, self.heart_position_m(), self._lead_head)
        self._lead[:] = self.to_local(np.moveaxis(self._lead_head, 2, 0)) * 1e-3

    def _update_switches(self) -> None:
        self.outputs.table_position_mm = self.table.position_mm
        self.outputs.table_home_switch = self.table.position_mm <= HOME_SWITCH_MM
        self.outputs.table_end_switch = self.table.position_mm >= END_SWITCH_MM

    def _move_table(self, inputs: PlantInputs) -> None:
        self._motor = 0.0
        if not self.has_table:
            return
        if not inputs.table_motor_energised:
            self.table.rest()
            self.outputs.table_load_share = 0.0
            return
        self._motor = 1.0
        self.table.step(inputs.table_step_rate_hz, inputs.table_current_share)
        self.outputs.table_load_share = self.table.load_share
        if inputs.table_step_rate_hz == 0.0:
            return
        self._update_switches()
        self._place_heart()

    def step(self, inputs: PlantInputs) -> PlantOutputs:
        """Advance one block of 16 samples.

        Parameters
        ----------
        inputs : PlantInputs
            What the boards put out during the block.

        Returns
        -------
        PlantOutputs
            `self.outputs`, rewritten.
        """
        j = self.block % CHUNK
        if j == 0:
            self._next_chunk()
        self._move_table(inputs)
        current = self.circuits.step(inputs.room_coil_current_ma)
        currents = inputs.head_coil_current_ma.reshape(3 * self.n_heads, SAMPLES_PER_BLOCK)
        self._coil_before, self._coil_field = self._coil_field, self._coil_before
        np.dot(currents.T, self._on_head, out=self._coil_field)
        heat_and_light(
            self._state,
            self._temperature,
            inputs.heater_power_w,
            inputs.laser_current_ma,
            inputs.tec_current_a,
            self.true_heads.line_offset_k,
            self.true_heads.light_gain,
            self.scenario.ambient_temperature_c,
            self._detuning,
        )
        if self.block == 0:
            self._start_field(0)
        room_local = self._room_local[j + 1]
        self._room_extra_nt = self.room_state.step(
            self.block, inputs.degauss_ma, self._room_head_frame[j + 1]
        )
        if self._room_extra_nt is not None:
            room_local = room_local + self.to_local(self._room_extra_nt)
        outer_field(
            self._state,
            self._outer,
            room_local,
            self._room_slope,
            self._lead,
            self._coil,
            self._coil_slope,
            self._motor_local,
            self._displacement[j + 1],
            self._chunk_moments[j + 1],
            current,
            self._motor,
            self._field_normals[j],
            self._noise_nt,
            self._noise_poles,
            self._noise_memory,
        )
        bloch_block(self._state, self._coil_field, self._light, 1.0 / SAMPLE_RATE_HZ)
        detect(
            self._light,
            self._detector_normals[j],
            self._noise_on,
            self.scenario.intensity_noise_per_rthz,
            self._share,
            self._memory,
            self._work,
            self.outputs.photocurrent_ua,
        )
        self.block += 1
        return self.outputs

    def _start_field(self, j: int) -> None:
        start = self._room_local[j].reshape(-1, 3, LANES)
        self.rows[:, ROW_START : ROW_START + 3] = start
        self.rows[:, ROW_DELTA : ROW_DELTA + 3] = 0.0

    # -- truth ---------------------------------------------------------------------------------

    def room_field_now_nt(self) -> FloatArray:
        """Room alone at the end of the last block (n_heads, 3), head frame, vibration included."""
        if self.block == 0:
            return np.asarray(self.room.chunk(0, 1)[0][0].reshape(self.n_heads, 3))
        j = (self.block - 1) % CHUNK + 1
        shaken = np.einsum("a,ank->nk", self._displacement[j], self.room.static_slope)
        now = self._room_head_frame[j] + shaken
        if self._room_extra_nt is not None:
            now = now + self._room_extra_nt
        return np.asarray(now)

    def angular_momentum(self) -> FloatArray:
        """|F| of each head and slice (n_heads, n_slices)."""
        f = self.rows[:, : ROW_FZ + N_SLICES].reshape(-1, 3, N_SLICES, LANES)
        size = np.linalg.norm(f, axis=1)
        return np.asarray(np.moveaxis(size, 1, 2).reshape(-1, N_SLICES)[: self.n_heads])

    def truth(self) -> TruthSnapshot:
        """The truth at the end of the last block."""
        return snapshot(self)
