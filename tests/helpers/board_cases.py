"""A small network, images for it, a model board, and a line that does something at a given byte."""

from collections.abc import Callable
from typing import Any

import numpy as np
from networks import layer_of, network_of, set_of

from firstspike.board import Board
from firstspike.link.faults import Faults, FaultyLine
from firstspike.link.framed import FramedTransport
from firstspike.virtual import ModelBoard, VirtualLine
from firstspike_contract import CONFIGS, EVENT, Batch, EventSet, Network, evaluate_set

SMALL = CONFIGS["small"]


def network(seed: int = 1, *, inputs: int = 40, hidden: int = 24, classes: int = 5) -> Network:
    """Returns a network of the linear kernel with random weights, whose images are decided at many different steps."""
    rng = np.random.default_rng(seed)
    shapes = ((inputs, hidden, 400), (hidden, classes, 300))
    return network_of(*(layer_of(rng.integers(-40, 80, (n_in, n)), theta=theta) for n_in, n, theta in shapes))


def events(count: int, *, seed: int = 2, inputs: int = 40, graded: bool = False) -> EventSet:
    """Returns images of random bright inputs, without labels, at step 0 or, if `graded`, at steps 0 to 15."""
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(count):
        x = np.flatnonzero(rng.random(inputs) < rng.random())
        image = np.zeros(len(x), EVENT)
        image["x"] = x
        if graded:
            image["t"] = np.sort(rng.integers(0, 16, len(x)))
        images.append(image)
    return set_of(images)


def expected(net: Network, images: EventSet) -> Batch:
    return evaluate_set(net, images)


class Around:
    """A line around another line. A subclass changes `exchange`; all else goes to the other line."""

    def __init__(self, line: Any) -> None:
        self.line = line
        self.name, self.patience = line.name, line.patience

    def now(self) -> float:
        return self.line.now()

    def bulk(self, on: bool) -> None:
        self.line.bulk(on)

    def reopen(self) -> None:
        self.line.reopen()

    def close(self) -> None:
        self.line.close()


class At(Around):
    """A line that calls `action` once, when `after` bytes have been sent to the board."""

    def __init__(self, line: Any, after: int, action: Callable[[], None]) -> None:
        super().__init__(line)
        self.left, self.action, self.done = after, action, False

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        if not self.done and self.left <= 0:
            self.done = True
            self.action()
        part = data if self.done else data[: max(1, self.left)]
        taken, came = self.line.exchange(part, timeout)
        self.left -= taken
        return taken, came


def open_small(*, faults: Faults | None = None, baudrate: int | None = 12_000_000) -> tuple[Board, ModelBoard]:
    """Returns a `Board` and the model board behind its line."""
    device = ModelBoard(SMALL)
    line: Any = VirtualLine(device, "sim:small", baudrate=baudrate)
    if faults is not None:
        line = FaultyLine(line, faults, sleep=lambda seconds: None)
    return Board(FramedTransport(line)), device
