"""Seconds of set-up: a second run here, and on request a first one in an empty place."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure

ROOT = Path(__file__).resolve().parents[2]
_GROUP = "set-up"


def warm() -> list[Figure]:
    """``make setup`` where everything is there."""
    return [Figure(_GROUP, "second run", _make(ROOT, {}), "s", maximum=10.0)]


def cold() -> list[Figure]:
    """``make setup`` in a fresh clone with an empty user cache, then once more."""
    with tempfile.TemporaryDirectory(prefix="nullfield-setup-") as place:
        clone = Path(place) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        environment = {"XDG_CACHE_HOME": str(Path(place) / "cache")}
        first_s = _make(clone, environment)
        again_s = _make(clone, environment)
    return [
        Figure(_GROUP, "bare clone, empty cache", first_s, "s",
               note="committed state; pip's own cache is empty, too"),
        Figure(_GROUP, "the same clone again", again_s, "s", maximum=10.0),
    ]  # fmt: skip


def _make(directory: Path, environment: dict[str, str]) -> float:
    # Within `make bench` the outer make's flags and job server are not for this one.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    start_s = time.perf_counter()
    subprocess.run(
        ["make", "setup"],
        cwd=directory,
        env={**inherited, **environment},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start_s
