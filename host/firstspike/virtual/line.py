"""A line to a board in this process. Its simulated clock makes waiting free and every run repeatable."""

from collections.abc import Callable
from typing import Final, Protocol

from firstspike_contract.link.timing import BITS_PER_BYTE
from firstspike_contract.link.wire import HOST_BUFFER

__all__ = ["Device", "VirtualLine"]

_ROOM: Final = 256  # bytes that one direction takes at once, on a line with a speed
_TICK: Final = 1e-6  # seconds that pass at least when nothing is exchanged


class Device(Protocol):
    """The far end of a line: `ModelBoard`, or the simulated gateware. Times are in seconds.

    room:     number of bytes that `receive` takes now.
    receive:  takes bytes from the line.
    transmit: returns bytes for the line, about `room` at most.
    deadline: time at which `transmit` should be called though nothing was received; None means no such time.
    """

    @property
    def room(self) -> int: ...
    def receive(self, data: bytes, now: float) -> None: ...
    def transmit(self, now: float, room: int) -> bytes: ...
    def deadline(self) -> float | None: ...


class VirtualLine:
    """A line to a device in this process. See `link.Line`.

    baudrate:  sets the time that a byte takes on the line's clock; None means that bytes take no time.
    on_reopen: called when the host opens the line again.
    """

    patience: float = 0.25

    def __init__(self, device: Device, name: str, *, baudrate: int | None = None) -> None:
        self.name, self._device = name, device
        self._byte = 0.0 if baudrate is None else BITS_PER_BYTE / baudrate
        self._now = 0.0
        self._free = [0.0, 0.0]  # for each direction: time at which it has carried all its bytes
        self.on_reopen: Callable[[], None] = lambda: None

    def now(self) -> float:
        """Returns the time on the line's own clock, in seconds."""
        return self._now

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        """See `link.Line`."""
        taken = self._carry(0, len(data))
        self._device.receive(data[:taken], self._now)
        came = self._device.transmit(self._now, self._carry(1, HOST_BUFFER))
        if self._byte:
            self._free[0] = max(self._free[0], self._now) + taken * self._byte
            self._free[1] = max(self._free[1], self._now) + len(came) * self._byte
        if not taken and not came:
            self._wait(timeout)
        return taken, came

    def bulk(self, on: bool) -> None:
        """Does nothing: this line has no shortcut."""

    def reopen(self) -> None:
        """Calls `on_reopen`. The line holds no bytes that could be lost; the board keeps its state."""
        self.on_reopen()

    def close(self) -> None:
        """Does nothing: the line holds no resource."""

    def _carry(self, way: int, wanted: int) -> int:
        """Returns how many of `wanted` bytes a direction takes now. Like a port's buffer, it takes a few at once."""
        if not self._byte:
            return min(wanted, HOST_BUFFER)
        return min(wanted, _ROOM) if self._free[way] <= self._now else 0

    def _wait(self, timeout: float) -> None:
        """Lets time pass until something can happen, `timeout` seconds at most."""
        later = [self._now + max(timeout, _TICK), *self._free]
        if (due := self._device.deadline()) is not None:
            later.append(due)
        self._now = min(when for when in later if when > self._now)
