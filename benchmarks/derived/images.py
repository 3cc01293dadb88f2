"""MNIST images to learn from: all, some, without a class, turned, or with their pixels permuted."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from firstspike.datasets import Samples, encode, load
from firstspike_contract import EventSet

__all__ = ["Selection", "changed", "permuted", "rotated", "samples"]

SIDE: Final = 28


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which images of a data set are taken, and how each is changed.

    first:   keep only the first N images; None keeps all.
    last:    keep only the last N images; None keeps all. Exclusive with `first`.
    without: a class that is left out.
    rotate:  degrees by which every image is turned anticlockwise.
    permute: seed of one permutation of the pixels, the same for all images; None keeps their order.
    """

    first: int | None = None
    last: int | None = None
    without: int | None = None
    rotate: float = 0.0
    permute: int | None = None


def changed(data: str, selection: Selection) -> EventSet:
    """Returns the selected and changed images of `data` (mnist:train or mnist:test) as events, with their labels."""
    source = samples(data)
    part = slice(-selection.last, None) if selection.last else slice(selection.first)
    values, labels = source.values[part], source.labels[part]
    if selection.without is not None:
        values, labels = values[labels != selection.without], labels[labels != selection.without]
    if selection.rotate:
        values = rotated(values, selection.rotate)
    if selection.permute is not None:
        values = permuted(values, selection.permute)
    return encode(values, "binary", steps=16, labels=labels)


def rotated(values: np.ndarray, degrees: float) -> np.ndarray:
    """Returns the images, uint8 ``[N, 784]`` of 0 or 255, turned anticlockwise about their middle.

    Interpolation is bilinear; outside of the image is dark; a pixel is bright from a mean above 127.
    """
    centre, angle = (SIDE - 1) / 2, np.deg2rad(degrees)
    y, x = np.mgrid[:SIDE, :SIDE] - centre
    down = np.cos(angle) * y + np.sin(angle) * x + centre
    right = np.cos(angle) * x - np.sin(angle) * y + centre
    top, left = np.floor(down).astype(int), np.floor(right).astype(int)
    total = np.zeros(values.shape, np.float64)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        r, c = top + row, left + column
        share = np.abs(1 - row - (down - top)) * np.abs(1 - column - (right - left))
        inside = (r >= 0) & (r < SIDE) & (c >= 0) & (c < SIDE)
        pixel = (np.clip(r, 0, SIDE - 1) * SIDE + np.clip(c, 0, SIDE - 1)).ravel()
        total += values[:, pixel] * (share * inside).ravel()
    return np.where(total > 127, 255, 0).astype(np.uint8)


def permuted(values: np.ndarray, seed: int) -> np.ndarray:
    """Returns the images ``[N, pixels]`` with their pixels in another order, the same in all images."""
    return values[:, np.random.default_rng(seed).permutation(values.shape[1])]


def samples(data: str) -> Samples:
    """Returns the labelled images that `data` names."""
    found = load(data)
    assert isinstance(found, Samples)
    return found
