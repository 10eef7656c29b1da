"""How the images of RP2040 and RP2350 boards are built: pinned packages, changes, one hash.

The compiler comes from one fixed Debian release whatever the machine runs, so the same sources give
the same bytes everywhere. That release is the older one: its programs run on newer systems, too.

C++ is not linked. The SDK's one C++ file overrides ``new`` and ``delete``, which nothing here uses,
so an empty ``libstdc++.a`` takes the place of the 313 MB package.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from nullfield.toolchain import recipe


@dataclass(frozen=True)
class Package:
    """A binary package, pinned.

    Parameters
    ----------
    name, version : str
        As apt knows them.
    sha256 : str
        Of the ``.deb`` file.
    """

    name: str
    version: str
    sha256: str


COMPILER_SUITE = "bookworm"

COMPILER_PACKAGES = (
    Package(
        "gcc-arm-none-eabi",
        "15:12.2.rel1-1",
        "2bbd4f4145e9a3669f58ddab6a3190b768949f07cc444d23e98743d905f83e16",
    ),
    Package(
        "binutils-arm-none-eabi",
        "2.40-2+18+b1",
        "c8f9da2a434366bfe5a66a8267cb3b1df028f1d95278715050c222b43e1c221c",
    ),
    Package(
        "libnewlib-arm-none-eabi",
        "3.3.0-1.3+deb12u1",
        "c80278e8332940eaf9738910258bb85b21c30aacf246a5e363fee230d3605e84",
    ),
    Package(
        "libnewlib-dev",
        "3.3.0-1.3+deb12u1",
        "ab5e6e80d66a6f2f8b9b22b9297154a676a5434ac82e48b88e8164548bc72115",
    ),
    # The compiler's own shared libraries: another release may have them under other names.
    Package(
        "libgmp10",
        "2:6.2.1+dfsg1-1.1",
        "187aedef2ed763f425c1e523753b9719677633c7eede660401739e9c893482bd",
    ),
    Package(
        "libisl23",
        "0.25-1.1",
        "ebff0b2f8b220c74224197523019366e97ee4770d464bebc48e4865114e4da0e",
    ),
    Package(
        "libmpc3", "1.3.1-1", "d7f79544790e44f9b0c8cb9034a18c58d37f8702a15f32539050718679e52f80"
    ),
    Package(
        "libmpfr6", "4.2.0-1", "37b7a2b4e78890b6a074777f27b96c84f58e81558ba08410c2b6c0ca4a4ad77b"
    ),
)

SOURCE_PACKAGES = (
    Package(
        "pico-sdk-source",
        "2.1.1-1",
        "507a3ca37636641bc90239d7c04dc9dc28c5008087a8162102ea94d2273153d3",
    ),
    Package(
        "tinyusb-source",
        "0.18.0+dfsg-1",
        "01ce2c645df68f14a8a7dcfc8fb355713152543757955820479a87949a61154e",
    ),
)
"""Packages of `recipe.SUITE` that carry source; MicroPython itself is `recipe`'s."""

KEPT_MULTILIBS = ("thumb/v6-m", "thumb/v8-m.main+fp")
"""The libraries of the two cores; those of all other ARM cores (600 MB) are not kept."""

C_FLAGS = ""
CXX_FLAGS = "-DPICO_CXX_DISABLE_ALLOCATION_OVERRIDES=1"

REVISION = 1
"""Raised when the way of building changes and nothing else in this module shows it."""


@dataclass(frozen=True)
class Mcu:
    """A microcontroller that images are built for.

    Parameters
    ----------
    name : str
        As in the board definitions.
    board : str
        MicroPython's board.
    architecture : str
        Of mpy-cross, for the frozen modules.
    family : int
        In the UF2 file: the boot ROM refuses images of other families.
    flash_bytes : int
        Room for the image; the file system lies behind it.
    """

    name: str
    board: str
    architecture: str
    family: int
    flash_bytes: int


MCUS = {
    mcu.name: mcu
    for mcu in (
        Mcu("rp2040", "RPI_PICO", "armv6m", 0xE48BFF56, 640 * 1024),
        Mcu("rp2350", "RPI_PICO2", "armv7emsp", 0xE48BFF59, 1024 * 1024),
    )
}

CHANGES = {
    "ports/rp2/CMakeLists.txt": (
        # The boards have no network, hence no TLS; Debian's source carries no mbedTLS either.
        ("set(MICROPY_SSL_MBEDTLS ON)", "set(MICROPY_SSL_MBEDTLS OFF)"),
        ("    mbedtls/mbedtls_port.c\n", ""),
        ("target_link_libraries(${MICROPY_TARGET} micropy_lib_mbedtls)\n", ""),
        # Frozen code in the instruction set that the bundles use, too.
        (
            "set(MICROPY_CROSS_FLAGS -march=armv6m)",
            "set(MICROPY_CROSS_FLAGS -march=${NULLFIELD_MPY_ARCHITECTURE})",
        ),
    ),
    "tools/mpy-tool.py": (
        # Code for ARMv6-M holds its 32-bit constants beside the instructions and loads them relative
        # to the program counter, which needs code on a word boundary. MicroPython 1.25 puts frozen
        # code on halfwords: half of all functions then compute with wrong constants. Found by the
        # emulated board (`bits.get_small`); code from .mpy files lies on the heap, where it is right.
        (
            'self.fun_data_attributes += " __attribute__ ((aligned (2)))"',
            'self.fun_data_attributes += " __attribute__ ((aligned (4)))"',
        ),
    ),
    "ports/rp2/mpconfigport.h": (
        (
            "#define MICROPY_SSL_MBEDTLS                     (1)",
            "#define MICROPY_SSL_MBEDTLS                     (0)",
        ),
        # Both need mbedTLS. SHA-256 does not.
        (
            "#define MICROPY_PY_HASHLIB_SHA1                 (1)",
            "#define MICROPY_PY_HASHLIB_SHA1                 (0)",
        ),
        (
            "#define MICROPY_PY_CRYPTOLIB                    (1)",
            "#define MICROPY_PY_CRYPTOLIB                    (0)",
        ),
    ),
}
"""Replacements in MicroPython's source, each of which must be found exactly once."""


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def compiler_hash() -> str:
    """Twelve hexadecimal digits that change with the ARM compiler."""
    return _digest([[asdict(package) for package in COMPILER_PACKAGES], KEPT_MULTILIBS, REVISION])


def source_hash() -> str:
    """Twelve hexadecimal digits that change with the C sources."""
    packages = [asdict(package) for package in SOURCE_PACKAGES]
    return _digest([recipe.ORIG_SHA256, packages, CHANGES, REVISION])


def image_hash(mcu: Mcu) -> str:
    """Twelve hexadecimal digits that change with anything of an image but the frozen modules."""
    return _digest(
        [
            compiler_hash(),
            source_hash(),
            recipe.recipe_hash(),
            C_FLAGS,
            CXX_FLAGS,
            asdict(mcu),
        ]
    )
