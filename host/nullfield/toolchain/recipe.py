"""What is built and how, in one place. Changing anything here changes the cache directory.

Why 32-bit: viper on x86-64 zero-extends ``ptr32`` loads and computes with 64-bit integers, so the
same firmware would give other results than on the board. Why single precision: the boards' floats
are. Why SSE: x87 arithmetic keeps excess precision that the boards' floating point does not have.

Debian's patches are not applied. They touch the documentation, the JNI and mbedTLS modules, `mip`
and Debian's own version string, none of which this build needs, and the check for micropython-lib,
which applies only to a build with frozen modules; this one freezes none.
"""

from __future__ import annotations

import hashlib
import json

SUITE = "trixie"
"""Debian suite whose source package is built."""

PACKAGE = "micropython"
DEBIAN_VERSION = "1.25.0+ds-1"
MICROPYTHON_VERSION = "1.25.0"

ORIG_TARBALL = "micropython_1.25.0+ds.orig.tar.xz"
ORIG_SHA256 = "7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea"
"""Apt checks the archive's signature and hashes; this pins the very source that was tested."""

SOURCE_DATE_EPOCH = "1744675200"
"""Build date in `sys.version`, seconds since 1970 (2025-04-15): builds of one recipe are alike."""

MAKE_VARIABLES = (
    "MICROPY_FORCE_32BIT=1",
    "MICROPY_PY_BTREE=0",
    "MICROPY_PY_SSL=0",
    "MICROPY_SSL_MBEDTLS=0",
    "MICROPY_PY_FFI=0",
    # No board uses threads; without them the interpreter's state is not thread-local, hence faster.
    "MICROPY_PY_THREAD=0",
    # The stock manifest wants micropython-lib, which Debian's source package does not carry.
    "FROZEN_MANIFEST=",
)

OPTIMISATION = "-O2 -DNDEBUG"
"""The port's default is -Os; -O2 is 10 to 30 % faster in calls into C. Computed goto is on."""

TARGET_FLAGS = "-m32 -msse2 -mfpmath=sse"
"""No -march=native: a cache in a shared home must run on each machine."""

DEFINES = "-DMICROPY_FLOAT_IMPL=MICROPY_FLOAT_IMPL_FLOAT"

REVISION = 1
"""Raised when the way of building changes and the constants above do not show it."""


def runtime_packages(gcc_major: str) -> tuple[str, ...]:
    """Packages of the 32-bit runtime, unpacked into the cache and never installed.

    Parameters
    ----------
    gcc_major : str
        Major version of the machine's gcc, which must match its 32-bit libgcc.
    """
    return ("libc6-dev-i386", "libc6-i386", f"lib32gcc-{gcc_major}-dev", "lib32gcc-s1")


def recipe_hash() -> str:
    """Twelve hexadecimal digits that change with anything that changes the binaries."""
    parts = [
        DEBIAN_VERSION,
        ORIG_SHA256,
        SOURCE_DATE_EPOCH,
        *MAKE_VARIABLES,
        OPTIMISATION,
        TARGET_FLAGS,
        DEFINES,
        str(REVISION),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
