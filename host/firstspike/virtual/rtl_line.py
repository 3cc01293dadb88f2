"""A line to the simulated gateware, on its clock: bytes take the time that they take on a real one."""

from collections.abc import Callable
from typing import Final

from firstspike_sim.rtl.board import RtlBoard

__all__ = ["RtlLine"]

_ROOM: Final = 4096  # bytes that it holds for the board, as the buffer of a port does
_LOW: Final = 512  # bytes left of them when more are asked for
_GATHER: Final = 2000  # cycles that it goes on for once something has come: what a USB bridge does
_LEAST: Final = 200  # cycles that a look without waiting takes


class RtlLine:
    """See `link.Line`. `board` may be reset or read beside it.

    shortcut: in `bulk`, bytes do not take the serial line but the board's byte port, a tenth of the time.
    on_reopen: called when the host opens the line once more.
    """

    patience: float = 0.02  # no operating system and no bridge is in the way

    def __init__(self, board: RtlBoard, name: str = "rtl:", *, shortcut: bool = True) -> None:
        self.name, self.board = name, board
        self._shortcut, self._bulk = shortcut, False
        self.on_reopen: Callable[[], None] = lambda: None

    def now(self) -> float:
        """Seconds of the board's clock."""
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
        """The board has gone on; what was still in the line is lost."""
        self.board.unplug()
        self.on_reopen()

    def close(self) -> None:
        """Ends the simulation."""
        self.board.close()
