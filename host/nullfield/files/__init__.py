"""Recordings and results in the formats that the field exchanges."""

from nullfield.files.read import open_source, read, section

__all__ = ["open_source", "read", "section"]
