"""What a board is reached by: registers, and images in, answers out, in order and once. `Board` stands on this alone.

The framed session over a serial line or a socket is one transport (link.framed); another bus is another, and a stand-in
for a test a third.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EventSet
from firstspike_contract.core.access import RegisterAccess

__all__ = ["ATTEMPTS", "Answered", "Identity", "ImageStream", "Transport", "TransportLost"]


ATTEMPTS: Final = 10  # times that a task is begun again after the board was lost, nothing achieved in between


class TransportLost(Exception):
    """What was in flight is lost, and the board may have been reset: `reopen`, and do it again."""


class Answered(NamedTuple):
    """One image's result packet and the beats of its trace, as bytes."""

    packet: bytes
    trace: bytes


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a board says of itself when it is reached.

    clock:         hertz.
    configuration: a Configuration, the state that images meet.
    name:          of the network that it holds; 0: none.
    """

    clock: int
    configuration: int
    name: int


class ImageStream(Protocol):
    """Images to a board and their answers from it."""

    def chunks(
        self,
        events: EventSet,
        addresses: int,
        *,
        flags: int,
        timeout: float,
        renew: Callable[[], None],
        labels: NDArray[np.int64] | None = None,
        once: bool = False,
    ) -> Iterator[tuple[int, list[Answered]]]:
        """Answers in the order of images, as they come: (number of the first, answers). Each image is answered once.

        addresses: external addresses of the network. flags: of the image header.
        timeout:   seconds without an answer before BoardError.
        renew:     begins anew after TransportLost, so that the board holds what it held.
        labels:    int64 ``[N]``, to be sent too.
        once:      no image is sent a second time, as one that learns must not be: TransportLost then ends the stream.
        Raises BoardError: images are refused, no answer in time, the transport is lost again and again.
        """
        ...


class Transport(Protocol):
    """A board within reach. Every call may raise BoardError, and TransportLost.

    name:      what the user called it, for messages.
    registers: of the core, and of the link beside it.
    images:    images in, answers out.
    identity:  what the board said when it was last reached.
    """

    name: str

    @property
    def registers(self) -> RegisterAccess: ...
    @property
    def images(self) -> ImageStream: ...
    @property
    def identity(self) -> Identity: ...

    def reopen(self) -> None:
        """Begins anew after TransportLost; what was in flight is forgotten."""
        ...

    def now(self) -> float:
        """Seconds on the transport's clock: a simulated board has its own."""
        ...

    def bulk(self, on: bool) -> None:
        """Until further notice much is sent whose time does not matter: a simulation may take a shortcut."""
        ...

    def figures(self) -> dict[str, Any]:
        """EndpointCounts of this end, by name, for `Board.status`."""
        ...

    @property
    def sent_bytes(self) -> int:
        """Bytes sent since the transport was last opened, protocol and all."""
        ...

    def close(self) -> None:
        """Gives the board back; a second time does nothing."""
        ...
