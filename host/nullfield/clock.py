"""A board's clock against the host's, by two-way time exchanges.

Half of what a round trip takes beyond the board's own hold time is the best guess of the way back
(Mills, "Internet time synchronization: the network time protocol", IEEE Transactions on
Communications 39(10), 1991). Queues only ever add to a round trip, so the fastest exchanges are the
truest; offset and drift are a weighted regression over these, with a prior on the drift because a
crystal is good to some tens of ppm and a short record says less than that.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_FLOOR_S = 20e-6
"""Smallest error that is believed of one exchange: about the coarseness of the time stamps."""
_DRIFT_PRIOR = 100e-6
_KEPT_SHARE = 0.34
_FEWEST = 4


@dataclass(frozen=True)
class TimeExchange:
    """One request for the time and its answer.

    Attributes
    ----------
    host_sent_s, host_received_s : float
        Host clock when the request left and when the answer was there.
    board_time_us : int
        Board clock when the answer was made.
    hold_time_us : int
        Time on the board between request and answer.
    """

    host_sent_s: float
    host_received_s: float
    board_time_us: int
    hold_time_us: int

    @property
    def round_trip_s(self) -> float:
        """Time on the way, both directions, without the board's hold time."""
        return max(0.0, self.host_received_s - self.host_sent_s - self.hold_time_us * 1e-6)

    @property
    def host_time_s(self) -> float:
        """Host clock at `board_time_us`, if both ways took the same time."""
        return self.host_received_s - self.round_trip_s / 2


@dataclass(frozen=True)
class _Fit:
    board_origin_us: int
    host_origin_s: float
    offset_s: float
    drift: float
    covariance: npt.NDArray[np.float64]
    best_round_trip_s: float
    used: int


class ClockRegression:
    """Offset and drift of one board's clock.

    Parameters
    ----------
    capacity : int
        Exchanges that are kept; the oldest go first.
    """

    def __init__(self, capacity: int = 256) -> None:
        self._exchanges: deque[TimeExchange] = deque(maxlen=capacity)
        self._fit: _Fit | None = None

    def add(self, exchange: TimeExchange) -> None:
        """Take one exchange in."""
        self._exchanges.append(exchange)
        self._fit = None

    @property
    def exchange_count(self) -> int:
        """Exchanges kept."""
        return len(self._exchanges)

    @property
    def drift_ppm(self) -> float:
        """Host seconds that pass per board second, less one, in parts per million."""
        return self._solved().drift * 1e6

    @property
    def drift_uncertainty_ppm(self) -> float:
        """Standard error of `drift_ppm`."""
        return float(np.sqrt(self._solved().covariance[1, 1])) * 1e6

    @property
    def asymmetry_bound_s(self) -> float:
        """Largest error that unequal ways could hide: half of the fastest round trip."""
        return self._solved().best_round_trip_s / 2

    def host_time_s(self, board_time_us: float) -> float:
        """Host clock at a time of the board's clock."""
        fit = self._solved()
        elapsed_s = (board_time_us - fit.board_origin_us) * 1e-6
        return fit.host_origin_s + fit.offset_s + elapsed_s * (1 + fit.drift)

    def board_time_us(self, host_time_s: float) -> float:
        """Board clock at a time of the host's clock."""
        fit = self._solved()
        elapsed_s = (host_time_s - fit.host_origin_s - fit.offset_s) / (1 + fit.drift)
        return fit.board_origin_us + elapsed_s * 1e6

    def uncertainty_s(self, board_time_us: float) -> float:
        """Standard error of `host_time_s`, jitter and drift only; see `asymmetry_bound_s`."""
        fit = self._solved()
        vector = np.array([1.0, (board_time_us - fit.board_origin_us) * 1e-6])
        return float(np.sqrt(vector @ fit.covariance @ vector))

    def _solved(self) -> _Fit:
        if self._fit is None:
            self._fit = _solve(list(self._exchanges))
        return self._fit


def _solve(exchanges: list[TimeExchange]) -> _Fit:
    """Weighted regression over the best round trips, outliers taken out by their residual."""
    if not exchanges:
        raise ValueError("no time exchange yet")
    round_trips = np.array([exchange.round_trip_s for exchange in exchanges])
    count = max(_FEWEST, round(_KEPT_SHARE * len(exchanges)))
    kept = np.sort(np.argsort(round_trips, kind="stable")[:count])
    best = float(round_trips.min())
    # Differences to an origin keep microseconds exact in floats, however long the board has run.
    board_origin = exchanges[int(kept[-1])].board_time_us
    host_origin = exchanges[int(kept[-1])].host_time_s
    board_s = np.array([(exchanges[i].board_time_us - board_origin) * 1e-6 for i in kept])
    excess_s = np.array([exchanges[i].host_time_s - host_origin for i in kept]) - board_s
    sigma_s = _FLOOR_S + (round_trips[kept] - best) / 2
    design = np.column_stack([np.ones_like(board_s), board_s])
    prior = np.diag([0.0, 1 / _DRIFT_PRIOR**2])

    used = np.ones(len(kept), dtype=bool)
    solution = np.zeros(2)
    covariance = np.eye(2)
    for _ in range(4):
        weights = 1 / sigma_s[used] ** 2
        normal = design[used].T @ (weights[:, None] * design[used]) + prior
        covariance = np.linalg.inv(normal)
        solution = covariance @ (design[used].T @ (weights * excess_s[used]))
        score = np.abs(excess_s - design @ solution) / sigma_s
        good = score <= max(3.0, 4.0 * float(np.median(score)))
        if good.sum() < 2 or bool((good == used).all()):
            break
        used = good
    residual = (excess_s - design @ solution)[used] / sigma_s[used]
    # Never below the believed error of a stamp, but more where the residuals say so.
    scale = max(1.0, float(residual @ residual) / max(1, int(used.sum()) - 2))
    return _Fit(
        board_origin, host_origin, float(solution[0]), float(solution[1]), covariance * scale,
        best, int(used.sum()),
    )  # fmt: skip
