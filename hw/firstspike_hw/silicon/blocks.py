"""Block RAM contents of a routed design: finds where each bit of each memory lies, reads contents and replaces them.

A design is routed with known pseudo-random contents (`netlist.known_contents`). Each column of a memory, one bit of
consecutive words, is then searched among the columns of the blocks, where only one place looks like it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import FirstspikeError
from firstspike_hw.fabric.memory_port import Contents

from .netlist import BlockMemory, known_contents

__all__ = ["Blocks", "Column", "Geometry", "bits_of", "find_columns", "read_memories", "with_memories"]

Blocks = dict[int, NDArray[np.uint16]]  # uint16 [entries] by the number of the block
_SHARED: Final = 8  # bits in use of an entry that several words share: all but the ninth


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Shape of a block RAM.

    entries: number of entries.
    bits:    bits of an entry.
    strides: numbers of entries that one word can take up.
    shares:  numbers of words that can share one entry.
    """

    entries: int
    bits: int
    strides: tuple[int, ...]
    shares: tuple[int, ...] = ()

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(stride, share) of each shape of a word, in the order in which they are tried."""
        return [*((stride, 1) for stride in self.strides), *((1, share) for share in self.shares)]


@dataclass(frozen=True, kw_only=True)
class Column:
    """The place of one bit of consecutive words of a memory.

    memory:   path of the memory.
    bit:      number of the bit in the word.
    first:    first word.
    words:    number of words.
    block:    number of the block.
    stride:   distance between the entries that hold the bit.
    offset:   first of these entries.
    position: number of the bit in the entry, or in a part of the entry.
    share:    number of equal parts of an entry, each with a word.
    """

    memory: str
    bit: int
    first: int
    words: int
    block: int
    stride: int
    offset: int
    position: int
    share: int = 1

    def parts(self) -> Iterator[tuple[slice, slice, int]]:
        """Yields (slice of the words, slice of their entries, bit in these entries) for each part of the entries."""
        for k in range(self.share):
            count = len(range(k, self.words, self.share))
            entries = slice(self.offset, self.offset + self.stride * count, self.stride)
            yield slice(k, self.words, self.share), entries, self.position + k * _SHARED // self.share


def find_columns(memories: Iterable[BlockMemory], blocks: Blocks, geometry: Geometry) -> list[Column]:
    """Returns where every bit of every memory lies. Raises FirstspikeError for a bit in no or in two places."""
    places: dict[bytes, list[tuple[int, int, int, int, int]]] = {}
    for number, entries in blocks.items():
        bits = (entries[:, None] >> np.arange(geometry.bits) & 1).astype(np.uint8)  # [entry, position]
        for stride in geometry.strides:
            columns = bits.reshape(-1, stride, geometry.bits)
            for offset in range(stride):
                for position in range(geometry.bits):
                    key = columns[:, offset, position].tobytes()
                    places.setdefault(key, []).append((number, stride, offset, position, 1))
        for share in geometry.shares:
            width = _SHARED // share
            words = bits[:, :_SHARED].reshape(-1, width)
            for position in range(width):
                places.setdefault(words[:, position].tobytes(), []).append((number, 1, 0, position, share))
    found = []
    for memory in memories:
        known = known_contents(memory)
        for bit in range(memory.width):
            found += _pieces(memory, bit, known[:, bit], places, geometry)
    return found


def _pieces(
    memory: BlockMemory,
    bit: int,
    column: NDArray[np.uint8],
    places: Mapping[bytes, list[tuple[int, int, int, int, int]]],
    geometry: Geometry,
) -> list[Column]:
    for stride, share in geometry.shapes:  # the wider the words, the fewer a block holds
        size = geometry.entries * share // stride
        pieces = []
        for first in range(0, memory.depth, size):
            piece = np.zeros(size, np.uint8)
            piece[: len(column) - first] = column[first : first + size]
            there = places.get(piece.tobytes(), [])
            if len(there) > 1:
                raise FirstspikeError(f"bit {bit} of the memory {memory.path} is in {len(there)} places of the design")
            pieces += [
                Column(
                    memory=memory.path,
                    bit=bit,
                    first=first,
                    words=min(size, memory.depth - first),
                    block=block,
                    stride=stride,
                    offset=offset,
                    position=position,
                    share=share,
                )
                for block, stride, offset, position, share in there
            ]
        if len(pieces) == -(-memory.depth // size):
            return pieces
    raise FirstspikeError(
        f"bit {bit} of the memory {memory.path} is in none of the design's block RAMs; it lies in logic, "
        f"or was changed by synthesis"
    )


def read_memories(columns: Iterable[Column], blocks: Blocks) -> dict[str, Contents]:
    """Returns what the memories hold, uint8 ``[depth, width]`` by path."""
    columns = list(columns)
    memories = {
        path: np.zeros(
            (
                max(c.first + c.words for c in columns if c.memory == path),
                1 + max(c.bit for c in columns if c.memory == path),
            ),
            np.uint8,
        )
        for path in dict.fromkeys(c.memory for c in columns)
    }
    for c in columns:
        column = memories[c.memory][c.first : c.first + c.words, c.bit]
        for words, entries, position in c.parts():
            column[words] = blocks[c.block][entries] >> position & 1
    return memories


def with_memories(columns: Iterable[Column], blocks: Blocks, contents: Mapping[str, Contents]) -> Blocks:
    """Returns the blocks with `contents` in the memories, uint8 ``[depth, width]`` by path; all other bits stay."""
    changed = {number: entries.copy() for number, entries in blocks.items()}
    for c in columns:
        if c.memory in contents:
            bits = contents[c.memory][c.first : c.first + c.words, c.bit].astype(np.uint16)
            block = changed[c.block]
            for words, entries, position in c.parts():
                kept = block[entries] & np.uint16(~(1 << position) & 0xFFFF)
                block[entries] = kept | bits[words] << np.uint16(position)
    return changed


def bits_of(columns: Iterable[Column], blocks: Blocks) -> Blocks:
    """Returns blocks in which exactly the bits that belong to memories are set."""
    held = {number: np.zeros_like(entries) for number, entries in blocks.items()}
    for c in columns:
        for _, entries, position in c.parts():
            held[c.block][entries] |= np.uint16(1 << position)
    return held
