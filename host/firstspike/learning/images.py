"""Chooses, shifts and deforms images, as events, before the host sends them."""

from math import isqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EVENT, EventSet, FirstspikeError

__all__ = ["DEFORM_SIDE", "deformed", "shifted", "side_of", "take"]

DEFORM_SIDE: Final = 28  # pixels on a side of the images that the trainer can deform


def take(events: EventSet, order: NDArray[np.int64]) -> EventSet:
    """Returns the images whose indices are in `order`, int64, in that order, with their labels."""
    counts = np.diff(events.offsets)[order]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    index = np.arange(offsets[-1]) + np.repeat(events.offsets[:-1][order] - offsets[:-1], counts)
    labels = None if events.labels is None else events.labels[order]
    return EventSet(events=events.events[index], offsets=offsets, labels=labels)


def shifted(events: EventSet, moves: NDArray[np.int64], side: int) -> EventSet:
    """Returns the images, each shifted by its own (down, right), int64 ``[N, 2]`` pixels.

    The pixel in a row and a column has the address side * row + column. Pixels that leave the square are lost; the
    pixels that become free at the edges have no event.
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
    """Returns the images, each deformed at random as `firstspike train` does.

    The images must have 28 x 28 pixels, with the bright ones at step 0.

    strength: rotation, scale, shear, shift and elastic field, as a fraction of those of the trainer.
    seed:     seed of the random numbers for these images.
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
    """Returns the side of the square that the inputs form. Raises FirstspikeError if they form none."""
    side = isqrt(addresses)
    if side * side != addresses:
        raise FirstspikeError(
            f"--shift needs inputs that form a square, and {addresses} inputs do not; use --shift 0, or a network "
            "of 784 inputs"
        )
    return side
