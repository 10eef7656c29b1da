"""Who was tested: board identity and revisions in the JUnit and HTML reports and in the terminal.

``--junitxml=hil.xml`` gets the identity as properties of each test case, ``--html=hil.html
--self-contained-html`` (pytest-html) a column and a table of boards at its top.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

BOARD: pytest.StashKey[dict[str, Any]] = pytest.StashKey()
_boards: dict[str, dict[str, str]] = {}


def identity_properties(description: dict[str, Any]) -> dict[str, str]:
    """What a report says of a board."""
    who = description["identity"]
    return {
        "board_uid": str(description["uid"]),
        "board_unit": str(who["unit_name"]),
        "board_role": str(description["role"]),
        "board_name": str(who["board_name"]),
        "board_mcu": str(who["mcu"]),
        "firmware_version": str(who["firmware_version"]),
        "firmware_revision": str(who["firmware_revision"]),
        "firmware_slot": str(who["slot"]),
        "protocol_version": str(who["protocol_version"]),
        "catalogue_fingerprint": str(who["catalogue_fingerprint"]),
    }


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    """Put the board's identity beside the result."""
    description = item.stash.get(BOARD, None)
    if description is not None and call.when == "call":
        properties = identity_properties(description)
        _boards[properties["board_uid"]] = properties
        item.user_properties.extend(properties.items())
    yield


def _text(properties: dict[str, str]) -> str:
    unit = f" '{properties['board_unit']}'" if properties["board_unit"] else ""
    return (
        f"{properties['board_uid']}{unit}: {properties['board_name']} on {properties['board_mcu']}, "
        f"firmware {properties['firmware_version']} ({properties['firmware_revision']}, "
        f"slot {properties['firmware_slot']}), catalogue {properties['catalogue_fingerprint']}"
    )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List the boards behind the results."""
    if _boards:
        terminalreporter.section("boards under test")
        for properties in _boards.values():
            terminalreporter.write_line(_text(properties))


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_summary(prefix: list[str], summary: list[str], postfix: list[str]) -> None:
    """Boards at the top of the HTML report."""
    rows = "".join(f"<li>{_text(properties)}</li>" for properties in _boards.values())
    prefix.append(f"<h3>Boards under test</h3><ul>{rows}</ul>")


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_header(cells: list[str]) -> None:
    """A column for the board."""
    cells.insert(2, "<th>Board</th>")


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_row(report: Any, cells: list[str]) -> None:
    """The board of this test."""
    properties = dict(report.user_properties)
    label = " ".join(
        properties.get(key, "") for key in ("board_uid", "board_unit", "firmware_revision")
    )
    cells.insert(2, f"<td>{label}</td>")
