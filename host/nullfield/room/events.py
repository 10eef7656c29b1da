"""What happens to the room, told from the field: door, vehicle, lift, saturated and failing heads.

Looks ten times a second at the fields of several heads. What the whole room does shows at most heads;
so sizes are medians over heads, and a single failing one decides nothing. Sizes are changes against
each head's own slow mean, so neither gradients nor offsets matter.

===========  =========================================================================================
event        how it looks
===========  =========================================================================================
door opened  the field goes by more than `DOOR_PT` within `DOOR_S`
door closed  after that, it goes back the same way, at least part of it, as fast
vehicle      a bump above `BUMP_PT` that is gone within `BUMP_S`
lift         a change that stays: something heavy and magnetic went and stands elsewhere now
saturated    most heads are at the end of their range for half a second
head         one head alone is saturated, or goes away from what all others see
===========  =========================================================================================
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

STEP_S = 0.1
DOOR_PT = 10_000.0
DOOR_S = 3.0
BUMP_PT = 400.0
BUMP_S = 30.0
_MEAN_S = 10.0
_END_SHARE = 0.3
_CLOSE_SHARE = 0.4
_REST_S = 2.0
_SETTLE_S = 20.0
_SETTLED_PT = 1_500.0
_SATURATED_S = 0.5
_LONE_PT = 5_000.0
_LONE_S = 1.0


class EventKind(StrEnum):
    """What happened."""

    DOOR_OPENED = "door opened"
    DOOR_CLOSED = "door closed"
    VEHICLE = "vehicle"
    LIFT = "lift"
    SATURATED = "saturated"
    HEAD = "head"


ADVICE: dict[EventKind, str] = {
    EventKind.DOOR_OPENED: (
        "The door seems to be open. Close it; do not measure meanwhile, and null the room anew "
        "afterwards."
    ),
    EventKind.DOOR_CLOSED: (
        "The door was closed. Wait half a minute for the field to come to rest, then null the room "
        "anew; degauss if the residual stays high."
    ),
    EventKind.VEHICLE: (
        "Something magnetic passed by, such as a vehicle. The dynamic compensation takes most of it; "
        "look at this stretch of the recording before using it."
    ),
    EventKind.LIFT: (
        "The field has changed and stayed so, as when a lift or a parked vehicle stands elsewhere. "
        "Null the room anew."
    ),
    EventKind.SATURATED: (
        "Most heads are at the end of their range. See that the door is shut and nothing magnetic is "
        "near; then null the room anew."
    ),
    EventKind.HEAD: (
        "This head alone is not right; the others go on. Zero it again, or leave it out."
    ),
}


@dataclass(frozen=True)
class RoomEvent:
    """Something that happened.

    Attributes
    ----------
    kind : EventKind
    begin_s, seen_s : float
        When it began, and when it was clear what it was.
    size_pt : float
        Largest change.
    head : int or None
        The one that it is about.
    """

    kind: EventKind
    begin_s: float
    seen_s: float
    size_pt: float
    head: int | None = None

    @property
    def advice(self) -> str:
        """What to do, in plain words."""
        return ADVICE[self.kind]


class RoomWatch:
    """Tells events, ten looks a second.

    Parameters
    ----------
    n_heads, n_axes : int
        Axes that are measured continuously.
    """

    def __init__(self, n_heads: int, n_axes: int) -> None:
        if n_heads < 1 or n_axes < 1:
            raise ValueError("nobody watches without a head")
        self._n = n_heads
        self._mean: FloatArray = np.full((n_heads, n_axes), np.nan)
        self._past: deque[FloatArray] = deque(maxlen=round(DOOR_S / STEP_S) + 1)
        self._begin_s: float | None = None
        self._peak: FloatArray = np.zeros((n_heads, n_axes))
        self._peak_pt = 0.0
        self._calm = 0
        self._small = 0
        self._settling_looks = 0
        self._door: FloatArray | None = None
        self._saturated_looks = np.zeros(n_heads, dtype=np.int64)
        self._lone_looks = np.zeros(n_heads, dtype=np.int64)
        self._told_heads: set[int] = set()
        self._is_saturated = False

    @property
    def is_door_open(self) -> bool:
        """Whether a door was seen to open and not to close."""
        return self._door is not None

    def step(self, time_s: float, field_pt: FloatArray, is_saturated: BoolArray) -> list[RoomEvent]:
        """One look.

        Parameters
        ----------
        time_s : float
            0.1 s after the one before.
        field_pt : (n_heads, n_axes) array
            Mean over the look; NaN for a head that has none.
        is_saturated : (n_heads,) bool array
        """
        field = np.where(is_saturated[:, None], np.nan, field_pt)
        events = self._saturation(time_s, is_saturated)
        if np.isnan(field).any(axis=1).all():
            return events
        fresh = np.isnan(self._mean)
        self._mean = np.where(fresh, field, self._mean)
        deviation = field - self._mean
        sizes = np.linalg.norm(deviation, axis=1)
        size = float(np.nanmedian(sizes))
        events += self._lone_heads(time_s, deviation, size)
        self._past.append(field)
        if self._settling_looks:
            self._settle()
            return events
        if self._begin_s is None and self._door is None:
            if size > BUMP_PT:
                self._begin_s = time_s
                self._peak_pt = 0.0
                self._calm = self._small = 0
            else:
                # A head without a value keeps its mean.
                share = STEP_S / _MEAN_S
                self._mean += share * np.where(np.isnan(deviation), 0.0, deviation)
        if self._door is not None:
            events += self._with_open_door(time_s, deviation)
        elif self._begin_s is not None:
            events += self._excursion(time_s, deviation, size)
        return events

    # ------------------------------------------------------------------ the room as a whole

    def _swing(self) -> FloatArray:
        """Change over the last `DOOR_S`, (n_heads, n_axes)."""
        return self._past[-1] - self._past[0]

    def _excursion(self, time_s: float, deviation: FloatArray, size: float) -> list[RoomEvent]:
        assert self._begin_s is not None
        begin_s = self._begin_s
        if size > self._peak_pt:
            self._peak_pt = size
            self._peak = deviation
        swing = self._swing()
        if float(np.nanmedian(np.linalg.norm(swing, axis=1))) > DOOR_PT:
            self._door = np.where(np.isnan(swing), 0.0, swing)
            self._calm = 0
            return [RoomEvent(EventKind.DOOR_OPENED, begin_s, time_s, self._peak_pt)]
        self._small = self._small + 1 if size < max(_END_SHARE * self._peak_pt, BUMP_PT) else 0
        if self._small * STEP_S >= _REST_S:
            event = RoomEvent(EventKind.VEHICLE, begin_s, time_s, self._peak_pt)
            self._rest()
            return [event]
        if time_s - begin_s > BUMP_S and self._is_calm(size):
            event = RoomEvent(EventKind.LIFT, begin_s, time_s, size)
            self._rest()
            return [event]
        return []

    def _is_calm(self, size: float) -> bool:
        moved = float(np.nanmedian(np.linalg.norm(self._swing(), axis=1)))
        self._calm = self._calm + 1 if moved < 0.2 * size else 0
        return self._calm * STEP_S >= _REST_S

    def _with_open_door(self, time_s: float, deviation: FloatArray) -> list[RoomEvent]:
        assert self._door is not None
        swing = self._swing()
        # What the field was before it opened is the mean still: follow the way from there.
        if self._calm == 0:
            grown = np.where(np.isnan(deviation), self._door, deviation)
            if np.linalg.norm(grown) > np.linalg.norm(self._door):
                self._door = grown
        weight = np.sum(self._door**2, axis=1)
        back = -np.nansum(swing * self._door, axis=1) / np.maximum(weight, 1.0)
        if float(np.median(back)) < _CLOSE_SHARE:
            return []
        size_pt = float(np.median(np.sqrt(weight)))
        begin_s = time_s - DOOR_S
        self._door = None
        self._begin_s = None
        self._settling_looks = round(_SETTLE_S / STEP_S)
        return [RoomEvent(EventKind.DOOR_CLOSED, begin_s, time_s, size_pt)]

    def _settle(self) -> None:
        """Wait for the door to be where it goes; what comes then is the room's own field."""
        self._settling_looks -= 1
        moved = float(np.nanmedian(np.linalg.norm(self._swing(), axis=1)))
        if moved < _SETTLED_PT or not self._settling_looks:
            self._settling_looks = 0
            self._rest()

    def _rest(self) -> None:
        """Take what is there now for the room's own field."""
        self._begin_s = None
        self._peak_pt = 0.0
        self._mean = np.where(np.isnan(self._past[-1]), self._mean, self._past[-1])
        self._past.clear()

    # ------------------------------------------------------------------ heads

    def _saturation(self, time_s: float, is_saturated: BoolArray) -> list[RoomEvent]:
        self._saturated_looks = np.where(is_saturated, self._saturated_looks + 1, 0)
        long = self._saturated_looks * STEP_S >= _SATURATED_S
        count = int(long.sum())
        events = []
        if count * 2 > self._n and not self._is_saturated:
            self._is_saturated = True
            self._told_heads |= set(np.flatnonzero(long).tolist())
            events.append(
                RoomEvent(EventKind.SATURATED, time_s - _SATURATED_S, time_s, float("nan"))
            )
        elif count * 2 <= self._n:
            self._is_saturated = False
            events += [
                self._about(int(head), time_s - _SATURATED_S, time_s, float("nan"))
                for head in np.flatnonzero(long)
                if head not in self._told_heads
            ]
        # A head that is well again may be told of anew.
        self._told_heads -= set(
            np.flatnonzero((self._saturated_looks == 0) & (self._lone_looks == 0)).tolist()
        )
        return events

    def _lone_heads(self, time_s: float, deviation: FloatArray, size: float) -> list[RoomEvent]:
        apart = np.linalg.norm(deviation, axis=1)
        # While the room itself moves, gradients make heads differ.
        alone = (apart > _LONE_PT) & (size < BUMP_PT)
        self._lone_looks = np.where(alone, self._lone_looks + 1, 0)
        long = np.flatnonzero(self._lone_looks * STEP_S >= _LONE_S)
        return [
            self._about(int(head), time_s - _LONE_S, time_s, float(apart[head]))
            for head in long
            if head not in self._told_heads
        ]

    def _about(self, head: int, begin_s: float, time_s: float, size_pt: float) -> RoomEvent:
        self._told_heads.add(head)
        return RoomEvent(EventKind.HEAD, begin_s, time_s, size_pt, head)
