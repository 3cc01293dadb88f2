"""Reads what nextpnr prints while it works: reports its progress, and detects a run that would never end.

Tested by tests/hw/silicon/test_tools.py.
"""

import re
import time
from typing import Final

from firstspike_contract.common.progress import Progress, unheard

__all__ = ["PLACING", "ROUTING", "Watch"]

# Rounds after which a run is given up. Every placement that ended took at most 600; every routing that ended had at
# most 40 in a row without a new minimum.
PLACING: Final = 1500
ROUTING: Final = 120
INTERVAL: Final = 0.5  # seconds between two reports of progress

_PLACING: Final = re.compile(r"iter=(\d+) steplen=")
_ROUTING: Final = re.compile(r"iter=(\d+) wires=\d+ overused=(\d+)")


class Watch:
    """Decides, from each line that nextpnr prints, whether its run is hopeless.

    nextpnr itself never gives up: its static placer tries to separate cells that overlap, and its router wires that
    share a track, until they are separate. A call with a line returns the reason why the run is hopeless, or None.
    """

    def __init__(self, progress: Progress = unheard) -> None:
        """progress: called now and then with what nextpnr is doing."""
        self._progress, self._next = progress, 0.0
        self._least, self._since = 0, 0  # fewest wires that shared a track, and the round of that

    def __call__(self, line: str) -> str | None:
        if found := _PLACING.search(line):
            rounds = int(found[1])
            self._now_and_then(f"placing, round {rounds:,}")
            return f"no placement after {rounds:,} rounds" if rounds >= PLACING else None
        if found := _ROUTING.search(line):
            rounds, shared = int(found[1]), int(found[2])
            self._now_and_then(f"routing, round {rounds:,}: {shared:,} wires share a track")
            if rounds <= self._since or not self._since or shared < self._least:
                self._least, self._since = shared, rounds
            if rounds - self._since >= ROUTING:
                return f"{shared:,} wires share a track after {rounds:,} rounds, {self._least:,} after {self._since:,}"
        return None

    def _now_and_then(self, what: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + INTERVAL
            self._progress(0, 0, what)
