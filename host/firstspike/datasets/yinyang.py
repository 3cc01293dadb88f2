"""The Yin-Yang data set: points of a disc in three classes (yin 0, yang 1, dots 2), given as four features.

The points are generated with the published radii and seeds from numpy's RandomState, which is frozen: every machine
gets exactly the published splits. Source: Kriener, Goeltz, Petrovici, "The Yin-Yang dataset", arXiv 2102.08211.
"""

from math import hypot
from typing import Final

import numpy as np

from .samples import Samples

__all__ = ["SPLITS", "load_yinyang"]

SPLITS: Final = {"train": (5000, 42), "validation": (1000, 41), "test": (1000, 40)}  # samples, seed

_R_BIG: Final = 0.5
_R_SMALL: Final = 0.1


def load_yinyang(split: str) -> Samples:
    """Loads one split: values float64 ``[N, 4]``, the features (x, y, 1 - x, 1 - y) in 0..1; labels int64 ``[N]``.

    split: a key of `SPLITS`.
    """
    size, seed = SPLITS[split]
    random = np.random.RandomState(seed)
    values = np.empty((size, 4))
    labels = np.empty(size, np.int64)
    for n in range(size):
        labels[n] = goal = int(random.randint(3))  # draws the class before the point, so that classes are balanced
        while True:
            x, y = random.rand(2) * (2 * _R_BIG)
            if hypot(x - _R_BIG, y - _R_BIG) <= _R_BIG and _class(x, y) == goal:
                break
        values[n] = x, y, 1 - x, 1 - y
    return Samples(values=values, labels=labels, name="yinyang", split=split)


def _class(x: float, y: float) -> int:
    """Returns the class of a point inside the big disc: 0 yin, 1 yang, 2 one of the two dots."""
    left = hypot(x - 0.5 * _R_BIG, y - _R_BIG)
    right = hypot(x - 1.5 * _R_BIG, y - _R_BIG)
    if left < _R_SMALL or right < _R_SMALL:
        return 2
    in_left_half_disc = left <= 0.5 * _R_BIG and left > _R_SMALL
    above_right_half_disc = y > _R_BIG and right > 0.5 * _R_BIG
    return int(right <= _R_SMALL or in_left_half_disc or above_right_half_disc)
