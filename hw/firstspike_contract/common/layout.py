"""Layouts: the fields of a word, a record or a register, declared once and used by name.

All words are packed and unpacked here; no other code shifts or masks. Gateware takes a field as a signal
(`firstspike_hw.fabric.layouts`). The tables of the documentation pages are written from the same data.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np

__all__ = ["Field", "Layout", "ones", "pack_set", "placed", "unpack_set"]

_CODES: Final = {8: "B", 16: "H", 32: "I", 64: "Q"}  # codes of `struct` by width; lower case for signed fields

_FieldT = TypeVar("_FieldT", bound="Field")


def ones(bits: int) -> int:
    """Returns the largest unsigned number of `bits` bits."""
    return (1 << bits) - 1


def pack_set(numbers: Iterable[int]) -> int:
    """Returns the word in which exactly the bits with these numbers are set."""
    word = 0
    for number in numbers:
        word |= 1 << number
    return word


def unpack_set(word: int) -> tuple[int, ...]:
    """Returns the numbers of the bits that are set in a word, ascending."""
    return tuple(number for number in range(word.bit_length()) if word >> number & 1)


@dataclass(frozen=True, kw_only=True)
class Field:
    """Neighbouring bits of a word.

    name:   name by which code uses the field, a Python identifier.
    bits:   width.
    doc:    meaning, for the documentation page.
    lsb:    lowest bit; -1 means that the field follows the one declared before it.
    signed: whether the field holds a number in two's complement.
    """

    name: str
    bits: int
    doc: str = ""
    lsb: int = -1
    signed: bool = False

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.bits < 1:
            raise ValueError(f"a field has a name and at least one bit, not {self.name!r} and {self.bits} bits")

    @property
    def end(self) -> int:
        """The first bit above the field."""
        return self.lsb + self.bits

    @property
    def smallest(self) -> int:
        """The smallest value that the field holds."""
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def largest(self) -> int:
        """The largest value that the field holds."""
        return ones(self.bits - self.signed)

    def of(self, word: Any) -> Any:
        """Returns the value of the field in a word, or an array of values for an array of words."""
        value = word >> self.lsb & ones(self.bits)
        return value - (value >> self.bits - 1 << self.bits) if self.signed else value

    def at_place(self, value: Any) -> Any:
        """Returns a word in which only this field is set, or an array of words for an array of values.

        Raises ValueError for a value that does not fit.
        """
        array = isinstance(value, np.ndarray)
        low, high = (int(value.min()), int(value.max())) if array and value.size else (0, 0) if array else (value,) * 2
        if low < self.smallest or high > self.largest:
            wrong = low if low < self.smallest else high
            raise ValueError(f"{self.name} is {wrong}; {self.bits} bits hold {self.smallest}..{self.largest}")
        return (value.astype(np.int64) if array else int(value)) << self.lsb & ones(self.bits) << self.lsb


def placed(fields: Iterable[_FieldT]) -> tuple[_FieldT, ...]:
    """Returns the fields with every `lsb` filled in: a field without one follows the field before it."""
    found: list[_FieldT] = []
    for field in fields:
        at = field.lsb if field.lsb >= 0 else (found[-1].end if found else 0)
        found.append(replace(field, lsb=at))
    return tuple(found)


class Layout:
    """The fields of a word of `bits` bits, the lowest first. Bits between fields are reserved and packed as 0.

    Raises ValueError for a field beyond the word, for two fields on one bit, and for a name used twice.
    """

    def __init__(self, name: str, *fields: Field, bits: int | None = None) -> None:
        self.name = name
        self.fields = placed(fields)
        self.bits = max((field.end for field in self.fields), default=0) if bits is None else bits
        self._by_name = {field.name: field for field in self.fields}
        if len(self._by_name) != len(self.fields):
            raise ValueError(f"{name}: each field has a name of its own, not {[f.name for f in self.fields]}")
        used = 0
        for field in self.fields:
            if field.end > self.bits:
                raise ValueError(
                    f"{name}.{field.name} takes bits {field.lsb}..{field.end - 1} of a word of {self.bits} bits"
                )
            mine = ones(field.bits) << field.lsb
            if used & mine:
                raise ValueError(f"{name}.{field.name} lies on bits of another field, from bit {field.lsb} on")
            used |= mine
        self.mask: int = used  # every bit that belongs to a field

    def __getitem__(self, name: str) -> Field:
        """Returns a field by its name. Raises KeyError for an unknown name."""
        return self._by_name[name]

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def pack(self, **values: Any) -> Any:
        """Returns the word with these values; the other fields are 0. If a value is an array, so is the result.

        Raises KeyError for an unknown field, ValueError for a value that does not fit.
        """
        word: Any = 0
        for name, value in values.items():
            word = word | self[name].at_place(value)
        return word

    def unpack(self, word: Any) -> dict[str, Any]:
        """Returns the value of every field by name: of one word, or of each word of an array."""
        return {field.name: field.of(word) for field in self.fields}

    # The layout in little-endian bytes, for records whose fields have 8, 16, 32 or 64 bits each, without a gap.

    @cached_property
    def form(self) -> struct.Struct:
        """The record as a `struct` format. Raises ValueError for a field of another width, and for a gap."""
        if any(field.bits not in _CODES for field in self.fields) or self.mask != ones(self.bits):
            raise ValueError(f"{self.name} cannot be bytes: each field must have 8, 16, 32 or 64 bits, without a gap")
        codes = [_CODES[f.bits].lower() if f.signed else _CODES[f.bits] for f in self.fields]
        return struct.Struct("<" + "".join(codes))

    @property
    def size(self) -> int:
        """Size of the record in bytes."""
        return self.bits // 8

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The record as numpy's structured type."""
        assert self.form.size == self.size  # `form` refuses a layout that has no such type
        return np.dtype([(f.name, f"<{'i' if f.signed else 'u'}{f.bits // 8}") for f in self.fields])

    def to_bytes(self, **values: int) -> bytes:
        """Returns the bytes of the record with these values; fields that are not named are 0.

        Raises KeyError for an unknown field, struct.error for a value that does not fit.
        """
        if odd := values.keys() - self._by_name.keys():
            raise KeyError(f"{self.name} has no field {min(odd)}")
        return self.form.pack(*(values.get(name, 0) for name in self._by_name))

    def from_bytes(self, data: bytes | bytearray | memoryview, at: int = 0) -> dict[str, int]:
        """Returns the fields of the record at byte `at` by name. Raises struct.error if the record is incomplete."""
        return dict(zip(self._by_name, self.form.unpack_from(data, at), strict=True))
