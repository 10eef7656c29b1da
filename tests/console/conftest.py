"""Fixtures of the console's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from console_bench import HeardEvents

_HERE = Path(__file__).parent
_LIMIT_S = 600
"""Longest that one test may take, its fixtures included; a loaded machine takes a tenth of it."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """No test of the console hangs for ever: browsers, servers and boards all can.

    By a thread that prints all stacks and ends the process (xdist starts another): a signal cannot
    end a test that hangs in its teardown or in a library.
    """
    if not config.pluginmanager.hasplugin("timeout"):
        return
    for item in items:
        if _HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_LIMIT_S, method="thread"))


@pytest.fixture
def heard() -> HeardEvents:
    """An event log that a test can wait on."""
    return HeardEvents()
