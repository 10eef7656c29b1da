"""A board at MicroPython's prompt, through mpremote.

Mpremote speaks the raw prompt (raw paste, windows, errors); here its transport gets a port that is
open already, waits on the injected clock, and its errors become Nullfield's.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
from typing import Any, Protocol

from mpremote.transport import TransportError as RemoteError
from mpremote.transport import TransportExecError
from mpremote.transport_serial import SerialTransport

from nullfield.errors import BoardLostError, FlashError
from nullfield.transport.timing import Clock

_ENTER_S = 2.0
_ENTER_ATTEMPTS = 3
_SETTLE_S = 0.1
_QUIET_S = 20.0
"""Longest silence of a running command; erasing a full file system takes seconds."""

_NUMBER = re.compile(r"OSError: (?:\[Errno (\d+)\]|(\d+))")


class SerialLike(Protocol):
    """What is asked of a port: pyserial's own interface, of which this is a part."""

    timeout: float | None

    def read(self, size: int = 1) -> bytes:
        """Bytes, fewer than asked for when the timeout is over."""
        ...

    def write(self, data: bytes) -> int | None:
        """Send all bytes."""
        ...

    def inWaiting(self) -> int:  # noqa: N802 - pyserial's name, which mpremote uses
        """Bytes that can be read at once."""
        ...

    def close(self) -> None:
        """Release the port."""
        ...


class _Remote(SerialTransport):  # type: ignore[misc]  # mpremote has no types
    """Mpremote's transport over a port that is open."""

    def __init__(self, serial: SerialLike, clock: Clock, name: str) -> None:
        self.serial = serial
        self.device_name = name
        self.in_raw_repl = False
        self.use_raw_paste = True
        self.mounted = False
        self.is_pty = False
        self._clock = clock

    def read_until(
        self,
        min_num_bytes: int,
        ending: bytes,
        timeout: float | None = 10,
        data_consumer: Any = None,
        timeout_overall: float | None = None,
    ) -> bytes:
        """Bytes up to an ending or the timeout; blocks in the port instead of polling it."""
        self.serial.timeout = timeout
        end_s = None if timeout_overall is None else self._clock.now_s() + timeout_overall
        data = bytearray()
        while not data.endswith(ending):
            byte = self.serial.read(1)
            if not byte or (end_s is not None and self._clock.now_s() >= end_s):
                break
            if data_consumer is not None:
                data_consumer(byte)
                data[:] = byte
            else:
                data += byte
        return bytes(data)


class BoardError(FlashError):
    """Code that was run on the board ended in an OSError.

    Attributes
    ----------
    number : int
        The error's number, 0 if the board gave none.
    """

    def __init__(self, message: str, hint: str, number: int) -> None:
        super().__init__(message, hint)
        self.number = number


class Prompt:
    """The raw prompt of one board.

    Parameters
    ----------
    serial : SerialLike
        The open port; `close` closes it.
    clock : Clock
    port : str
        Its name, for errors.
    """

    def __init__(self, serial: SerialLike, clock: Clock, port: str) -> None:
        self.port = port
        self.clock = clock
        self._serial = serial
        self._remote = _Remote(serial, clock, port)

    def __enter__(self) -> Prompt:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the port; the board stays at its prompt."""
        with contextlib.suppress(OSError):
            self._serial.close()

    def enter(self) -> bool:
        """Interrupt what runs and enter the raw prompt; False if no prompt answers."""
        for _ in range(_ENTER_ATTEMPTS):
            # An application that was told to leave takes a moment, in which it still reads the port.
            self.clock.wait(lambda: False, _SETTLE_S)
            self._serial.timeout = _ENTER_S
            try:
                # Mpremote prints what it did not expect; that is no output of ours.
                with contextlib.redirect_stdout(io.StringIO()):
                    self._remote.enter_raw_repl(soft_reset=False, timeout_overall=_ENTER_S)
            except RemoteError:
                continue
            except OSError as error:
                raise self._lost(error) from error
            return True
        return False

    def run(self, code: str) -> str:
        """Run code and return what it printed.

        Raises
        ------
        BoardError
            If the code failed with an OSError.
        FlashError
            If it failed otherwise, or the prompt is gone.
        BoardLostError
            If the port is gone.
        """
        try:
            output, trouble = self._remote.exec_raw(code, timeout=_QUIET_S)
        except TransportExecError as error:
            raise self._failed(error.error_output) from error
        except RemoteError as error:
            raise FlashError(
                f"board at {self.port}: its prompt does not answer ({error})",
                "plug the board out and in, and run it again: nothing is lost",
            ) from error
        except (OSError, IndexError) as error:
            raise self._lost(error) from error
        if trouble:
            raise self._failed(trouble.decode("utf-8", "replace"))
        return str(output.decode("utf-8", "replace"))

    def value(self, expression: str) -> Any:
        """Value of an expression of literals."""
        text = self.run(f"print(repr({expression}))").strip()
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError) as error:
            raise FlashError(
                f"board at {self.port}: its prompt answers nonsense: {text[:60]!r}",
                "plug the board out and in, and run it again",
            ) from error

    def reset(self) -> None:
        """Restart the board; the prompt is gone and the port may vanish for a while."""
        with contextlib.suppress(RemoteError, OSError):
            self._remote.exec_raw_no_follow("import machine\nmachine.reset()")

    def _lost(self, error: Exception) -> BoardLostError:
        return BoardLostError(
            f"board at {self.port}: the port is gone ({error})",
            "check its cable and power, and run it again: the firmware that ran is still there",
        )

    def _failed(self, trace: str) -> FlashError:
        last = trace.strip().splitlines()[-1] if trace.strip() else "no message"
        match = _NUMBER.search(last)
        message = f"board at {self.port}: {last}"
        if match is not None:
            return BoardError(message, "run it again", int(match[1] or match[2]))
        return FlashError(message, "run it again; if it stays, report it with --debug")
