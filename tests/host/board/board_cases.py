"""A small network, images for it, a model board, and lines to it that misbehave on time."""

from collections.abc import Callable
from typing import Any

import numpy as np

from firstspike.board import Board
from firstspike.link.faults import Faults, FaultyLine
from firstspike.link.framed import FramedTransport
from firstspike.virtual import ModelBoard, VirtualLine
from firstspike_contract import CONFIGS, EVENT, Batch, EventSet, Layer, Network, evaluate_set, kernel_tables

SMALL = CONFIGS["small"]


def network(seed: int = 1, *, inputs: int = 40, hidden: int = 24, classes: int = 5) -> Network:
    """A linear network of random weights that decides at all sorts of steps."""
    rng = np.random.default_rng(seed)
    sizes = (inputs, hidden, classes)
    layers = []
    for k, theta in enumerate((400, 300)):
        tables = kernel_tables("linear", steps=16, tau_steps=4.0, theta=theta, fraction_bits=0)
        layers.append(
            Layer(
                weights=rng.integers(-40, 80, (sizes[k], sizes[k + 1])).astype(np.int8),
                a=tables.a,
                m=tables.m,
                th=tables.th,
                constant_times=np.zeros(0, np.int64),
                delays=np.zeros(sizes[k + 1], np.int64),
                source_inputs=sizes[k],
            )
        )
    return Network(
        kernel="linear",
        steps=16,
        input_map=np.arange(inputs, dtype=np.int64),
        input_delays=np.zeros(inputs, np.int64),
        layers=tuple(layers),
    )


def events(count: int, *, seed: int = 2, inputs: int = 40, graded: bool = False) -> EventSet:
    """Images of random bright inputs at step 0, or at any step; labels are the model's answers."""
    rng = np.random.default_rng(seed)
    parts, sizes = [], []
    for _ in range(count):
        x = np.flatnonzero(rng.random(inputs) < rng.random())
        image = np.zeros(len(x), EVENT)
        image["x"] = x
        if graded:
            image["t"] = np.sort(rng.integers(0, 16, len(x)))
        parts.append(image)
        sizes.append(len(x))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return EventSet(events=np.concatenate([np.zeros(0, EVENT), *parts]), offsets=offsets)


def expected(net: Network, images: EventSet) -> Batch:
    return evaluate_set(net, images)


class At:
    """A line that does something once, when so many bytes have gone to the board."""

    def __init__(self, line: Any, after: int, action: Callable[[], None]) -> None:
        self.line, self.left, self.action = line, after, action
        self.name, self.patience = line.name, line.patience
        self.done = False

    def now(self) -> float:
        return self.line.now()

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        if not self.done and self.left <= 0:
            self.done = True
            self.action()
        part = data if self.done else data[: max(1, self.left)]
        taken, came = self.line.exchange(part, timeout)
        self.left -= taken
        return taken, came

    def bulk(self, on: bool) -> None:
        self.line.bulk(on)

    def reopen(self) -> None:
        self.line.reopen()

    def close(self) -> None:
        self.line.close()


def open_small(*, faults: Faults | None = None, baudrate: int | None = 12_000_000) -> tuple[Board, ModelBoard]:
    """A board and its far end."""
    device = ModelBoard(SMALL)
    line: Any = VirtualLine(device, "sim:small", baudrate=baudrate)
    if faults is not None:
        line = FaultyLine(line, faults, sleep=lambda seconds: None)
    return Board(FramedTransport(line)), device
