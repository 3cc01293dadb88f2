"""Deformations one at a time: shifts move pixels, the threshold is above 127, and the field is smooth."""

from typing import Any

import numpy as np
import pytest

from firstspike_compiler.training.augment import SIDE, Augmentation, _smoothing, _warp, deform

STILL: dict[str, Any] = {"rotation": 0, "scale": 0, "shear": 0, "shift": 0, "elastic_amplitude": 0}


def warped(
    image: np.ndarray, *, y: float = 0.0, x: float = 0.0, matrix: tuple[float, ...] = (1, 0, 0, 1)
) -> np.ndarray:
    affine = np.array([[*matrix, y, x]], np.float32)
    out, still = np.empty((1, SIDE * SIDE), np.uint8), np.zeros((1, SIDE, SIDE), np.float32)
    _warp(image.reshape(1, -1).astype(np.uint8), affine, still, still, out)
    return out.reshape(SIDE, SIDE)


def dot(row: int, column: int, value: int = 255) -> np.ndarray:
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[row, column] = value
    return image


@pytest.mark.parametrize(("value", "bright"), [(0, 0), (127, 0), (128, 1), (255, 1)])
def test_a_pixel_is_bright_above_127(value: int, bright: int) -> None:
    assert warped(dot(5, 6, value)).sum() == bright
    found = deform(dot(5, 6, value).reshape(1, -1), Augmentation(**STILL), np.random.default_rng(0))
    assert (found.sum(), found.dtype) == (bright, np.uint8)


@pytest.mark.parametrize(("y", "x"), [(0, 0), (2, 0), (0, -3), (1, 1)])
def test_a_shift_samples_elsewhere(y: int, x: int) -> None:
    assert np.argwhere(warped(dot(10, 12), y=y, x=x)).tolist() == [[10 - y, 12 - x]]


def test_what_lies_outside_is_dark() -> None:
    white = np.full((SIDE, SIDE), 255)
    assert warped(white, y=3)[-3:].sum() == 0
    assert warped(white, y=3)[:-3].all()
    assert warped(white, x=-0.4)[:, 0].all(), "three fifths of a white pixel are bright"
    assert not warped(white, x=-0.6)[:, 0].any()


def test_a_quarter_turn_about_the_centre() -> None:
    assert np.argwhere(warped(dot(3, 20), matrix=(0, 1, -1, 0))).tolist() == [[SIDE - 1 - 20, 3]]


def test_the_elastic_field_has_unit_variance_and_is_smooth() -> None:
    matrix = _smoothing(4.0)
    np.testing.assert_allclose((matrix**2).sum(axis=1), 1, rtol=1e-5)
    correlation = matrix @ matrix.T
    assert (np.diag(correlation, 1) > 0.9).all()
    assert abs(correlation[0, -1]) < 1e-3


def test_deformations_repeat_with_their_seed() -> None:
    images = np.random.default_rng(1).integers(0, 256, (4, SIDE * SIDE)).astype(np.uint8)
    one, same, other = (deform(images, Augmentation(), np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
