"""Fixtures of the console's tests."""

from __future__ import annotations

import pytest
from console_bench import HeardEvents


@pytest.fixture
def heard() -> HeardEvents:
    """An event log that a test can wait on."""
    return HeardEvents()
