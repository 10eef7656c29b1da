"""What an array of heads reports of a set of windings, and how that changes with every unknown.

The report of head i for 1 mA in winding c, all loops closed::

    m_ic = S_i B_c(p_i) - sum_j X_ij m_jc

S_i (3 x 3) holds gain and direction of each sensing axis in its rows; B_c follows from Biot-Savart
and the windings' errors; X is the cross-talk (`crosstalk`), a number for each of the three coils of
a head. As the neighbours' reports are data, the second term is linear in what is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nullfield.room.crosstalk import crosstalk_shape
from nullfield.room.windings import (
    COIL_PARAMETERS,
    LOOP_PARAMETERS,
    PLATE_PARAMETERS,
    ROOM_PARAMETERS,
    Winding,
    coil_field,
    loop_field,
    plate_centre_m,
)

FloatArray = npt.NDArray[np.float64]

_STEP = {"turn": 1e-5, "shift": 1e-5, "gain": 1e-5, "size": 1e-5, "length": 1e-5, "image": 1e-4}
_STEP["stray"] = 1.0


@dataclass(frozen=True)
class Tolerances:
    """What is known before anything is measured; standard deviations.

    Attributes
    ----------
    head_gain, head_angle_rad, head_position_m : float
        Of the heads: one share for gains, one angle for every axis; each coordinate.
    crosstalk : float
        At 40 mm.
    coil_gain, coil_angle_rad, coil_position_m : float
        Of the room's coils.
    room_angle_rad, room_position_m, room_length : float
        Of coils and walls as a whole about the array.
    shield_image, shield_image_error : float
        Strength of the walls' image, and how little that is known.
    standard : float
        Of a transfer standard: share of its lengths, angles in radians, and of its constants.
    standard_size_m : float
        Half of the plate, for its loops' places.
    seat_angle_rad, seat_position_m : float
        Of the plate on the array.
    stray_pt_per_ma : float or numpy.ndarray, shape ``(n_windings,)``
        Drift of the room that goes with a winding's currents by chance: the more, the less it was
        driven.
    """

    head_gain: float = 0.03
    head_angle_rad: float = 0.03
    head_position_m: float = 2e-3
    crosstalk: float = 0.03
    coil_gain: float = 0.05
    coil_angle_rad: float = 0.035
    coil_position_m: float = 0.01
    room_angle_rad: float = 0.035
    room_position_m: float = 0.02
    room_length: float = 0.005
    shield_image: float = 0.5
    shield_image_error: float = 0.3
    standard: float = 1e-3
    standard_size_m: float = 0.12
    seat_angle_rad: float = 5e-4
    seat_position_m: float = 1e-4
    stray_pt_per_ma: float | FloatArray = 20.0


class ArrayModel:
    """Reports of heads as a function of all that is unknown.

    The unknowns are one vector of small numbers, all zero for an instrument as drawn: of each head
    nine for S (``S = (1 + E) axes``) and three for its place; three of cross-talk; eight of the
    room, ten of each coil; with loops, seven of the plate and eleven of each loop.

    Parameters
    ----------
    position_m : numpy.ndarray, shape ``(n, 3)``
        As the rig file says.
    axes : numpy.ndarray, shape ``(n, 3, 3)``
        Local axes in rows, head frame.
    windings : tuple of Winding
        In the order of the response's last index.
    tolerances : Tolerances
    """

    def __init__(
        self,
        position_m: FloatArray,
        axes: FloatArray,
        windings: tuple[Winding, ...],
        tolerances: Tolerances,
    ) -> None:
        self.position_m = np.asarray(position_m, dtype=np.float64)
        self.axes = np.asarray(axes, dtype=np.float64)
        self.windings = windings
        self.tolerances = tolerances
        self.n_heads = n = len(self.position_m)
        self.centre_m = plate_centre_m(windings)
        self.matrix = slice(0, 9 * n)
        self.place = slice(9 * n, 12 * n)
        self.crosstalk = slice(12 * n, 12 * n + 3)
        at = 12 * n + 3
        self.room = slice(at, at + len(ROOM_PARAMETERS))
        self.plate = slice(self.room.stop, self.room.stop + len(PLATE_PARAMETERS))
        at = self.plate.stop
        self.own: list[slice] = []
        for winding in windings:
            self.own.append(slice(at, at + winding.n_parameters))
            at += winding.n_parameters
        self.n_parameters = at

    def tolerance(self) -> FloatArray:
        """Standard deviation of every unknown before the measurement."""
        t = self.tolerances
        out = np.empty(self.n_parameters)
        head = np.full((3, 3), t.head_angle_rad)
        np.fill_diagonal(head, t.head_gain)
        out[self.matrix] = np.tile(head.reshape(-1), self.n_heads)
        out[self.place] = t.head_position_m
        out[self.crosstalk] = t.crosstalk
        out[self.room] = [
            *(t.room_angle_rad,) * 3, *(t.room_position_m,) * 3, t.room_length,
            t.shield_image_error,
        ]  # fmt: skip
        out[self.plate] = [*(t.seat_angle_rad,) * 3, *(t.seat_position_m,) * 3, t.standard]
        loop_place = t.standard * t.standard_size_m
        stray = np.broadcast_to(t.stray_pt_per_ma, len(self.windings)).tolist()
        for winding, own, drift in zip(self.windings, self.own, stray, strict=True):
            out[own] = (
                [*(t.standard,) * 4, *(loop_place,) * 3, t.standard, *(drift,) * 3]
                if winding.is_loop
                else [
                    t.coil_gain, *(t.coil_angle_rad,) * 3, *(t.coil_position_m,) * 3,
                    *(drift,) * 3,
                ]
            )  # fmt: skip
        return out

    # -- parts of the unknowns ---------------------------------------------------------------

    def head_matrix(self, unknowns: FloatArray) -> FloatArray:
        """S of every head, shape ``(n, 3, 3)``: reports of a field in the head frame."""
        errors = unknowns[self.matrix].reshape(-1, 3, 3)
        return np.asarray((np.eye(3) + errors) @ self.axes)

    def head_position_m(self, unknowns: FloatArray) -> FloatArray:
        """Places of the heads, shape ``(n, 3)``."""
        return np.asarray(self.position_m + unknowns[self.place].reshape(-1, 3))

    def crosstalk_shape(self, unknowns: FloatArray) -> FloatArray:
        """Cross-talk for a strength of one, shape ``(n, 3, n, 3)``, in reports of head i."""
        matrix = self.head_matrix(unknowns)
        gain = np.linalg.norm(matrix, axis=2)
        shape = crosstalk_shape(self.head_position_m(unknowns), matrix / gain[..., None])
        return np.asarray(shape * gain[:, :, None, None])

    def field_pt_per_ma(
        self, k: int, unknowns: FloatArray, points_m: FloatArray | None = None
    ) -> FloatArray:
        """Field of winding `k` at the heads or elsewhere, head frame, shape ``(n, 3)``."""
        points = self.head_position_m(unknowns) if points_m is None else points_m
        winding, own = self.windings[k], unknowns[self.own[k]]
        if winding.is_loop:
            return loop_field(winding, points, own, unknowns[self.plate], self.centre_m)
        room = unknowns[self.room].copy()
        room[7] += self.tolerances.shield_image
        return coil_field(winding, points, own, room)

    # -- the model and its derivatives -------------------------------------------------------

    def predict(self, unknowns: FloatArray, reports: FloatArray) -> FloatArray:
        """Reports that the unknowns give, shape ``(n, 3, n_windings)``, pT/mA.

        Parameters
        ----------
        unknowns : numpy.ndarray, shape ``(n_parameters,)``
        reports : numpy.ndarray, shape ``(n, 3, n_windings)``
            What was measured, for the neighbours' part; zero where a head has none.
        """
        matrix = self.head_matrix(unknowns)
        field = self._fields(unknowns)
        strength = unknowns[self.crosstalk]
        shape = self.crosstalk_shape(unknowns)
        return np.asarray(
            np.einsum("nak,nkc->nac", matrix, field)
            - np.einsum("iajb,b,jbc->iac", shape, strength, reports)
        )

    def _fields(self, unknowns: FloatArray, points_m: FloatArray | None = None) -> FloatArray:
        return np.stack(
            [self.field_pt_per_ma(k, unknowns, points_m) for k in range(len(self.windings))], axis=2
        )

    def jacobian(self, unknowns: FloatArray, reports: FloatArray) -> FloatArray:
        """Derivative of `predict`, shape ``(n, 3, n_windings, n_parameters)``.

        How the cross-talk's own geometry changes with the heads is left out: a hundredth of a
        thousandth.
        """
        n, m = self.n_heads, len(self.windings)
        out = np.zeros((n, 3, m, self.n_parameters))
        matrix = self.head_matrix(unknowns)
        points = self.head_position_m(unknowns)
        local = np.einsum("nbk,nkc->nbc", self.axes, self._fields(unknowns))
        for i in range(n):
            for a in range(3):
                first = self.matrix.start + 9 * i + 3 * a
                out[i, a, :, first : first + 3] = local[i].T
        step_m = _STEP["shift"]
        for k in range(3):
            aside = np.zeros(3)
            aside[k] = step_m
            slope = self._fields(unknowns, points + aside) - self._fields(unknowns, points - aside)
            change = np.einsum("nak,nkc->nac", matrix, slope) / (2.0 * step_m)
            for i in range(n):
                out[i, :, :, self.place.start + 3 * i + k] = change[i]
        shape = self.crosstalk_shape(unknowns)
        out[..., self.crosstalk] = -np.einsum("iajb,jbc->iacb", shape, reports)
        has_loops = any(w.is_loop for w in self.windings)
        for c, winding in enumerate(self.windings):
            shared = self.plate if winding.is_loop else self.room
            names = LOOP_PARAMETERS if winding.is_loop else COIL_PARAMETERS
            common = PLATE_PARAMETERS if winding.is_loop else ROOM_PARAMETERS
            for part, labels in ((self.own[c], names), (shared, common)):
                if part is self.plate and not has_loops:
                    continue
                for offset, label in enumerate(labels):
                    column = part.start + offset
                    step = _STEP[label.split()[0]]
                    change = self._step(c, unknowns, column, step)
                    out[:, :, c, column] = np.einsum("nak,nk->na", matrix, change)
        return out

    def _step(self, c: int, unknowns: FloatArray, column: int, step: float) -> FloatArray:
        more, less = unknowns.copy(), unknowns.copy()
        more[column] += step
        less[column] -= step
        change = self.field_pt_per_ma(c, more) - self.field_pt_per_ma(c, less)
        return change / (2.0 * step)
