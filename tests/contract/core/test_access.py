"""The accesses of a task reach the registers in order, the answers reach the task, and an error ends it."""

import asyncio
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

from firstspike_contract.core.access import (
    Access,
    Flush,
    Read,
    ReadWords,
    Scan,
    Task,
    Wait,
    Write,
    perform,
    perform_async,
)

WORDS = np.array([1, 2], np.uint32)
EVERY: tuple[tuple[Access, tuple[Any, ...]], ...] = (
    (Write(4, WORDS), ("write", 4, WORDS)),
    (Read((8, 12)), ("read", (8, 12))),
    (ReadWords(16, 3), ("read_words", 16, 3)),
    (Scan(16, 5), ("scan", 16, 5)),
    (Wait(2), ("wait", 2)),
    (Flush(), ("flush",)),
)


class Recorded:
    """Registers that record every call and answer with the number of the call. Reads of address 99 fail."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> int:
            if arguments == ((99,),):
                raise ConnectionError("gone")
            self.calls.append((name, *arguments))
            return len(self.calls)

        return call


class Awaited(Recorded):
    """Registers like Recorded, whose methods are coroutines."""

    def __getattr__(self, name: str) -> Any:
        plain = super().__getattr__(name)

        async def call(*arguments: Any) -> int:
            return int(plain(*arguments))

        return call


def run(task: Task[Any]) -> tuple[Any, Recorded]:
    registers: Any = Recorded()
    return perform(task, registers), registers


def run_async(task: Task[Any]) -> tuple[Any, Recorded]:
    registers: Any = Awaited()
    return asyncio.run(perform_async(task, registers)), registers


def everything() -> Task[list[int]]:
    answers = []
    for access, _ in EVERY:
        answers.append((yield access))
    return answers


@pytest.mark.parametrize("way", [run, run_async])
def test_every_access_calls_its_method_and_returns_its_answer(way: Any) -> None:
    answers, registers = way(everything())
    assert answers == [1, 2, 3, 4, 5, 6]
    assert registers.calls == [call for _, call in EVERY]


@pytest.mark.parametrize("way", [run, run_async])
def test_a_task_without_accesses_returns_its_result(way: Any) -> None:
    def task() -> Generator[Access, Any, str]:
        return "done"
        yield

    result, registers = way(task())
    assert (result, registers.calls) == ("done", [])


@pytest.mark.parametrize("way", [run, run_async])
def test_an_error_of_an_access_ends_the_task(way: Any) -> None:
    reached = []

    def task() -> Task[None]:
        yield Read((99,))
        reached.append("after")

    with pytest.raises(ConnectionError, match=r"^gone$"):
        way(task())
    assert reached == []
