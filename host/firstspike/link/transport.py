"""The interface of a transport, through which `Board` reaches a board: registers, images in and answers out.

A transport delivers everything in order and once. A session of frames over a line (link.framed) is one transport;
another bus, or a substitute in a test, is another.

Tested by tests/host/board/test_board.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EventSet
from firstspike_contract.core.access import RegisterAccess

__all__ = ["ATTEMPTS", "Answered", "Identity", "ImageStream", "Transport", "TransportLost"]


ATTEMPTS: Final = 10  # times that a task is begun again after the board was lost, without any progress


class TransportLost(Exception):
    """Everything in flight is lost, and the board may have been reset: call `reopen`, then repeat the work."""


class Answered(NamedTuple):
    """The answer to one image. packet: its result packet, as bytes. trace: the beats of its trace, as bytes."""

    packet: bytes
    trace: bytes


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The description that a board gives of itself when a session is opened.

    clock:         clock frequency, hertz.
    configuration: a Configuration; it decides whether the board takes images.
    name:          number that identifies the network that the board holds; 0 means none.
    """

    clock: int
    configuration: int
    name: int


class ImageStream(Protocol):
    """Sends images to a board and receives their answers."""

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
        """Yields answers as they come, in the order of the images: (number of the first, answers).

        Each image is answered once.

        addresses: number of external addresses of the network.
        flags:     flags of the image header.
        timeout:   seconds without an answer before BoardError.
        renew:     called after TransportLost; it opens a new session and restores the network on the board.
        labels:    int64 ``[N]``, sent with the images; None sends no labels.
        once:      no image is sent twice, which learning images require; TransportLost then ends the stream.

        Raises BoardError if images are refused, no answer comes in time, or the transport is lost again and again.
        """
        ...


class Transport(Protocol):
    """A connection to a board. Every call may raise BoardError and TransportLost.

    name:      the name that the user gave the board, for messages.
    registers: access to the registers of the core and of the link.
    images:    sends images and receives answers.
    identity:  the board's description of itself, from the last opening.
    """

    name: str

    @property
    def registers(self) -> RegisterAccess: ...
    @property
    def images(self) -> ImageStream: ...
    @property
    def identity(self) -> Identity: ...

    def reopen(self) -> None:
        """Opens the connection again after TransportLost, with nothing in flight."""
        ...

    def now(self) -> float:
        """Returns the time on the transport's clock, in seconds. A simulated board has its own clock."""
        ...

    def bulk(self, on: bool) -> None:
        """Says whether many bytes follow whose timing does not matter. A simulation may then take a shortcut."""
        ...

    def figures(self) -> dict[str, Any]:
        """Returns counts of this end by name, for `Board.status`; those of an EndpointCounts and further ones."""
        ...

    @property
    def sent_bytes(self) -> int:
        """Number of bytes sent since the transport was last opened, those of the protocol included."""
        ...

    def close(self) -> None:
        """Closes the connection. A second call does nothing."""
        ...
