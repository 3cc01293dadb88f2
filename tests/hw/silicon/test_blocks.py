"""Memories are found in block memories by their known contents, read from there, and given other contents."""

import numpy as np
import pytest

from firstspike_contract import FirstspikeError
from firstspike_hw.silicon.blocks import bits_of, find_columns, read_memories, with_memories
from firstspike_hw.silicon.ecp5 import Ecp5
from firstspike_hw.silicon.netlist import BlockMemory, known_contents

GEOMETRY = Ecp5.geometry
MEMORIES = (
    BlockMemory(path="top.a", width=9, depth=2048),
    BlockMemory(path="top.b", width=20, depth=1024),
    BlockMemory(path="top.c", width=28, depth=32),
    BlockMemory(path="top.d", width=9, depth=4096),
    BlockMemory(path="top.e", width=4, depth=8192),
    BlockMemory(path="top.f", width=1, depth=600),
)
# memory, first word, first bit, block, entries for each word, first entry
PLACES = (
    ("top.a", 0, 0, 3, 1, 0),
    ("top.b", 0, 0, 0, 2, 0),
    ("top.b", 0, 9, 0, 2, 1),
    ("top.b", 0, 18, 7, 2, 0),
    ("top.c", 0, 0, 5, 4, 0),
    ("top.c", 0, 9, 5, 4, 2),  # synthesis may use any order
    ("top.c", 0, 18, 5, 4, 1),
    ("top.c", 0, 27, 5, 4, 3),
    ("top.d", 0, 0, 9, 1, 0),
    ("top.d", 2048, 0, 8, 1, 0),
)
# memory, first bit, block, bits of a word in this block: eight of the nine bits of an entry hold several words
NARROW = (("top.e", 0, 12, 2), ("top.e", 2, 13, 2), ("top.f", 0, 14, 1))


def routed(contents, base=None):
    """Returns the blocks that place and route would give for the tables above."""
    blocks = {n: np.zeros(2048, np.uint16) for n in (0, 3, 5, 7, 8, 9, 11, 12, 13, 14)}
    for path, word, bit, block, stride, offset in PLACES:
        bits = contents[path][word : word + 2048 // stride, bit : bit + 9].astype(np.uint16)
        blocks[block][offset::stride][: len(bits)] |= (bits << np.arange(bits.shape[1], dtype=np.uint16)).sum(
            axis=1, dtype=np.uint16
        )
    for path, bit, block, width in NARROW:
        words = np.zeros((2048 * 8 // width, width), np.uint8)
        words[: len(contents[path])] = contents[path][:, bit : bit + width]
        blocks[block] = np.packbits(words.reshape(2048, 8), axis=1, bitorder="little")[:, 0].astype(np.uint16)
    return blocks


KNOWN = {memory.path: known_contents(memory) for memory in MEMORIES}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[n], other[n]) for n in one)


def test_every_bit_is_found_and_read_back() -> None:
    blocks = routed(KNOWN)
    columns = find_columns(MEMORIES, blocks, GEOMETRY)
    assert len(columns) == 9 + 20 + 28 + 2 * 9 + 4 + 1
    back = read_memories(columns, blocks)
    assert all(np.array_equal(back[path], bits) for path, bits in KNOWN.items())


def test_new_contents_equal_those_of_a_new_route() -> None:
    before = routed(KNOWN)
    columns = find_columns(MEMORIES, before, GEOMETRY)
    random = np.random.default_rng(5)
    other = {path: random.integers(0, 2, bits.shape, np.uint8) for path, bits in KNOWN.items()}
    after = with_memories(columns, before, other)
    assert same(after, routed(other))
    assert same(with_memories(columns, after, KNOWN), before)


def test_bits_of_gives_the_bits_of_all_memories() -> None:
    before = routed(KNOWN)
    columns = find_columns(MEMORIES, before, GEOMETRY)
    ones = with_memories(columns, before, {path: np.ones_like(bits) for path, bits in KNOWN.items()})
    zeros = with_memories(columns, before, {path: np.zeros_like(bits) for path, bits in KNOWN.items()})
    assert same(bits_of(columns, before), {number: ones[number] & ~zeros[number] for number in before})
    assert sum(int(np.bitwise_count(bits).sum()) for bits in bits_of(columns, before).values()) == sum(
        bits.size for bits in KNOWN.values()
    )


def test_a_memory_that_is_not_named_keeps_its_bits() -> None:
    before = routed(KNOWN)
    columns = find_columns(MEMORIES, before, GEOMETRY)
    after = with_memories(columns, before, {"top.a": np.zeros((2048, 9), np.uint8)})
    assert not after[3].any()
    assert all(np.array_equal(after[n], before[n]) for n in before if n != 3)


def test_a_memory_in_logic_is_refused() -> None:
    blocks = routed(KNOWN)
    blocks[5][:] = 0
    with pytest.raises(
        FirstspikeError,
        match=r"^bit 0 of the memory top\.c is in none of the design's block RAMs; it lies in logic, "
        r"or was changed by synthesis$",
    ):
        find_columns(MEMORIES, blocks, GEOMETRY)


def test_a_memory_that_is_there_twice_is_refused() -> None:
    blocks = routed(KNOWN)
    blocks[11] = blocks[3]
    with pytest.raises(FirstspikeError, match=r"^bit 0 of the memory top\.a is in 2 places of the design$"):
        find_columns(MEMORIES, blocks, GEOMETRY)
