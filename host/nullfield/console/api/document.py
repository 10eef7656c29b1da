"""Writes what is generated of the API's documentation.

``python -m nullfield.console.api.document`` writes ``docs/api/openapi.json`` and
``docs/api/metrics.md``; with ``--check`` it only tells whether they are fresh.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fastapi import FastAPI

from nullfield.console.api.openapi import describe
from nullfield.console.app import ROUTERS
from nullfield.console.metrics import FAMILIES
from nullfield.generated import write_or_check

FOLDER = Path("docs/api")


def openapi_json() -> str:
    """The OpenAPI document of all routes, without an instrument or a database behind them."""
    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    describe(app, ROUTERS)
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def metrics_page() -> str:
    """The table of metrics as Markdown."""
    lines = [
        "# Metrics",
        "",
        "Generated from `host/nullfield/console/metrics.py`; how to read them: [api.md](../api.md).",
        "A number that is not known has no sample.",
        "",
        "| metric | kind | labels | meaning |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{one.name}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels)} |"
        f" {one.text} |"
        for one in FAMILIES
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """Write or check the files."""
    files = {folder / "openapi.json": openapi_json(), folder / "metrics.md": metrics_page()}
    return write_or_check(files, arguments, "nullfield.console.api.document")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
