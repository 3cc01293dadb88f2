"""The argument parser of all commands, and types of arguments that several of them use."""

import argparse
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from firstspike_contract.arithmetic.tables import STEPS
from firstspike_contract.common.errors import UsageError
from firstspike_contract.common.names import nearest, unknown

__all__ = ["CommandParser", "at_least", "clock_mhz", "number", "one_of", "time_steps"]


class CommandParser(argparse.ArgumentParser):
    """An ArgumentParser that raises UsageError, takes no abbreviations, and suggests an option for an unknown one."""

    def __init__(self, *, name: str, summary: str, example: str) -> None:
        super().__init__(
            prog=f"firstspike {name}",
            description=summary,
            epilog=f"example:\n{example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.add_argument("--json", action="store_true", help="print one JSON object on stdout, and nothing else")

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.removeprefix('argument ')} (see {self.prog} --help)")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Returns the arguments of the command. Raises UsageError, or SystemExit after `--help`."""
        known, extra = self.parse_known_args(words)
        if extra:
            self.error(self._unknown(extra[0]))
        return known

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"there is one argument too many: {word!r}"
        options = re.findall(r"(?<![\w-])--[a-z][\w-]*", self.format_usage())
        return f"unknown option {word.split('=')[0]}{nearest(word, dict.fromkeys(['--help', *options]))}"


def one_of(kind: str, known: Iterable[str]) -> Callable[[str], str]:
    """Returns the type of an argument that takes one of a few names. Its error suggests the nearest name."""
    names = tuple(known)

    def parse(word: str) -> str:
        if word not in names:
            raise argparse.ArgumentTypeError(unknown(kind, word, names))
        return word

    return parse


def at_least(least: int) -> Callable[[str], int]:
    """Returns the type of an argument that takes an integer not below `least`."""

    def parse(word: str) -> int:
        if not re.fullmatch(r"\d{1,18}", word) or int(word) < least:
            raise argparse.ArgumentTypeError(f"{word!r} is not an integer of at least {least}, such as {max(least, 1)}")
        return int(word)

    return parse


def number(example: str) -> Callable[[str], float]:
    """Returns the type of an argument that takes a finite number not below 0."""

    def parse(word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise argparse.ArgumentTypeError(f"{word!r} is not a number of at least 0, such as {example}")
        return value

    return parse


def time_steps(word: str) -> int:
    """Parses `--steps`: T, the number of time steps."""
    if word not in map(str, STEPS):
        allowed = ", ".join(map(str, STEPS[:-1]))
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of time steps: {allowed} or {STEPS[-1]}")
    return int(word)


def clock_mhz(word: str) -> float:
    """Parses `--clock`: a frequency in MHz."""
    value = number("100")(word)
    if value == 0:
        raise argparse.ArgumentTypeError(f"a clock must be above 0 MHz, and {word!r} is not; for example 100")
    return value
