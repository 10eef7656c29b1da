"""What the names of channels tell, in our files and in those of other systems.

A name may hold the head and its axis (``H3-x``, ``L101_bz-s1``, ``00:16-BZ``, ``OPM_LX-TAN``, ``X1``),
and may say that a column is no field at all (``trigger``, ``sample``). Nothing else is read out of
names; where a channel is and along which axis it measures stands in the file or in a positions file.
"""

from __future__ import annotations

import re

import numpy as np

from nullfield.analysis.data import FloatArray, SensorArray

AXES = {"x": 0, "y": 1, "z": 2, "b": 2}
"""Local axes of a head: 0 and 1 across the beam, 2 along it."""
TANGENTIAL = {"tan": 0, "tan1": 0, "tan2": 1, "rad": 2}
"""Axes of helmets, named by their direction to the head's surface."""

_NO_FIELD = re.compile(
    r"^(?:sample|samples|index|idx|row|count|counter|frame|trigger|trig|tr|sti\d*|stim|status"
    r"|event|events|marker|markers|annotation|annotations|comment|temperature|temp|battery"
    r"|t\d+|a\d+|d\d+|di\d+|ai\d+)(?:[ _\-]?\d+)?$",
    re.IGNORECASE,
)
_TIME = frozenset(
    ("time", "t", "times", "timestamp", "timestamps", "seconds", "sec", "zeit", "x_value")
)
_PATTERNS = (
    # H3-x, B1-bz, 00:16-BZ, H3_y, head 4 z, OPM_LX-TAN
    re.compile(
        r"^(?P<head>.+?)[-_ .](?:b(?=[xyz]$))?(?P<axis>[xyzb]|tan[12]?|rad)$", re.IGNORECASE
    ),
    # L101_bz-s1
    re.compile(r"^(?P<head>.+?)[-_ ]b(?P<axis>[xyz])(?P<tail>[-_ ].+)$", re.IGNORECASE),
    # X1, Y12: LabVIEW exports of OPM arrays
    re.compile(r"^(?P<axis>[xyz])(?P<head>\d+)$", re.IGNORECASE),
    # Bz3, Bx_3
    re.compile(r"^b(?P<axis>[xyz])[-_ ]?(?P<head>\d+)$", re.IGNORECASE),
)


def is_time(name: str) -> bool:
    """Whether a column of that name holds the time of its rows."""
    return name.strip().lower() in _TIME


def is_no_field(name: str) -> bool:
    """Whether a name without a unit is that of a trigger, a counter or the like."""
    return _NO_FIELD.match(name.strip()) is not None


def head_and_axis(name: str) -> tuple[str, int]:
    """Head and local axis (0, 1, 2) that a channel's name tells; the name itself and 0 if none."""
    for pattern in _PATTERNS:
        parts = pattern.match(name.strip())
        if parts is None:
            continue
        found = parts.groupdict()
        axis = found["axis"].lower()
        head = found["head"] + (found.get("tail") or "")
        return head, TANGENTIAL[axis] if axis in TANGENTIAL else AXES[axis]
    return name, 0


def is_reference_name(name: str) -> bool:
    """Whether a name says that the channel is far from the heart (``REF1-x``)."""
    return name.strip().lower().startswith("ref")


def array_of(
    names: tuple[str, ...],
    positions_m: FloatArray,
    orientations: FloatArray,
    *,
    heads: tuple[str, ...] | None = None,
    axes: tuple[int, ...] | None = None,
    is_reference: tuple[bool, ...] | None = None,
) -> SensorArray:
    """An array from names and places; what is not told is read out of the names.

    Parameters
    ----------
    names : tuple of str
    positions_m, orientations : numpy.ndarray, shape ``(n_channels, 3)``
        Orientations of any length; a zero or unknown one makes the channel one without a place.
    heads, axes, is_reference : tuple, optional
        One a channel.
    """
    told = [head_and_axis(name) for name in names]
    length = np.linalg.norm(orientations, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(length > 0, orientations / length, np.nan)
    known = np.isfinite(np.hstack([positions_m, unit])).all(axis=1, keepdims=True)
    reference = is_reference or tuple(is_reference_name(name) for name in names)
    return SensorArray(
        names=names,
        positions_m=np.where(known, positions_m, np.nan),
        orientations=np.where(known, unit, np.nan),
        head_names=heads or tuple(head for head, _ in told),
        axis_index=np.array(axes or [axis for _, axis in told], dtype=np.int64).reshape(len(names)),
        is_reference=np.array(reference, dtype=bool).reshape(len(names)),
    )
