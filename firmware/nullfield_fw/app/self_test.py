"""The board looks at itself: chips, flash, settings, supply, outputs, files, memory, blocks.

Runs at rest only, with outputs off and no stream, since it allocates and writes the flash.
"""

import gc
import os

from .. import wire
from ..settings import Settings

_HEAP_MINIMUM = 8192
# A block late now and then costs a row, which the stream tells; one in a hundred is too many.
_MISSED_SHARE = 100
_PROBE = b"nullfield self-test 0123456789"


def self_test(board):
    """Mask of what is wrong (``SelfTestFlag``); 0 is good.

    Parameters
    ----------
    board : BoardApplication
        At rest.
    """
    # Each step may take a good part of the watchdog's time on a slow flash.
    feed = board.hal.watchdog_feed
    board.safe_off()
    failed = 0
    if not board.chips_answer():
        failed |= wire.SELF_TEST_FLAG_CHIPS
    root = board.hal.flash_root
    feed()
    if not _flash_keeps(root + "/probe.tmp"):
        failed |= wire.SELF_TEST_FLAG_FLASH
    feed()
    try:
        # Into a set of its own: the values in force stay.
        Settings(board.settings.items).load(root)
    except (OSError, ValueError):
        failed |= wire.SELF_TEST_FLAG_SETTINGS
    if board.hal.supply_mv() < board._supply_minimum_mv:
        failed |= wire.SELF_TEST_FLAG_SUPPLY
    if not board.hal.outputs_are_safe():
        failed |= wire.SELF_TEST_FLAG_OUTPUTS
    try:
        if board.boot.damaged_file(root, feed) is not None:
            failed |= wire.SELF_TEST_FLAG_FILES
    except (OSError, ValueError):
        failed |= wire.SELF_TEST_FLAG_FILES
    feed()
    gc.collect()
    if gc.mem_free() < _HEAP_MINIMUM:
        failed |= wire.SELF_TEST_FLAG_HEAP
    if board._missed_blocks * _MISSED_SHARE > board._served_blocks:
        failed |= wire.SELF_TEST_FLAG_BLOCKS
    return failed


def _flash_keeps(path):
    """True if a file can be written, read back and removed."""
    try:
        with open(path, "wb") as stream:
            stream.write(_PROBE)
        with open(path, "rb") as stream:
            kept = stream.read() == _PROBE
        os.remove(path)
    except OSError:
        return False
    return kept
