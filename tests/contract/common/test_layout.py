"""Layouts pack and unpack fields of words, arrays of words and records; values that do not fit are refused."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstspike_contract.common.layout import Field, Layout, ones, pack_set, unpack_set

MIXED = Layout(
    "Mixed",
    Field(name="low", bits=3),
    Field(name="level", bits=7, signed=True),
    Field(name="high", bits=9, lsb=20),
    bits=32,
)
RECORD = Layout(
    "Record", Field(name="kind", bits=8), Field(name="count", bits=16), Field(name="offset", bits=32, signed=True)
)


@given(st.integers(0, 7), st.integers(-64, 63), st.integers(0, 511))
def test_a_word_is_packed_and_unpacked_by_its_fields(low: int, level: int, high: int) -> None:
    word = MIXED.pack(low=low, level=level, high=high)
    assert word == low | (level & 127) << 3 | high << 20
    assert MIXED.unpack(word) == {"low": low, "level": level, "high": high}
    assert MIXED.unpack(word | ~MIXED.mask & ones(32)) == MIXED.unpack(word)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(-64, 63)), max_size=5))
def test_packing_arrays_equals_packing_their_values_one_by_one(rows) -> None:
    low, level = (np.array([row[k] for row in rows], np.int64) for k in range(2))
    words = MIXED.pack(low=low, level=level)
    assert words.tolist() == [MIXED.pack(low=a, level=b) for a, b in rows]
    assert MIXED.unpack(words)["level"].tolist() == level.tolist()


@given(st.integers(0, 255), st.integers(0, 65535), st.integers(-(2**31), 2**31 - 1))
def test_the_bytes_of_a_record_are_its_packed_word(kind: int, count: int, offset: int) -> None:
    data = RECORD.to_bytes(kind=kind, count=count, offset=offset)
    assert int.from_bytes(data, "little") == RECORD.pack(kind=kind, count=count, offset=offset)
    assert RECORD.from_bytes(b"xx" + data, 2) == {"kind": kind, "count": count, "offset": offset}
    assert np.frombuffer(data, RECORD.dtype)[0].tolist() == (kind, count, offset)
    assert len(data) == RECORD.size == RECORD.dtype.itemsize == 7


@given(st.sets(st.integers(0, 40)))
def test_a_set_of_numbers_round_trips_as_bits(numbers: set[int]) -> None:
    assert set(unpack_set(pack_set(numbers))) == numbers


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: MIXED.pack(low=8), ValueError, r"low is 8; 3 bits hold 0\.\.7"),
        (lambda: MIXED.pack(level=64), ValueError, r"level is 64; 7 bits hold -64\.\.63"),
        (lambda: MIXED.pack(low=np.array([1, 9])), ValueError, r"low is 9; 3 bits hold 0\.\.7"),
        (lambda: MIXED.pack(none=1), KeyError, "none"),
        (lambda: MIXED.to_bytes(low=1), ValueError, "Mixed cannot be bytes: each field must have 8, 16, 32"),
        (lambda: RECORD.to_bytes(kind=256), struct.error, "format requires"),
        (lambda: RECORD.to_bytes(kinds=1), KeyError, "Record has no field kinds"),
        (lambda: RECORD.from_bytes(bytes(6)), struct.error, "requires a buffer"),
        (lambda: Layout("Short", Field(name="a", bits=9), bits=8), ValueError, r"Short\.a takes bits 0\.\.8"),
        (
            lambda: Layout("Twice", Field(name="a", bits=4), Field(name="b", bits=4, lsb=3)),
            ValueError,
            r"Twice\.b lies on bits of another field, from bit 3 on",
        ),
    ],
)
def test_what_does_not_fit_is_refused(act, error, message: str) -> None:
    with pytest.raises(error, match=message):
        act()
