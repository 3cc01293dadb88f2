"""How whatever takes long says how far it is."""

from typing import Protocol

__all__ = ["Progress", "part_of", "unheard"]


class Progress(Protocol):
    """Called now and then by whatever takes long."""

    def __call__(self, done: int, total: int, what: str = "", /) -> None:
        """Says how far it is.

        done, total: steps of the work; a total of 0: how many there are is not known.
        what:        which part of the work is under way, if it has several.
        """
        ...


def unheard(done: int, total: int, what: str = "", /) -> None:
    """Nobody listens."""


def part_of(progress: Progress, what: str) -> Progress:
    """Progress of one part of a work: what is called with (done, total) is passed on with the part's name."""

    def say(done: int, total: int, _: str = "", /) -> None:
        progress(done, total, what)

    return say
