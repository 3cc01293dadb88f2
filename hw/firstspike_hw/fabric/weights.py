"""Weight memory: wide words, cut into slices as wide as a block memory; each slice has a memory of its own.

Tested by tests/hw/spikes/test_intake.py.
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from firstspike_contract.core.memories import GROUP_BITS, slice_width

from .memory_port import IN_BLOCKS
from .relay import relayed
from .sizes import check_sizes

__all__ = ["WeightGroup", "WeightMemory"]


def _ports(width: int, depth: int) -> dict[str, object]:
    return {
        "address": In(bits_for(depth - 1)),
        "data": Out(width),
        "write_address": In(bits_for(depth - 1)),
        "write_data": In(width),
        "write": In(1),
    }


class WeightGroup(wiring.Component):
    """Neighbouring slices of a weight memory, and registers that only they use (fan-out). Ports as in WeightMemory."""

    def __init__(self, *, width: int, depth: int) -> None:
        check_sizes(self, width=width, depth=depth)
        self.width, self.depth, self.slice = width, depth, slice_width(depth)
        super().__init__(_ports(width, depth))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        address = Signal.like(self.address, reset_less=True)
        write_address, enable = Signal.like(self.write_address, reset_less=True), Signal()
        m.d.sync += [address.eq(self.address), write_address.eq(self.write_address), enable.eq(self.write)]
        slices = []
        for lsb in range(0, self.width, self.slice):
            bits = min(self.slice, self.width - lsb)
            memory = Memory(shape=bits, depth=self.depth, init=[], attrs=IN_BLOCKS)
            m.submodules[f"slice{lsb // self.slice}"] = memory
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                read.addr.eq(address),
                write.addr.eq(write_address),
                write.data.eq(self.write_data[lsb : lsb + bits]),
                write.en.eq(enable),
            ]
            data = Signal(bits, name=f"data{lsb // self.slice}")
            m.d.comb += data.eq(read.data)
            slices.append(data)
        m.d.comb += self.data.eq(Cat(slices))
        return m


class WeightMemory(wiring.Component):
    """`depth` words of `width` bits; slice i holds bits i * slice and up of every word.

    With `wide`, addresses to read pass relays on their way to the groups, and `data` comes a cycle later. A word can be
    read `latency` cycles after it was written. Ports:

    address:       in, 0 .. depth - 1. The word to read; may change every cycle.
    data:          out, `width` bits. The word at `address`, `latency` cycles later.
    write:         in, strobe. Writes a word.
    write_address: in, 0 .. depth - 1. Valid with `write`.
    write_data:    in, `width` bits. Valid in the cycle after `write`: the writer holds it, or makes it a cycle later,
                   so that no copy is needed here.
    """

    latency = 2

    def __init__(self, *, width: int, depth: int, wide: bool = False) -> None:
        check_sizes(self, width=width, depth=depth)
        self.width, self.depth, self.slice, self.wide = width, depth, slice_width(depth), wide
        super().__init__(_ports(width, depth))

    @staticmethod
    def blocks(width: int, depth: int) -> int:
        """Returns the number of block memories that it takes; a slice deeper than a block takes several."""
        return -(-width // slice_width(depth)) * -(-depth // max(2048, 1 << ceil_log2(min(depth, 2048))))

    def model(self, inputs: Sequence[tuple[Any, ...]]) -> list[int]:
        """Takes ("write", address, word) and ("read", address); returns the word of each read, 0 if never written."""
        words: dict[int, int] = {}
        found = []
        for name, address, *word in inputs:
            if name == "write":
                words[address] = word[0]
            else:
                found.append(words.get(address, 0))
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words = []
        near = relayed(m, "relay{n}", self.address, -(-self.width // GROUP_BITS), relays=int(self.wide))
        for k, lsb in enumerate(range(0, self.width, GROUP_BITS)):
            bits = slice(lsb, min(lsb + GROUP_BITS, self.width))
            m.submodules[f"group{k}"] = group = WeightGroup(width=bits.stop - bits.start, depth=self.depth)
            m.d.comb += [
                group.address.eq(near[k]),
                group.write_address.eq(self.write_address),
                group.write_data.eq(self.write_data[bits]),
                group.write.eq(self.write),
            ]
            words.append(group.data)
        m.d.comb += self.data.eq(Cat(words))
        return m
