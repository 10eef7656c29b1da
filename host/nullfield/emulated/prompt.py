"""MicroPython's prompt on an emulated board, through mpremote's raw mode."""

from __future__ import annotations

from typing import Any, Self

from mpremote.transport import TransportError as MpremoteError
from mpremote.transport_serial import SerialTransport

from nullfield.emulated.board import EmulatedBoard
from nullfield.errors import BoardLostError, ProcedureError

_TIMEOUT_S = 120.0


class Prompt:
    """The prompt in safe mode: the firmware does not run; a context manager.

    The board is started with BOOTSEL held, as a person would do it, so that no application has the
    port and no watchdog runs.

    Parameters
    ----------
    board : EmulatedBoard
        It is restarted.
    """

    def __init__(self, board: EmulatedBoard) -> None:
        board.hold_bootsel(True)
        board.power_cycle()
        try:
            self._transport: Any = SerialTransport(board.port)
            self._transport.enter_raw_repl(soft_reset=False, timeout_overall=_TIMEOUT_S)
        except MpremoteError as error:
            raise BoardLostError(f"no prompt on the emulated board: {error}") from error
        finally:
            board.hold_bootsel(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the port."""
        self._transport.close()

    def run(self, code: str, timeout_s: float = _TIMEOUT_S) -> str:
        """Run code on the board and return what it printed; raises `ProcedureError` if it fails.

        Parameters
        ----------
        code : str
            MicroPython.
        timeout_s : float
            Longest time without output, on the wall.
        """
        try:
            printed, error = self._transport.exec_raw(code, timeout=timeout_s)
        except (MpremoteError, OSError) as lost:
            raise BoardLostError(f"the emulated board's prompt went away: {lost}") from lost
        if error:
            last = error.decode(errors="replace").strip().splitlines()[-1]
            raise ProcedureError(f"the board's code failed: {last}")
        return str(printed.decode(errors="replace"))

    def put(self, path: str, data: bytes) -> None:
        """Write a file on the board; its folder must be there.

        Parameters
        ----------
        path : str
            On the board.
        data : bytes
        """
        try:
            self._transport.fs_writefile(path, data)
        except (MpremoteError, OSError) as lost:
            raise BoardLostError(f"{path} could not be written on the board: {lost}") from lost

    def start(self, code: str) -> None:
        """Run code without waiting for its end: it resets the board, or loses its power."""
        self._transport.exec_raw_no_follow(code)
