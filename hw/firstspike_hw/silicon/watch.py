"""What nextpnr says while it works: how far it is, and whether it goes round for ever."""

import re
import time
from typing import Final

from firstspike_contract.common.progress import Progress, unheard

__all__ = ["PLACING", "ROUTING", "Watch"]

# Rounds. What was ever placed took 600 at most, and what was routed, at most 40 in a row without a new least.
PLACING: Final = 1500
ROUTING: Final = 120
INTERVAL: Final = 0.5  # seconds between two words about how far it is

_PLACING: Final = re.compile(r"iter=(\d+) steplen=")
_ROUTING: Final = re.compile(r"iter=(\d+) wires=\d+ overused=(\d+)")


class Watch:
    """Called with every line; returns why it is hopeless, None as long as it is not.

    nextpnr itself has no end: its static placer tries to part cells, and its router wires that share a track, until
    they are parted.
    """

    def __init__(self, progress: Progress = unheard) -> None:
        """progress: told now and then what is under way."""
        self._progress, self._next = progress, 0.0
        self._least, self._since = 0, 0  # wires that shared a track, and the round when they became so few

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
