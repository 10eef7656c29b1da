"""Firmware of the Nullfield boards, for MicroPython 1.25 or later."""

from .build import REVISION as REVISION
from .build import VERSION as VERSION
