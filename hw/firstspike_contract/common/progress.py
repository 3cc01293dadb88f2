"""Progress reports of work that takes long."""

from typing import Protocol

__all__ = ["Progress", "part_of", "unheard"]


class Progress(Protocol):
    """A function that takes progress reports. Long work calls it now and then."""

    def __call__(self, done: int, total: int, what: str = "", /) -> None:
        """Takes a report.

        done, total: steps that are done, and steps of the whole work; a total of 0 means that it is not known.
        what:        name of the part of the work that is under way, if there are several.
        """
        ...


def unheard(done: int, total: int, what: str = "", /) -> None:
    """Ignores a report."""


def part_of(progress: Progress, what: str) -> Progress:
    """Returns a Progress for one part of the work: it passes its reports to `progress`, with `what` as their name."""

    def say(done: int, total: int, _: str = "", /) -> None:
        progress(done, total, what)

    return say
