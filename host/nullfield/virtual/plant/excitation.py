"""What reaches the inside of the shield of a sine outside it, switching included.

The shield is what it is for the geomagnetic series: a static factor and a low-pass of first order
(eddy currents). A switched sine is then exact in closed form: behind each change of step the steady
sine of the new step and an exponential that joins it to what was there before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nullfield.room.excitation_coil import Excitation

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_BLOCK_S = 1e-3
_FORGOTTEN = 20.0
"""Time constants after which an earlier step is not seen any more (2e-9)."""


class ShieldedExcitation:
    """Field inside the room, a function of time alone.

    Parameters
    ----------
    excitation : Excitation
    shielding : float
        Static shielding factor.
    corner_hz : float
        Corner of the low-pass.
    """

    def __init__(self, excitation: Excitation, shielding: float, corner_hz: float) -> None:
        self._excitation = excitation
        self._decay_per_s = 2.0 * np.pi * corner_hz
        n_axes, n_frequencies = len(excitation.axes), len(excitation.frequencies_hz)
        self._axis = np.repeat(["xyz".index(a) for a in excitation.axes], n_frequencies)
        self._omega = 2.0 * np.pi * np.tile(excitation.frequencies_hz, n_axes)
        response = (
            excitation.amplitude_nt / shielding / (1.0 + 1j * self._omega / self._decay_per_s)
        )
        # The plant joins the ends of its blocks by lines, which takes sinc^2 of a sine.
        joined = np.sinc(self._omega * _BLOCK_S / (2.0 * np.pi)) ** 2
        self._phasor = response / joined
        self._edges_s = excitation.edges_s()
        shortest_s = float(np.diff(self._edges_s).min())
        self._remembered = int(np.ceil(_FORGOTTEN / self._decay_per_s / shortest_s)) + 1

    def field_nt(self, time_s: FloatArray) -> FloatArray:
        """Uniform field (n, 3) in nT at times of the instrument's clock."""
        out = np.zeros((len(time_s), 3))
        since = time_s - self._excitation.start_s
        if since[-1] < 0:
            return out
        number = self._number(since)
        for n in np.unique(number[number >= 0]):
            chosen = number == n
            out[chosen] += self._steady(int(n), since[chosen])
            for k in range(max(int(n) - self._remembered, 0), int(n) + 1):
                edge = np.array([self._edge_s(k)])
                jump = self._steady(k - 1, edge) - self._steady(k, edge)
                age_s = since[chosen] - edge[0]
                out[chosen] += np.exp(-self._decay_per_s * age_s)[:, None] * jump
        return out

    def _number(self, since_s: FloatArray) -> IntArray:
        """Step at times from the start, counted on through repeats and through the silence after."""
        n_steps, period_s = len(self._axis), float(self._edges_s[-1])
        rounds = np.floor(since_s / period_s).astype(np.int64)
        within = np.searchsorted(self._edges_s, since_s - rounds * period_s, side="right") - 1
        number = rounds * n_steps + np.minimum(within, n_steps - 1)
        number[since_s < 0] = -1
        if not self._excitation.is_repeated:
            number[since_s >= period_s] = n_steps
        return number

    def _edge_s(self, number: int) -> float:
        rounds, within = divmod(number, len(self._axis))
        return float(rounds * self._edges_s[-1] + self._edges_s[within])

    def _steady(self, number: int, since_s: FloatArray) -> FloatArray:
        """What step `number` would have settled to, (n, 3); nothing before and after all steps."""
        out = np.zeros((len(since_s), 3))
        n_steps = len(self._axis)
        if number < 0 or (number >= n_steps and not self._excitation.is_repeated):
            return out
        step = number % n_steps
        wave = self._phasor[step] * np.exp(1j * self._omega[step] * since_s)
        out[:, self._axis[step]] = wave.imag
        return out
