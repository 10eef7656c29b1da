"""Fixture of the plant's tests."""

from __future__ import annotations

import pytest
from warm_plant import WarmPlant


@pytest.fixture
def warm():
    """Factory of warm plants."""
    return WarmPlant
