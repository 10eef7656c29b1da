"""Typed commands for one board: what ``nullfield shell`` and ``nullfield trace`` share."""
