"""Samples: values with labels, before they are turned into spikes.

Tested by tests/host/cli/test_commands.py.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Samples"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """Labelled value vectors of one split of a data set.

    values: uint8 ``[N, n]`` in 0..255, or float64 ``[N, n]`` in 0..1; images row by row from the top left.
    labels: int64 ``[N]``, class 0, 1, ...
    name:   data set, as the user named it (``mnist``, ``yinyang`` or a folder).
    split:  ``train``, ``validation`` or ``test``.
    """

    values: NDArray[np.uint8] | NDArray[np.float64]
    labels: NDArray[np.int64]
    name: str
    split: str

    def __len__(self) -> int:
        return len(self.labels)

    def head(self, limit: int) -> "Samples":
        """Returns views of the first `limit` samples, or of all if there are fewer."""
        return Samples(values=self.values[:limit], labels=self.labels[:limit], name=self.name, split=self.split)
