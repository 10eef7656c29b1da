"""Figures of ``docs/results.md``: ``python -m tests.bench`` from the repository's root."""
