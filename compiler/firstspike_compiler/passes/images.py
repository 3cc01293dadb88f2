"""Generates images to try a network on without data: random events that its encoding could make, by a fixed seed."""

from typing import Final

import numpy as np

from firstspike_compiler.ir import NetworkIR
from firstspike_contract import EVENT, EventSet

from .grid import Grid

__all__ = ["SEED", "generated_images", "recode"]

SEED: Final = 1


def generated_images(ir: NetworkIR, grid: Grid, images: int = 64) -> EventSet:
    """Returns `images` random images without labels.

    In each image, 5 % to 60 % of the inputs that the network sees are bright. A bright input spikes at code 0 in
    `binary` and `two-time`, and at a random code in other encodings. The other inputs spike in `two-time` only, at the
    late code.
    """
    random = np.random.default_rng(SEED)
    seen = np.arange(ir.addresses) if ir.mask is None else np.flatnonzero(ir.mask)
    blocks = []
    for _ in range(images):
        bright = random.random(len(seen)) < random.uniform(0.05, 0.6)
        last = grid.steps - 1 if grid.late is None else grid.late
        if ir.encoding.name == "binary":
            x, t = seen[bright], np.zeros(int(bright.sum()), np.int64)
        elif ir.encoding.name == "two-time":
            x, t = seen, np.where(bright, 0, last)
        else:
            x = seen[bright]
            t = random.integers(0, last + 1, len(x))
        block = np.zeros(len(x), EVENT)
        block["t"], block["x"] = t, x
        blocks.append(block)
    offsets = np.concatenate([[0], np.cumsum([len(block) for block in blocks])]).astype(np.int64)
    return EventSet(events=np.concatenate(blocks), offsets=offsets)


def recode(events: EventSet, old: int, new: int) -> EventSet:
    """Converts spikes from a grid of `old` steps to one of `new` steps: floor(t * new / old + 0.5), at most new - 1."""
    moved = events.events.copy()
    moved["t"] = np.minimum(np.floor(moved["t"] * (new / old) + 0.5), new - 1)
    return EventSet(events=moved, offsets=events.offsets, labels=events.labels)
