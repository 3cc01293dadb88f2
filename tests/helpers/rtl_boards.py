"""Simulated boards with the small core, lines that disturb them, and a comparison of their answers with the model."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from board_cases import SMALL, Around, events, expected, network

from firstspike.board import Board
from firstspike.virtual.rtl_line import RtlLine
from firstspike_contract import EventSet
from firstspike_sim.rtl import runs
from firstspike_sim.rtl.board import RtlBoard

__all__ = ["NET", "PATIENCE", "At", "right", "simulated", "streamed"]

NET = network()
# Cycles to send two full buffers on the fastest line, and a few more. Real boards wait 20 ms longer.
PATIENCE = 400_000


@contextmanager
def simulated(**how: Any) -> Iterator[RtlBoard]:
    """Yields a simulated board with the small core; skips the test where none can be simulated."""
    if reason := runs():
        pytest.skip(reason)
    with RtlBoard(SMALL, patience=PATIENCE, **how) as board:
        yield board


class At(Around):
    """An RtlLine that calls `action` whenever the next number of `cycles` has passed, whatever the board does then."""

    def __init__(self, line: RtlLine, cycles: Iterator[int], action: Callable[[], None]) -> None:
        super().__init__(line)
        self.action, self.done, self._cycles = action, 0, cycles
        self._next = line.board.cycles + next(cycles)

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        board = self.line.board
        if board.cycles >= self._next:
            self.action()
            self.done += 1
            self._next = board.cycles + next(self._cycles)
        left = max(1, self._next - board.cycles)
        return self.line.exchange(data, min(timeout, left / board.clock))


def streamed(board: Board, count: int, *, seed: int = 1, spikes: bool = True, graded: bool = False) -> None:
    """Streams random images through a loaded board; every answer must be the model's, with `spikes` every spike too."""
    right(board, events(count, seed=seed, graded=graded), spikes=spikes)


def right(board: Board, images: EventSet, *, spikes: bool = True) -> None:
    """Asserts that no answer is wrong, lost or doubled."""
    answers, want = board.run(images, spikes=spikes), expected(NET, images)
    assert len(answers) == len(images)
    assert answers.packets["tag"].tolist() == [n & 0xFF for n in range(len(images))]
    for name in ("class", "step", "spikes_input", "spikes_hidden", "spikes_output", "events_dropped", "events_refused"):
        assert (answers.packets[name] == want.results[name]).all(), name
    if spikes:
        assert answers.batch is not None
        assert (answers.batch.results == want.results).all()
        assert all((a == b).all() for a, b in zip(answers.batch.times, want.times, strict=True))
