"""Checks of the sizes that a unit is built for: its constructor refuses sizes that it could not work with."""

from typing import Any, Final

from amaranth.utils import exact_log2

__all__ = ["check_power", "check_sizes"]

# The smallest value of a size, by its name, which means the same in every unit. Sizes not named here start at 1.
_LEAST: Final = {"steps": 2, "constants": 0, "value_bits": 0, "filed": 0, "votes": 0}
_LARGEST: Final = 2**16  # steps, rows and words are counted with 16 bits


def check_sizes(unit: Any, **sizes: int) -> None:
    """Raises ValueError naming the unit and the first size that is too small, too large or no whole number."""
    for name, value in sizes.items():
        least = _LEAST.get(name, 1)
        if not isinstance(value, int) or not least <= value <= _LARGEST:
            raise ValueError(f"{_named(unit)}: {name} is a whole number in {least}..{_LARGEST}, not {value}")


def check_power(unit: Any, *, least: int = 1, **sizes: int) -> None:
    """Raises ValueError unless every size is a power of two from `least` on, so that pointers wrap by themselves."""
    for name, value in sizes.items():
        try:
            exact_log2(value)
            fits = least <= value <= _LARGEST
        except (TypeError, ValueError):
            fits = False
        if not fits:
            raise ValueError(f"{_named(unit)}: {name} is a power of two in {least}..{_LARGEST}, not {value}")


def _named(unit: Any) -> str:
    return type(unit).__name__
