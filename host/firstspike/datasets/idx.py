"""Reads folders of IDX files, plain or compressed with gzip. MNIST and related data sets are published in this format.

A file consists of the bytes 0, 0, type (8 = uint8) and number of dimensions, then each dimension as a big-endian 32-bit
number, then the values. Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section "file
formats".
"""

import gzip
import zlib
from math import prod
from pathlib import Path
from typing import IO, Final, cast

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.common.errors import FirstspikeError

from .samples import Samples

__all__ = ["SPLITS", "load_folder", "read_idx"]

SPLITS: Final = {"train": ("train",), "test": ("t10k", "test")}  # prefixes of a split's files, in order of search
MAX_BYTES: Final = 2**30  # largest size of a decompressed file; MNIST's largest has 47 MB

_IMAGE_SUFFIX: Final = "-images-idx3-ubyte"
_LABEL_SUFFIX: Final = "-labels-idx1-ubyte"


def read_idx(path: Path, *, dimensions: int) -> NDArray[np.uint8]:
    """Returns the array in one IDX file of unsigned bytes. A file whose name ends in ``.gz`` is decompressed.

    dimensions: number of dimensions that the file must have: 1 for labels, 3 for images.

    Raises FirstspikeError if the file cannot be read, has another format, is cut short, is too long, or holds more than
    `MAX_BYTES`.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
            return _read(cast(IO[bytes], file), path, dimensions)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FirstspikeError(f"an IDX file ending in .gz must be whole gzip data: {path}: {error}") from None
    except OSError as error:
        raise FirstspikeError(f"cannot read {path}: {error.strerror or error}") from None


def _read(file: IO[bytes], path: Path, dimensions: int) -> NDArray[np.uint8]:
    magic = file.read(4)
    wanted = bytes([0, 0, 8, dimensions])
    if magic != wanted:
        raise FirstspikeError(
            f"an IDX file of {'labels' if dimensions == 1 else 'images'} must start with the bytes {wanted.hex(' ')} "
            f"(unsigned bytes, {dimensions} dimension{'s' if dimensions > 1 else ''}): "
            f"{path} starts with {magic.hex(' ') or 'nothing'}"
        )
    header = file.read(4 * dimensions)
    shape = tuple(int(size) for size in np.frombuffer(header[: len(header) // 4 * 4], ">u4"))
    if len(shape) != dimensions:
        raise FirstspikeError(f"an IDX file must be whole: {path} ends within its header")
    size = prod(shape)
    if 0 in shape and max(shape) > MAX_BYTES:
        raise FirstspikeError(f"an IDX file must hold at least one value: {path} announces the shape {shape}")
    if size > MAX_BYTES:
        raise FirstspikeError(f"an IDX file may hold at most {MAX_BYTES} values: {path} announces {size}")
    values = file.read(size + 1)  # one byte more, to see whether the file is too long
    if len(values) != size:
        have = "more" if len(values) > size else str(len(values))
        raise FirstspikeError(f"an IDX file must be whole: {path} announces {size} values and holds {have}")
    return np.frombuffer(values, np.uint8).reshape(shape)


def load_folder(folder: Path, split: str) -> Samples:
    """Loads one split of a folder, from files such as ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``.

    The files may also end in ``.gz``. Values are uint8 ``[N, rows * columns]``, labels int64 ``[N]``.

    split: a key of `SPLITS`.

    Raises FirstspikeError if a file is missing or wrong, or if images and labels differ in number.
    """
    images_path, labels_path = (_find(folder, split, suffix) for suffix in (_IMAGE_SUFFIX, _LABEL_SUFFIX))
    images, labels = read_idx(images_path, dimensions=3), read_idx(labels_path, dimensions=1)
    if len(images) != len(labels):
        raise FirstspikeError(
            f"there must be one label for each image: {images_path} holds {len(images)} images, "
            f"{labels_path} holds {len(labels)} labels"
        )
    if not images.size:
        raise FirstspikeError(f"a data set must hold at least one pixel: {images_path} has the shape {images.shape}")
    return Samples(
        values=images.reshape(len(images), -1), labels=labels.astype(np.int64), name=str(folder), split=split
    )


def _find(folder: Path, split: str, suffix: str) -> Path:
    names = [f"{prefix}{form}{gz}" for prefix in SPLITS[split] for form in _forms(suffix) for gz in ("", ".gz")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FirstspikeError(f"a folder of IDX files needs {names[0]} (or the same with .gz): not found in {folder}")


def _forms(suffix: str) -> tuple[str, str]:
    return suffix, suffix.replace("-idx", ".idx")  # both forms occur, the second as train-images.idx3-ubyte
