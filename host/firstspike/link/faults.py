"""A line with faults, for tests: damages, loses, doubles, swaps, cuts off and delays bytes, or breaks. Seeded."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from firstspike_contract.common.errors import UsageError
from firstspike_contract.common.names import unknown

from .line import Line, LineLost

__all__ = ["Faults", "FaultyLine", "Mangler", "parse_faults"]

_QUEUE: Final = 4096  # bytes that a faulty line holds for the line that it wraps


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Probabilities of faults, each in 0..1. A piece is the bytes handed over in one call.

    flip:   a bit is inverted.
    drop:   a byte is lost.
    double: a byte comes twice.
    swap:   a byte changes places with the next one.
    cut:    the rest of a piece is lost.
    stall:  the line pauses for `pause` seconds.
    pause:  seconds of a stall.
    unplug: the line breaks.
    seed:   seed of the random numbers.
    """

    flip: float = 0.0
    drop: float = 0.0
    double: float = 0.0
    swap: float = 0.0
    cut: float = 0.0
    stall: float = 0.0
    pause: float = 0.05
    unplug: float = 0.0
    seed: int = 1


def parse_faults(text: str) -> Faults:
    """Reads a text such as ``flip=1e-4,drop=1e-5,seed=3``. Raises UsageError."""
    known = {field.name: field.type for field in fields(Faults)}
    given: dict[str, float | int] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if name not in known:
            raise UsageError(unknown("fault", name, known))
        try:
            number: float | int = int(value) if name == "seed" else float(value)
        except ValueError:
            number = -1
        if not equals or number < 0 or (number > 1 and name not in ("seed", "pause")):
            raise UsageError(
                f"a fault is a name and a chance in 0..1, not {part!r}; for example flip=1e-4,drop=1e-5,seed=3"
            )
        given[name] = number
    return Faults(**given)  # type: ignore[arg-type]  # every name is checked above


class Mangler:
    """The faults of one direction of a line: `hurt` applies them. hurts: number of faults so far, by name."""

    def __init__(self, faults: Faults, stream: int = 0) -> None:
        """stream: number of the direction, so that two directions with one seed have different faults."""
        self._faults = faults
        self._chances = np.random.default_rng((faults.seed, stream))
        self.hurts = dict.fromkeys(("flip", "drop", "double", "swap", "cut"), 0)

    def happens(self, chance: float) -> bool:
        """Draws a random number; returns True with probability `chance`."""
        return chance > 0 and bool(self._chances.random() < chance)

    def hurt(self, data: bytes) -> bytes:
        """Returns the bytes that come out at the other end."""
        if not data:
            return data
        faults = self._faults
        if self.happens(faults.cut):
            self.hurts["cut"] += 1
            data = data[: int(self._chances.integers(len(data)))]
        array = np.frombuffer(data, np.uint8).copy()
        bits = self._places("flip", faults.flip, 8 * len(array))
        np.bitwise_xor.at(array, bits >> 3, (1 << (bits & 7)).astype(np.uint8))
        for place in self._places("swap", faults.swap, len(array) - 1):
            array[place], array[place + 1] = array[place + 1], array[place]
        times = np.ones(len(array), np.int64)
        times[self._places("drop", faults.drop, len(array))] = 0
        times[self._places("double", faults.double, len(array))] = 2
        return np.repeat(array, times).tobytes()

    def _places(self, name: str, chance: float, count: int) -> np.ndarray:
        hits = int(self._chances.binomial(count, chance)) if chance > 0 and count > 0 else 0
        self.hurts[name] += hits
        return self._chances.integers(count, size=hits) if hits else np.zeros(0, np.int64)


class FaultyLine:
    """A line that adds faults to another line, in both directions. See `line.Line`.

    stalls, breaks: number of them so far.
    out, back:      the Mangler of the bytes to the board, and that of the bytes from it.
    """

    def __init__(self, line: Line, faults: Faults, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """sleep: called to wait for a pause, in seconds."""
        self.name, self.patience = line.name, line.patience
        self._line, self._faults, self._sleep = line, faults, sleep
        self.out, self.back = Mangler(faults, 0), Mangler(faults, 1)
        self.stalls = self.breaks = 0
        self.when: list[float] = []  # times of the faults, on the line's clock
        self._queue = b""

    def now(self) -> float:
        """Returns the time of the wrapped line, in seconds."""
        return self._line.now()

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        """See `line.Line`."""
        if (data or timeout > 0) and self.out.happens(self._faults.unplug):
            self.breaks += 1
            self.when.append(self.now())
            raise LineLost(f"the connection to {self.name} is lost (unplugged by a fault)")
        if self.out.happens(self._faults.stall):
            self.stalls += 1
            self.when.append(self.now())
            self._sleep(self._faults.pause)
        before = self._count()
        taken = min(len(data), max(0, _QUEUE - len(self._queue)))
        self._queue += self.out.hurt(data[:taken])
        sent, came = self._line.exchange(self._queue, 0.0 if taken and not self._queue else timeout)
        self._queue = self._queue[sent:]
        came = self.back.hurt(came)
        if self._count() != before:
            self.when.append(self.now())
        return taken, came

    def _count(self) -> int:
        return sum(self.out.hurts.values()) + sum(self.back.hurts.values())

    def bulk(self, on: bool) -> None:
        """See `line.Line`."""
        self._line.bulk(on)

    def reopen(self) -> None:
        """See `line.Line`. This plugs the cable in again after an unplug fault."""
        self._queue = b""
        self._line.reopen()

    def close(self) -> None:
        """See `line.Line`."""
        self._line.close()
