"""Spikes as they travel: structured arrays `(t, x)`, and sets of images made of them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["EVENT", "EventSet"]

EVENT: Final = np.dtype([("t", "<u2"), ("x", "<u2")])  # time code, external address


@dataclass(frozen=True, kw_only=True, eq=False)
class EventSet:
    """Images as events: image n is ``events[offsets[n]:offsets[n + 1]]``.

    events:  EVENT ``[E]``, in arrival order, which need not be time order within an image.
    offsets: int64 ``[N + 1]``, offsets[0] == 0, non-decreasing, offsets[N] == E.
    labels:  int64 ``[N]`` or None.
    """

    events: NDArray[np.void]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def image(self, n: int) -> NDArray[np.void]:
        """Events of image n, EVENT ``[...]``, a view."""
        return self.events[self.offsets[n] : self.offsets[n + 1]]

    def head(self, limit: int) -> "EventSet":
        """The first `limit` images (all, if there are fewer), as views."""
        return self.part(0, min(limit, len(self)))

    def part(self, first: int, end: int) -> "EventSet":
        """Images first .. end - 1, as views where that can be."""
        lo, hi = self.offsets[first], self.offsets[end]
        labels = None if self.labels is None else self.labels[first:end]
        return EventSet(events=self.events[lo:hi], offsets=self.offsets[first : end + 1] - lo, labels=labels)

    def only(self, wanted: NDArray[np.bool_]) -> "EventSet":
        """The same images without the events that are not wanted, bool ``[E]``."""
        before = np.concatenate([[0], np.cumsum(wanted)])
        return EventSet(events=self.events[wanted], offsets=before[self.offsets], labels=self.labels)
