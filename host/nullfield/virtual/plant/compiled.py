"""The one numba decorator of the plant, typed so that callers stay checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

_FAST = {"nsz", "arcp", "contract", "afn", "reassoc"}
"""fastmath without nnan/ninf: a NaN must stay visible."""


def compiled(function: F) -> F:
    """Compile to machine code: GIL released, cached on disk, division without Python's checks."""
    return cast(
        F, numba.njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")(function)
    )
