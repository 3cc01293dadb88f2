"""Finds data sets by the names that the command line uses."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from firstspike_contract import EventSet
from firstspike_contract.common.errors import UsageError
from firstspike_contract.common.names import unknown

from . import idx, mnist, yinyang
from .npz import read_npz
from .samples import Samples

__all__ = ["NAMES", "load"]

_BUILT_IN: Final[dict[str, tuple[tuple[str, ...], Callable[[str], Samples]]]] = {
    "mnist": (tuple(mnist.SPLITS), mnist.load_mnist),
    "yinyang": (tuple(yinyang.SPLITS), yinyang.load_yinyang),
}
NAMES: Final = tuple(f"{name}:{split}" for name, (splits, _) in _BUILT_IN.items() for split in splits)

_RULE: Final = (
    "a data set is mnist:train|test, yinyang:train|validation|test, FOLDER:train|test of IDX files or an .npz of events"
)


def load(spec: str) -> Samples | EventSet:
    """Loads the data set that `spec` names.

    ``mnist:train|test``               `Samples`, uint8 ``[N, 784]``, 0 or 255 (1 bit per pixel, shipped).
    ``yinyang:train|validation|test``  `Samples`, float64 ``[N, 4]`` in 0..1.
    ``FOLDER:train|test``              `Samples`, uint8 ``[N, n]``, from IDX files.
    ``FILE.npz``                       `EventSet`, from arrays t, x, offsets[, labels].

    Raises UsageError if there is no such data set, FirstspikeError if what it names cannot be read.
    """
    if spec.endswith(".npz"):
        return read_npz(Path(spec))
    name, colon, split = spec.rpartition(":")
    if not colon:
        name, split = spec, ""
    if name in _BUILT_IN:
        splits, loader = _BUILT_IN[name]
        return loader(_checked_split(spec, name, split, splits))
    if name and Path(name).is_dir():
        return idx.load_folder(Path(name), _checked_split(spec, name, split, tuple(idx.SPLITS)))
    raise UsageError(f"{_RULE}: " + unknown("data set", spec, NAMES))


def _checked_split(spec: str, name: str, split: str, splits: tuple[str, ...]) -> str:
    if split in splits:
        return split
    example = f"for example {name}:{splits[-1]}"
    if not split:
        raise UsageError(f"a data set needs its split ({'|'.join(splits)}): '{spec}' names none; {example}")
    raise UsageError(unknown(f"split of {name}", split, splits) + f"; {example}")
