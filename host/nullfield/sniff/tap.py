"""A pass-through between a board and its real client, which shows both directions.

The client is given a pty, and a TCP port where asked for, in place of the board's port. Bytes are
passed on as they come, in both directions, unchanged.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import tty

from nullfield.errors import TransportError
from nullfield.sniff.live import LiveFrames
from nullfield.sniff.wire import Direction
from nullfield.transport.base import Transport
from nullfield.transport.timing import Clock

_READ_BYTES = 4096
_BACKLOG_BYTES = 1 << 18
"""Bytes kept for a client that reads slowly; what is more is lost, as on USB."""

_LOOK_MS = 50
"""How often a pty without a client is looked at again; its hang-up would end every poll at once."""


class Tap:
    """Stands between a board and one client.

    Parameters
    ----------
    transport : Transport
        The board's port; not open yet.
    clock : Clock
    tcp_port : int, optional
        Port on this machine for a client over TCP, 0 for any free one.

    Attributes
    ----------
    path : str
        Pty for the client.
    address : str
        ``socket://127.0.0.1:PORT`` for the client, empty without TCP.
    live : LiveFrames
        What passes.
    lost_bytes : int
        Bytes of the board that an attached client was too slow for.
    """

    def __init__(self, transport: Transport, clock: Clock, tcp_port: int | None = None) -> None:
        self.live = LiveFrames(clock, transport.port)
        self.path = ""
        self.address = ""
        self.lost_bytes = 0
        self._transport = transport
        self._tcp_port = tcp_port
        self._master = -1
        self._server: socket.socket | None = None
        self._client: socket.socket | None = None
        self._has_pty_client = False
        self._backlog = bytearray()
        self._lock = threading.Lock()
        self._wake = (-1, -1)
        self._thread: threading.Thread | None = None
        self._is_closing = False

    def open(self) -> None:
        """Claim the board's port and offer the client's.

        Raises
        ------
        TransportError
            If the board's port cannot be opened, or the TCP port is taken.
        """
        if self._tcp_port is not None:
            self._server = _listen(self._tcp_port)
            self.address = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self._master, slave = os.openpty()
        # Raw, or the line discipline would echo frames before a client has set its own mode.
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        self._wake = os.pipe()
        self._transport.set_receiver(self._from_board)
        self._transport.set_lost(self.live.end)
        try:
            self._transport.open()
        except BaseException:
            self._release()
            raise
        self._thread = threading.Thread(target=self._serve, name="tap", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give both ports back."""
        self._transport.close()
        self._is_closing = True
        self._nudge()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._release()

    def _release(self) -> None:
        for descriptor in (self._master, *self._wake):
            if descriptor >= 0:
                os.close(descriptor)
        self._master, self._wake = -1, (-1, -1)
        for one in (self._client, self._server):
            if one is not None:
                one.close()
        self._client = self._server = None

    def _nudge(self) -> None:
        if self._wake[1] >= 0:
            os.write(self._wake[1], b"x")

    def _from_board(self, data: bytes) -> None:
        self.live.add(Direction.TO_HOST, data)
        with self._lock:
            if not (self._has_pty_client or self._client is not None):
                return
            room = _BACKLOG_BYTES - len(self._backlog)
            self._backlog += data[:room]
            self.lost_bytes += max(0, len(data) - room)
        self._nudge()

    def _to_board(self, data: bytes) -> None:
        self.live.add(Direction.TO_BOARD, data)
        try:
            self._transport.write(data)
        except TransportError as error:
            self.live.end(error.message)

    def _serve(self) -> None:
        while not self._is_closing:
            wanted = select.POLLIN | (select.POLLOUT if self._backlog else 0)
            poll = select.poll()
            poll.register(self._wake[0], select.POLLIN)
            look = select.poll()
            look.register(self._master, select.POLLIN)
            events = dict(look.poll(0)).get(self._master, 0)
            # What a client wrote just before it hung up still goes to the board.
            self._serve_pty(events & select.POLLIN)
            self._attach(not events & (select.POLLHUP | select.POLLERR))
            if self._has_pty_client:
                poll.register(self._master, wanted)
            if self._server is not None:
                poll.register(self._server, select.POLLIN)
            if self._client is not None:
                poll.register(self._client, wanted)
            ready = dict(poll.poll(None if self._has_pty_client else _LOOK_MS))
            if ready.get(self._wake[0], 0):
                os.read(self._wake[0], _READ_BYTES)
            self._serve_pty(ready.get(self._master, 0))
            if self._client is not None:
                self._serve_tcp(self._client, ready.get(self._client.fileno(), 0))
            if self._server is not None and ready.get(self._server.fileno(), 0):
                self._accept(self._server)

    def _attach(self, is_attached: bool) -> None:
        with self._lock:
            if self._has_pty_client and not is_attached and self._client is None:
                self._backlog.clear()
            self._has_pty_client = is_attached

    def _serve_pty(self, events: int) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            if events & select.POLLIN:
                self._to_board(os.read(self._master, _READ_BYTES))
            if events & select.POLLOUT and self._client is None:
                with self._lock:
                    del self._backlog[: os.write(self._master, self._backlog)]

    def _serve_tcp(self, client: socket.socket, events: int) -> None:
        try:
            if events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                data = client.recv(_READ_BYTES)
                if not data:
                    raise ConnectionResetError
                self._to_board(data)
            if events & select.POLLOUT:
                with self._lock:
                    del self._backlog[: client.send(self._backlog)]
        except BlockingIOError:
            return
        except OSError:
            with self._lock:
                self._client = None
                self._backlog.clear()
            client.close()

    def _accept(self, server: socket.socket) -> None:
        client, _ = server.accept()
        if self._client is not None:
            # A board has one client; a second one would mix two streams of requests.
            client.close()
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._backlog.clear()
            self._client = client


def _listen(port: int) -> socket.socket:
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("127.0.0.1", port))
    except OSError as error:
        server.close()
        raise TransportError(
            f"TCP port {port}: cannot listen ({error.strerror})", "give another one with --listen"
        ) from error
    server.listen(1)
    return server
