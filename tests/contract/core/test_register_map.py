"""A register keeps and shows the fields that its declaration says; an impossible declaration is refused."""

import random

import pytest

from firstspike_contract.common.layout import ones
from firstspike_contract.core.register import BITS, Register, RegisterBlock, RegisterField
from firstspike_contract.core.register_map import GLOBAL, LINK, STAGE, offset_of, registers, write_of


def register(*fields: RegisterField, name: str = "R", offset: int = 0) -> Register:
    return Register(name=name, offset=offset, doc="a register", fields=fields)


def field(name: str = "f", bits: int = 8, **more) -> RegisterField:
    return RegisterField(name=name, bits=bits, **more)


def test_no_two_registers_share_an_address() -> None:
    offsets = [offset for offset, *_ in registers(8, learns=True)]
    assert len(set(offsets)) == len(offsets)
    assert all(offset % 4 == 0 and offset < 4096 for offset in offsets)
    assert offset_of("ROWS", 2) == 0x18C


@pytest.mark.parametrize("block", [GLOBAL, STAGE, LINK])
def test_every_register_packs_what_it_unpacks(block: RegisterBlock) -> None:
    chance = random.Random(1)
    for one in block:
        for layout in (one.shown, one.taken, one.kept):
            word = chance.getrandbits(BITS) & layout.mask
            assert layout.pack(**layout.unpack(word)) == word
            assert layout.unpack(word | ~layout.mask & ones(BITS)) == layout.unpack(word), "other bits matter"


def test_only_fields_that_are_kept_read_back() -> None:
    one = register(
        field("kept"),
        field("shown", access="ro"),
        field("stays", 1, access="sticky"),
        field("acts", 1, access="pulse"),
        field("hidden", access="wo"),
    )
    assert one.after(0xFFFFFFFF) == 0xFF
    assert one.pack(kept=1, acts=1, hidden=2) == 1 | 1 << 17 | 2 << 18
    assert one.unpack(0xFFFFFFFF) == {"kept": 255, "shown": 255, "stays": 1}


def test_a_read_only_field_may_share_bits_with_a_write_only_field() -> None:
    one = register(field("state", 3, access="ro"), field("command", 32, lsb=0, access="pulse"))
    assert (one.unpack(5), one.pack(command=2), one.after(2)) == ({"state": 5}, 2, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: register(field(bits=33)), r"R\.f takes bits 0\.\.32 of a word of 32 bits"),
        (lambda: register(field("a", 20), field("b", 13)), r"R\.b takes bits 20\.\.32 of a word of 32 bits"),
        (lambda: register(field("a"), field("b", lsb=7)), r"R\.b lies on bits of another field, from bit 7 on"),
        (lambda: register(field("a"), field("a")), "R: each field has a name of its own"),
        (lambda: register(field(reset=256)), r"R\.f cannot reset to 256: it has 8 bits"),
        (lambda: register(field(), offset=6), "the offset of R must be a multiple of 4 from 0 on, not 6"),
        (lambda: field(bits=0), "a field has a name and at least one bit"),
        (lambda: field("two words"), "a field has a name and at least one bit"),
        (lambda: RegisterBlock(register(), register(name="S"), size=8), "share a name or an offset"),
        (lambda: RegisterBlock(register(), register(offset=4), size=8), "share a name or an offset"),
        (lambda: RegisterBlock(register(offset=8), size=8), "R lies at 0x8, the block has 0x8 bytes"),
        (lambda: RegisterBlock(register(), size=16, stride=8), "copies of 0x10 bytes cannot lie 0x8 bytes apart"),
    ],
)
def test_impossible_declarations_are_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_value_that_does_not_fit_is_refused_and_never_cut() -> None:
    with pytest.raises(ValueError, match=r"kind is 256; 8 bits hold 0\.\.255"):
        write_of("MEM_SELECT", kind=256)
    with pytest.raises(KeyError, match="kinds"):
        write_of("MEM_SELECT", kinds=1)
