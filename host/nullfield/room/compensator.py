"""Currents that oppose the changing field over the array, from reference heads alone.

One step a sample. The readings less what the coils make there (response matrix times the currents
that were commanded, delayed and smeared as the path is) are the ambient field; `ReferenceModel`
takes it apart into eight modes, `ShieldingFilter` gives each its lead and its limit, and a matrix of
currents by mode opposes what is predicted over the array.

The coils' own part is computed from what was commanded *after* limits and slew, so a loop at its
limit winds nothing up: the filter is stable by itself and always sees the true ambient field.

Pure: readings in, currents out, no clock and no instrument.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from nullfield.room.first_order import N_MODES, N_UNIFORM
from nullfield.room.reference_model import Observable, ReferenceModel
from nullfield.room.shielding_filter import ShieldingFilter

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class CompensatorState(IntEnum):
    """What the compensator does."""

    WAITING = 0
    """No valid sample yet."""
    RUNNING = 1
    REDUCED = 2
    """Some channels are out; the rest carry on."""
    HOLDING = 3
    """The references tell too little: currents stand still."""
    RAMPING = 4
    """They did so for too long: currents go to zero."""


@dataclass(frozen=True)
class CompensatorSettings:
    """Limits and times.

    Attributes
    ----------
    current_max_ma : float
        Largest offset of a coil.
    slew_ma_per_s : float
        Fastest change of an offset.
    ramp_ma_per_s : float
        The same on the way to zero after a failure.
    hold_s : float
        Currents stand still for so long before they ramp.
    frozen_s : float
        A channel that repeats one number for so long is dead: noise never does.
    return_s : float
        A channel that was out has to be good for so long before it counts again.
    """

    current_max_ma: float = 1.0
    slew_ma_per_s: float = 5.0
    ramp_ma_per_s: float = 0.5
    hold_s: float = 2.0
    frozen_s: float = 0.05
    return_s: float = 0.5


DEFAULT_SETTINGS = CompensatorSettings()


class Compensator:
    """The running compensation.

    Parameters
    ----------
    model : ReferenceModel
    uniform_filter, gradient_filter : ShieldingFilter
        Of one path and step.
    current_by_mode_ma : numpy.ndarray, shape ``(n_coils, 8)``
        Currents whose field over the array is that of a mode, mA per pT (pT/m).
    reference_response_pt_per_ma : numpy.ndarray, shape ``(n_channels, n_coils)``
        What the coils make at the reference channels.
    reference_path : numpy.ndarray, shape ``(n_channels, n_taps)``, optional
        Share of a command that a channel shows 0, 1, 2 ... steps after the sample that it followed;
        nothing at 0. By default the filters' own path, for all channels.
    settings : CompensatorSettings

    Attributes
    ----------
    state : CompensatorState
    is_limited : bool
        Whether a current or its slew was cut in the last step.
    mode : numpy.ndarray, shape ``(8,)``
        Ambient field since the start, by mode, pT and pT/m.
    in_use : numpy.ndarray of bool, shape ``(n_channels,)``
    drops : int
        Times that a channel was taken out.
    """

    def __init__(
        self,
        model: ReferenceModel,
        uniform_filter: ShieldingFilter,
        gradient_filter: ShieldingFilter,
        current_by_mode_ma: FloatArray,
        reference_response_pt_per_ma: FloatArray,
        reference_path: FloatArray | None = None,
        settings: CompensatorSettings = DEFAULT_SETTINGS,
    ) -> None:
        if uniform_filter.dt_s != gradient_filter.dt_s:
            raise ValueError("both filters need the same step")
        n_coils = len(current_by_mode_ma)
        if reference_response_pt_per_ma.shape != (model.n_channels, n_coils):
            raise ValueError(
                f"the response has shape {reference_response_pt_per_ma.shape},"
                f" {(model.n_channels, n_coils)} is needed"
            )
        self.model = model
        self.settings = settings
        self.dt_s = uniform_filter.dt_s
        self._current_by_mode = np.asarray(current_by_mode_ma, dtype=np.float64)
        chosen = [uniform_filter] * N_UNIFORM + [gradient_filter] * (N_MODES - N_UNIFORM)
        order = max(len(one.coefficients) for one in chosen)
        # All stages of a cascade in one product: new = advance @ old + feed * signal.
        cascades = [cascade(one.pole, order) for one in (uniform_filter, gradient_filter)]
        (self._advance_u, feed_u), (self._advance_g, feed_g) = cascades
        self._feed = np.stack([feed_u] * N_UNIFORM + [feed_g] * (N_MODES - N_UNIFORM), axis=1)
        self._coefficients = np.zeros((order, N_MODES))
        for k, one in enumerate(chosen):
            self._coefficients[: len(one.coefficients), k] = one.coefficients
        path = np.atleast_2d(uniform_filter.path if reference_path is None else reference_path)
        if path.shape[1] < 2 or np.any(path[:, 0] != 0.0):
            raise ValueError("a command cannot show in the sample that it follows from")
        # One product a step: channels by (tap, coil).
        taps = np.broadcast_to(path[:, 1:], (model.n_channels, path.shape[1] - 1))
        self._own_field = np.einsum("nt,nc->ntc", taps, reference_response_pt_per_ma).reshape(
            model.n_channels, -1
        )
        self._stages = np.zeros((order, N_MODES))
        self._past_ma = np.zeros((path.shape[1] - 1, n_coils))
        self._base_pt = np.zeros(model.n_channels)
        self._offset = np.zeros(N_MODES)
        self._last_pt = np.full(model.n_channels, np.nan)
        self._same = np.zeros(model.n_channels)
        self._good = np.zeros(model.n_channels)
        self._blind_s = 0.0
        self.in_use = np.zeros(model.n_channels, dtype=np.bool_)
        self.mode = np.zeros(N_MODES)
        self.state = CompensatorState.WAITING
        self.is_limited = False
        self.drops = 0

    @property
    def current_ma(self) -> FloatArray:
        """Offsets commanded last, shape ``(n_coils,)``."""
        return np.array(self._past_ma[0])

    def step(self, reading_pt: FloatArray, valid: BoolArray) -> FloatArray:
        """Take one sample in.

        Parameters
        ----------
        reading_pt : numpy.ndarray, shape ``(n_channels,)``
            Anything where not valid.
        valid : numpy.ndarray of bool, shape ``(n_channels,)``
            False where a sample is missing or the head says that it is saturated or unlocked.

        Returns
        -------
        numpy.ndarray, shape ``(n_coils,)``
            Offsets to command now, mA.
        """
        ambient_pt = reading_pt - self._own_field @ self._past_ma.reshape(-1)
        alive = self._alive(reading_pt, valid)
        self._enrol(ambient_pt, alive)
        observable, estimator = self.model.estimator(self.in_use)
        if observable == Observable.NOTHING:
            return self._blind()
        self._blind_s = 0.0
        full = bool(self.in_use.all())
        self.state = CompensatorState.RUNNING if full else CompensatorState.REDUCED
        self.mode = self._estimate(ambient_pt, observable, estimator) + self._offset
        old = self._stages
        new = self._feed * self.mode
        new[:, :N_UNIFORM] += self._advance_u @ old[:, :N_UNIFORM]
        new[:, N_UNIFORM:] += self._advance_g @ old[:, N_UNIFORM:]
        self._stages = new
        out = (self._coefficients * new).sum(axis=0)
        return self._command(-self._current_by_mode @ out, self.settings.slew_ma_per_s)

    def skip(self, steps: int) -> None:
        """Account for samples that never came, while the coil board held, or ramped, by itself.

        Parameters
        ----------
        steps : int
            Samples that are missing.
        """
        held = np.full(self.model.n_channels, np.nan)
        invalid = np.zeros(self.model.n_channels, dtype=np.bool_)
        if steps * self.dt_s <= self.settings.hold_s:
            for _ in range(steps):
                self.step(held, invalid)
            return
        self.step(held, invalid)
        self._blind_s = steps * self.dt_s
        self._past_ma[:] = 0.0

    def _estimate(
        self, ambient_pt: FloatArray, observable: Observable, estimator: FloatArray
    ) -> FloatArray:
        change = np.where(self.in_use, ambient_pt - self._base_pt, 0.0)
        if observable == Observable.ALL:
            return np.asarray(estimator @ change)
        # Gradients stay as they were; what they make at the channels is not uniform field.
        held = np.where(np.arange(N_MODES) < N_UNIFORM, 0.0, self.mode - self._offset)
        seen = np.where(self.in_use, change - self.model.channels @ held, 0.0)
        return np.asarray(estimator @ seen + held)

    def _alive(self, reading_pt: FloatArray, valid: BoolArray) -> BoolArray:
        """Channels that are valid and not frozen."""
        good = valid & np.isfinite(reading_pt)
        self._same = np.where(good & (reading_pt == self._last_pt), self._same + 1.0, 0.0)
        self._last_pt = np.where(good, reading_pt, np.nan)
        return np.asarray(good & (self._same * self.dt_s < self.settings.frozen_s))

    def _enrol(self, ambient_pt: FloatArray, alive: BoolArray) -> None:
        """Take channels out at once and back after a while, without a jump of the modes."""
        self._good = np.where(alive, self._good + 1.0, 0.0)
        if self.state == CompensatorState.WAITING:
            every = np.ones(self.model.n_channels, dtype=np.bool_)
            if self.model.estimator(alive)[0] < self.model.estimator(every)[0] or not alive.any():
                return
            # What the null of before left is the zero: only what changes is opposed.
            self._base_pt = np.where(alive, ambient_pt, 0.0)
            self.in_use = alive.copy()
            return
        back = alive & ~self.in_use & (self._good * self.dt_s >= self.settings.return_s)
        lost = self.in_use & ~alive
        if not (back.any() or lost.any()):
            return
        self.drops += int(lost.sum())
        if back.any():
            # Its own zero may have moved: it starts from what the others say.
            expected = self.model.channels @ (self.mode - self._offset)
            self._base_pt = np.where(back, ambient_pt - expected, self._base_pt)
        self.in_use = (self.in_use & alive) | back
        observable, estimator = self.model.estimator(self.in_use)
        if observable == Observable.NOTHING:
            return
        if self._blind_s > 0.0:
            # Nothing was measured for a while: the filter begins where the modes stand now.
            self._stages[:] = self.mode
            return
        now = self._estimate(np.where(self.in_use, ambient_pt, 0.0), observable, estimator)
        self._offset = self.mode - now

    def _blind(self) -> FloatArray:
        """Hold, then ramp."""
        if self.state == CompensatorState.WAITING:
            return self._command(np.zeros(self._past_ma.shape[1]), self.settings.ramp_ma_per_s)
        self._blind_s += self.dt_s
        if self._blind_s <= self.settings.hold_s:
            self.state = CompensatorState.HOLDING
            return self._command(self._past_ma[0], self.settings.slew_ma_per_s)
        self.state = CompensatorState.RAMPING
        return self._command(np.zeros(self._past_ma.shape[1]), self.settings.ramp_ma_per_s)

    def _command(self, wanted_ma: FloatArray, slew_ma_per_s: float) -> FloatArray:
        limit, step = self.settings.current_max_ma, slew_ma_per_s * self.dt_s
        before = self._past_ma[0]
        bounded = np.clip(wanted_ma, -limit, limit)
        current = before + np.clip(bounded - before, -step, step)
        self.is_limited = bool(np.abs(current - wanted_ma).max() > 1e-9)
        self._past_ma[1:] = self._past_ma[:-1]
        self._past_ma[0] = current
        return np.asarray(current)


def cascade(pole: float, order: int) -> tuple[FloatArray, FloatArray]:
    """A chain of equal low-passes as one step: new stages from old ones and from the signal.

    Parameters
    ----------
    pole : float
    order : int
        Number of low-passes; each takes the *new* value of the one before it.

    Returns
    -------
    numpy.ndarray, shape ``(order, order)``
    numpy.ndarray, shape ``(order,)``
    """
    share = 1.0 - pole
    steps = np.arange(order)
    late = steps[:, None] - steps[None, :]
    advance = np.where(late >= 0, pole * share ** np.maximum(late, 0), 0.0)
    return np.asarray(advance), np.asarray(share ** (steps + 1))


def currents_by_mode(
    array_response_pt_per_ma: FloatArray, array_modes: FloatArray, weight: FloatArray | None = None
) -> FloatArray:
    """Currents whose field over the array is nearest to that of each mode.

    Parameters
    ----------
    array_response_pt_per_ma : numpy.ndarray, shape ``(n_array_channels, n_coils)``
        As measured.
    array_modes : numpy.ndarray, shape ``(n_array_channels, 8)``
        What the array's channels see of each mode (`first_order.channel_field`, or as learned).
    weight : numpy.ndarray, shape ``(n_array_channels,)``, optional
        Of each channel; all alike by default.

    Returns
    -------
    numpy.ndarray, shape ``(n_coils, 8)``
        mA per pT (pT/m).
    """
    scale = np.ones(len(array_modes)) if weight is None else weight
    rows = scale[:, None] * array_response_pt_per_ma
    # Twins among the coils and what the array hardly sees must not call for large currents.
    ridge = 1e-3 * np.linalg.norm(rows) / np.sqrt(rows.shape[1])
    normal = rows.T @ rows + ridge**2 * np.eye(rows.shape[1])
    return np.asarray(np.linalg.solve(normal, rows.T @ (scale[:, None] * array_modes)))
