"""A line over a serial port, opened with pyserial: exclusive, raw, with the lowest latency that the system offers.

Tested by tests/host/link/test_lines.py.
"""

import contextlib
import errno
import os
import select
import time
from pathlib import Path
from typing import Any, Final

import serial

from .line import BoardError, LineLost

__all__ = ["BAUDRATE", "SerialLine", "group_of", "lost"]

BAUDRATE: Final = 3_000_000
_MAX_READ: Final = 65536


class SerialLine:
    """A line over a port given by its device name, or by a pyserial URL such as ``rfc2217://host:port``.

    See `line.Line`. Raises BoardError if the port does not exist, is in use, is not a serial port, does not have the
    speed, or may not be used by this user.
    """

    patience: float = 0.25

    def __init__(self, port: str, *, baudrate: int = BAUDRATE) -> None:
        self.name, self._port, self._baudrate = port, port, baudrate
        self._serial = self._open()

    def now(self) -> float:
        """Returns the time in seconds."""
        return time.monotonic()

    def bulk(self, on: bool) -> None:
        """Does nothing: this line has no shortcut."""

    def reopen(self) -> None:
        """Closes the port, if it still exists, and opens it again."""
        self.close()
        self._serial = self._open()

    def close(self) -> None:
        """Closes the port."""
        with contextlib.suppress(OSError, serial.SerialException):
            self._serial.close()

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        """See `line.Line`."""
        try:
            if self._descriptor is None:
                return self._exchange_slowly(data, timeout)
            fd = self._descriptor
            ready, free, _ = select.select([fd], [fd] if data else [], [], max(0.0, timeout))
            came = os.read(fd, _MAX_READ) if ready else b""
            if ready and not came:
                raise lost(self.name, "the device is gone")
            return _write(fd, data) if free else 0, came
        except (OSError, ValueError, serial.SerialException) as error:
            raise lost(self.name, getattr(error, "strerror", None) or str(error)) from error

    def _exchange_slowly(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        """Exchanges bytes through pyserial's own calls: on Windows, and for pyserial's URLs."""
        taken = self._serial.write(data) or 0 if data else 0
        self._serial.timeout = 0 if taken else max(0.0, timeout)
        came = self._serial.read(1)
        if came:
            self._serial.timeout = 0
            came += self._serial.read(max(self._serial.in_waiting, _MAX_READ))
        return taken, came

    def _open(self) -> Any:
        self._descriptor: int | None = None
        try:
            if "://" in self._port:
                return serial.serial_for_url(self._port, self._baudrate, timeout=0)
            opened = serial.Serial(self._port, self._baudrate, timeout=0, write_timeout=0, exclusive=True)
        except (OSError, ValueError, serial.SerialException) as error:
            raise _refused(self._port, self._baudrate, error) from error
        with contextlib.suppress(OSError, ValueError, AttributeError, NotImplementedError):
            # without this mode, a USB bridge holds bytes back for up to 16 ms; ports that lack the mode work, too
            opened.set_low_latency_mode(True)
        if os.name == "posix":
            self._descriptor = opened.fileno()
        return opened


def lost(name: str, why: str) -> LineLost:
    """Returns the error for a line that broke."""
    return LineLost(f"the connection to {name} is lost ({why}); is the cable plugged in and the board powered?")


def _write(fd: int, data: bytes) -> int:
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0


def _refused(port: str, baudrate: int, error: Exception) -> BoardError:
    number = _number(error)
    if number == errno.ENOENT:
        return BoardError(f"there is no serial port {port}; firstspike devices lists the serial ports")
    if number == errno.EACCES:
        group = group_of(port)
        return BoardError(
            f"no permission to use {port}; join its group and log in again: sudo usermod -aG {group} $USER"
        )
    if number in (errno.EAGAIN, errno.EBUSY, errno.EWOULDBLOCK):
        return BoardError(f"{port} is in use by another program{_holder(port)}; end that program first")
    if number in (errno.ENOTTY, errno.EINVAL, errno.EISDIR):
        return BoardError(f"{port} is not a serial port; firstspike devices lists the serial ports")
    if isinstance(error, ValueError) or "baud" in str(error).lower():
        return BoardError(f"{port} does not run at {baudrate} baud ({error}); for example ?baudrate=3000000")
    return BoardError(f"{port} cannot be opened: {getattr(error, 'strerror', None) or error}")


def _number(error: Exception) -> int | None:
    """Returns the errno of an error, or None. Some of pyserial's errors carry it only in the error that they wrap."""
    for cause in (error, error.__context__):
        if cause is not None and cause.args and isinstance(cause.args[0], int):
            return cause.args[0]
    return None


def group_of(port: str) -> str:
    """Returns the name of the group whose members may use a port; ``dialout`` if it cannot be determined."""
    try:
        import grp

        return grp.getgrgid(os.stat(port).st_gid).gr_name
    except (ImportError, KeyError, OSError):
        return "dialout"


def _holder(port: str) -> str:
    """Returns the program that has the port open, as in `` (python3, process 123)``, or an empty text if unknown."""
    target = os.path.realpath(port)
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        with contextlib.suppress(OSError):
            if any(os.path.realpath(link) == target for link in (process / "fd").iterdir()):
                return f" ({(process / 'comm').read_text().strip()}, process {process.name})"
    return ""
