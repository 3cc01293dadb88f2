"""Compares two answers to the same images in every spike."""

import numpy as np

from firstspike_contract import Batch

__all__ = ["differing"]


def differing(one: Batch, other: Batch) -> list[int]:
    """Returns the indices of the images for which results, spike times or numbers of rows read differ."""
    wrong = (one.results != other.results) | (one.rows != other.rows).any(axis=1)
    for mine, theirs in zip(one.times, other.times, strict=True):
        wrong = wrong | (mine != theirs).any(axis=1)
    return [int(image) for image in np.flatnonzero(wrong)]
