"""Boards on a serial port, on USB or behind a network address, through pyserial."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import threading
from collections.abc import Callable
from typing import Any

import serial

from nullfield.errors import PortBusyError, TransportError

UDEV_RULE = (
    'SUBSYSTEM=="tty", ATTRS{idVendor}=="2e8a", TAG+="uaccess", MODE="0660", GROUP="dialout"'
)
"""Gives boards of the RP2 series to whoever sits at the machine; ``boards/udev`` has it as a file."""

_READ_SIZE = 65536
_POLL_S = 0.1
_WRITE_TIMEOUT_S = 1.0


class SerialTransport:
    """One port of `serial.serial_for_url`, opened for this process alone, with one reader thread.

    Parameters
    ----------
    url : str
        Device path (a pty works too), ``socket://host:port`` or ``rfc2217://host:port``.
    baud : int
        Bit rate; USB and network ports ignore it.
    """

    def __init__(self, url: str, baud: int = 115200) -> None:
        self._url = url
        self._baud = baud
        self._receiver: Callable[[bytes], None] = lambda data: None
        self._lost: Callable[[str], None] = lambda reason: None
        self._serial: Any = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._write_lock = threading.Lock()
        self._wake_read = -1
        self._wake_write = -1

    @property
    def port(self) -> str:
        """Device path or URL."""
        return self._url

    def set_receiver(self, callback: Callable[[bytes], None]) -> None:
        """Take the function that gets received bytes, called in the reader thread."""
        self._receiver = callback

    def set_lost(self, callback: Callable[[str], None]) -> None:
        """Take the function that is told why the port went away, called in the reader thread."""
        self._lost = callback

    def open(self) -> None:
        """Open the port exclusively and start the reader thread.

        Raises
        ------
        PortBusyError
            If another program holds the port.
        TransportError
            If the port is not there, may not be used, or does not connect.
        """
        port = open_serial(self._url, self._baud, timeout_s=0)
        with contextlib.suppress(OSError, AttributeError):
            # What queued up before belongs to nobody; a cut frame is left out by its checksum.
            port.reset_input_buffer()
        self._serial = port
        self._closing.clear()
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._read, name=f"read {self._url}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the reader thread and release the port."""
        port, self._serial = self._serial, None
        if port is None:
            return
        self._closing.set()
        os.write(self._wake_write, b"x")
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with contextlib.suppress(OSError):
            port.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def write(self, data: bytes) -> None:
        """Send all bytes.

        Raises
        ------
        TransportError
            If the port is closed, gone, or took no data for a second.
        """
        with self._write_lock:
            port = self._serial
            if port is None:
                raise TransportError(f"{self._url}: the port is not open")
            try:
                port.write(data)
            except OSError as error:
                raise TransportError(
                    f"{self._url}: writing failed ({error})",
                    "check the cable and the board's power",
                ) from error

    def _read(self) -> None:
        port = self._serial
        if port is None:
            return
        reason = "the port was closed"
        descriptor = _descriptor(port)
        if descriptor is None:
            port.timeout = _POLL_S
        while not self._closing.is_set():
            try:
                data = self._read_some(port, descriptor)
            except (OSError, TypeError) as error:
                # pyserial raises TypeError where its descriptor vanishes under a read.
                reason = str(error)
                break
            if data:
                self._receiver(data)
        if not self._closing.is_set():
            self._lost(reason)

    def _read_some(self, port: Any, descriptor: int | None) -> bytes:
        """Wait for bytes and return them; nothing when woken to end."""
        if descriptor is None:
            return bytes(port.read(max(1, port.in_waiting)))
        select.select([descriptor, self._wake_read], [], [])
        return b"" if self._closing.is_set() else bytes(port.read(_READ_SIZE))


def open_serial(url: str, baud: int = 115200, timeout_s: float = 0) -> Any:
    """A port of `serial.serial_for_url`, opened for this process alone.

    Parameters
    ----------
    url : str
        Device path or URL.
    baud : int
    timeout_s : float
        Longest wait of a read; 0 never waits.

    Raises
    ------
    PortBusyError
        If another program holds the port.
    TransportError
        If the port is not there, may not be used, or does not connect.
    """
    try:
        port = serial.serial_for_url(url, baudrate=baud, do_not_open=True)
        # A lock on the device; network ports have none, their server takes one client.
        port.exclusive = True
        port.write_timeout = _WRITE_TIMEOUT_S
        port.timeout = timeout_s
        port.open()
    except ValueError as error:
        raise TransportError(
            f"{url}: not a serial port or URL ({error})",
            "give a device path, socket://host:port or rfc2217://host:port",
        ) from error
    except OSError as error:
        raise _open_error(url, error) from error
    return port


def _descriptor(port: Any) -> int | None:
    """File descriptor to wait on, or None where the backend has none (rfc2217, Windows)."""
    if os.name != "posix":
        return None
    try:
        return int(port.fileno())
    except (OSError, AttributeError):
        return None


def _open_error(url: str, error: OSError) -> TransportError:
    text = str(error)
    number = error.errno
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text:
        return PortBusyError(
            f"{url}: the port is in use by another program",
            "close the other program (another nullfield, mpremote, a terminal) and try again",
        )
    if number in (errno.EACCES, errno.EPERM):
        return TransportError(
            f"{url}: no permission to open the port",
            f"install the udev rule: echo '{UDEV_RULE}' | sudo tee "
            "/etc/udev/rules.d/70-nullfield.rules && sudo udevadm control --reload && "
            "sudo udevadm trigger; or add your user to the group dialout and log in again",
        )
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return TransportError(
            f"{url}: there is no such port",
            "plug the board in, or list what is there with: nullfield boards",
        )
    if "://" in url:
        return TransportError(f"{url}: cannot connect ({text})", "start the server at that address")
    return TransportError(f"{url}: cannot open the port ({text})", "check the rig's port entry")
