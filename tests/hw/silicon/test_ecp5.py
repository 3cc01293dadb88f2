"""Block memories of an ECP5 bitstream are read and written with their checksums; the clock is set in nextpnr's text."""

import numpy as np
import pytest

from firstspike_contract import FirstspikeError
from firstspike_hw.silicon.ecp5 import Ecp5, _checksum, with_clock
from firstspike_hw.silicon.pll import pll_for

FAMILY = Ecp5()
HEAD, TAIL = bytes.fromhex("ff00ffffffbdb3ffffffff3b000000"), bytes.fromhex("5e000000ffffffff")


def bitstream(blocks) -> bytes:
    """Returns a bitstream with a section for each block between other bytes."""
    text = HEAD
    for number, entries in blocks.items():
        bits = "".join(f"{entry:09b}" for entry in entries)
        data = int(bits, 2).to_bytes(2304, "big")
        section = b"\xf6\x00\x00\x00" + (number << 11).to_bytes(4, "big") + b"\xb2\xd0\x01\x00" + data
        text += section + _checksum(section)
    return text + TAIL


@pytest.fixture
def blocks():
    random = np.random.default_rng(1)
    return {number: random.integers(0, 512, 2048).astype(np.uint16) for number in (0, 3, 207)}


def test_the_checksum_is_the_published_one() -> None:
    assert _checksum(b"123456789") == bytes.fromhex("fee8")  # check value of CRC-16/UMTS in the catalogues of CRCs
    assert _checksum(b"") == bytes(2)


def test_blocks_are_read_as_they_were_written(blocks) -> None:
    read = FAMILY.read_blocks(bitstream(blocks))
    assert list(read) == [0, 3, 207]
    assert all(np.array_equal(read[number], entries) for number, entries in blocks.items())


def test_other_contents_change_their_sections_only(blocks) -> None:
    before = bitstream(blocks)
    other = np.arange(2048, dtype=np.uint16) % 512
    after = FAMILY.with_blocks(before, {3: other})
    assert after == bitstream({**blocks, 3: other})
    assert FAMILY.without_blocks(after) == FAMILY.without_blocks(before)
    assert FAMILY.without_blocks(after[:-1]) != FAMILY.without_blocks(before)
    assert FAMILY.with_blocks(after, blocks) == before


def test_a_damaged_section_is_refused(blocks) -> None:
    data = bytearray(bitstream(blocks))
    data[len(HEAD) + 2318 + 100] ^= 4
    with pytest.raises(FirstspikeError, match=r"^block RAM 3 of the bitstream has a wrong checksum$"):
        FAMILY.read_blocks(bytes(data))


def test_a_bitstream_without_blocks_is_refused() -> None:
    with pytest.raises(FirstspikeError) as error:
        FAMILY.read_blocks(HEAD + TAIL)
    assert str(error.value) == "the bitstream has no block RAM; is it one of an ECP5, not compressed?"


def test_the_clock_is_set_in_the_text() -> None:
    names = ("CLKFB_DIV", "CLKI_DIV", "CLKOP_CPHASE", "CLKOP_DIV")
    text = "enum: X Y\n" + "".join(f"word: {name} 0000001\n" for name in names) + "word: CLKOS_DIV 0000111\n"
    pll = pll_for("ecp5", 25, 60)
    assert with_clock(text, pll) == (
        f"enum: X Y\nword: CLKFB_DIV {pll.feedback - 1:07b}\nword: CLKI_DIV {pll.reference - 1:07b}\n"
        f"word: CLKOP_CPHASE {pll.output - 1:07b}\nword: CLKOP_DIV {pll.output - 1:07b}\nword: CLKOS_DIV 0000111\n"
    )
    with pytest.raises(FirstspikeError, match=r"^the configuration must have exactly one PLL to set its divisors$"):
        with_clock(text * 2, pll)
