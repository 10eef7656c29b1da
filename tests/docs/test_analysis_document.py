"""The published form of analysis.json is the one that the code writes."""

from __future__ import annotations

import json
from pathlib import Path

from nullfield.analysis.document import main, page, schema_json

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_and_the_schema_are_fresh():
    assert main(["--check"], DOCS) == 0


def test_a_stale_page_is_told(tmp_path, capsys):
    (tmp_path / "analysis-json.md").write_text(page() + "more\n", encoding="utf-8")
    (tmp_path / "analysis.schema.json").write_text(schema_json(), encoding="utf-8")
    assert main(["--check"], tmp_path) == 1
    assert "analysis-json.md is stale" in capsys.readouterr().out
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0


def test_the_schema_names_what_readers_rely_on():
    schema = json.loads(schema_json())
    assert {"beats", "average", "landmarks", "features", "reasons"} <= set(schema["required"])
    assert "position_m" in schema["$defs"]["DipolePart"]["properties"]
    assert "moment_nAm" in schema["$defs"]["DipolePart"]["properties"]
