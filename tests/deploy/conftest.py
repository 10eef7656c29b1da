"""A small firmware tree, keys of its own, and bundles made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nullfield.deploy.build_bundle import build_bundle
from nullfield.deploy.signing import KeyRing
from nullfield.toolchain import ensure_mpy_cross

MODULES = {
    "start.py": """
import sys
from nullfield_fw.text import word
if sys.platform == "rp2":
    from nullfield_fw.hal.rp2 import Hal
else:
    from nullfield_fw.hal.virtual import Hal
def application(role):
    if role == "coil":
        from nullfield_fw.app.coil import Coil
        return Coil
    if role == "table":
        from nullfield_fw.app.table import Table
        return Table
""",
    "unused.py": "raise RuntimeError\n",
    "nullfield_fw/__init__.py": "from .build import VERSION as VERSION\n",
    "nullfield_fw/build.py": 'VERSION = "1.2.3"\nREVISION = "source"\n',
    "nullfield_fw/wire.py": "from micropython import const\nPROTOCOL_VERSION = const(7)\n"
    "FINGERPRINT = b'\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08'\n",
    "nullfield_fw/text.py": "from . import wire\nword = 'a'\n",
    "nullfield_fw/hal/__init__.py": "",
    "nullfield_fw/hal/rp2.py": "import machine\nfrom ..text import word\nHal = 1\n",
    "nullfield_fw/hal/virtual.py": "Hal = 2\n",
    "nullfield_fw/app/__init__.py": "",
    "nullfield_fw/app/coil.py": "from .. import wire\nfrom ..control import loop\nCoil = 3\n",
    "nullfield_fw/app/table.py": "Table = 4\n",
    "nullfield_fw/control/__init__.py": "",
    "nullfield_fw/control/loop.py": """
import micropython
@micropython.viper
def add(a: int, b: int) -> int:
    return a + b
""",
}


def write_tree(root: Path) -> Path:
    """The small tree below a folder."""
    for name, text in MODULES.items():
        path = root / "firmware" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name, role, mcu in (
        ("coil_x", "coil", "rp2350"),
        ("table_x", "table", "rp2040"),
    ):
        path = root / "boards" / name / "board.py"
        path.parent.mkdir(parents=True)
        path.write_text(
            f'BOARD = {{"name": "{name}", "role": "{role}", "mcu": "{mcu}"}}\n', encoding="utf-8"
        )
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small firmware tree outside any checkout."""
    return write_tree(tmp_path / "tree")


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    """Keys of a user of this test."""
    return KeyRing(tmp_path / "keys")


@pytest.fixture
def build(tree: Path, ring: KeyRing) -> Callable[..., bytes]:
    """Build a bundle of the small tree."""

    def make(board: str = "coil_x", mcu: str | None = None, key: str = "development") -> bytes:
        return build_bundle(
            board,
            ring.signing_key(key),
            ensure_mpy_cross(),
            tree / "firmware",
            tree / "boards",
            mcu,  # type: ignore[arg-type]
        )

    return make
