"""Typed boards in SI units."""
