"""The plant's room, coils and misplaced heads without boards and cells: an hour in minutes.

Everything that decides how well a field can be held is the plant's own: field of the room with its
drift, gradients and vehicles, coils with their errors and the shield's image, heads that stand a
degree and a percent off. Boards, link and cells are a delay, a lag and a noise, as measured on the
virtual boards (`LINK_STEPS`, `LAG_S`, `NOISE_FT`), so that hours can be run where boards would take
a day. The host's code is the one that ships; it never sees the truth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from nullfield.instrument.compensate import GRADIENT_SHARE, UNLEARNT_WEIGHT
from nullfield.rig import Rig
from nullfield.room.compensator import Compensator, currents_by_mode
from nullfield.room.first_order import channel_field
from nullfield.room.learn_prediction import learn_prediction
from nullfield.room.path_fit import fit_path, probe_offsets
from nullfield.room.reference_model import ReferenceModel
from nullfield.room.shielding_filter import design_filter
from nullfield.virtual.plant import Plant, PlantCoil, PlantHead, Scenario

FloatArray = npt.NDArray[np.float64]

DT_S = 1e-3
CHUNK = 128
LINK_STEPS = 4
"""From the row that a command follows to the row in which its current begins to show."""
LAG_S = 1.5e-3
HEAD_POLE_HZ = (100.0, 150.0)
"""Heads differ in their pole, by half a millisecond of delay."""
NOISE_FT = 14.0
NOISE_CORNER_HZ = 2.0
BEAM_ERROR_PT_PER_MA = 100.0
"""A balance of the beam axis is good to 50 pT, the patterns' currents are some 0.5 mA."""


class PlainRoom:
    """Room, coils and heads of a rig, one row a millisecond.

    Parameters
    ----------
    rig : Rig
    scenario : Scenario
    seed : int
    """

    def __init__(self, rig: Rig, scenario: Scenario, seed: int) -> None:
        self.rig = rig
        heads = [PlantHead(h.name, h.position_m, h.axes, h.kind) for h in rig.heads]
        coils = [PlantCoil(c.name, c.kind, c.nominal_nt_per_ma) for c in rig.coils]
        plant = Plant(heads, coils, scenario, seed, has_table=False)
        self.room = plant.room
        self._plant = plant
        # The patient is in and lies still.
        self.heart_pt_per_a_m = plant._lead_head.copy()
        self.array = np.array([h.kind == "array" for h in rig.heads])
        rng = np.random.default_rng(seed)
        self.rng = rng
        # A head reads along its true axes, by its own idea of its coils.
        gain = 1.0 + scenario.head_gain_error * rng.standard_normal((len(heads), 3, 1))
        self.axes = plant.true_heads.axes * gain
        self.coil_pt_per_ma = plant.coil_field_nt_per_ma * 1e3
        self.response = np.einsum("nak,nkc->nac", self.axes, self.coil_pt_per_ma)
        self.current_ma = np.zeros(len(coils))
        self._queue = deque([np.zeros(len(coils))] * LINK_STEPS)
        self._smooth = np.zeros((len(heads), 3))
        self._drift = np.zeros((3, len(heads), 3))
        self.block = 0
        # What was measured of the coils, by head and transverse axis; see `compensator_for`.
        self.response_fit = np.zeros((len(heads), 2, len(coils)))
        self.path_fit = np.zeros((len(heads), 2, 1))
        self._share = 1.0 - np.exp(-DT_S / LAG_S)
        pole_hz = rng.uniform(*HEAD_POLE_HZ, (len(heads), 1))
        self._head_share = 1.0 - np.exp(-2.0 * np.pi * pole_hz * DT_S)
        self.room_pt = np.zeros((CHUNK + 1, len(heads), 3))
        """Room alone over the present chunk, head frame; its row 0 is the end of the last one."""
        self._local = np.zeros((CHUNK + 1, len(heads), 3))
        self._noise = np.zeros((CHUNK, len(heads), 3))

    def step(self, command_ma: FloatArray) -> FloatArray:
        """Let a millisecond pass; rows of all heads ``(n_heads, 3)``, pT along local axes."""
        j = self.block % CHUNK
        if j == 0:
            field, _ = self.room.chunk(self.block, CHUNK)
            self.room_pt = field.reshape(CHUNK + 1, -1, 3) * 1e3
            moments = self._plant.moments_at(self.block + np.arange(CHUNK + 1))
            heart = np.einsum("nkq,tq->tnk", self.heart_pt_per_a_m, moments)
            self._local = np.einsum("nak,tnk->tna", self.axes, self.room_pt + heart)
            self._noise = self._draw()
        self._queue.append(np.array(command_ma))
        self.current_ma = self.current_ma + self._share * (self._queue.popleft() - self.current_ma)
        local = self._local[j + 1] + self.response @ self.current_ma
        self._smooth += self._head_share * (local - self._smooth)
        self.block += 1
        return np.asarray(self._smooth + self._noise[j])

    def _draw(self) -> FloatArray:
        """White noise with 1/f below its corner: three low-passes, a decade apart."""
        white = self.rng.standard_normal((CHUNK, *self._smooth.shape))
        out = white.copy()
        for pole in range(3):
            corner = NOISE_CORNER_HZ * 10.0**-pole
            share = 2.0 * np.pi * corner * DT_S
            gain = np.sqrt(NOISE_CORNER_HZ / corner)
            state = self._drift[pole]
            for k in range(CHUNK):
                state += share * (white[k] - state)
                out[k] += gain * state
        return np.asarray(out * NOISE_FT * 1e-3 * np.sqrt(0.5 / DT_S))

    def array_fields_pt(self, current_ma: FloatArray) -> tuple[FloatArray, FloatArray]:
        """True field at the array over the chunk that just ended, head frame.

        Parameters
        ----------
        current_ma : numpy.ndarray, shape ``(128, n_coils)``

        Returns
        -------
        numpy.ndarray, shape ``(128, n_array, 3)``
            Room alone.
        numpy.ndarray, shape ``(128, n_array, 3)``
            Room and coils.
        """
        room = self.room_pt[1:, self.array]
        coils = np.einsum("nkc,tc->tnk", self.coil_pt_per_ma[self.array], current_ma)
        return np.asarray(room), np.asarray(room + coils)


