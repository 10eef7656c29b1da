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
    if "--check" in arguments:
        stale = [
            path
            for path, text in files.items()
            if not path.is_file() or path.read_text(encoding="utf-8") != text
        ]
        for path in stale:
            print(f"{path} is stale: run python -m nullfield.console.api.document")
        return 1 if stale else 0
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
