"""What a result depends on, as one key: content of the recording, settings and software."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nullfield import __version__
from nullfield.analysis.document import SCHEMA

_CHUNK = 1 << 20


def result_key(files: Sequence[Path], settings: Mapping[str, Any]) -> str:
    """SHA-256 in hex.

    Parameters
    ----------
    files : sequence of Path
        Their content and names count, not where they lie nor when they were changed.
    settings : mapping
        Plain values.
    """
    digest = hashlib.sha256()
    told = {
        "software": __version__,
        "schema": SCHEMA,
        "settings": settings,
        "files": [path.name for path in files],
    }
    digest.update(json.dumps(told, sort_keys=True).encode())
    for path in files:
        # The length keeps two files from being taken for one that was cut elsewhere.
        digest.update(b"\0%d\0" % path.stat().st_size)
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
