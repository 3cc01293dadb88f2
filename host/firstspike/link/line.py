"""The interface of a line, which carries bytes to and from a board: serial port, socket or simulation.

Tested by tests/host/link/test_lines.py.
"""

from typing import Final, Protocol

from firstspike_contract.common.errors import FirstspikeError

__all__ = ["BoardError", "Line", "LineLost"]

MAX_READ: Final = 65536


class BoardError(FirstspikeError):
    """A board cannot be reached, refuses a request or misbehaves. The message says what to do."""


class LineLost(BoardError):
    """The line broke while in use: a cable was pulled, or the program at the other end has ended."""


class Line(Protocol):
    """A line carries bytes both ways, in order. Bytes may be damaged or lost.

    name:     the name that the user gave the line, for messages.
    patience: seconds in which the answer to a short frame should come.
    """

    name: str
    patience: float

    def now(self) -> float:
        """Returns the time on the line's clock, in seconds. Time-outs use it; a simulated board has its own clock."""
        ...

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        """Sends bytes of `data` as far as there is room. Returns the number taken, and the bytes received.

        Waits up to `timeout` seconds if nothing can be taken and nothing was received. Raises LineLost.
        """
        ...

    def bulk(self, on: bool) -> None:
        """Says whether many bytes follow whose timing does not matter. A simulation may then take a shortcut."""
        ...

    def reopen(self) -> None:
        """Opens the line again after LineLost. Bytes that were on their way are lost. Raises BoardError."""
        ...

    def close(self) -> None:
        """Closes the line. A second call does nothing."""
        ...
