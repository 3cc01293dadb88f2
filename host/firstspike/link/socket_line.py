"""A line over TCP, for boards behind a terminal server and for ``firstspike board --listen socket``.

Tested by tests/host/link/test_lines.py and tests/host/virtual/test_server.py.
"""

import contextlib
import select
import socket
import time
from typing import Final

from .line import BoardError
from .serial_line import lost

__all__ = ["SocketLine"]

_MAX_READ: Final = 65536
_CONNECT: Final = 2.0  # seconds


class SocketLine:
    """A line over TCP. See `line.Line`. Raises BoardError if nothing listens at that host and port."""

    patience: float = 0.25

    def __init__(self, host: str, port: int) -> None:
        self.name, self._address = f"socket://{host}:{port}", (host, port)
        self._socket = self._connect()

    def now(self) -> float:
        """Returns the time in seconds."""
        return time.monotonic()

    def bulk(self, on: bool) -> None:
        """Does nothing: this line has no shortcut."""

    def reopen(self) -> None:
        """Connects again."""
        self.close()
        self._socket = self._connect()

    def close(self) -> None:
        """Ends the connection."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        """See `line.Line`."""
        try:
            ready, free, _ = select.select([self._socket], [self._socket] if data else [], [], max(0.0, timeout))
            came = self._socket.recv(_MAX_READ) if ready else b""
            if ready and not came:
                raise lost(self.name, "it was closed at the other end")
            return self._send(data) if free else 0, came
        except (OSError, ValueError) as error:
            raise lost(self.name, getattr(error, "strerror", None) or str(error)) from error

    def _send(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def _connect(self) -> socket.socket:
        try:
            made = socket.create_connection(self._address, timeout=_CONNECT)
        except OSError as error:
            raise BoardError(
                f"nothing answers at {self.name} ({error.strerror or error}); "
                f"is `firstspike board --listen socket:{self._address[1]}` running there?"
            ) from error
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setblocking(False)
        return made
