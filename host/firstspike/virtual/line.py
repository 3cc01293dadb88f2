"""A line to a board in this process, with a clock of its own: no waiting, and the same course every time."""

from collections.abc import Callable
from typing import Final, Protocol

from firstspike_contract.link.timing import BITS_PER_BYTE
from firstspike_contract.link.wire import HOST_BUFFER

__all__ = ["Device", "VirtualLine"]

_ROOM: Final = 256  # bytes that a direction takes at once, if they take time
_TICK: Final = 1e-6  # seconds that a look without waiting takes


class Device(Protocol):
    """The far end: what `ModelBoard` and the simulated gateware are. room: bytes that it takes now."""

    @property
    def room(self) -> int: ...
    def receive(self, data: bytes, now: float) -> None: ...
    def transmit(self, now: float, room: int) -> bytes: ...
    def deadline(self) -> float | None: ...


class VirtualLine:
    """See `link.Line`. baudrate: how much time bytes take on its clock; None: none at all.

    on_reopen: called when the host opens the line once more.
    """

    patience: float = 0.25

    def __init__(self, device: Device, name: str, *, baudrate: int | None = None) -> None:
        self.name, self._device = name, device
        self._byte = 0.0 if baudrate is None else BITS_PER_BYTE / baudrate
        self._now = 0.0
        self._free = [0.0, 0.0]  # when each direction has carried what it was given
        self.on_reopen: Callable[[], None] = lambda: None

    def now(self) -> float:
        """Seconds on its own clock."""
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
        """There is no shortcut."""

    def reopen(self) -> None:
        """The board has gone on; what was in the line is lost."""
        self.on_reopen()

    def close(self) -> None:
        """Nothing to give back."""

    def _carry(self, way: int, wanted: int) -> int:
        """How many of `wanted` bytes a direction takes now: a few at once, as a port's buffer does."""
        if not self._byte:
            return min(wanted, HOST_BUFFER)
        return min(wanted, _ROOM) if self._free[way] <= self._now else 0

    def _wait(self, timeout: float) -> None:
        """Lets time pass until something can happen, `timeout` seconds at most."""
        later = [self._now + max(timeout, _TICK), *self._free]
        if (due := self._device.deadline()) is not None:
            later.append(due)
        self._now = min(when for when in later if when > self._now)
