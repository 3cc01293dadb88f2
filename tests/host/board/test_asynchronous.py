"""AsyncBoard gives the same answers as Board, waits for slow readers, and handles cancellation and errors."""

import asyncio

import pytest
from board_cases import events, expected, network
from served import served

import firstspike
from firstspike.board import AsyncBoard, BoardError

NET = network()
IMAGES = events(600)
WANT = expected(NET, IMAGES).results["class"].tolist()


def test_answers_equal_those_of_the_model_while_other_tasks_run() -> None:
    async def main() -> tuple[list[int], int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        other = asyncio.create_task(tick())
        async with firstspike.open_async(port.url) as board:
            await board.load(NET, name=3)
            answers = [result.answer async for result in board.stream(IMAGES)]
            assert (await board.run(IMAGES)).packets["class"].tolist() == answers
            assert await board.load(NET, name=3, if_needed=True) is False
            assert (await board.status())["configuration"] == "valid"
            await board.verify()
            assert (await board.unload()).sizes == NET.sizes
        other.cancel()
        return answers, ticks

    with served("pty") as port:
        answers, ticks = asyncio.run(main())
    assert answers == WANT
    assert ticks > 5


def test_a_slow_reader_slows_the_board_down() -> None:
    async def main() -> int:
        async with firstspike.open_async("sim:small") as board:
            await board.load(NET)
            stream = board.stream(events(20_000))
            await anext(stream)
            await asyncio.sleep(0.3)
            taken = board._opened().sent_bytes
            await stream.aclose()
            return taken

    assert asyncio.run(main()) < 60_000  # 20,000 images take 5 bytes each, and their frames come on top


def test_a_board_closes_although_a_stream_is_still_open() -> None:
    async def main() -> None:
        async with firstspike.open_async("sim:small") as board:
            await board.load(NET)
            stream = board.stream(events(20_000))
            await anext(stream)
            raise LookupError("the reader fails")

    with pytest.raises(LookupError, match="the reader fails"):
        asyncio.run(asyncio.wait_for(main(), 20))


def test_a_cancelled_stream_abandons_its_images_and_the_board_stays_usable() -> None:
    async def read(board: AsyncBoard, got: list[int]) -> None:
        async for result in board.stream(IMAGES):
            got.append(result.answer)
            await asyncio.sleep(0.001)

    async def main() -> list[int]:
        async with firstspike.open_async("sim:small") as board:
            await board.load(NET)
            got: list[int] = []
            task = asyncio.create_task(read(board, got))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert got == WANT[: len(got)]
            assert 0 < len(got) < len(WANT)
            return [result.answer async for result in board.stream(IMAGES)]

    assert asyncio.run(main()) == WANT


def test_errors_are_raised_in_the_awaiting_task() -> None:
    async def refused() -> None:
        async with firstspike.open_async("sim:small") as board:
            async for _ in board.stream(IMAGES):
                pass

    with pytest.raises(BoardError, match=r"^no network was loaded by this program"):
        asyncio.run(refused())

    async def absent() -> None:
        async with firstspike.open_async("/dev/ttyNONE0"):
            pass

    with pytest.raises(BoardError, match=r"^there is no serial port /dev/ttyNONE0"):
        asyncio.run(absent())

    async def closed() -> None:
        await firstspike.open_async("sim:small").status()

    with pytest.raises(RuntimeError, match=r"^the board is not open; use it in `async with"):
        asyncio.run(closed())
