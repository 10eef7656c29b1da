"""MicroPython for the virtual boards: fetched as source, built 32-bit, probed, kept in a cache.

The package needs the standard library only, so it runs before the virtual environment is complete.
"""

from __future__ import annotations

from nullfield.toolchain.build import ensure_micropython, ensure_mpy_cross
from nullfield.toolchain.probe import probe_micropython, probe_mpy_cross

__all__ = ["ensure_micropython", "ensure_mpy_cross", "probe_micropython", "probe_mpy_cross"]
