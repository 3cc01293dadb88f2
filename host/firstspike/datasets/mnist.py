"""MNIST at one bit per pixel, shipped with the package: 70,000 digits in one xz file of 1.35 MB.

The file decompresses to 70,000 images: the 60,000 of the training split, then the 10,000 of the test split. An image is
28 rows of 32 bits: 28 pixels from the left, most significant bit first, then 4 zero bits. A pixel is bright if its grey
level is above 127. After the images come 70,000 label bytes in the same order. ``scripts/make_mnist_1bit.py`` makes the
file from the raw IDX files. Licence: data/LICENSE-MNIST.md. Source: LeCun, Cortes, Burges, "The MNIST database of
handwritten digits".
"""

import lzma
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.common.errors import FirstspikeError

from .samples import Samples

__all__ = ["SPLITS", "compress", "decompress", "load_mnist"]

SPLITS: Final = {"train": slice(0, 60_000), "test": slice(60_000, 70_000)}
RESOURCE: Final = "mnist-1bit.xz"

_IMAGES: Final = 70_000
_SIDE: Final = 28
_ROW_BYTES: Final = 4  # a row is padded to 32 bits, because lzma compresses rows better at its alignment lp=2
_PIXEL_BYTES: Final = _IMAGES * _SIDE * _ROW_BYTES
_FILTERS: Final[list[dict[str, Any]]] = [
    {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 2, "pb": 2}
]


def compress(bright: NDArray[np.bool_], labels: NDArray[np.uint8]) -> bytes:
    """Returns the bytes of the xz file.

    bright: bool ``[70000, 28, 28]``, training split first.
    labels: uint8 ``[70000]``.
    """
    rows = np.zeros((_IMAGES, _SIDE, 8 * _ROW_BYTES), np.bool_)
    rows[:, :, :_SIDE] = bright
    plain = np.packbits(rows, axis=-1).tobytes() + labels.astype(np.uint8).tobytes()
    return lzma.compress(plain, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, filters=_FILTERS)


def decompress(packed: bytes) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Undoes `compress`: returns bright bool ``[70000, 28, 28]`` and labels uint8 ``[70000]``.

    Raises FirstspikeError if the bytes are damaged or have the wrong length.
    """
    rule = f"the shipped MNIST file must hold {_IMAGES} images and labels"
    remedy = "reinstall firstspike, or remake the file with scripts/make_mnist_1bit.py"
    try:
        plain = lzma.decompress(packed, format=lzma.FORMAT_XZ)
    except (lzma.LZMAError, EOFError) as error:
        raise FirstspikeError(f"{rule}: {RESOURCE} is damaged ({error}); {remedy}") from None
    if len(plain) != _PIXEL_BYTES + _IMAGES:
        size = f"{len(plain)} bytes after decompression instead of {_PIXEL_BYTES + _IMAGES}"
        raise FirstspikeError(f"{rule}: {RESOURCE} has {size}; {remedy}")
    rows = np.frombuffer(plain, np.uint8, _PIXEL_BYTES).reshape(_IMAGES, _SIDE, _ROW_BYTES)
    bright = np.unpackbits(rows, axis=-1, count=_SIDE).view(np.bool_)
    return bright, np.frombuffer(plain, np.uint8, _IMAGES, _PIXEL_BYTES)


def load_mnist(split: str) -> Samples:
    """Loads one split of the shipped digits: values uint8 ``[N, 784]``, 0 (dark) or 255 (bright); labels int64 ``[N]``.

    split: a key of `SPLITS`.
    """
    packed = resources.files(__package__).joinpath("data", RESOURCE).read_bytes()
    bright, labels = decompress(packed)
    part = SPLITS[split]
    values = bright[part].reshape(-1, _SIDE * _SIDE).view(np.uint8) * np.uint8(255)
    return Samples(values=values, labels=labels[part].astype(np.int64), name="mnist", split=split)
