"""The user cache: one directory a recipe, filled under a lock and put in place at once."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nullfield.errors import ToolchainError
from nullfield.toolchain.recipe import MICROPYTHON_VERSION, recipe_hash

PROGRAMS = ("micropython", "mpy-cross")


def cache_root() -> Path:
    """The directory of all of Nullfield's cached files."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The base directory specification says that a relative value is to be ignored.
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return root / "nullfield"


def cache_directory() -> Path:
    """The directory of this recipe's programs."""
    return cache_root() / f"micropython-{MICROPYTHON_VERSION}-{recipe_hash()}"


def is_complete(directory: Path) -> bool:
    """Tell whether `directory` holds all programs."""
    return all(os.access(directory / program, os.X_OK) for program in PROGRAMS)


@contextmanager
def exclusive(root: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of the cache; a second build waits for the first and then finds it done."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / "toolchain.lock").open("w")
    except OSError as error:
        raise ToolchainError(
            f"the cache {root} cannot be written: {error.strerror}",
            "set XDG_CACHE_HOME to a directory you can write",
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("another build is running: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fill(
    directory: Path,
    make: Callable[[Path], Path],
    tell: Callable[[str], None],
    complete: Callable[[Path], bool] = is_complete,
) -> None:
    """Fill `directory` unless it is complete.

    Parameters
    ----------
    directory : Path
        Where the programs shall be.
    make : callable
        Called with an empty scratch directory in the same file system; returns the directory that
        holds the programs. It is moved into place in one step, so no half-filled one is ever seen.
    tell : callable
        Takes one line of progress.
    complete : callable
        Tells whether the directory holds all that it should.
    """
    if complete(directory):
        return
    root = directory.parent
    with exclusive(root, tell):
        if complete(directory):
            return
        scratch = Path(tempfile.mkdtemp(prefix=".build-", dir=root))
        try:
            made = make(scratch)
            if directory.exists():  # incomplete: a file was deleted by hand
                shutil.rmtree(directory)
            made.rename(directory)
        except ToolchainError:
            log = scratch / "build.log"
            if log.exists():
                log.replace(root / "build-failed.log")
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
