"""Firmware of the Nullfield boards, for MicroPython 1.25 or later."""

VERSION = "0.1.0"
