"""``nullfield compare`` on files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from nullfield.cli import compare
from nullfield.errors import InputError, NullfieldError

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))
