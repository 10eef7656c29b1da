"""A bundle into a slot: never the one that boots, and of no effect until all of it is verified."""

from __future__ import annotations

from collections.abc import Callable

from nullfield.deploy.board_files import BoardFiles, full
from nullfield.deploy.board_state import BOOT_FILE, MANIFEST_FILE, BootState
from nullfield.deploy.bundle import Bundle
from nullfield.errors import FlashError, InputError

_SPARE_BLOCKS = 6
"""Room that littlefs needs to replace a file and to grow its directories."""


def read_boot_state(files: BoardFiles) -> BootState:
    """The board's boot state; a missing or damaged file means what the bootstrap takes it for."""
    content = files.read(BOOT_FILE)
    if content is None:
        return BootState()
    try:
        return BootState.parse(content)
    except InputError:
        return BootState()


def write_slot(
    files: BoardFiles,
    bundle: Bundle,
    slot: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write a bundle into a slot and verify it there; return the bytes that were written.

    Files of the slot that have the right SHA-256 already stay, so that an interrupted run is taken up
    again.

    Parameters
    ----------
    files : BoardFiles
    bundle : Bundle
        Verified.
    slot : str
        ``a`` or ``b``; not the active one.
    progress : callable
        Takes bytes done and bytes in all.

    Raises
    ------
    FlashError
        If there is no room, or a file does not read back as it was written.
    """
    state = read_boot_state(files)
    if state.active == slot:
        raise FlashError(
            f"board at {files.prompt.port}: slot {slot} is the one that boots", "write the other"
        )
    if state.trial == slot:
        # First of all nobody tries this slot any more.
        files.replace(BOOT_FILE, BootState(state.active, note=state.note).format())
    folder = f"slots/{slot}"
    kept = _clear(files, bundle, folder)
    wanted = {path: content for path, content in bundle.files.items() if path not in kept}
    _check_room(files, folder, wanted)
    total = sum(len(content) for content in wanted.values())
    done = 0

    def count(piece: int) -> None:
        nonlocal done
        done += piece
        progress(done, total)

    # The manifest comes last: a slot without it is never taken for a whole one.
    for path in sorted(wanted, key=lambda one: (one == MANIFEST_FILE, one)):
        files.write(f"{folder}/{path}", wanted[path], count)
    _verify(files, bundle, folder)
    return total


def activate(files: BoardFiles, slot: str) -> None:
    """Have the board try a slot at its next start; the step that makes a written slot count."""
    state = read_boot_state(files)
    files.replace(BOOT_FILE, BootState(state.active, trial=slot).format())


def _clear(files: BoardFiles, bundle: Bundle, folder: str) -> set[str]:
    """Remove what does not belong into the slot; return the files that can stay."""
    there, folders = files.list(folder)
    if MANIFEST_FILE in there:
        files.remove([f"{folder}/{MANIFEST_FILE}"])
        there.discard(MANIFEST_FILE)
    same_name = sorted(there & set(bundle.files))
    hashes = files.sha256([f"{folder}/{path}" for path in same_name])
    expected = {entry.path: entry.sha256 for entry in bundle.header.files}
    kept = {path for path, found in zip(same_name, hashes, strict=True) if found == expected[path]}
    files.remove([f"{folder}/{path}" for path in sorted(there - kept)])
    needed = {parent for path in bundle.files for parent in _parents(path)}
    files.remove([f"{folder}/{one}" for one in reversed(folders) if one not in needed])
    return kept


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def _check_room(files: BoardFiles, folder: str, wanted: dict[str, bytes]) -> None:
    free, block = files.free_bytes()
    _, folders = files.list(folder)
    new_folders = {parent for path in wanted for parent in _parents(path)} - set(folders)
    blocks = sum(-(-len(content) // block) for content in wanted.values())
    # A folder is a pair of blocks.
    needed = (blocks + 2 * len(new_folders) + _SPARE_BLOCKS) * block
    if free < needed:
        raise full(files.prompt.port, "the firmware", needed, free)


def _verify(files: BoardFiles, bundle: Bundle, folder: str) -> None:
    entries = bundle.header.files
    hashes = files.sha256([f"{folder}/{entry.path}" for entry in entries])
    for entry, found in zip(entries, hashes, strict=True):
        if found != entry.sha256:
            raise FlashError(
                f"board at {files.prompt.port}: {entry.path} in slot {folder[-1]} does not read back "
                "as it was written",
                "run it again; if it stays, its flash is worn: replace the board",
            )
