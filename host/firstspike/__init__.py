"""firstspike deploys time-to-first-spike networks.

import firstspike

with firstspike.open("serial:///dev/ttyUSB0?baudrate=3000000") as board:
    board.load(deployment)
    for result in board.stream(events):
        print(result.answer)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firstspike_contract.common.progress import Progress

    from .board import AsyncBoard, Board

__version__ = "0.1.0"
__all__ = ["__version__", "open", "open_async"]


def open(url: str, *, timeout: float = 5.0, progress: "Progress | None" = None) -> "Board":
    """Opens the board at a URL: ``sim:``, ``rtl:``, ``serial:///dev/ttyUSB0``, ``socket://host:port`` (docs/boards.md).

    Use the board in `with`, or close it.

    timeout:  seconds without a result after which a stream raises BoardError.
    progress: called as progress(done, total) while simulated gateware is built, which takes minutes the first time.

    Raises UsageError if the URL is of an unknown kind, and BoardError if the board cannot be reached. The message of
    a BoardError says what to do.
    """
    from .board import open_board

    return open_board(url, timeout=timeout) if progress is None else open_board(url, timeout=timeout, progress=progress)


def open_async(url: str, *, timeout: float = 5.0) -> "AsyncBoard":
    """Returns a board for asyncio: ``async with firstspike.open_async(url) as board: ...``. See `open`."""
    from .board import AsyncBoard

    return AsyncBoard(url, timeout=timeout)
