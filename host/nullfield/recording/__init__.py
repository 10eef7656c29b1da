"""Append-only recordings of what came over the wire, and how to read them again."""
