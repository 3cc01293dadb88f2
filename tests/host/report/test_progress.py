"""Tests the progress line with a clock that the test moves: when it appears, its text, and that it vanishes."""

import io

import pytest

from firstspike.report.progress import INTERVAL, QUIET, ProgressLine


class Terminal(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, *, terminal: bool = True) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def take(self) -> str:
        """Returns the text written since the last call, without the code that clears the line."""
        said = self.getvalue().replace("\r\x1b[K", "|")
        self.seek(0)
        self.truncate()
        return said


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Returns a list whose only entry is the time."""
    now = [100.0]
    monkeypatch.setattr("firstspike.report.progress.time.monotonic", lambda: now[0])
    return now


def test_short_work_shows_nothing(clock: list[float]) -> None:
    stream = Terminal()
    with ProgressLine("work", stream=stream) as progress:
        clock[0] += QUIET - 0.01
        progress(1, 2)
    assert stream.take() == ""


def test_a_stream_that_is_no_terminal_gets_nothing(clock: list[float]) -> None:
    stream = Terminal(terminal=False)
    with ProgressLine("work", stream=stream) as progress:
        clock[0] += 99
        progress.waiting()
        progress(1, 2)
    assert stream.take() == ""


def test_the_line_is_drawn_now_and_then_and_cleared(clock: list[float]) -> None:
    stream = Terminal()
    with ProgressLine("work", stream=stream) as progress:
        clock[0] += 10
        progress(2500, 10000)
        assert stream.take() == "|work  25 %  2,500 of 10,000  30 s left"
        progress(2501, 10000)
        assert stream.take() == "", "the line must not be updated so soon"
        clock[0] += INTERVAL
        progress(9999, 10000)
        assert stream.take() == "|work  99 %  9,999 of 10,000  0 s left"
    assert stream.take() == "|"


@pytest.mark.parametrize(
    ("done", "seconds", "text"),
    [
        (0, 5, "  0 %  0 of 4"),
        (4, 5, "100 %  4 of 4"),
        (1, 33, " 25 %  1 of 4  99 s left"),
        (1, 40, " 25 %  1 of 4  2 min left"),
    ],
)
def test_the_time_that_is_left(done: int, seconds: float, text: str, clock: list[float]) -> None:
    stream = Terminal()
    progress = ProgressLine("work", stream=stream)
    clock[0] += seconds
    progress(done, 4)
    assert stream.take() == f"|work {text}"


def test_each_part_has_its_own_time(clock: list[float]) -> None:
    stream = Terminal()
    progress = ProgressLine("work", stream=stream)
    clock[0] += 60
    progress(0, 2, "second part")
    stream.take()
    clock[0] += 5
    progress(1, 2, "second part")
    assert stream.take() == "|work: second part  50 %  1 of 2  5 s left"


def test_work_of_unknown_size_is_shown_at_once(clock: list[float]) -> None:
    stream = Terminal()
    progress = ProgressLine("work", stream=stream)
    progress.waiting()
    progress(0, 0, "linking")
    assert stream.take() == "|work ..|work: linking .."
