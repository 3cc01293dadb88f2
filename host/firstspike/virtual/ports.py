"""Ports at which a host finds a virtual board: a pseudo-terminal, which looks like a serial port, or a TCP socket.

Tested by tests/host/virtual/test_server.py.
"""

import contextlib
import os
import select
import socket
from pathlib import Path
from typing import Final, Protocol

from firstspike_contract.common.errors import FirstspikeError, UsageError
from firstspike_contract.common.names import unknown

__all__ = ["Port", "PtyPort", "SocketPort", "open_port"]

_MAX_READ: Final = 65536
_BUSY: Final = b"another program is using this board\n"


class Port(Protocol):
    """A port at which one host can reach the board. url: the URL that the host opens."""

    url: str

    def read(self, timeout: float, *, wanted: bool, room: bool) -> bytes:
        """Returns bytes that the host has sent, if they are `wanted`.

        Waits up to `timeout` seconds until there are some or, with `room`, until bytes can be written.
        """
        ...

    def write(self, data: bytes) -> int:
        """Sends bytes and returns how many were taken. Without a host they are lost, as on a real line."""
        ...

    def speed(self) -> int | None:
        """Returns the baud rate that the host has set, or None if the port has none."""
        ...

    def close(self) -> None:
        """Closes the port."""
        ...


class PtyPort:
    """A pseudo-terminal. link: a symbolic link to make to it, such as /tmp/board. See Port."""

    def __init__(self, link: Path | None = None) -> None:
        import tty

        # `theirs` stays open in this process, too: a real board does not notice whether a host is connected
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self._device, self._link = os.ttyname(self._theirs), link
        self.url = self._device if link is None else str(link)
        if link is not None:
            self._place(link)

    def read(self, timeout: float, *, wanted: bool, room: bool) -> bytes:
        """See Port."""
        ours = [self._ours]
        ready, _, _ = select.select(ours if wanted else [], ours if room else [], [], max(0.0, timeout))
        return os.read(self._ours, _MAX_READ) if ready else b""

    def write(self, data: bytes) -> int:
        """See Port."""
        try:
            return os.write(self._ours, data)
        except BlockingIOError:
            return 0

    def speed(self) -> int | None:
        """See Port."""
        import termios

        rates = {name: int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdigit()}
        code = termios.tcgetattr(self._theirs)[5]
        return next((rate for name, rate in rates.items() if getattr(termios, name) == code), None)

    def close(self) -> None:
        """See Port."""
        for descriptor in (self._ours, self._theirs):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        if self._link is not None:
            with contextlib.suppress(OSError):
                if os.readlink(self._link) == self._device:
                    self._link.unlink()

    def _place(self, link: Path) -> None:
        try:
            if link.is_symlink() and not link.exists():
                link.unlink()  # an ended board has left it
            link.symlink_to(self._device)
        except OSError as error:
            self._link = None
            self.close()
            raise FirstspikeError(f"{link}: {error.strerror}; give another name, for example pty:/tmp/board") from error


class SocketPort:
    """A TCP port on this machine, for one host at a time; a second host gets a message and is refused. See Port."""

    def __init__(self, port: int = 0) -> None:
        self._server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._server.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            self._server.close()
            why = getattr(error, "strerror", None) or str(error)
            raise FirstspikeError(f"port {port} cannot be used: {why}; for example --listen socket:7521") from error
        self._server.listen()
        self._server.setblocking(False)
        self._host: socket.socket | None = None
        self._pulled = False
        self.url = f"socket://127.0.0.1:{self._server.getsockname()[1]}"

    def read(self, timeout: float, *, wanted: bool, room: bool) -> bytes:
        """See Port."""
        if self._pulled:
            self._leave()
        there = [] if self._host is None else [self._host]
        listened = [self._server, *(there if wanted else [])]
        ready, _, _ = select.select(listened, there if room else [], [], max(0.0, timeout))
        if self._server in ready:
            self._admit()
        if self._host is None or self._host not in ready:
            return b""
        try:
            data = self._host.recv(_MAX_READ)
        except OSError:
            data = b""
        if not data:
            self._leave()
        return data

    def write(self, data: bytes) -> int:
        """See Port."""
        if self._host is None:
            return len(data)
        try:
            return self._host.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)

    def speed(self) -> int | None:
        """See Port."""
        return None

    def hang_up(self) -> None:
        """Ends the connection at the next `read`, as a pulled cable would; keeps the port. Safe from any thread."""
        self._pulled = True

    def close(self) -> None:
        """See Port."""
        self._leave()
        self._server.close()

    def _leave(self) -> None:
        self._pulled = False
        if self._host is not None:
            self._host.close()
            self._host = None

    def _admit(self) -> None:
        caller, _ = self._server.accept()
        if self._host is not None:
            with contextlib.suppress(OSError):
                caller.send(_BUSY)
            caller.close()
            return
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        caller.setblocking(False)
        self._host = caller


def open_port(text: str) -> Port:
    """Opens a port described as ``pty``, ``pty:/tmp/board``, ``socket`` or ``socket:7521``.

    Raises UsageError if the description is wrong, and FirstspikeError if the port cannot be opened.
    """
    kind, _, rest = text.partition(":")
    if kind == "pty":
        if os.name != "posix":
            raise UsageError("there are no pseudo-terminals on this system; use --listen socket:7521")
        return PtyPort(Path(rest) if rest else None)
    if kind == "socket":
        if rest and not (rest.isdecimal() and int(rest) < 65536):
            raise UsageError(f"a port is a number in 0..65535, not {rest!r}; for example --listen socket:7521")
        return SocketPort(int(rest or 0))
    raise UsageError(unknown("way to listen", kind, ("pty", "socket")))
