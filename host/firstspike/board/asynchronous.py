"""A board for asyncio. Its methods are those of `Board`, awaited; a separate thread waits for the line."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from firstspike_contract import CoreConfig, EventSet, Network

from .board import TIMEOUT, Board
from .opening import open_board
from .results import Answers, Result

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment

__all__ = ["AsyncBoard"]

_AHEAD: Final = 256  # results that may wait for their reader; beyond them the board waits too
_AT_ONCE: Final = 64  # results that the thread hands to the event loop together
_LOOK: Final = 0.05  # seconds between two checks whether the stream is still wanted

_T = TypeVar("_T")


class AsyncBoard:
    """A board for asyncio. Use it in `async with`.

    Calls queue up, and one at a time reaches the board. Cancelling a stream abandons its images. The methods raise
    the same errors as those of `Board`.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        self._url, self._timeout = url, timeout
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="firstspike")
        self._board: Board | None = None
        self._streams: set[threading.Event] = set()  # one for each open stream; set when the stream is unwanted

    async def __aenter__(self) -> Self:
        self._board = await self._do(lambda: open_board(self._url, timeout=self._timeout))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connection and ends streams that are still open. The board keeps its network."""
        for unwanted in self._streams:
            unwanted.set()
        if self._board is not None:
            board, self._board = self._board, None
            await self._do(board.close)
        self._thread.shutdown(wait=False)

    @property
    def config(self) -> CoreConfig:
        """The configuration with which the board's core was built."""
        return self._opened().config

    async def load(self, what: "Deployment | Network", *, name: int | None = None, if_needed: bool = False) -> bool:
        """See Board.load."""
        board = self._opened()
        return await self._do(lambda: board.load(what, name=name, if_needed=if_needed))

    async def run(self, events: EventSet, *, spikes: bool = False, run_on: bool = False) -> Answers:
        """See Board.run."""
        board = self._opened()
        return await self._do(lambda: board.run(events, spikes=spikes, run_on=run_on))

    async def verify(self) -> None:
        """See Board.verify."""
        await self._do(self._opened().verify)

    async def unload(self) -> Network:
        """See Board.unload."""
        return await self._do(self._opened().unload)

    async def status(self) -> dict[str, Any]:
        """See Board.status."""
        return await self._do(self._opened().status)

    async def stream(
        self, events: EventSet, *, spikes: bool = False, run_on: bool = False, timeout: float | None = None
    ) -> AsyncIterator[Result]:
        """See Board.stream. At most a few hundred results wait for their reader: a slow reader slows the board down."""
        board, loop = self._opened(), asyncio.get_running_loop()
        ready: queue.Queue[list[Result] | None] = queue.Queue(_AHEAD // _AT_ONCE)
        arrived, unwanted = asyncio.Event(), threading.Event()
        self._streams.add(unwanted)

        def hand_over(results: list[Result] | None) -> None:
            while not unwanted.is_set():
                try:
                    ready.put(results, timeout=_LOOK)
                    break
                except queue.Full:
                    continue
            loop.call_soon_threadsafe(arrived.set)

        def work() -> None:
            try:
                held: list[Result] = []
                with closing(board.stream(events, spikes=spikes, run_on=run_on, timeout=timeout)) as results:
                    for result in results:
                        held.append(result)
                        if len(held) >= _AT_ONCE or ready.empty():
                            hand_over(held)
                            held = []
                        if unwanted.is_set():
                            return
                if held:
                    hand_over(held)
            finally:
                hand_over(None)

        task = loop.run_in_executor(self._thread, work)
        try:
            while True:
                await arrived.wait()
                arrived.clear()
                while not ready.empty():
                    results = ready.get_nowait()
                    if results is None:
                        await task  # raises the error of `work`, if there was one
                        return
                    for result in results:
                        yield result
        finally:
            unwanted.set()
            self._streams.discard(unwanted)

    async def _do(self, task: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, task)

    def _opened(self) -> Board:
        if self._board is None:
            raise RuntimeError("the board is not open; use it in `async with firstspike.open_async(url) as board:`")
        return self._board
