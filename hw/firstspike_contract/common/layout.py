"""Layouts: what the bits of a word, a record or a register mean, declared once and used by name.

Whoever packs or unpacks a word does it here. Nobody else shifts or masks: gateware takes a field as a signal
(`firstspike_hw.fabric.layouts`), documentation pages and headers for other languages are written from the same data.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

__all__ = ["Field", "Layout", "mask"]

_CODES: Final = {8: "B", 16: "H", 32: "I", 64: "Q"}  # of `struct` and numpy, by bits


def mask(bits: int) -> int:
    """The largest number of that many bits."""
    return (1 << bits) - 1


@dataclass(frozen=True, kw_only=True)
class Field:
    """Some bits of a word.

    name: as it is used.
    bits: width.
    doc:  meaning, for the documentation page.
    lsb:  lowest bit; -1: the field follows the one declared before it.
    """

    name: str
    bits: int
    doc: str = ""
    lsb: int = -1

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.bits < 1:
            raise ValueError(f"a field has a name and at least one bit, not {self.name!r} and {self.bits} bits")

    @property
    def end(self) -> int:
        """The bit behind it."""
        return self.lsb + self.bits

    @property
    def largest(self) -> int:
        """The largest value that it holds."""
        return mask(self.bits)

    def of(self, word: Any) -> Any:
        """Value of the field in a word, or in each word of an array."""
        return word >> self.lsb & self.largest

    def at_place(self, value: Any) -> Any:
        """A word with this field set, from one value or from an array of them. Raises ValueError: it does not fit."""
        low, high = (int(value.min(initial=0)), int(value.max(initial=0))) if np.ndim(value) else (value, value)
        if low < 0 or high > self.largest:
            raise ValueError(f"{self.name} is {low if low < 0 else high}; {self.bits} bits hold 0..{self.largest}")
        return (value.astype(np.int64) if np.ndim(value) else int(value)) << self.lsb


class Layout:
    """Fields of a word of `bits` bits, the lowest first. Bits between them are reserved: written and read as 0.

    Raises ValueError for what cannot be: a field beyond the word, two fields on one bit, a name used twice.
    """

    def __init__(self, name: str, *fields: Field, bits: int | None = None) -> None:
        self.name = name
        placed: list[Field] = []
        for field in fields:
            at = field.lsb if field.lsb >= 0 else (placed[-1].end if placed else 0)
            placed.append(Field(name=field.name, bits=field.bits, doc=field.doc, lsb=at))
        self.fields: tuple[Field, ...] = tuple(placed)
        self.bits = max((f.end for f in placed), default=0) if bits is None else bits
        self._by_name = {field.name: field for field in placed}
        if len(self._by_name) != len(placed):
            raise ValueError(f"{name}: each field has a name of its own, not {[f.name for f in placed]}")
        used = 0
        for field in placed:
            if field.end > self.bits:
                raise ValueError(
                    f"{name}.{field.name} takes bits {field.lsb}..{field.end - 1} of a word of {self.bits} bits"
                )
            if used & field.at_place(field.largest):
                raise ValueError(f"{name}.{field.name} lies on bits of another field, from bit {field.lsb} on")
            used |= field.at_place(field.largest)
        self.mask: int = used  # every bit that belongs to a field

    def __getitem__(self, name: str) -> Field:
        """A field by its name. Raises KeyError."""
        return self._by_name[name]

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def pack(self, **values: Any) -> Any:
        """The word with these fields; those not named are 0. A value may be an array: then so is the result.

        Raises KeyError for a field that is not there, ValueError for a value that does not fit.
        """
        word: Any = 0
        for name, value in values.items():
            word = word | self[name].at_place(value)
        return word

    def unpack(self, word: Any) -> dict[str, Any]:
        """Every field of a word, or of each word of an array, by name."""
        return {field.name: field.of(word) for field in self.fields}

    # As bytes, little endian: for records whose fields are whole numbers of 8, 16, 32 or 64 bits without a gap.

    @cached_property
    def form(self) -> struct.Struct:
        """Raises ValueError for a layout that is no such record."""
        if any(field.bits not in _CODES for field in self.fields) or self.mask != mask(self.bits):
            raise ValueError(f"{self.name} has fields that are no whole numbers of bytes")
        return struct.Struct("<" + "".join(_CODES[field.bits] for field in self.fields))

    @property
    def size(self) -> int:
        """Bytes."""
        return self.bits // 8

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The record as numpy's structured type."""
        assert self.form.size == self.size  # refuses what has no such type
        return np.dtype([(field.name, f"<u{field.bits // 8}") for field in self.fields])

    def to_bytes(self, **values: int) -> bytes:
        """The record with these fields; those not named are 0.

        Raises KeyError for a field that is not there, struct.error for a value that does not fit.
        """
        known = dict.fromkeys(self._by_name, 0)
        for name in values:
            self[name]
        return self.form.pack(*(known | values).values())

    def from_bytes(self, data: bytes | bytearray | memoryview, at: int = 0) -> dict[str, int]:
        """The record that begins at byte `at`, by name. Raises struct.error if it is not whole."""
        return dict(zip(self._by_name, self.form.unpack_from(data, at), strict=True))
