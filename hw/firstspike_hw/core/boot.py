"""Boot memory: register writes that load a core after reset without a host.

`contract.core.boot` describes the format. A host that loads another network makes the program void.
"""

from collections.abc import Sequence
from enum import IntEnum

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract.core.boot import boot_writes
from firstspike_contract.core.memories import BOOT_DATA, BOOT_WRITE
from firstspike_hw.fabric.layouts import seen_as
from firstspike_hw.fabric.memory_port import IN_BLOCKS, MemoryPort
from firstspike_hw.fabric.sizes import check_sizes

__all__ = ["Boot", "write_layout"]


class Phase(IntEnum):
    """Phases of one write. Its three words are read one after the other, each a cycle after its address."""

    FIRST = 0
    LOW = 1
    HIGH = 2
    KEEP = 3
    OFFER = 4
    DONE = 5


def write_layout() -> data.StructLayout:
    """A register write.

    address: byte address of the register.
    word:    the value.
    """
    return data.StructLayout({"address": 12, "word": 32})


class Boot(wiring.Component):
    """A memory of `words` words that offers the register writes it holds, one after the other. Ports:

    writes: out, stream of `write_layout`. The writes in order, from reset on.
    done:   out, 1 bit. No further write will come.
    forget: in, strobe. Makes the program void, for a host that loads another network.
    host:   in, MemoryPort of 16 bits. The memory.
    """

    latency = 4  # cycles from the address of a write's first word to the write on offer

    def __init__(self, *, words: int) -> None:
        check_sizes(self, words=words)
        self.words = words
        super().__init__(
            {
                "writes": Out(stream.Signature(write_layout())),
                "done": Out(1),
                "forget": In(1),
                "host": In(MemoryPort(width=16)),
            }
        )

    def model(self, inputs: Sequence[int]) -> list[tuple[int, int]]:
        """Takes the words of the memory; returns the writes (byte address, word)."""
        return boot_writes(inputs)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.program = memory = Memory(shape=16, depth=self.words, init=[], attrs=IN_BLOCKS)
        read, write, host = memory.read_port(), memory.write_port(), self.host
        phase, at = Signal(Phase), Signal(bits_for(self.words - 1))
        ends = Signal()  # the memory has no room for another write behind this one
        m.d.comb += [
            read.addr.eq(Mux(host.active, host.address, at)),
            host.data.eq(read.data),
            write.addr.eq(Mux(self.forget, 0, host.address)),
            write.data.eq(Mux(self.forget, 0, host.word)),
            write.en.eq(host.write | self.forget),
            self.done.eq(phase == Phase.DONE),
            ends.eq(at > self.words - 3),
        ]
        payload = self.writes.payload
        head, word = seen_as(BOOT_WRITE, read.data), seen_as(BOOT_DATA, payload.word)
        with m.Switch(phase):
            with m.Case(Phase.FIRST):
                m.d.sync += [at.eq(at + 1), phase.eq(Phase.LOW)]
            with m.Case(Phase.LOW):
                m.d.sync += [payload.address.eq(Cat(Const(0, 2), head.register)), at.eq(at + 1), phase.eq(Phase.HIGH)]
                with m.If(~head.write):
                    m.d.sync += phase.eq(Phase.DONE)
            with m.Case(Phase.HIGH):
                m.d.sync += [word.low.eq(read.data), at.eq(at + 1), phase.eq(Phase.KEEP)]
            with m.Case(Phase.KEEP):
                m.d.sync += [word.high.eq(read.data), self.writes.valid.eq(1), phase.eq(Phase.OFFER)]
            with m.Case(Phase.OFFER), m.If(self.writes.ready):
                m.d.sync += [self.writes.valid.eq(0), phase.eq(Mux(ends, Phase.DONE, Phase.FIRST))]
        return m
