"""The Yin-Yang splits are exactly the published ones."""

import hashlib

import numpy as np
import pytest

from firstspike.datasets import load

# sha256 of the features (float64, little-endian) and labels (int64); compared once with the authors' generator.
SUMS = {
    "train": (5000, "3dcfbb1895fd5f753d5591e1b4c3c7d98666e04ed91a50569185f2c0a3fcbb48"),
    "validation": (1000, "03d1c9e01d7b2ab9d4d200f84632d8ec8a9fe9e72a75043542a21589507de339"),
    "test": (1000, "01e8a4f15d4b0d4df3d4f94fb67f5167e7b7783a7eeb3329e4e61e8c07ebb9eb"),
}


@pytest.mark.parametrize("split", SUMS)
def test_splits_are_the_published_ones(split: str) -> None:
    size, total = SUMS[split]
    samples = load(f"yinyang:{split}")
    assert (samples.values.shape, samples.values.dtype, samples.labels.dtype) == ((size, 4), np.float64, np.int64)
    content = samples.values.astype("<f8").tobytes() + samples.labels.astype("<i8").tobytes()
    assert hashlib.sha256(content).hexdigest() == total


def test_classes_lie_where_the_figure_of_the_paper_has_them() -> None:
    samples = load("yinyang:test")
    x, y = samples.values[:, 0], samples.values[:, 1]
    assert np.array_equal(samples.values[:, 2:], 1 - samples.values[:, :2])
    assert (np.hypot(x - 0.5, y - 0.5) <= 0.5).all()
    dots = (np.hypot(x - 0.25, y - 0.5) < 0.1) | (np.hypot(x - 0.75, y - 0.5) < 0.1)
    assert np.array_equal(samples.labels == 2, dots)
    assert (samples.labels[(y < 0.5) & (x > 0.5) & ~dots] == 0).all()  # the bottom right is yin
    assert (samples.labels[(y > 0.5) & (x < 0.5) & ~dots] == 1).all()  # the top left is yang
    assert np.bincount(samples.labels).min() > 300
