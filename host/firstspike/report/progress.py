"""Progress on stderr, for people only: silent when nobody watches a terminal."""

import sys
import time
from types import TracebackType
from typing import Final, Self, TextIO

__all__ = ["Progress"]

INTERVAL: Final = 0.1  # seconds between two updates of the line
QUIET: Final = 0.5  # seconds before the first: what is over sooner needs no meter

_CLEAR: Final = "\r\x1b[K"


class Progress:
    """A line such as ``simulate  42 %  4,200 of 10,000  3 s left`` that updates itself and vanishes at the end.

    Called with (done, total), as the models and the compiler call their `progress`:

        with Progress("simulate") as progress:
            batch = evaluate_set(network, events, progress)
    """

    def __init__(self, label: str, *, stream: TextIO | None = None) -> None:
        """label: may be changed on the way. stream: where to, stderr by default."""
        self.label = label
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty()
        self._start = time.monotonic()
        self._next = self._start + QUIET
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int, total: int) -> None:
        if not self._shown:
            return
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + INTERVAL
        left = f"  {_duration((now - self._start) * (total - done) / done)} left" if 0 < done < total else ""
        share = f"{100 * done // total:3d} %" if total > 0 else ""
        self._stream.write(f"{_CLEAR}{self.label} {share}  {done:,} of {total:,}{left}")
        self._stream.flush()
        self._drawn = True

    def waiting(self, label: str | None = None) -> None:
        """Show the label, or a new one, at once and alone, for work that cannot say how far it is."""
        self.label = label or self.label
        if self._shown:
            self._stream.write(f"{_CLEAR}{self.label} ..")
            self._stream.flush()
            self._drawn = True

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            self._stream.write(_CLEAR)
            self._stream.flush()


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else f"{round(seconds / 60)} min"
