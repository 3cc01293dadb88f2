"""Words that users type: one way to choose by name, and to say which known name is nearest to an unknown one."""

import difflib
from collections.abc import Iterable

from .errors import UsageError

__all__ = ["choose", "nearest", "unknown"]


def nearest(word: str, known: Iterable[str]) -> str:
    """End of an error message: the known word most like `word`, and all of them."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"{f', did you mean {near[0]}?' if near else ';'} known: {', '.join(names)}"


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """``unknown <what> '<word>', did you mean <nearest>? known: <all of them>``."""
    return f"unknown {what} {word!r}{nearest(word, known)}"


def choose(what: str, word: str, known: Iterable[str]) -> str:
    """`word` if it is known. Raises UsageError, as `unknown` says it."""
    names = list(known)
    if word not in names:
        raise UsageError(unknown(what, word, names))
    return word
