"""Chip drivers at register level: one chip a file, the bus is passed in."""
