"""Names that users type: choosing one from the known names, and suggesting the known name nearest to an unknown one."""

import difflib
from collections.abc import Iterable

from .errors import UsageError

__all__ = ["choose", "nearest", "unknown"]


def nearest(word: str, known: Iterable[str]) -> str:
    """Returns the end of an error message: the known word most like `word`, if there is one, and all known words."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"{f', did you mean {near[0]}?' if near else ';'} known: {', '.join(names)}"


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """Returns ``unknown <what> '<word>', did you mean <nearest>? known: <all of them>``."""
    return f"unknown {what} {word!r}{nearest(word, known)}"


def choose(what: str, word: str, known: Iterable[str]) -> str:
    """Returns `word` if it is known. Otherwise raises UsageError with the message of `unknown`."""
    names = list(known)
    if word not in names:
        raise UsageError(unknown(what, word, names))
    return word
