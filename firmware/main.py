"""Composition root: board definition, hal and application."""

import sys

from board import BOARD

if sys.platform == "rp2":
    from nullfield_fw.hal.rp2 import Hal
else:
    from nullfield_fw.hal.virtual import Hal


def application(hal):
    """Application for the board's role."""
    role = BOARD["role"]
    # Only the role's own modules are imported: the others would cost memory.
    if role == "sensor":
        from nullfield_fw.app.sensor import SensorApplication

        return SensorApplication(BOARD, hal)
    if role == "coil":
        from nullfield_fw.app.coil import CoilApplication

        return CoilApplication(BOARD, hal)
    if role == "table":
        from nullfield_fw.app.table import TableApplication

        return TableApplication(BOARD, hal)
    raise ValueError("no application for role " + role)


def main():
    """Start the board; whatever happens, the outputs end off."""
    hal = Hal(BOARD)
    board = None
    try:
        board = application(hal)
        board.prepare()
        board.run()
    finally:
        # Pins first, they cannot fail; then the codes behind them, which keep through a reset.
        hal.safe()
        if board is not None:
            board.safe_off()


if __name__ == "__main__":
    main()