def compensator_for(room: PlainRoom, bandwidth_hz: float, learn_s: float) -> Compensator:
    """Probe, learn and plan as the instrument's procedures do, from rows alone."""
    heads = room.rig.heads
    position = np.array([h.position_m for h in heads])
    axes = np.array([h.axes for h in heads])
    references = ~room.array
    n_coils = len(room.rig.coils)
    offsets = probe_offsets(12000, n_coils, 0.03, 4)
    offsets[-200:] = 0.0
    rows = np.empty((12000, len(heads), 3))
    command = np.zeros(n_coils)
    for k in range(12000):
        rows[k] = room.step(command)
        command = offsets[k]
    fit = fit_path(offsets, rows[:, references, :2].reshape(12000, -1), DT_S)
    over = fit_path(offsets, rows[:, room.array, :2].reshape(12000, -1), DT_S)
    n_heads = len(heads)
    room.response_fit = np.empty((n_heads, 2, n_coils))
    room.path_fit = np.empty((n_heads, 2, fit.path.shape[1]))
    for chosen, one in ((references, fit), (room.array, over)):
        room.response_fit[chosen] = one.response_pt_per_ma.reshape(-1, 2, n_coils)
        room.path_fit[chosen] = one.path.reshape(-1, 2, fit.path.shape[1])
    model = ReferenceModel.of_heads(position[references], axes[references, :2])
    response = np.empty((int(room.array.sum()), 3, n_coils))
    response[:, :2] = over.response_pt_per_ma.reshape(len(response), 2, -1)
    error = BEAM_ERROR_PT_PER_MA * room.rng.standard_normal((len(response), n_coils))
    response[:, 2] = room.response[room.array, 2] + error
    modes = channel_field(position[room.array], axes[room.array]).reshape(len(response), 3, -1)
    weight = np.ones((len(response), 3))
    if learn_s > 0:
        weight[:, 2] = UNLEARNT_WEIGHT
        estimator = model.estimator(np.ones(model.n_channels, dtype=np.bool_))[1]
        n = round(learn_s / 0.5)
        seen = np.empty((n, model.n_channels))
        array = np.empty((n, 2 * len(response)))
        for k in range(n):
            some = np.array([room.step(np.zeros(n_coils)) for _ in range(500)]).mean(axis=0)
            seen[k], array[k] = some[references, :2].reshape(-1), some[room.array, :2].reshape(-1)
        learnt = learn_prediction(seen @ estimator.T, array, modes[:, :2].reshape(-1, 8))
        modes[:, :2] = learnt.array_modes.reshape(len(response), 2, 8)
    return Compensator(
        model,
        design_filter(fit.mean_path, bandwidth_hz, DT_S),
        design_filter(fit.mean_path, GRADIENT_SHARE * bandwidth_hz, DT_S),
        currents_by_mode(response.reshape(-1, n_coils), modes.reshape(-1, 8), weight.reshape(-1)),
        fit.response_pt_per_ma,
        fit.path,
    )


def held_chunks(
    room: PlainRoom, compensator: Compensator, settle_s: float, seconds: float
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Run the compensator on the room; chunk by chunk the true field at the array.

    Parameters
    ----------
    room : PlainRoom
    compensator : Compensator
    settle_s : float
        The start, in which the loop takes hold, is not the holding: left out.
    seconds : float

    Yields
    ------
    numpy.ndarray, numpy.ndarray, each shape ``(128, n_array, 3)``
        See `PlainRoom.array_fields_pt`.
    """
    command = np.zeros(room.response.shape[2])
    valid = np.ones(compensator.model.n_channels, dtype=np.bool_)
    references = ~room.array
    while room.block % CHUNK:
        room.step(command)
    current = np.empty((CHUNK, len(command)))
    for chunk in range(round((settle_s + seconds) / (CHUNK * 1e-3))):
        for k in range(CHUNK):
            rows = room.step(command)
            current[k] = room.current_ma
            command = compensator.step(rows[references, :2].reshape(-1), valid)
        if chunk * CHUNK * 1e-3 >= settle_s:
            yield room.array_fields_pt(current)
