"""Runs a virtual board at a port in real time, with a line speed and with faults on request."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from firstspike.link.faults import Faults, Mangler
from firstspike_contract.link.timing import BITS_PER_BYTE

from .line import Device
from .ports import Port

__all__ = ["Meter", "running_boards", "serve", "shown"]

_SLICE: Final = 0.05  # seconds of the longest wait, so that an interrupt is noticed
_FIFO: Final = 512  # bytes that an idle line takes at once
_UNSEEN: Final = 8192  # bytes, beyond those waiting, for which a busy line may save up transmission time
_BEHIND: Final = 4096  # bytes from the host that are held while the device has no room
_READ: Final = 16384  # bytes prepared for the host at once


class Meter:
    """Limits one direction of a line to a baud rate, at 10 bits for each byte. None means no limit.

    A real line carries bytes while this process sleeps. If bytes were waiting, the meter therefore allows them
    afterwards; an idle line gains nothing but room for its FIFO.
    """

    def __init__(self, baudrate: int | None) -> None:
        self._rate = None if baudrate is None else baudrate / BITS_PER_BYTE
        self._allowed, self._then, self._waiting = float(_FIFO), time.monotonic(), 0

    def room(self, waiting: int) -> int:
        """Returns the number of bytes that may be sent now. waiting: number of bytes that could be sent."""
        if self._rate is None:
            return _READ
        now = time.monotonic()
        most = self._waiting + _UNSEEN if self._waiting else _FIFO
        self._allowed = min(self._allowed + (now - self._then) * self._rate, float(most))
        self._then, self._waiting = now, waiting
        return int(self._allowed)

    def used(self, count: int) -> None:
        """Records that `count` bytes were sent."""
        self._allowed -= count

    def wait(self) -> float:
        """Returns the seconds to wait for further bytes: 0, or the time in which the line carries one FIFO."""
        return 0.0 if self._rate is None or self._allowed >= _FIFO else _FIFO / self._rate


def serve(
    device: Device,
    port: Port,
    *,
    baudrate: int | None = None,
    faults: Faults | None = None,
    pace: bool = False,
    stop: Callable[[], bool] = lambda: False,
    watch: Callable[[], None] = lambda: None,
) -> None:
    """Connects the device to the port until `stop()` returns True or an interrupt comes.

    baudrate: speed of the line. A host that has set another speed receives noise, and the board receives noise from it.
    faults:   faults of the line in both directions; None means none.
    pace:     whether the line is also as slow as its speed.
    watch:    called about every _SLICE seconds.
    """
    there, back = Mangler(faults or Faults(), 0), Mangler(faults or Faults(), 1)
    inward, outward = Meter(baudrate if pace else None), Meter(baudrate if pace else None)
    arrived = pending = b""
    look = 0.0
    while not stop():
        now = time.monotonic()
        if now >= look:
            watch()
            look = now + _SLICE
            understood = baudrate is None or port.speed() in (None, baudrate)
        take = min(inward.room(len(arrived)), device.room)
        device.receive(arrived[:take], now)
        inward.used(len(arrived[:take]))
        arrived = arrived[take:]
        if len(pending) < _READ:
            pending += back.hurt(device.transmit(now, _READ - len(pending)))
        give = pending[: outward.room(len(pending))]
        sent = port.write(give if understood else _noise(give)) if give else 0
        outward.used(sent)
        pending = pending[sent:]
        full = sent < len(give)
        due = device.deadline()
        waits = [_SLICE] if due is None else [_SLICE, max(0.0, due - now)]
        waits += [inward.wait()] if arrived else []  # bytes that stay in the port slow the host down
        waits += [outward.wait()] if pending and not full else []
        came = port.read(min(waits), wanted=len(arrived) < _BEHIND, room=full)
        arrived += there.hurt(came) if understood else _noise(came)


def _noise(data: bytes) -> bytes:
    """Returns the bytes that a receiver could read from `data` sent at another speed."""
    return bytes((byte * 73 + 41) & 0xFF | 0x80 for byte in data)


def _folder() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base) / f"firstspike-boards-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


@contextmanager
def shown(about: dict[str, Any]) -> Iterator[None]:
    """Makes `running_boards` list the board while the block runs."""
    path = _folder() / f"{os.getpid()}.json"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text(json.dumps({**about, "process": os.getpid()}))
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()


def running_boards() -> list[dict[str, Any]]:
    """Returns this user's virtual boards that run now: for each one url, backend, core and process."""
    found = []
    for path in sorted(_folder().glob("*.json")):
        with suppress(OSError, ValueError, TypeError, KeyError):
            about = json.loads(path.read_text())
            os.kill(int(about["process"]), 0)
            found.append(about)
    return found
