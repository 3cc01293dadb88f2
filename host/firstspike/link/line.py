"""What carries bytes to a board: one small interface, with a serial port, a socket or a simulation behind it."""

from typing import Final, Protocol

from firstspike_contract.common.errors import FirstspikeError

__all__ = ["BoardError", "Line", "LineLost"]

MAX_READ: Final = 65536


class BoardError(FirstspikeError):
    """A board cannot be reached, refuses, or does not do what it should; the message says what to do."""


class LineLost(BoardError):
    """The line broke while in use: a cable pulled, a program at the other end gone."""


class Line(Protocol):
    """Bytes both ways, in order, possibly damaged or lost.

    name:     what the user called it, for messages.
    patience: seconds in which an answer to a short frame is to be expected.
    """

    name: str
    patience: float

    def now(self) -> float:
        """Seconds on the clock that its time-outs run on: a simulated board has its own."""
        ...

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        """Takes as many of `data` as there is room for and returns their number, and what has come.

        Waits up to `timeout` seconds if nothing can be taken and nothing has come. Raises LineLost.
        """
        ...

    def bulk(self, on: bool) -> None:
        """Until further notice much is sent whose time does not matter: a simulation may take a shortcut."""
        ...

    def reopen(self) -> None:
        """After LineLost: once more from the start, forgetting what was on the way. Raises BoardError."""
        ...

    def close(self) -> None:
        """Ends it; a second time does nothing."""
        ...
