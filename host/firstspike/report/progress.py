"""Progress on stderr, for people: a stream that is no terminal gets nothing."""

import sys
import time
from types import TracebackType
from typing import Final, Self, TextIO

__all__ = ["ProgressLine"]

INTERVAL: Final = 0.1  # seconds between two updates of the line
QUIET: Final = 0.5  # seconds before the first update; shorter work needs no meter

_CLEAR: Final = "\r\x1b[K"


class ProgressLine:
    """A line such as ``simulate  42 %  4,200 of 10,000  3 s left`` that updates itself and vanishes at the end.

    It is a `firstspike_contract.common.progress.Progress`:

        with ProgressLine("simulate") as progress:
            batch = evaluate_set(network, events, progress)
    """

    def __init__(self, label: str, *, stream: TextIO | None = None) -> None:
        """label: text in front; it may be changed later. stream: by default stderr."""
        self.label = label
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty()
        self._what, self._start = "", time.monotonic()
        self._next = self._start + QUIET
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int, total: int, what: str = "", /) -> None:
        """Takes a report, see `Progress`. A part of unknown size (total 0) is shown at once, by its name alone."""
        if not self._shown:
            return
        now = time.monotonic()
        if what != self._what:
            self._what, self._start = what, now
        if total == 0:
            self._draw(f"{self._title()} ..")
        elif now >= self._next:
            left = f"  {_duration((now - self._start) * (total - done) / done)} left" if 0 < done < total else ""
            self._draw(f"{self._title()} {100 * done // total:3d} %  {done:,} of {total:,}{left}")
        else:
            return
        self._next = now + INTERVAL

    def waiting(self) -> None:
        """Shows the label alone, at once, for work whose progress is not known."""
        self(0, 0, self._what)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            self._stream.write(_CLEAR)
            self._stream.flush()

    def _title(self) -> str:
        return f"{self.label}: {self._what}" if self._what else self.label

    def _draw(self, text: str) -> None:
        self._stream.write(f"{_CLEAR}{text}")
        self._stream.flush()
        self._drawn = True


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else f"{round(seconds / 60)} min"
