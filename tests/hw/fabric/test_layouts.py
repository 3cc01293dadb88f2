"""Layouts of the contract in gateware: fields keep their places, and what does not fit is refused by name."""

from typing import Any

import pytest
from amaranth.hdl import Const, Module, Signal
from amaranth.sim import Simulator

from firstspike_contract.common.layout import Field, Layout
from firstspike_contract.core.memories import TABLE_WORD
from firstspike_contract.core.stream_format import IMAGE_HEADER, RESULT_PACKET, Header, ResultFlag
from firstspike_hw.fabric.layouts import HEADER_FLAGS, RESULT_FLAGS, after_byte, merged, packed, seen_as, structure

GAPPED = Layout(
    "word",
    Field(name="low", bits=3),
    Field(name="high", bits=4, lsb=6),
    Field(name="change", bits=5, signed=True),
    bits=20,
)


def value(word: Any) -> int:
    """Returns the number that a word made of constants is."""
    found: list[int] = []

    async def look(ctx: Any) -> None:
        found.append(ctx.get(word))

    simulator = Simulator(Module())
    simulator.add_testbench(look)
    simulator.run()
    return found[0]


@pytest.mark.parametrize("layout", [GAPPED, IMAGE_HEADER, RESULT_PACKET, TABLE_WORD], ids=lambda layout: layout.name)
def test_fields_keep_their_places(layout: Layout) -> None:
    found = structure(layout)
    assert found.size == layout.bits
    for field in layout:
        assert (found[field.name].offset, found[field.name].width) == (field.lsb, field.bits)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"low": 7},
        {"high": 15, "low": 1},
        {"change": -16},
        {"change": 15, "low": 5, "high": 9},
    ],
)
def test_words_are_packed_as_the_contract_packs_them(fields: dict[str, int]) -> None:
    assert value(packed(GAPPED, **fields)) == GAPPED.pack(**fields)
    assert len(packed(GAPPED, **fields)) == 20


def test_values_may_be_narrower_signals() -> None:
    narrow = Signal(2)
    word = packed(GAPPED, high=narrow)
    assert len(word) == 20
    assert value(packed(GAPPED, high=Const(3, 2))) == 3 * 2**6


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"low": 8}, "word.low has 3 bits, too few for 8"),
        ({"low": -1}, "word.low has 3 bits, too few for -1"),
        ({"change": 16}, "word.change has 5 bits, too few for 16"),
        ({"change": -17}, "word.change has 5 bits, too few for -17"),
        ({"high": Const(0, 5)}, "word.high has 4 bits, too few for (const 5'd0)"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r"too few") as error:
        packed(GAPPED, **fields)
    assert str(error.value) == message


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(KeyError, match="word has no field lows"):
        packed(GAPPED, lows=1)


def test_words_may_be_merged_by_or() -> None:
    low, high = Const(5, 3), Const(9, 4)
    word = merged(GAPPED, high=high, low=low)
    assert value(word) == GAPPED.pack(low=5, high=9)
    assert repr(word) == repr((high << 6) | low)


def test_bytes_come_lowest_first() -> None:
    record = Const(0x44332211, 32)
    assert value(after_byte(record, Const(0x55, 8))) == 0x55443322


def test_a_value_is_seen_as_its_fields() -> None:
    seen = seen_as(GAPPED, Const(GAPPED.pack(low=5, high=9, change=-3), 20))
    assert value(seen.low) == 5
    assert value(seen.high) == 9
    assert value(seen.change) == -3


@pytest.mark.parametrize(("layout", "flags"), [(HEADER_FLAGS, Header), (RESULT_FLAGS, ResultFlag)])
def test_flags_are_fields_of_one_bit(layout: Layout, flags: type[Header]) -> None:
    assert layout.bits == 8
    for flag in flags:
        assert layout.pack(**{str(flag.name).lower(): 1}) == flag
