"""Two answers to the same images: equal in every spike, or which images differ."""

import numpy as np

from firstspike_contract import Batch

__all__ = ["differing"]


def differing(one: Batch, other: Batch) -> list[int]:
    """Indices of the images whose result, spike times or looked-up rows are not the same in both."""
    wrong = (one.results != other.results) | (one.rows != other.rows).any(axis=1)
    for mine, theirs in zip(one.times, other.times, strict=True):
        wrong = wrong | (mine != theirs).any(axis=1)
    return [int(image) for image in np.flatnonzero(wrong)]
