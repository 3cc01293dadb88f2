"""A line to the simulated gateware. It runs on the gateware's clock: bytes take as long as on a real line."""

from collections.abc import Callable
from typing import Final

from firstspike_sim.rtl.board import RtlBoard

__all__ = ["RtlLine"]

_ROOM: Final = 4096  # bytes on their way to the board that the line holds, as the buffer of a port does
_LOW: Final = 512  # bytes left in that buffer when `exchange` returns for more
_GATHER: Final = 2000  # cycles simulated after a byte has come, to collect more of them, as a USB bridge does
_LEAST: Final = 200  # cycles simulated in any case


class RtlLine:
    """A line to a simulated board. See `link.Line`. The caller may also use `board` directly, for example to reset it.

    shortcut:  with `bulk` on, bytes go through the board's byte port, not the serial line, in a tenth of the time.
    on_reopen: called when the host opens the line again.
    """

    patience: float = 0.02  # short, because no operating system and no bridge delays bytes

    def __init__(self, board: RtlBoard, name: str = "rtl:", *, shortcut: bool = True) -> None:
        self.name, self.board = name, board
        self._shortcut, self._bulk = shortcut, False
        self.on_reopen: Callable[[], None] = lambda: None

    def now(self) -> float:
        """Returns the time on the board's clock, in seconds."""
        return self.board.seconds

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        """See `link.Line`."""
        board = self.board
        taken = min(len(data), max(0, _ROOM - board.queued))
        board.feed(data[:taken], by_port=self._bulk)
        cycles = max(_LEAST, round(timeout * board.clock)) if not taken else _LEAST
        board.run(cycles, wanted=1, queued=_LOW if taken < len(data) else None)
        if board.waiting:
            board.run(_GATHER)
        return taken, board.take()

    def bulk(self, on: bool) -> None:
        """See `link.Line`."""
        self._bulk = on and self._shortcut

    def reopen(self) -> None:
        """Drops the bytes that were still in the line. The board keeps its state."""
        self.board.unplug()
        self.on_reopen()

    def close(self) -> None:
        """Ends the simulation."""
        self.board.close()
