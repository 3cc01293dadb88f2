"""Deforms 28 x 28 images a little and at random: rotation, scale, shear, shift and a smooth elastic field."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Augmentation", "deform"]

SIDE = 28
SPACING = 3.0  # pixels between control points of the elastic field; finer than its sigma, so it loses no detail


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """The strengths of the deformations.

    rotation, scale, shear and shift are half-widths of uniform distributions.

    rotation:          in radians.
    scale:             as a fraction.
    shear:             as a fraction.
    shift:             in pixels.
    elastic_sigma:     smoothness of the elastic field, in pixels.
    elastic_amplitude: rms of the elastic field, in pixels.
    """

    rotation: float = 0.12
    scale: float = 0.10
    shear: float = 0.1
    shift: float = 1.0
    elastic_sigma: float = 4.0
    elastic_amplitude: float = 0.7


def _smoothing(sigma: float) -> NDArray[np.float32]:
    """Returns the matrix that makes a Gaussian-smooth line of unit variance from white values at the control points.

    The matrix is float32 ``[SIDE, controls]``.
    """
    controls = np.arange(-2 * SPACING, SIDE + 2 * SPACING, SPACING)
    matrix = np.exp(-((np.arange(SIDE)[:, None] - controls[None, :]) ** 2) / (2 * sigma**2))
    return (matrix / np.sqrt((matrix**2).sum(1, keepdims=True))).astype(np.float32)


@njit(cache=True, nogil=True)
def _warp(images, affine, dx, dy, out):
    """Samples `images` bilinearly at affine plus elastic coordinates, and writes 1 to `out` where a sample exceeds 127.

    images: uint8 ``[B, 784]``, 0..255.
    affine: float32 ``[B, 6]``: a matrix of 2 x 2, then the shift in y and x.
    dx, dy: float32 ``[B, 28, 28]``, elastic field in pixels.
    out:    uint8 ``[B, 784]``.
    """
    centre = (SIDE - 1) / 2
    for b in range(images.shape[0]):
        for r in range(SIDE):
            for c in range(SIDE):
                y, x = r - centre, c - centre
                sy = affine[b, 0] * y + affine[b, 1] * x + affine[b, 4] + centre + dy[b, r, c]
                sx = affine[b, 2] * y + affine[b, 3] * x + affine[b, 5] + centre + dx[b, r, c]
                r0, c0 = int(np.floor(sy)), int(np.floor(sx))
                fy, fx = sy - r0, sx - c0
                value = 0.0
                for dr in range(2):
                    for dc in range(2):
                        rr, cc = r0 + dr, c0 + dc
                        if 0 <= rr < SIDE and 0 <= cc < SIDE:
                            weight = (fy if dr else 1 - fy) * (fx if dc else 1 - fx)
                            value += weight * images[b, rr * SIDE + cc]
                out[b, r * SIDE + c] = 1 if value > 127 else 0


def deform(images: NDArray[np.uint8], how: Augmentation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Deforms each image once, at random.

    images: uint8 ``[B, 784]``, 0..255.

    Returns uint8 ``[B, 784]``, 1 where the deformed image is above 127, else 0.
    """
    n = len(images)
    angle, shear_x, shear_y = (rng.uniform(-a, a, n) for a in (how.rotation, how.shear, how.shear))
    scale_y, scale_x = (1 + rng.uniform(-how.scale, how.scale, n) for _ in range(2))
    shift_y, shift_x = (rng.uniform(-how.shift, how.shift, n) for _ in range(2))
    cos, sin = np.cos(angle), np.sin(angle)
    affine = np.stack(
        [scale_y * (cos - sin * shear_y), scale_x * (sin + cos * shear_x), scale_y * (cos * shear_y - sin),
         scale_x * (cos - sin * shear_x), shift_y, shift_x],
        axis=1,
    ).astype(np.float32)  # fmt: skip
    smooth = _smoothing(how.elastic_sigma)
    noise = rng.standard_normal((2, n, smooth.shape[1], smooth.shape[1]), dtype=np.float32) * np.float32(
        how.elastic_amplitude
    )
    fields = smooth @ noise @ smooth.T
    out = np.empty((n, SIDE * SIDE), np.uint8)
    _warp(images, affine, fields[0], fields[1], out)
    return out
