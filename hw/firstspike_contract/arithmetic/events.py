"""Events as structured arrays `(t, x)`, and sets of images made of events."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["EVENT", "EventSet"]

EVENT: Final = np.dtype([("t", "<u2"), ("x", "<u2")])  # time code, external address


@dataclass(frozen=True, kw_only=True, eq=False)
class EventSet:
    """A set of N images as events: image n has ``events[offsets[n]:offsets[n + 1]]``.

    events:  EVENT ``[E]``, in arrival order, which need not be time order within an image.
    offsets: int64 ``[N + 1]``, offsets[0] == 0, non-decreasing, offsets[N] == E.
    labels:  int64 ``[N]``, class of each image, or None.
    """

    events: NDArray[np.void]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def image(self, n: int) -> NDArray[np.void]:
        """Returns the events of image n, EVENT ``[E_n]``, as a view."""
        return self.events[self.offsets[n] : self.offsets[n + 1]]

    def head(self, limit: int) -> "EventSet":
        """Returns the first `limit` images (all, if there are fewer); see `part`."""
        return self.part(0, min(limit, len(self)))

    def part(self, first: int, end: int) -> "EventSet":
        """Returns images first .. end - 1. Events and labels are views."""
        lo, hi = self.offsets[first], self.offsets[end]
        labels = None if self.labels is None else self.labels[first:end]
        return EventSet(events=self.events[lo:hi], offsets=self.offsets[first : end + 1] - lo, labels=labels)

    def only(self, wanted: NDArray[np.bool_]) -> "EventSet":
        """Returns the images with only those events that are wanted, bool ``[E]``."""
        before = np.concatenate([[0], np.cumsum(wanted)])
        return EventSet(events=self.events[wanted], offsets=before[self.offsets], labels=self.labels)
