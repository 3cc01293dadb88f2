"""Text tables are aligned and formatted; the progress line is shown on a terminal only."""

import doctest
import io

import numpy as np
import pytest

from firstspike.report import ProgressLine, progress, table, tables


def test_the_example_of_the_documentation_holds() -> None:
    assert doctest.testmod(tables) == doctest.TestResults(failed=0, attempted=2)


def test_columns_are_chosen_aligned_and_formatted() -> None:
    rows = [
        {"name": "a", "n": np.int64(1234567), "share": np.float32(0.5), "ok": True},
        {"name": "longer", "n": None, "share": 12.345678, "ok": False},
    ]
    assert table(rows).splitlines() == [
        "name            n  share  ok",
        "------  ---------  -----  -----",
        "a       1,234,567    0.5  True",
        "longer          -  12.35  False",
    ]
    assert table(rows, ["share", "absent"]).splitlines() == [
        "share  absent",
        "-----  ------",
        "  0.5  -",
        "12.35  -",
    ]
    assert table([]) == "\n"
    assert table([], ["a"]) == "a\n-"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_progress_is_one_line_that_vanishes(clock: list[float]) -> None:
    terminal = Terminal()
    with ProgressLine("simulate", stream=terminal) as meter:
        meter(1, 10_000)  # too early to be shown
        clock[0] += 3
        meter(4_200, 10_000)
        clock[0] += 0.05
        meter(4_300, 10_000)  # too soon after the last one
        clock[0] += 300
        meter(5_000, 10_000)
        clock[0] += 1
        meter(10_000, 10_000)
        meter(10_000, 10_000)
    clear = "\r\x1b[K"
    assert terminal.getvalue() == (
        f"{clear}simulate  42 %  4,200 of 10,000  4 s left"
        f"{clear}simulate  50 %  5,000 of 10,000  5 min left"
        f"{clear}simulate 100 %  10,000 of 10,000{clear}"
    )


def test_progress_is_silent_without_a_terminal(clock: list[float]) -> None:
    stream = io.StringIO()
    with ProgressLine("simulate", stream=stream) as meter:
        clock[0] += 60
        meter(1, 2)
    assert stream.getvalue() == ""


def test_work_that_ends_soon_shows_no_meter(clock: list[float]) -> None:
    terminal = Terminal()
    with ProgressLine("simulate", stream=terminal) as meter:
        for n in range(10):
            meter(n, 10)
    assert terminal.getvalue() == ""


def test_work_without_a_measure_shows_its_label_at_once() -> None:
    for stream, shown in ((Terminal(), "\r\x1b[Kpreparing ..\r\x1b[K"), (io.StringIO(), "")):
        with ProgressLine("preparing", stream=stream) as meter:
            meter.waiting()
        assert stream.getvalue() == shown


def test_a_part_of_the_work_is_named_behind_the_label(clock: list[float]) -> None:
    terminal, clear = Terminal(), "\r\x1b[K"
    with ProgressLine("build", stream=terminal) as meter:
        meter(0, 0, "synthesis")
        clock[0] += 9
        meter(3, 10, "contents")  # the time left counts this part only
        clock[0] += 3
        meter(6, 10, "contents")
    assert terminal.getvalue() == (
        f"{clear}build: synthesis .."
        f"{clear}build: contents  30 %  3 of 10  0 s left"
        f"{clear}build: contents  60 %  6 of 10  2 s left{clear}"
    )
