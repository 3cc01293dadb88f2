"""Reads HDF5 into dictionaries with care, since a file may come from anyone.

Sizes are bounded, no links are followed, and nothing is unpickled.
"""

import os
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from firstspike_contract.common.errors import FirstspikeError

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_OBJECTS", "MAX_VALUES", "load_tree"]

MAX_BYTES = 2**30  # size of the file
MAX_VALUES = 2**25  # values in all arrays after decompression; each becomes 8 bytes, in several copies
MAX_OBJECTS = 10_000
MAX_DEPTH = 8

# Exceptions that the HDF5 library and h5py raise on damaged files.
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError, MemoryError)


def load_tree(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns the whole file as nested dictionaries of str, numpy arrays and scalars.

    Raises FirstspikeError if the file is missing, not HDF5 or damaged, if it has an external, soft or virtual link, or
    if it exceeds a bound.
    """
    import h5py

    source = Path(path)
    if not source.is_file():
        raise FirstspikeError(f"{source}: no such file; give a .nir file, e.g. examples/mnist-784-600-10.nir")
    size = source.stat().st_size
    if size > MAX_BYTES:
        raise FirstspikeError(f"{source}: {size} bytes; a .nir file may have at most {MAX_BYTES}")
    try:
        with h5py.File(source, "r") as file:
            return _Loader(source).group(file, "", 0)
    except _DAMAGE as error:
        raise FirstspikeError(
            f"{source}: not a readable NIR file (HDF5): it is damaged, truncated or of another format"
        ) from error


class _Loader:
    """A reader of one file, which counts the objects and values that it has read."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.objects = 0
        self.values = 0

    def refuse(self, where: str, why: str) -> FirstspikeError:
        return FirstspikeError(f"{self.source}: {where or '/'} {why}")

    def group(self, group: Any, where: str, depth: int) -> dict[str, Any]:
        import h5py

        if depth > MAX_DEPTH:
            raise self.refuse(where, f"is nested deeper than {MAX_DEPTH} groups; a NIR file is not")
        content: dict[str, Any] = {}
        for name in group:
            path = f"{where}/{name}"
            self.objects += 1
            if self.objects > MAX_OBJECTS:
                raise self.refuse(path, f"is one object too many; a .nir file may have at most {MAX_OBJECTS}")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise self.refuse(path, "is a soft or external link; links are not followed, store the data itself")
            item = group[name]
            if isinstance(item, h5py.Group):
                content[name] = self.group(item, path, depth + 1)
            elif isinstance(item, h5py.Dataset):
                content[name] = self.dataset(item, path)
            else:
                raise self.refuse(path, "is neither a group nor a data set; NIR has only these")
        return content

    def dataset(self, item: Any, where: str) -> Any:
        import h5py

        if item.external or item.is_virtual:
            raise self.refuse(where, "keeps its data in another file; links are not followed, store the data itself")
        text = h5py.check_string_dtype(item.dtype)
        if text is None and item.dtype.kind not in "fiub":
            raise self.refuse(where, f"has the type {item.dtype}; only numbers and text are read")
        self.values += max(int(item.size or 0), prod(item.chunks or ()))  # a chunk is decompressed whole
        if self.values > MAX_VALUES:
            raise self.refuse(where, f"brings the arrays above {MAX_VALUES} values, the most that is read")
        value = item[()]
        if text is None:
            return value
        if isinstance(value, bytes):
            return value.decode("utf-8")
        return np.vectorize(lambda b: b.decode("utf-8") if isinstance(b, bytes) else str(b), otypes=[object])(value)
