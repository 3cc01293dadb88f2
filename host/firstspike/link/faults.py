"""A bad line, on purpose: bytes damaged, lost, doubled, out of order, cut off, late; the line broken. By seed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from firstspike_contract.common.errors import UsageError
from firstspike_contract.common.names import unknown

from .line import Line, LineLost

__all__ = ["Faults", "FaultyLine", "Mangler", "parse_faults"]

_QUEUE: Final = 4096  # bytes that a faulty line takes ahead of the line behind it


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Chances. Of a bit: flip. Of a byte: drop, double, swap (with the next). Of a piece of up to 4 KiB as it comes:
    cut (its rest is lost), stall (it is kept for `pause` seconds), unplug (the line breaks).
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
    """From ``flip=1e-4,drop=1e-5,seed=3``. Raises UsageError."""
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
    """One direction of a bad line: `hurt` bytes on their way. hurts: faults so far, by name."""

    def __init__(self, faults: Faults, stream: int = 0) -> None:
        """stream: two directions with one seed differ by this number."""
        self._faults = faults
        self._chances = np.random.default_rng((faults.seed, stream))
        self.hurts = dict.fromkeys(("flip", "drop", "double", "swap", "cut"), 0)

    def happens(self, chance: float) -> bool:
        """Whether something of that chance happens now."""
        return chance > 0 and bool(self._chances.random() < chance)

    def hurt(self, data: bytes) -> bytes:
        """What comes out at the other end."""
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
    """Any line, made bad in both directions. See `line.Line`. stalls, breaks: how many there were."""

    def __init__(self, line: Line, faults: Faults, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """sleep: how a pause passes."""
        self.name, self.patience = line.name, line.patience
        self._line, self._faults, self._sleep = line, faults, sleep
        self.out, self.back = Mangler(faults, 0), Mangler(faults, 1)
        self.stalls = self.breaks = 0
        self.when: list[float] = []  # times at which something went wrong, on the line's clock
        self._queue = b""

    def now(self) -> float:
        """Of the line behind it."""
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
        """Of the line behind it."""
        self._line.bulk(on)

    def reopen(self) -> None:
        """The cable is plugged in again."""
        self._queue = b""
        self._line.reopen()

    def close(self) -> None:
        """See `line.Line`."""
        self._line.close()
