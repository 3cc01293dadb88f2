"""Argument parsing shared by the commands: one parser class, one way to name an unknown word."""

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
    """argparse with errors as exceptions, no abbreviations, and the nearest option named for an unknown one."""

    def __init__(self, *, name: str, summary: str, example: str) -> None:
        super().__init__(
            prog=f"firstspike {name}",
            description=summary,
            epilog=f"example:\n{example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.add_argument("--json", action="store_true", help="print one JSON object on stdout and nothing else there")

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.removeprefix('argument ')} (see {self.prog} --help)")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments of the command. Raises UsageError; exits (SystemExit) after `--help`."""
        known, extra = self.parse_known_args(words)
        if extra:
            self.error(self._unknown(extra[0]))
        return known

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"one argument too many: {word!r}"
        options = re.findall(r"(?<![\w-])--[a-z][\w-]*", self.format_usage())
        return f"unknown option {word.split('=')[0]}{nearest(word, dict.fromkeys(['--help', *options]))}"


def one_of(kind: str, known: Iterable[str]) -> Callable[[str], str]:
    """Type of an argument that takes one of a few names; the error suggests the nearest."""
    names = tuple(known)

    def parse(word: str) -> str:
        if word not in names:
            raise argparse.ArgumentTypeError(unknown(kind, word, names))
        return word

    return parse


def at_least(least: int) -> Callable[[str], int]:
    """Type of an argument that takes an integer not below `least`."""

    def parse(word: str) -> int:
        if not re.fullmatch(r"\d{1,18}", word) or int(word) < least:
            raise argparse.ArgumentTypeError(f"{word!r} is not an integer of at least {least}, such as {max(least, 1)}")
        return int(word)

    return parse


def number(example: str) -> Callable[[str], float]:
    """Type of an argument that takes a finite number from 0."""

    def parse(word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise argparse.ArgumentTypeError(f"{word!r} is not a number from 0, such as {example}")
        return value

    return parse


def time_steps(word: str) -> int:
    """Type of `--steps`: T, the number of time codes."""
    if word not in map(str, STEPS):
        allowed = ", ".join(map(str, STEPS[:-1]))
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of time steps: {allowed} or {STEPS[-1]}")
    return int(word)


def clock_mhz(word: str) -> float:
    """Type of `--clock`: a frequency in MHz."""
    value = number("100")(word)
    if value == 0:
        raise argparse.ArgumentTypeError(f"{word!r} is no frequency; for example 100")
    return value
