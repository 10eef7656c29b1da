"""Composition root: board definition, hal and application. Part of every bundle and image."""

import sys

from nullfield_fw.boot_state import Boot, provision

if sys.platform == "rp2":
    from nullfield_fw.hal.rp2 import Hal
else:
    from nullfield_fw.hal.virtual import Hal


def board_definition(root):
    """The board definition: beside this file in a bundle, chosen by ``provision.txt`` in an image.

    Raises
    ------
    ValueError
        If the firmware is for another board than the one that was provisioned.
    """
    wanted = provision(root).get("board", "")
    try:
        from board import BOARD
    except ImportError:
        if not wanted:
            # Nobody has said what this is: nothing is driven, and the link tells who asks.
            rp2350 = "RP2350" in sys.implementation._machine
            wanted = "bringup_pico2" if rp2350 else "bringup_pico"
        module = __import__("nullfield_boards." + wanted, None, None, ("BOARD",))
        return module.BOARD
    if wanted and wanted != BOARD["name"]:
        raise ValueError("firmware for " + BOARD["name"] + " on a board provisioned as " + wanted)
    return BOARD


def application(board, hal, boot):
    """Application for the board's role."""
    role = board["role"]
    # Only the role's own modules are imported: the others would cost memory.
    if role == "sensor":
        from nullfield_fw.app.sensor import SensorApplication

        return SensorApplication(board, hal, boot)
    if role == "coil":
        from nullfield_fw.app.coil import CoilApplication

        return CoilApplication(board, hal, boot)
    if role == "table":
        from nullfield_fw.app.table import TableApplication

        return TableApplication(board, hal, boot)
    if role == "bringup":
        from nullfield_fw.app.bringup import BringupApplication

        return BringupApplication(board, hal, boot)
    raise ValueError("no application for role " + role)


def main(root="", slot="", is_trial=False):
    """Start the board; whatever happens, the outputs end off.

    Parameters
    ----------
    root : str
        Where the flash is mounted, without a slash at the end.
    slot : str
        The slot that this file came from; empty for built-in.
    is_trial : bool
        The slot has not been confirmed yet.
    """
    board = board_definition(root)
    hal = Hal(board)
    running = None
    try:
        boot = Boot(slot, is_trial, provision(root).get("unit", ""))
        running = application(board, hal, boot)
        running.prepare()
        running.run()
    finally:
        # Pins first, they cannot fail; then the codes behind them, which keep through a reset.
        hal.safe()
        if running is not None:
            running.safe_off()
