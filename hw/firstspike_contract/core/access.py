"""Accesses to the registers of a core as data, and functions that perform them.

A task is a generator that yields accesses and receives their answers. `perform` runs a task on a `RegisterAccess`,
`perform_async` on an asynchronous one. A task and its tests need no board.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Access",
    "AsyncRegisterAccess",
    "Flush",
    "Read",
    "ReadWords",
    "RegisterAccess",
    "Scan",
    "Task",
    "Wait",
    "Write",
    "perform",
    "perform_async",
]

T = TypeVar("T")


class RegisterAccess(Protocol):
    """A way to reach registers. Accesses take effect in the order of the calls. Addresses count bytes."""

    def write(self, address: int, words: NDArray[np.uint32]) -> None:
        """Writes words to one register, one after the other."""
        ...

    def read(self, addresses: Sequence[int]) -> list[int]:
        """Returns one word of each register."""
        ...

    def read_words(self, address: int, count: int) -> NDArray[np.uint32]:
        """Returns `count` words of one register, read one after the other."""
        ...

    def scan(self, address: int, count: int) -> None:
        """Makes the core read `count` words of one register, for MEM_CRC, without returning them."""
        ...

    def wait(self, waited: int) -> None:
        """Lets some time pass for the core to become idle.

        waited: number of waits before this one. Raises if the core has had time enough.
        """
        ...

    def flush(self) -> float:
        """Waits until everything written has arrived. Returns the time on the connection's own clock, in seconds."""
        ...


class AsyncRegisterAccess(Protocol):
    """RegisterAccess with coroutines, for a bench that is a coroutine itself."""

    async def write(self, address: int, words: NDArray[np.uint32]) -> None: ...
    async def read(self, addresses: Sequence[int]) -> list[int]: ...
    async def read_words(self, address: int, count: int) -> NDArray[np.uint32]: ...
    async def scan(self, address: int, count: int) -> None: ...
    async def wait(self, waited: int) -> None: ...
    async def flush(self) -> float: ...


@dataclass(frozen=True)
class Write:
    """See RegisterAccess.write."""

    address: int
    words: NDArray[np.uint32]

    def on(self, registers: Any) -> Any:
        """Calls the method of `registers` that performs the access."""
        return registers.write(self.address, self.words)


@dataclass(frozen=True)
class Read:
    """See RegisterAccess.read."""

    addresses: tuple[int, ...]

    def on(self, registers: Any) -> Any:
        """Calls the method of `registers` that performs the access."""
        return registers.read(self.addresses)


@dataclass(frozen=True)
class ReadWords:
    """See RegisterAccess.read_words."""

    address: int
    count: int

    def on(self, registers: Any) -> Any:
        """Calls the method of `registers` that performs the access."""
        return registers.read_words(self.address, self.count)


@dataclass(frozen=True)
class Scan:
    """See RegisterAccess.scan."""

    address: int
    count: int

    def on(self, registers: Any) -> Any:
        """Calls the method of `registers` that performs the access."""
        return registers.scan(self.address, self.count)


@dataclass(frozen=True)
class Wait:
    """See RegisterAccess.wait."""

    waited: int

    def on(self, registers: Any) -> Any:
        """Calls the method of `registers` that performs the access."""
        return registers.wait(self.waited)


@dataclass(frozen=True)
class Flush:
    """See RegisterAccess.flush."""

    def on(self, registers: Any) -> Any:
        """Calls the method of `registers` that performs the access."""
        return registers.flush()


Access = Write | Read | ReadWords | Scan | Wait | Flush
Task = Generator[Access, Any, T]


def perform(task: Task[T], registers: RegisterAccess) -> T:
    """Runs a task on registers and returns its result. An exception of an access ends the task."""
    answer: Any = None
    while True:
        try:
            access = task.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result
        answer = access.on(registers)


async def perform_async(task: Task[T], registers: AsyncRegisterAccess) -> T:
    """Runs a task as `perform` does, for a bench that is a coroutine."""
    answer: Any = None
    while True:
        try:
            access = task.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result
        answer = await access.on(registers)
