"""Learning settings that change during a run: lists of values that the host spreads evenly over the run."""

import re
from dataclasses import dataclass

from firstspike_contract import LearnSettings, Network, UsageError, check_settings

__all__ = ["Schedule", "parse_chances", "parse_steps"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The fields of `LearnSettings` as lists over a run. Entry k of n is used from the fraction k / n of the run on.

    margin:  time steps to run on after the decision.
    late:    latest decision step that is not late.
    chances: p of the probability 2^-p of a change; each entry has one p for all layers, or one for each layer.
    seed:    seed of the random bits.
    """

    margin: tuple[int, ...]
    late: tuple[int, ...]
    chances: tuple[tuple[int, ...], ...]
    seed: int = 1

    def at(self, done: int, total: int, layers: int) -> LearnSettings:
        """Returns the settings for the image that follows the first `done` of `total`. layers: number of layers."""
        chances = self.chances[done * len(self.chances) // total]
        return LearnSettings(
            margin=self.margin[done * len(self.margin) // total],
            late=self.late[done * len(self.late) // total],
            chances=chances * layers if len(chances) == 1 else chances,
            seed=self.seed,
        )

    def check(self, network: Network) -> None:
        """Raises FirstspikeError if any setting in the lists is out of range for the network."""
        parts = len(self.margin) * len(self.late) * len(self.chances)
        for part in range(parts):
            check_settings(network, self.at(part, parts, len(network.layers)))


def parse_steps(word: str) -> tuple[int, ...]:
    """Reads numbers of steps separated by commas: ``4`` or ``6,4,4``; ``4x3`` means 4,4,4. Raises UsageError."""
    return tuple(_number(part, word, "steps, such as 4 or 6,4x2") for part in _parts(word))


def parse_chances(word: str) -> tuple[tuple[int, ...], ...]:
    """Reads values of p separated by commas, and by slashes for each layer: ``0x6,1x4,2`` or ``0/1,2/3``.

    Raises UsageError.
    """
    like = "p, such as 0x6,1x4,2 or 0/1,2/3 by layer"
    return tuple(tuple(_number(p, word, like) for p in part.split("/")) for part in _parts(word))


def _parts(word: str) -> list[str]:
    """Returns the parts between the commas. A part with a count, such as ``4x3``, is repeated."""
    parts: list[str] = []
    for part in word.split(","):
        value, times, count = part.partition("x")
        if times and not re.fullmatch(r"[1-9]\d{0,3}", count):
            raise UsageError(f"a part of a schedule is repeated 1 to 9999 times, as in 4x3; have {part!r} in {word!r}")
        parts += [value] * (int(count) if times else 1)
    return parts


def _number(text: str, word: str, like: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise UsageError(f"a schedule is a list of {like}; have {text!r} in {word!r}")
    return int(text)
