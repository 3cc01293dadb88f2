"""Weight memory: one wide word cut into slices as wide as a block memory, one memory per slice."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

__all__ = ["WeightMemory", "slice_width"]


def slice_width(depth: int) -> int:
    """Bits of a block memory of that depth, all nine bits of a nine-bit block used (DP16KD: 512 x 36 .. 2048 x 9)."""
    return 36 if depth <= 512 else 18 if depth <= 1024 else 9


class WeightMemory(wiring.Component):
    """`depth` words of `width` bits, a read port and a write port; slice i holds bits i * slice .. of every word.

    data: the word at `address` of the cycle before.
    """

    latency = 1

    def __init__(self, *, width: int, depth: int) -> None:
        self.width, self.depth, self.slice = width, depth, slice_width(depth)
        super().__init__(
            {
                "address": In(bits_for(depth - 1)),
                "data": Out(width),
                "write_address": In(bits_for(depth - 1)),
                "write_data": In(width),
                "write": In(1),
            }
        )

    @staticmethod
    def blocks(width: int, depth: int) -> int:
        """Block memories that it takes; deeper than a block: several in a row."""
        return -(-width // slice_width(depth)) * -(-depth // max(2048, 1 << ceil_log2(min(depth, 2048))))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        slices = []
        for lsb in range(0, self.width, self.slice):
            bits = min(self.slice, self.width - lsb)
            memory = Memory(shape=bits, depth=self.depth, init=[])
            m.submodules[f"slice{lsb // self.slice}"] = memory
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                read.addr.eq(self.address),
                write.addr.eq(self.write_address),
                write.data.eq(self.write_data[lsb : lsb + bits]),
                write.en.eq(self.write),
            ]
            data = Signal(bits, name=f"data{lsb // self.slice}")
            m.d.comb += data.eq(read.data)
            slices.append(data)
        m.d.comb += self.data.eq(Cat(slices))
        return m
