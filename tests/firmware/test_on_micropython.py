"""Every test of ``firmware/tests``, run by the MicroPython that the virtual boards run on.

One interpreter process a file; its result is kept, so each test reports by itself.
"""

from __future__ import annotations

import ast
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nullfield.toolchain import ensure_micropython

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
TESTS = FIRMWARE / "tests"
TIMEOUT_S = 300
"""Far above what any file takes: a hang must end, a slow machine must not fail."""

_HEAP = {"test_allocation": "500k"}
"""Counting what is allocated walks the whole heap, so a small one is quick."""

pytestmark = pytest.mark.micropython


def _tests() -> list[Any]:
    found = []
    for path in sorted(TESTS.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [
            pytest.param(path.stem, node.name, id=f"{path.stem[5:]}-{node.name[5:]}")
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        ]
    return found


@cache
def _results(stem: str) -> tuple[dict[str, str], str]:
    """Report of each test of a file (empty if it passed), and all that was printed."""
    done = subprocess.run(
        [
            str(ensure_micropython()),
            "-X",
            f"heapsize={_HEAP.get(stem, '1m')}",
            str(TESTS / "run.py"),
            str(TESTS / f"{stem}.py"),
        ],
        env={**os.environ, "MICROPYPATH": f"{FIRMWARE}:{TESTS}"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    printed = done.stdout + done.stderr
    reports: dict[str, str] = {}
    name = ""
    for line in done.stdout.splitlines():
        verdict, _, rest = line.partition(" ")
        if verdict in ("PASS", "FAIL"):
            name = rest
            reports[name] = "" if verdict == "PASS" else "failed"
        elif name and reports[name]:
            reports[name] += "\n" + line
    return reports, printed


@pytest.mark.parametrize(("stem", "name"), _tests())
def test_on_micropython(stem: str, name: str) -> None:
    reports, printed = _results(stem)
    assert name in reports, f"the interpreter ended before this test:\n{printed}"
    assert not reports[name], reports[name]
