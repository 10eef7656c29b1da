"""Recordings and results in the formats that the field exchanges."""
