"""Images chosen from a set and moved, as events: what the host does to them before they are sent."""

from math import isqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EVENT, EventSet, FirstspikeError

__all__ = ["DEFORM_SIDE", "deformed", "shifted", "side_of", "take"]

DEFORM_SIDE: Final = 28  # of the images that the trainer's deformations know


def take(events: EventSet, order: NDArray[np.int64]) -> EventSet:
    """Images `order` of a set, in that order, with their labels."""
    counts = np.diff(events.offsets)[order]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    index = np.arange(offsets[-1]) + np.repeat(events.offsets[:-1][order] - offsets[:-1], counts)
    labels = None if events.labels is None else events.labels[order]
    return EventSet(events=events.events[index], offsets=offsets, labels=labels)


def shifted(events: EventSet, moves: NDArray[np.int64], side: int) -> EventSet:
    """Every image moved by its own (down, right), int64 ``[N, 2]`` pixels; what leaves the square is lost.

    Address of a pixel: side * row + column. What comes in at the edges is dark: no event.
    """
    counts = np.diff(events.offsets)
    down, right = np.repeat(moves, counts, axis=0).T
    row, column = np.divmod(events.events["x"].astype(np.int64), side)
    row, column = row + down, column + right
    inside = (row >= 0) & (row < side) & (column >= 0) & (column < side)
    moved = events.events[inside]
    moved["x"] = (side * row + column)[inside]
    image = np.repeat(np.arange(len(events)), counts)[inside]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(image, minlength=len(events)))]).astype(np.int64)
    return EventSet(events=moved, offsets=offsets, labels=events.labels)


def deformed(events: EventSet, strength: float, seed: list[int]) -> EventSet:
    """Every image of 28 x 28 pixels, bright ones at step 0, deformed anew as `firstspike train` does.

    strength: of rotation, scale, shear, shift and elastic field, as a fraction of the trainer's. seed: of this part.
    """
    from firstspike_compiler.training.augment import Augmentation, deform

    bright = np.zeros((len(events), DEFORM_SIDE**2), np.uint8)
    bright[np.repeat(np.arange(len(events)), np.diff(events.offsets)), events.events["x"]] = 255
    full = Augmentation()
    how = Augmentation(
        **{
            name: strength * getattr(full, name)
            for name in ("rotation", "scale", "shear", "shift", "elastic_amplitude")
        }
    )
    image, x = np.nonzero(deform(bright, how, np.random.default_rng(seed)))
    moved = np.zeros(len(x), EVENT)
    moved["x"] = x
    offsets = np.concatenate([[0], np.cumsum(np.bincount(image, minlength=len(events)))]).astype(np.int64)
    return EventSet(events=moved, offsets=offsets, labels=events.labels)


def side_of(addresses: int) -> int:
    """Side of the square that the inputs are. Raises FirstspikeError if they are none."""
    side = isqrt(addresses)
    if side * side != addresses:
        raise FirstspikeError(
            f"images are moved on a square of inputs, and {addresses} inputs are none; use --shift 0, or a network "
            "of 784 inputs"
        )
    return side
